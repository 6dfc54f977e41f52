"""The network as it is built, with what passed through each part."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboard.figures.style import CLASSES, MARK, NEUTRAL, finish, words

_HALF = 0.38
_LANE = 0.97


@dataclass(frozen=True)
class Part:
    """One box.

    Attributes:
        name: In bold, one line or more.
        note: Lines below it.
        share: Of the cases that pass through, in [0, 1].
        stops: Of all cases, the share that goes from here straight to the concepts.
        row: From 0, the input, downwards.
        column: From 0 to 1 across.
        width: Of the figure's width.
        fed_by: Places of the boxes that lead here.
        kind: ``fixed`` runs for every case, ``expert`` is routed, ``result`` is read.
    """

    name: tuple[str, ...]
    note: tuple[str, ...]
    share: float
    row: int
    column: float
    width: float
    fed_by: tuple[int, ...]
    kind: str = "expert"
    stops: float = 0.0


_FILL = {"fixed": CLASSES[0], "expert": MARK, "result": CLASSES[1]}


def draw_network(parts: Sequence[Part]) -> go.Figure:
    """Draw boxes from the input down to the class; lines are as wide as cases are many."""
    figure = go.Figure()
    for part in parts:
        for source in part.fed_by:
            above = parts[source]
            share = min(part.share, above.share)
            x, y = [above.column, part.column], [-above.row - _HALF, -part.row + _HALF]
            figure.add_trace(_line(x, y, share))
    landing = next(part for part in parts if part.kind == "result")
    for part in parts:
        if part.stops > 0:
            _draw_stop(figure, part, landing)
    for part in parts:
        _draw_box(figure, part)
    rows = max(part.row for part in parts) + 1
    figure.update_xaxes(visible=False, range=[0, 1], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-rows + 0.5, 0.5], fixedrange=True)
    return finish(figure, 84 * rows)


def _draw_box(figure: go.Figure, part: Part) -> None:
    colour = _FILL[part.kind]
    figure.add_shape(
        type="rect",
        x0=part.column - part.width / 2,
        x1=part.column + part.width / 2,
        y0=-part.row - _HALF,
        y1=-part.row + _HALF,
        line={"color": colour, "width": 2, "dash": "solid" if part.share > 0 else "dot"},
        fillcolor=colour,
        opacity=0.1 + 0.25 * part.share,
        layer="below",
    )
    figure.add_annotation(
        x=part.column,
        y=-part.row,
        text="<br>".join([*(f"<b>{line}</b>" for line in words(part.name)), *words(part.note)]),
        showarrow=False,
        font={"size": 12},
    )


def _draw_stop(figure: go.Figure, part: Part, landing: Part) -> None:
    start, end = part.column + part.width / 2, landing.column + landing.width / 2
    x = [start, _LANE, _LANE, end]
    figure.add_trace(_line(x, [-part.row, -part.row, -landing.row, -landing.row], part.stops))
    figure.add_annotation(
        x=(start + _LANE) / 2,
        y=-part.row,
        yshift=14,
        text=f"{part.stops:.0%} stop",
        showarrow=False,
        font={"size": 11},
    )


def _line(x: list[float], y: list[float], share: float) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        opacity=0.35 + 0.4 * share,
        line={
            "width": 1.5 + 9 * share,
            "color": NEUTRAL,
            "dash": "solid" if share > 0 else "dot",
        },
        hoverinfo="skip",
    )
