"""What correcting concepts does, and which is worth checking."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.figures.concepts import colour_of
from dashboard.figures.style import CLASSES, MARK, NEUTRAL, WRONG, finish, titled, words

_LOOKS = {
    "random": (NEUTRAL, "solid", "circle"),
    "doubt": (CLASSES[0], "dot", "square"),
    "fixed": (CLASSES[4], "dash", "diamond"),
    "worth": (MARK, "solid", "star"),
}


def draw_curves(
    lines: Mapping[str, Sequence[float]],
    titles: Mapping[str, str],
    band: tuple[Sequence[float], Sequence[float]],
    score: str,
) -> go.Figure:
    """Draw a score against the number of concepts corrected in every case.

    Args:
        lines: Scores after 0, 1, ... corrections, by order.
        titles: What each order is called.
        band: Lowest and highest of the random orders.
        score: What the score is, and of which cases.
    """
    low, high = band
    steps = list(range(len(low)))
    figure = go.Figure(
        go.Scatter(
            x=steps + steps[::-1],
            y=[*high, *reversed(list(low))],
            mode="lines",
            fill="toself",
            fillcolor="rgba(127,140,147,0.18)",
            line={"width": 0},
            hoverinfo="skip",
            name="spread of random orders",
        )
    )
    for order, scores in lines.items():
        colour, dash, symbol = _LOOKS[order]
        figure.add_trace(
            go.Scatter(
                x=steps,
                y=list(scores),
                mode="lines+markers",
                name=titles[order],
                line={"color": colour, "dash": dash, "width": 3 if order == "worth" else 2},
                marker={"size": 11 if order == "worth" else 7, "color": colour, "symbol": symbol},
                hovertemplate=f"{titles[order]}<br>%{{x}} corrected: %{{y:.3f}}<extra></extra>",
            )
        )
    figure.update_xaxes(title="findings corrected in every case", dtick=1, fixedrange=True)
    figure.update_yaxes(title=score, fixedrange=True)
    return finish(figure, 400, legend=True)


def draw_mended(names: Sequence[str], repaired: Sequence[int], broken: Sequence[int]) -> go.Figure:
    """Draw how many decisions each correction repairs, and to the left how many it breaks."""
    figure = go.Figure()
    for counts, sign, title, colour in (
        (repaired, 1, "repaired", MARK),
        (broken, -1, "broken", WRONG),
    ):
        figure.add_trace(
            go.Bar(
                orientation="h",
                y=words(names),
                x=[sign * count for count in counts],
                name=title,
                marker={"color": colour},
                text=[str(count) if count else "" for count in counts],
                textposition="outside",
                cliponaxis=False,
                customdata=list(counts),
                hovertemplate="%{y}: %{customdata} " + title + "<extra></extra>",
            )
        )
    most = max(1, *repaired, *broken)
    figure.update_layout(barmode="relative")
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1})
    figure.update_xaxes(
        title=titled("decisions broken (left) and repaired (right)"),
        range=[-1.25 * most, 1.25 * most],
        showticklabels=False,
        fixedrange=True,
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    return finish(figure, 110 + 32 * len(names), legend=True)


def draw_worth(
    names: Sequence[str],
    places: Sequence[int],
    bits: Sequence[float],
    notes: Sequence[str],
    further: Sequence[str] = (),
) -> go.Figure:
    """Draw what a check of each concept is worth, the most first.

    Args:
        names: Of the concepts.
        places: Which concept each is, for its colour.
        bits: Expected fall of the answer's entropy.
        notes: Beside each bar.
        further: Said when one is pointed at, if anything.
    """
    figure = go.Figure(
        go.Bar(
            orientation="h",
            y=words(names),
            x=list(bits),
            marker={
                "color": [colour_of(k) for k in places],
                "line": {"width": 1, "color": NEUTRAL},
            },
            text=words(notes),
            textposition="outside",
            cliponaxis=False,
            customdata=words(further or notes),
            hovertemplate="%{y}: %{x:.3f} bits<br>%{customdata}<extra></extra>",
        )
    )
    most = max(max(bits, default=0), 1e-3)
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False, ticksuffix="  ")
    figure.update_xaxes(
        title=titled("doubt that a check takes away (bits)"),
        range=[0, 1.9 * most],
        fixedrange=True,
        showgrid=False,
    )
    return finish(figure, 80 + 32 * len(names))
