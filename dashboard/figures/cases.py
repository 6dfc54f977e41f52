"""Many cases at once: a map of them, the branches where they fail, a few side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from jaxtyping import Float
from numpy import ndarray

from dashboard.figures.style import AWAY, CLASSES, FAINT, NEUTRAL, TOWARDS, WRONG, finish, words
from dashboard.format import percent, signed


@dataclass(frozen=True)
class Dot:
    """One case on a map.

    Attributes:
        case: Id.
        x: Where it lies.
        y: Where it lies.
        known: Index of its known class.
        wrong: Whether it is decided otherwise.
        within: Whether it belongs to the cohort on screen.
        note: What is said where it is pointed at.
    """

    case: str
    x: float
    y: float
    known: int
    wrong: bool
    within: bool
    note: str


def draw_map(
    dots: Sequence[Dot], classes: Sequence[str], axes: tuple[str, str], lasso: bool
) -> go.Figure:
    """Draw cases coloured by known class, wrong ones as crosses, all others than the cohort faint.

    Each point carries its case's id. With ``lasso`` a line can be drawn around points, else one can
    be clicked: the framework has no room for both.
    """
    figure = go.Figure()
    outside = [dot for dot in dots if not dot.within]
    if outside:
        _add(figure, outside, "not in this choice", {"color": NEUTRAL, "size": 5, "opacity": 0.22})
    # Wrong ones last, so that none lies hidden.
    for wrong in (False, True):
        for known, title in enumerate(classes):
            some = [d for d in dots if d.within and d.known == known and d.wrong == wrong]
            colour = CLASSES[known % len(CLASSES)]
            marker = {"color": colour, "size": 8, "opacity": 0.6}
            if wrong:
                marker |= {"symbol": "x", "size": 11, "opacity": 1.0}
                marker["line"] = {"color": "#FFFFFF", "width": 1}
            if some:
                _add(figure, some, title, marker)
    _explain(figure, dots, classes)
    figure.update_layout(dragmode="lasso" if lasso else "pan", hovermode="closest")
    names = words(axes)
    figure.update_xaxes(title=names[0], fixedrange=True)
    figure.update_yaxes(title=names[1], fixedrange=True)
    return finish(figure, 520, legend=True)


def _explain(figure: go.Figure, dots: Sequence[Dot], classes: Sequence[str]) -> None:
    """A legend with each colour and each sign once."""
    present = {dot.known for dot in dots if dot.within}
    entries = [
        (title, {"color": CLASSES[known % len(CLASSES)], "size": 9})
        for known, title in enumerate(classes)
        if known in present
    ]
    entries.append(("wrong answer", {"color": NEUTRAL, "size": 10, "symbol": "x"}))
    if any(not dot.within for dot in dots):
        entries.append(("not in this choice", {"color": NEUTRAL, "size": 6, "opacity": 0.4}))
    for title, marker in entries:
        # No point of its own: it can be read, not picked.
        figure.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", name=words([title])[0], marker=marker)
        )


def _add(figure: go.Figure, dots: Sequence[Dot], title: str, marker: dict[str, object]) -> None:
    figure.add_trace(
        go.Scatter(
            x=[round(dot.x, 4) for dot in dots],
            y=[round(dot.y, 4) for dot in dots],
            mode="markers",
            name=words([title])[0],
            showlegend=False,
            marker=marker,
            customdata=[[dot.case] for dot in dots],
            text=["<br>".join(words(dot.note.split("\n"))) for dot in dots],
            hovertemplate="%{text}<extra></extra>",
        )
    )


@dataclass(frozen=True)
class Block:
    """A branch as a block.

    Attributes:
        title: What sets it apart from its neighbour.
        cohort: All its conditions in words.
        parent: Place of the block above it; -1 for the topmost, which comes first.
        depth: Row, from 0 at the top.
        wrong: Wrong answers.
        cases: How many it holds.
    """

    title: str
    cohort: str
    parent: int
    depth: int
    wrong: int
    cases: int


def draw_branches(blocks: Sequence[Block]) -> go.Figure:
    """Draw a tree as rows of blocks: as wide as cases are many, as red as answers are wrong.

    Each block carries its place.
    """
    starts, taken = [0] * len(blocks), [0] * len(blocks)
    for place, block in enumerate(blocks):
        if block.parent >= 0:
            starts[place] = starts[block.parent] + taken[block.parent]
            taken[block.parent] += block.cases
    everyone = max(1, blocks[0].cases)
    rates = [block.wrong / block.cases if block.cases else 0.0 for block in blocks]
    most = max(rates) or 1.0
    figure = go.Figure(
        go.Bar(
            orientation="h",
            y=[block.depth for block in blocks],
            x=[block.cases for block in blocks],
            base=starts,
            width=0.92,
            meta=FAINT,
            marker={
                "color": [_reddish(rate / most) for rate in rates],
                "line": {"color": NEUTRAL, "width": 1},
            },
            text=[_label(block, block.cases / everyone) for block in blocks],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            insidetextfont={"size": 13},
            customdata=[[place] for place in range(len(blocks))],
            hovertext=[
                f"{words([b.cohort])[0]}<br>{b.wrong} of {b.cases:,} wrong"
                + (f" ({percent(b.wrong / b.cases, 1)})" if b.cases else "")
                for b in blocks
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    figure.update_layout(barmode="overlay", bargap=0)
    figure.update_xaxes(title="cases", range=[0, everyone], fixedrange=True, showgrid=False)
    figure.update_yaxes(autorange="reversed", visible=False, fixedrange=True)
    return finish(figure, 70 + 74 * (1 + max(block.depth for block in blocks)))


def _reddish(share: float) -> str:
    red, green, blue = (int(WRONG[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{0.06 + 0.5 * share:.2f})"


def _label(block: Block, width: float) -> str:
    """As many words as fit: a narrow block is told by what appears on pointing at it."""
    if width < 0.05:
        return ""
    count = f"<b>{block.wrong}</b> of {block.cases:,}"
    if width < 0.12:
        return count
    room = int(105 * width)
    title = block.title if len(block.title) <= room else f"{block.title[: room - 1]}…"
    return f"{words([title])[0]}<br>{count} wrong"


def draw_side_by_side(
    columns: Sequence[str],
    starts: Sequence[float],
    findings: Sequence[str],
    values: Sequence[Sequence[str]],
    pushes: Float[ndarray, "row column"],
    ends: Sequence[float],
) -> go.Figure:
    """Draw what each finding of a few cases says, and what it adds, from a typical case on.

    Args:
        columns: Cases.
        starts: Log-odds of a typical case, one a column.
        findings: Rows.
        values: The findings themselves, as people read them; none where a row has none.
        pushes: What each adds, in log-odds.
        ends: Log-odds of each case: the sums of the columns.
    """
    limit = float(abs(pushes).max()) if pushes.size else 0.0
    said = [
        [
            f"{value}  <b>{signed(push)}</b>" if value else f"<b>{signed(push)}</b>"
            for value, push in zip(row, line, strict=True)
        ]
        for row, line in zip(values, pushes.tolist(), strict=True)
    ]
    plain = [[signed(one) for one in line] for line in (starts, ends)]
    nothing = [[0.0] * len(columns)]
    figure = go.Figure(
        go.Heatmap(
            z=[*nothing, *pushes.round(4).tolist(), *nothing],
            x=["<br>".join(words(name.split("\n"))) for name in columns],
            y=words(["a typical case", *findings, "this case"]),
            zmin=-(limit or 1.0),
            zmax=limit or 1.0,
            colorscale=[[0, AWAY], [0.5, "rgba(127,140,147,0.08)"], [1, TOWARDS]],
            opacity=0.75,
            showscale=False,
            text=[plain[0], *said, plain[1]],
            texttemplate="%{text}",
            xgap=3,
            ygap=2,
            hovertemplate="%{x}<br>%{y}: %{text}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    figure.update_xaxes(side="top", fixedrange=True, showgrid=False, type="category")
    return finish(figure, 160 + 32 * len(findings))
