"""Subgroups beside the whole."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.comparison import height, in_lines
from dashboard.figures.style import CLASSES, MARK, NEUTRAL, finish


def draw_subgroups(
    rows: Sequence[tuple[str, int, float, float, float]], overall: float
) -> go.Figure:
    """Draw the accuracy of subgroups, top to bottom; orange where it is surely below the whole.

    Args:
        rows: Name, of one line or more, cases, accuracy, low and high end of its interval.
        overall: Accuracy on all cases.
    """
    below = [high < overall for *_, high in rows]
    colours = [CLASSES[1] if low else MARK for low in below]
    names = in_lines([f"{name} (n\N{NO-BREAK SPACE}{cases:,})" for name, cases, *_ in rows])
    figure = go.Figure()
    for name, colour, (_, _, share, low, high) in zip(names, colours, rows, strict=True):
        figure.add_trace(
            go.Scatter(
                x=[low, high],
                y=[name, name],
                mode="lines",
                line={"color": colour, "width": 4},
                hoverinfo="skip",
            )
        )
        figure.add_trace(
            go.Scatter(
                x=[share],
                y=[name],
                mode="markers",
                marker={"size": 11, "color": colour},
                customdata=[[low, high]],
                hovertemplate="%{y}<br>%{x:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%})"
                "<extra></extra>",
            )
        )
    figure.add_vline(x=overall, line={"color": NEUTRAL, "width": 1.5, "dash": "dot"})
    figure.update_yaxes(categoryorder="array", categoryarray=list(reversed(names)), fixedrange=True)
    least = min((low for _, _, _, low, _ in rows), default=0.0)
    figure.update_xaxes(
        title="decided as labelled",
        tickformat=".0%",
        range=[max(0.0, least - 0.03), 1.01],
        fixedrange=True,
    )
    return finish(figure, 90 + height(names))
