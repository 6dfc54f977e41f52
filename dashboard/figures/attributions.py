"""Methods of attribution beside each other: shares, maps and how far they agree."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from dashboard.figures.style import AWAY, MARK, NEUTRAL, SAVED, TOWARDS, finish, titled, words
from dashboard.format import number, signed

_FEW = 5
"""Columns whose titles may lie in two lines; more stand upright, in one line each."""
_FAINT = "rgba(127,140,147,0.08)"
_AMOUNTS = [[0, _FAINT], [1, "rgba(0,158,115,0.75)"]]


def draw_shares(
    rows: Sequence[str],
    columns: Sequence[str],
    shares: Float[np.ndarray, "row column"],
    margins: Float[np.ndarray, "row column"],
) -> go.Figure:
    """Draw which share of all attribution each row has, one method a column."""
    hover = [
        [
            f"{row}, {column}: {100 * shares[r, c]:.1f} ± {100 * margins[r, c]:.1f}% of all"
            for c, column in enumerate(words(columns))
        ]
        for r, row in enumerate(words(rows))
    ]
    return _table(
        rows,
        columns,
        100 * shares,
        [[f"{100 * share:.0f}" for share in row] for row in shares],
        hover,
        _AMOUNTS,
        (0.0, 100 * float(shares.max(initial=0)) or 1.0),
    )


def draw_side_by_side(
    rows: Sequence[str],
    columns: Sequence[str],
    shares: Float[np.ndarray, "row column"],
    values: Float[np.ndarray, "row column"],
) -> go.Figure:
    """Draw what methods say of one case's inputs, as signed shares; the values on hovering."""
    limit = float(np.abs(shares).max(initial=0)) or 1.0
    hover = [
        [
            f"{row}, {column}: {number(100 * shares[r, c], 1, '+')}% of all "
            f"({signed(float(values[r, c]))})"
            for c, column in enumerate(words(columns))
        ]
        for r, row in enumerate(words(rows))
    ]
    return _table(
        rows,
        columns,
        100 * shares,
        [[number(100 * share, 0, "+") for share in row] for row in shares],
        hover,
        [[0, AWAY], [0.5, _FAINT], [1, TOWARDS]],
        (-100 * limit, 100 * limit),
    )


def draw_agreement(names: Sequence[str], matrix: Float[np.ndarray, "name name"]) -> go.Figure:
    """Draw rank correlations between methods, each pair once."""
    shown = np.where(np.tri(len(names), k=-1, dtype=bool), matrix, np.nan)[1:, :-1]
    text = [["" if math.isnan(v) else number(v, 2) for v in row] for row in shown]
    return _table(
        names[1:],
        names[:-1],
        shown,
        text,
        [[f"{row} and {column}" for column in words(names[:-1])] for row in words(names[1:])],
        [[0, SAVED], [0.5, _FAINT], [1, "rgba(0,158,115,0.75)"]],
        (-1.0, 1.0),
    )


def _table(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Float[np.ndarray, "row column"],
    text: Sequence[Sequence[str]],
    hover: Sequence[Sequence[str]],
    colours: list[list[object]],
    limits: tuple[float, float],
) -> go.Figure:
    figure = go.Figure(
        go.Heatmap(
            z=[[None if math.isnan(v) else round(float(v), 4) for v in row] for row in values],
            x=list(range(len(columns))),
            y=words(rows),
            zmin=limits[0],
            zmax=limits[1],
            colorscale=colours,
            showscale=False,
            text=[list(row) for row in text],
            texttemplate="%{text}",
            xgap=2,
            ygap=2,
            hoverongaps=False,
            hovertext=[list(row) for row in hover],
            hoverinfo="text",
        )
    )
    few = len(columns) <= _FEW
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    figure.update_xaxes(
        side="top",
        fixedrange=True,
        showgrid=False,
        tickangle=0 if few else -90,
        tickvals=list(range(len(columns))),
        # Broken after it was made safe: a break is markup itself.
        ticktext=[name.replace(" ", "<br>", 1) if few else name for name in words(columns)],
    )
    finish(figure, (70 if few else 170) + 30 * len(rows))
    return figure.update_xaxes(tickfont_size=11)


def draw_maps(
    maps: Sequence[Float[np.ndarray, "row column"]], titles: Sequence[str], columns: int
) -> go.Figure:
    """Draw where each method looks on average: one small map each, as shares of its whole."""
    rows = -(-len(maps) // columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=words(titles),
        horizontal_spacing=0.03,
        vertical_spacing=0.24 / rows,
    )
    limit = max(float(one.max(initial=0)) for one in maps) or 1.0
    for place, one in enumerate(maps):
        heat = go.Heatmap(
            z=np.round(100 * one, 2),
            zmin=0,
            zmax=100 * limit,
            colorscale=_AMOUNTS,
            showscale=False,
            xgap=1,
            ygap=1,
            hovertemplate="this square: %{z:.1f}% of all<extra></extra>",
        )
        figure.add_trace(heat, row=place // columns + 1, col=place % columns + 1)
    figure.update_annotations(font_size=12)
    figure.update_xaxes(visible=False, fixedrange=True, constrain="domain")
    figure.update_yaxes(visible=False, fixedrange=True, autorange="reversed", constrain="domain")
    for place in range(len(maps)):
        axis = "" if place == 0 else str(place + 1)
        figure.update_layout({f"yaxis{axis}": {"scaleanchor": f"x{axis}"}})
    finish(figure, 60 + 190 * rows)
    return figure.update_layout(margin_t=28)


def draw_leads(
    names: Sequence[str],
    leads: Sequence[float],
    margins: Sequence[float],
    doubted: Sequence[bool],
) -> go.Figure:
    """Draw how far each method's order beats a random one, with 95 % intervals."""
    figure = go.Figure(
        go.Scatter(
            x=list(leads),
            y=words(names),
            mode="markers",
            marker={
                "size": 10,
                "color": [NEUTRAL if one else MARK for one in doubted],
                "symbol": ["circle-open" if one else "circle" for one in doubted],
            },
            error_x={"array": list(margins), "color": NEUTRAL, "thickness": 1.5, "width": 4},
            hovertemplate="%{y}: %{x:.2f} log-odds<extra></extra>",
        )
    )
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_xaxes(title=titled("lead over a random order, in log-odds"), fixedrange=True)
    return finish(figure, 80 + 28 * len(names))
