"""What a decision threshold costs, where the two kinds of error are not alike."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.style import CLASSES, MARK, NEUTRAL, finish


def draw_costs(
    thresholds: Sequence[float], costs: Sequence[float], marked: dict[str, tuple[float, float]]
) -> go.Figure:
    """Draw the cost over all decision thresholds, and a few of them by name.

    Args:
        thresholds: Decision thresholds, rising.
        costs: Of 100 cases, in false alarms.
        marked: Threshold and cost of each that is named.
    """
    figure = go.Figure(
        go.Scatter(
            x=list(thresholds),
            y=list(costs),
            mode="lines",
            line={"color": CLASSES[0], "width": 2, "shape": "hvh"},
            hovertemplate="from a chance of %{x:.3~p}: %{y:.1f} per 100 cases<extra></extra>",
            name="all thresholds",
        )
    )
    looks = (("star", MARK), ("circle", CLASSES[1]), ("square", NEUTRAL))
    # Where two meet, the first is on top.
    for (name, (x, y)), (symbol, colour) in reversed(list(zip(marked.items(), looks, strict=True))):
        figure.add_trace(
            go.Scatter(
                x=[x],
                y=[y],
                mode="markers",
                name=name,
                marker={
                    "symbol": symbol,
                    "color": colour,
                    "size": 14,
                    "line": {"width": 1.5, "color": "#FFFFFF"},
                },
                hovertemplate=f"{name}: from a chance of %{{x:.3~p}}: %{{y:.1f}}<extra></extra>",
            )
        )
    figure.update_xaxes(title="decide for it from a chance of", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(title="cost of 100 cases, in false alarms", rangemode="tozero")
    return finish(figure, 320, legend=True)
