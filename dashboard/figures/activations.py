"""Units at work: heat map, selectivity, distribution by class, and what is lost without one."""

import base64
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int
from PIL import Image
from plotly.subplots import make_subplots

from dashboard.figures.style import CLASSES, NEUTRAL, finish, steady, titled, words

_SCALE = {
    False: ["#762A83", "#C2A5CF", "#F7F8F8", "#8CCB87", "#1B7837"],
    True: ["#D9B8E6", "#8A5A9B", "#1C272D", "#3F8A4D", "#B5EBAE"],
}
"""Below 0, 0, above 0, for the light and the dark theme. Source: ColorBrewer's PRGn, moved so
that 0 is the colour of the paper."""
_ROW = 11
_STRIP = 34
_FEW = 3
_POINTS = 120
_NAMED = 60
"""More rows than this are named by layer."""


def draw_activations(
    values: Float[np.ndarray, "unit column"],
    units: Sequence[str],
    sizes: Sequence[int],
    labels: Int[np.ndarray, " column"],
    said: Int[np.ndarray, " column"],
    classes: Sequence[str],
    marked: int | None,
    borders: Sequence[tuple[int, str]],
    dark: bool,
) -> go.Figure:
    """Draw every unit in every case; what did not run is hatched, which no value is.

    Args:
        values: From -1 to 1; NaN where the unit did not run.
        units: A name a row.
        sizes: Cases in each column, which make its width.
        labels: True class of each column; equal ones stand together.
        said: Class decided for.
        classes: Their titles.
        marked: Row to point at.
        borders: Rows that begin another layer, and its name; shown where rows are too many.
        dark: The theme.
    """
    rows = len(units)
    height = max(150, min(700, _ROW * rows if rows > 12 else 20 * rows))
    figure = make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=6 / (height + _STRIP),
        row_heights=[_STRIP, height],
    )
    colours = [CLASSES[k % len(CLASSES)] for k in range(len(classes))]
    steps = np.repeat(np.linspace(0, 1, len(classes) + 1), 2)[1:-1]
    titles = words(classes)
    edges = np.cumsum([0, *sizes]).tolist()
    figure.add_trace(
        go.Heatmap(
            z=np.stack([labels, said]),
            y=[0, 1],
            x=edges,
            zmin=-0.5,
            zmax=len(classes) - 0.5,
            colorscale=list(zip(steps.tolist(), np.repeat(colours, 2).tolist(), strict=True)),
            showscale=False,
            ygap=2,
            text=[[titles[k] for k in row] for row in (labels, said)],
            hovertemplate="%{text}<extra></extra>",
        ),
        row=1,
        col=1,
    )
    signed = bool((np.nan_to_num(values) < -1e-6).any())
    scale = _SCALE[dark] if signed else _SCALE[dark][2:]
    figure.add_trace(
        go.Heatmap(
            z=np.round(values, 2),
            x=edges,
            y=list(range(rows)),
            zmin=-1 if signed else 0,
            zmax=1,
            colorscale=scale,
            hoverongaps=False,
            colorbar={
                "orientation": "h",
                "title": {
                    "text": "of the unit's largest value",
                    "side": "bottom",
                    "font": {"size": 11},
                },
                "tickfont": {"size": 11},
                "thickness": 8,
                "tickformat": ".0%",
                "nticks": 5,
                "len": 220,
                "lenmode": "pixels",
                "x": 0,
                "xanchor": "left",
                "y": -6 / (height + _STRIP),
                "yanchor": "top",
            },
            hovertemplate="%{z:.0%} of its largest<extra></extra>",
        ),
        row=2,
        col=1,
    )
    _hatch(figure, height)
    _name_classes(figure, labels, titles, edges)
    for border, _ in borders[1:]:
        figure.add_hline(border - 0.5, row=2, col=1, line={"color": NEUTRAL, "width": 1})
    figure.update_xaxes(
        showticklabels=False, ticks="", showgrid=False, fixedrange=True, range=[0, edges[-1]]
    )
    figure.update_yaxes(showgrid=False, fixedrange=True, ticks="", autorange="reversed")
    strips = ["known answer", "network says"]
    figure.update_yaxes(row=1, col=1, tickvals=[0, 1], ticktext=strips, tickfont_size=10)
    places, shown = list(range(rows)), [*units]
    if rows > _NAMED:
        ends = [*(start for start, _ in borders), rows]
        places = [(start + end - 1) // 2 for start, end in pairwise(ends)]
        shown = [name for _, name in borders]
    names = words(shown)
    if marked is not None:
        if rows <= _NAMED:
            names[marked] = f"<b>{names[marked]}</b>"
        figure.add_annotation(
            x=1, xref="x2 domain", y=marked, yref="y2", text="◀", xanchor="left", showarrow=False
        )
    figure.update_yaxes(
        row=2, col=1, tickmode="array", tickvals=places, ticktext=names, tickfont_size=10
    )
    # Fixed: room for the mark of the last row would look like a row that did not run.
    figure.update_yaxes(row=2, col=1, autorange=False, range=[rows - 0.5, -0.5])
    # Many names are slanted, so that they stay apart on a narrow screen too.
    slanted = len(classes) > _FEW
    top = 74 if slanted else 30
    steady(finish(figure, height + _STRIP + top + 64), [*strips, *shown], size=10)
    return figure.update_layout(margin={"t": top, "r": 60 if slanted else 24, "b": 64})


@cache
def _stripes(height: int) -> str:
    """A picture of stripes, as an address that holds it."""
    y, x = np.mgrid[0:height, 0:1100]
    alpha = np.where((x + y) % 10 < 2, 150, 22).astype(np.uint8)
    grey = np.full((height, 1100, 3), (127, 140, 147), np.uint8)
    buffer = BytesIO()
    picture = Image.fromarray(np.concatenate([grey, alpha[:, :, None]], axis=2))
    picture.quantize(8).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _hatch(figure: go.Figure, height: int) -> None:
    """Put stripes behind the map, seen where nothing ran."""
    figure.add_layout_image(
        source=_stripes(height),
        xref="x2 domain",
        yref="y2 domain",
        x=0,
        y=1,
        sizex=1,
        sizey=1,
        sizing="stretch",
        layer="below",
    )


def _name_classes(
    figure: go.Figure, labels: Int[np.ndarray, " column"], titles: list[str], edges: list[int]
) -> None:
    """Write each class above its cases, and draw lines between classes."""
    slanted = len(titles) > _FEW
    starts = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    for start, end in pairwise(starts):
        figure.add_annotation(
            x=(edges[start] + edges[end]) / 2,
            y=1.0,
            yref="y domain",
            yanchor="bottom",
            xanchor="left" if slanted else "center",
            textangle=-30 if slanted else 0,
            text=titles[labels[start]],
            showarrow=False,
            font={"size": 11},
        )
        if start:
            figure.add_vline(edges[start], row=2, col=1, line={"color": NEUTRAL, "width": 1})


def draw_intervals(
    names: Sequence[str],
    values: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    colours: Sequence[str],
    title: str,
    nothing: float,
    reach: tuple[float, float] | None,
    digits: int = 2,
) -> go.Figure:
    """Draw one number a row with its 95 % interval, beside the value that says nothing.

    Args:
        names: Of the rows.
        values: NaN leaves a row empty.
        intervals: Low and high end of each.
        colours: Of each row.
        title: Of the axis.
        nothing: The value that says nothing.
        reach: Ends of the axis; None to fit.
        digits: Of the numbers on hover.
    """
    lows, highs = zip(*intervals, strict=True)
    figure = go.Figure(
        go.Scatter(
            x=list(values),
            y=words(names),
            mode="markers",
            marker={"size": 11, "color": list(colours), "line": {"color": NEUTRAL, "width": 1}},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [high - value for high, value in zip(highs, values, strict=True)],
                "arrayminus": [value - low for low, value in zip(lows, values, strict=True)],
                "color": NEUTRAL,
                "thickness": 2,
            },
            customdata=list(intervals),
            hovertemplate=(
                f"%{{y}}: %{{x:.{digits}f}} (%{{customdata[0]:.{digits}f}} to "
                f"%{{customdata[1]:.{digits}f}})<extra></extra>"
            ),
        )
    )
    figure.add_vline(nothing, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    figure.update_yaxes(
        autorange="reversed", fixedrange=True, categoryarray=words(names), categoryorder="array"
    )
    figure.update_xaxes(title=titled(title), fixedrange=True, range=reach)
    return steady(finish(figure, 88 + 30 * len(names)), names)


def draw_by_class(
    values: Sequence[Float[np.ndarray, " case"]], classes: Sequence[str], title: str
) -> go.Figure:
    """Draw cases as points, by class, over a box of quartiles.

    Of a large class only evenly spaced ranks are drawn, which have the same quartiles.
    """
    figure = go.Figure()
    for k, (cases, name) in enumerate(zip(values, words(classes), strict=True)):
        colour = CLASSES[k % len(CLASSES)]
        figure.add_trace(
            go.Box(
                x=[float(f"{v:.4g}") for v in _spaced(cases)],
                name=f"{name} ({len(cases):,})",
                orientation="h",
                boxpoints="all",
                jitter=0.6,
                pointpos=0,
                marker={"color": colour, "size": 4, "opacity": 0.55},
                line={"color": colour, "width": 1.5},
                fillcolor="rgba(127,140,147,0.12)",
                hoveron="points",
                hovertemplate="%{x:.3g}<extra>%{y}</extra>",
            )
        )
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    figure.update_xaxes(title=titled(title), fixedrange=True)
    titles = [f"{name} ({len(cases):,})" for cases, name in zip(values, classes, strict=True)]
    return steady(finish(figure, 74 + 46 * len(values)), titles)


def _spaced(values: Float[np.ndarray, " case"]) -> Float[np.ndarray, " shown"]:
    if len(values) <= _POINTS:
        return values
    return np.sort(values)[np.linspace(0, len(values) - 1, _POINTS).round().astype(int)]


def draw_small_signal(
    signal: Float[np.ndarray, "channel sample"],
    channels: Sequence[str],
    ranges: Sequence[tuple[float, float]],
    rate_hz: float,
    every: int,
) -> go.Figure:
    """Draw one of a few cases that stand side by side.

    Args:
        signal: All channels.
        channels: Their titles.
        ranges: Ends of each channel's axis, the same for all these cases.
        rate_hz: Samples a second.
        every: Samples from one point drawn to the next.
    """
    count = len(channels)
    figure = make_subplots(
        rows=count,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.3 / count,
        subplot_titles=words(channels),
    )
    seconds = np.arange(0, signal.shape[1], every) / rate_hz
    for channel, (low, high) in enumerate(ranges):
        line = go.Scatter(
            x=np.round(seconds, 2),
            y=np.round(signal[channel, ::every], 3),
            mode="lines",
            line={"color": NEUTRAL, "width": 1.5},
            hovertemplate="%{x:.2f} s: %{y:.3g}<extra></extra>",
        )
        figure.add_trace(line, row=channel + 1, col=1)
        room = 0.05 * ((high - low) or 1.0)
        figure.update_yaxes(range=[low - room, high + room], row=channel + 1, col=1)
    figure.update_annotations(font_size=9, x=0, xanchor="left")
    figure.update_xaxes(fixedrange=True, showgrid=False, nticks=4)
    figure.update_xaxes(title="seconds", row=count, col=1)
    figure.update_yaxes(fixedrange=True, nticks=3, tickfont_size=10)
    finish(figure, 60 + 62 * count)
    return figure.update_layout(margin_t=20)
