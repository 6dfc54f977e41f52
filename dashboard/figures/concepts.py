"""Concepts over all cases: how far to trust them, and what they mean for the answer."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.style import (
    AWAY,
    CLASSES,
    CONCEPTS,
    NEUTRAL,
    TOWARDS,
    beside,
    finish,
    pushes,
    steady,
    titled,
    words,
)
from dashboard.format import number, signed

_FAINT = "rgba(127,140,147,0.08)"
_SHAPES = ("circle", "diamond-open", "x")


def colour_of(concept: int) -> str:
    """The colour of a concept."""
    return CONCEPTS[concept % len(CONCEPTS)]


def draw_trust(
    names: Sequence[str],
    places: Sequence[int],
    scores: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    linear: Sequence[float],
) -> go.Figure:
    """Draw how well each concept follows its truth, beside a plain linear model; best first.

    Args:
        names: Of the concepts, in the order drawn.
        places: Which concept each is, for its colour.
        scores: From 0 for nothing to 1.
        intervals: 95 %.
        linear: The same score of the linear model.
    """
    rows = words(names)
    figure = go.Figure(
        go.Scatter(
            x=list(scores),
            y=rows,
            customdata=list(places),
            mode="markers",
            name="this network (95% interval)",
            marker={
                "size": 14,
                "color": [colour_of(k) for k in places],
                "line": {"width": 1.5, "color": NEUTRAL},
            },
            error_x={
                "array": [high - x for (_, high), x in zip(intervals, scores, strict=True)],
                "arrayminus": [x - low for (low, _), x in zip(intervals, scores, strict=True)],
                "color": NEUTRAL,
                "thickness": 2,
            },
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=list(linear),
            y=rows,
            customdata=list(places),
            mode="markers",
            name="plain linear model",
            marker={"size": 10, "color": NEUTRAL, "symbol": "diamond-open", "line": {"width": 2}},
            hovertemplate="%{y}, plain linear model: %{x:.2f}<extra></extra>",
        )
    )
    known = [x for pair in intervals for x in pair if x == x] + [x for x in linear if x == x]
    figure.update_xaxes(
        title=titled("agreement with the truth (1 is perfect)"),
        range=[min(0, *known) - 0.03, 1.03],
        fixedrange=True,
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    return steady(finish(figure, 122 + 34 * len(rows), legend=True), names, 62)


def draw_reliability(
    points: Sequence[tuple[str, float, float, int]],
    classes: Sequence[str],
    bins: Sequence[tuple[float, float, float, float, int]],
    ends: tuple[float, float],
    unit: str,
) -> go.Figure:
    """Draw grades given against true ones, case by case and by bin.

    Args:
        points: Case id, grade given, true grade, class; on the scale shown.
        classes: Their names.
        bins: Mean given, mean true, ends of its 95 % interval, cases.
        ends: Of the scale shown.
        unit: Of the scale.
    """
    figure = go.Figure(
        go.Scatter(
            x=list(ends),
            y=list(ends),
            mode="lines",
            line={"color": NEUTRAL, "dash": "dot", "width": 1},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    for k, title in enumerate(words(classes)):
        mine = [point for point in points if point[3] == k]
        figure.add_trace(
            go.Scatter(
                x=[given for _, given, *_ in mine],
                y=[true for _, _, true, _ in mine],
                customdata=[case for case, *_ in mine],
                mode="markers",
                name=title,
                marker={
                    "size": 6,
                    "color": CLASSES[k % len(CLASSES)],
                    # Colours come round again after five; the shape then tells.
                    "symbol": _SHAPES[k // len(CLASSES) % len(_SHAPES)],
                    "opacity": 0.5,
                },
                hovertemplate="%{customdata}<br>given %{x:.3~g}, true %{y:.3~g}<extra>"
                + title
                + "</extra>",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[given for given, *_ in bins],
            y=[true for _, true, *_ in bins],
            error_y={
                "array": [high - true for _, true, _, high, _ in bins],
                "arrayminus": [true - low for _, true, low, *_ in bins],
                "color": NEUTRAL,
            },
            customdata=[f"{cases:,}" for *_, cases in bins],
            mode="lines+markers",
            name="mean of a bin",
            line={"color": NEUTRAL, "width": 2},
            marker={"size": 9, "color": NEUTRAL, "symbol": "square"},
            hovertemplate="%{customdata} cases: given %{x:.3~g}, true %{y:.3~g}"
            "<extra>mean of a bin</extra>",
        )
    )
    figure.update_xaxes(title=f"given by the network, {unit}", fixedrange=True)
    figure.update_yaxes(title=f"true, {unit}", fixedrange=True)
    finish(figure, 420, legend=True)
    # More classes take more lines on a narrow screen, which only drawing twice finds room for.
    return steady(figure, [f"{end:.4g}" for end in ends], 56) if len(classes) <= 3 else figure


def draw_by_class(
    classes: Sequence[str],
    given: Sequence[Sequence[float]],
    true: Sequence[Sequence[float]],
    unit: str,
) -> go.Figure:
    """Draw where each class's cases lie, as given and in truth.

    Args:
        classes: Names.
        given: The 5th, 25th, 50th, 75th and 95th of 100 cases, by class.
        true: Likewise.
        unit: Of the scale.
    """
    figure = go.Figure()
    for title, rows, fill in (("given", given, True), ("true", true, False)):
        for k, (low, first, middle, third, high) in enumerate(rows):
            colour = CLASSES[k % len(CLASSES)]
            figure.add_trace(
                go.Box(
                    y=[words(classes)[k]],
                    orientation="h",
                    lowerfence=[low],
                    q1=[first],
                    median=[middle],
                    q3=[third],
                    upperfence=[high],
                    name=title,
                    offsetgroup=title,
                    legendgroup=title,
                    showlegend=k == 0,
                    line={"color": colour, "width": 1.5},
                    fillcolor=_see_through(colour) if fill else "rgba(0,0,0,0)",
                    hoverinfo="x",
                )
            )
    figure.update_layout(boxmode="group")
    figure.update_xaxes(title=unit, fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    return steady(finish(figure, max(200, 90 + 55 * len(classes)), legend=True), classes, 40)


def _see_through(colour: str) -> str:
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.35)"


def draw_weights(
    names: Sequence[str], steps: Sequence[float], swings: Sequence[float], finding: str
) -> go.Figure:
    """Draw what each concept adds over its whole scale, and over its usual range."""
    figure = go.Figure()
    rows = words(names)
    for values, title, pale, width in (
        (steps, "from the low to the high end of its scale", True, 0.75),
        (swings, "over its usual range", False, 0.35),
    ):
        figure.add_trace(
            go.Bar(
                orientation="h",
                y=rows,
                x=list(values),
                name=title,
                width=width,
                marker={
                    "color": [_see_through(c) if pale else c for c in pushes(list(values))],
                    "line": {"width": 0},
                },
                hovertemplate="%{y}, " + title + ": %{x:+.2f}<extra></extra>",
            )
        )
    low, high = min([0.0, *steps]), max([0.0, *steps])
    room = 0.04 * max(high - low, 1e-6)
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1})
    figure.update_layout(barmode="overlay")
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_xaxes(
        title=titled(f"added to the log-odds of {words([finding])[0]}"),
        range=[low - room, high + room],
        fixedrange=True,
    )
    said = [signed(step) for step in steps]
    return finish(beside(figure, rows, said), 118 + 36 * len(names), legend=True)


def draw_signed(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    limit: float,
    digits: int,
    said: str,
) -> go.Figure:
    """Draw a table of numbers with a sign: orange above 0, blue below.

    Args:
        rows: Names.
        columns: Names.
        values: NaN where there is none.
        limit: Value of the full colour.
        digits: Decimals shown.
        said: What a number is, for the hover: ``"{row} and {column}: {value}"`` with Plotly's
            ``%{y}``, ``%{x}`` and ``%{z}``.
    """
    figure = go.Figure(
        go.Heatmap(
            z=[[None if value != value else value for value in row] for row in values],
            x=words(columns),
            y=words(rows),
            zmin=-limit,
            zmax=limit,
            colorscale=[[0, AWAY], [0.5, _FAINT], [1, TOWARDS]],
            showscale=False,
            text=[[_short(value, digits) for value in row] for row in values],
            texttemplate="%{text}",
            textfont={"size": 11},
            xgap=2,
            ygap=2,
            hovertemplate=said + "<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    figure.update_xaxes(side="top", fixedrange=True, showgrid=False, tickangle=-45)
    return finish(figure, 170 + 30 * len(rows))


def _short(value: float, digits: int) -> str:
    """As few characters as a small field holds: no zero before the point."""
    if value != value:
        return ""
    said = number(value, digits)
    return said.replace("0.", ".", 1) if abs(value) < 1 and digits else said
