"""Accuracy against compute, and models beside each other."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.style import CLASSES, MARK, NEUTRAL, SAVED, beside, finish, titled, words

Point = tuple[float, float]
"""Price and score."""
_NARROWEST = 0.012
"""Share of an axis that two points must lie apart, to be drawn as two: most of a marker."""
_ALONE = 0.05
"""What an axis shows above and below where every score is the same."""


def draw_curve(
    shared: Sequence[tuple[float, float, float]],
    each: Sequence[Point],
    current: Point,
    saved: Point,
    score_title: str,
    unit: str,
) -> go.Figure:
    """Draw all policies worth a look; the curves can be clicked.

    Args:
        shared: Price, score and gate threshold, where all experts share one.
        each: Price and score of the best with one threshold an expert; may be none.
        current: Of the policy on screen.
        saved: Of the one in force.
        score_title: What the score is, and of which cases.
        unit: Of the prices.
    """
    hover = f"<br>%{{x:,.4~g}} {unit}<br>{score_title} %{{y:.3f}}<extra></extra>"
    told_apart = _told_apart([(price, score) for price, score, _ in shared])
    figure = go.Figure(
        go.Scatter(
            x=[shared[place][0] for place in told_apart],
            y=[shared[place][1] for place in told_apart],
            customdata=[[place, shared[place][2]] for place in told_apart],
            mode="lines+markers",
            name="one for all",
            line={"color": CLASSES[0], "width": 1.5, "shape": "linear"},
            marker={"size": 7, "color": CLASSES[0], "opacity": 0.6},
            hovertemplate="gate threshold %{customdata[1]:.3~g}" + hover,
        )
    )
    if each:
        told_apart = _told_apart(each)
        figure.add_trace(
            go.Scatter(
                x=[each[place][0] for place in told_apart],
                y=[each[place][1] for place in told_apart],
                customdata=[[place] for place in told_apart],
                mode="lines+markers",
                name="one each, best",
                line={"color": CLASSES[1], "width": 1.5, "shape": "hv", "dash": "dot"},
                marker={"size": 9, "color": CLASSES[1], "symbol": "square"},
                hovertemplate="one threshold an expert" + hover,
            )
        )
    # The larger one lies below, so that both are seen where they meet.
    for point, name, colour, symbol, size in (
        (saved, "in force", SAVED, "diamond", 25),
        (current, "now", MARK, "star", 16),
    ):
        figure.add_trace(
            go.Scatter(
                x=[point[0]],
                y=[point[1]],
                mode="markers",
                name=name,
                marker={
                    "size": size,
                    "color": colour,
                    "symbol": symbol,
                    "line": {"width": 1.5, "color": "#FFFFFF"},
                },
                hovertemplate=name + hover,
            )
        )
    scores = [point[1] for point in (*shared, *each, current, saved)]
    if max(scores) == min(scores):
        # Around a single number, the axis would reach as far as to twice it.
        figure.update_yaxes(range=[scores[0] - _ALONE, scores[0] + _ALONE])
    # Margins that fit are found by drawing twice, and this chart follows a slider.
    figure.update_layout(
        xaxis={"title": f"mean {unit} per case", "rangemode": "tozero", "automargin": False},
        yaxis={"title": score_title, "automargin": False},
        margin={"l": 68, "r": 8, "t": 58, "b": 48, "autoexpand": False},
    )
    return finish(figure, 440, legend=True)


def _told_apart(points: Sequence[Point]) -> list[int]:
    """Which points of a curve a reader can tell apart, both ends too: each costs drawing time."""
    spans = [max(axis) - min(axis) or 1.0 for axis in zip(*points, strict=True)]
    kept: list[int] = []
    for place, point in enumerate(points):
        steps = (
            (
                abs(value - before) / span
                for value, before, span in zip(point, points[kept[-1]], spans, strict=True)
            )
            if kept
            else (1.0,)
        )
        if max(steps) >= _NARROWEST:
            kept.append(place)
    if kept[-1] != len(points) - 1:
        kept.append(len(points) - 1)
    return kept


def draw_scores(
    rows: Sequence[tuple[str, float, float]], title: str, highlighted: Sequence[str]
) -> go.Figure:
    """Draw mean and standard deviation of a score for several models, best first."""
    ordered = sorted(rows, key=lambda row: -row[1])
    names = words([name for name, _, _ in ordered])
    figure = go.Figure(
        go.Scatter(
            x=[mean for _, mean, _ in ordered],
            y=names,
            error_x={"array": [sd for _, _, sd in ordered], "color": NEUTRAL, "thickness": 2},
            mode="markers",
            marker={
                "size": 12,
                "color": [MARK if name in highlighted else NEUTRAL for name, _, _ in ordered],
            },
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_xaxes(title=titled(title), fixedrange=True)
    beside(figure, names, [f"{mean:.3f}" for _, mean, _ in ordered])
    return finish(figure, 98 + 34 * len(ordered))
