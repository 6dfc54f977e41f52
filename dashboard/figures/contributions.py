"""What pushed the decision: waterfalls, ledgers and bars of contributions in log-odds."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.style import AWAY, NEUTRAL, TOWARDS, beside, finish, pushes, titled, words
from dashboard.format import signed


def draw_waterfall(
    start: float,
    steps: Sequence[tuple[str, float]],
    end: float,
    start_title: str,
    end_title: str,
    finding: str,
) -> go.Figure:
    """Draw one exact sum, from a typical case to this case's log-odds, top to bottom."""
    names = words([start_title, *(name for name, _ in steps), end_title])
    values = [start, *(value for _, value in steps), end]
    said = [signed(value) for value in values]
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            y=names,
            x=values,
            measure=["absolute", *["relative"] * len(steps), "total"],
            text=said,
            textposition="none",
            increasing={"marker": {"color": TOWARDS}},
            decreasing={"marker": {"color": AWAY}},
            totals={"marker": {"color": NEUTRAL}},
            connector={"line": {"color": NEUTRAL, "width": 1}},
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    running, reached = start, [0.0, start]
    for _, value in steps:
        running += value
        reached.append(running)
    low, high = min(reached), max(reached)
    room = 0.04 * max(high - low, 1e-6)
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    figure.update_yaxes(autorange="reversed", fixedrange=True, ticksuffix="  ")
    figure.update_xaxes(
        title=titled(f"log-odds of {words([finding])[0]}"),
        range=[low - room, high + room],
        fixedrange=True,
    )
    return finish(beside(figure, names, said), 98 + 34 * len(names))


def draw_ledger(
    experts: Sequence[str], concepts: Sequence[str], values: Sequence[Sequence[float]]
) -> go.Figure:
    """Draw what each expert adds through each concept; orange pushes to the finding.

    Args:
        experts: A column each: few run, so that a phone is wide enough.
        concepts: A row each.
        values: [expert, concept].
    """
    limit = max((abs(value) for row in values for value in row), default=0.0) or 1.0
    cells = list(zip(*values, strict=True))
    figure = go.Figure(
        go.Heatmap(
            z=[list(row) for row in cells],
            x=words(experts),
            y=words(concepts),
            zmin=-limit,
            zmax=limit,
            colorscale=[[0, AWAY], [0.5, "rgba(127,140,147,0.08)"], [1, TOWARDS]],
            showscale=False,
            text=[["" if abs(v) < 0.005 else signed(v) for v in row] for row in cells],
            texttemplate="%{text}",
            textfont={"size": 11},
            xgap=2,
            ygap=2,
            hovertemplate="%{x} through %{y}: %{z:+.4f}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    slant = -45 if len(experts) > 3 else 0
    figure.update_xaxes(side="top", fixedrange=True, showgrid=False, tickangle=slant)
    return finish(figure, (140 if slant else 80) + 30 * len(concepts))


def draw_bars(
    names: Sequence[str], values: Sequence[float], notes: Sequence[str], title: str
) -> go.Figure:
    """Draw what a method says of each input, in the order given."""
    rows, said = words(names), [signed(value) for value in values]
    figure = go.Figure(
        go.Bar(
            orientation="h",
            y=rows,
            x=list(values),
            marker={"color": pushes(list(values))},
            text=said,
            textposition="none",
            customdata=list(notes),
            hovertemplate="%{y}<br>%{customdata}<br>%{text}<extra></extra>",
        )
    )
    low, high = min([0.0, *values]), max([0.0, *values])
    room = 0.04 * max(high - low, 1e-6)
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1})
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_xaxes(title=titled(title), range=[low - room, high + room], fixedrange=True)
    return finish(beside(figure, rows, said), 88 + 28 * len(names))
