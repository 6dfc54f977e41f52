"""Accuracy against compute, and models beside each other."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.style import CLASSES, MARK, NEUTRAL, SAVED, finish, words

Point = tuple[float, float]
"""Price and score."""


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
    figure = go.Figure(
        go.Scatter(
            x=[price for price, _, _ in shared],
            y=[score for _, score, _ in shared],
            customdata=[[place, threshold] for place, (*_, threshold) in enumerate(shared)],
            mode="lines+markers",
            name="one threshold for all",
            line={"color": CLASSES[0], "width": 1.5, "shape": "linear"},
            marker={"size": 7, "color": CLASSES[0], "opacity": 0.6},
            hovertemplate="gate threshold %{customdata[1]:.3~g}" + hover,
        )
    )
    if each:
        figure.add_trace(
            go.Scatter(
                x=[price for price, _ in each],
                y=[score for _, score in each],
                customdata=[[place] for place in range(len(each))],
                mode="lines+markers",
                name="one each, the best found",
                line={"color": CLASSES[1], "width": 1.5, "shape": "hv", "dash": "dot"},
                marker={"size": 9, "color": CLASSES[1], "symbol": "square"},
                hovertemplate="one threshold an expert" + hover,
            )
        )
    for point, name, colour, symbol in (
        (saved, "in force", SAVED, "diamond"),
        (current, "now", MARK, "star"),
    ):
        figure.add_trace(
            go.Scatter(
                x=[point[0]],
                y=[point[1]],
                mode="markers",
                name=name,
                marker={
                    "size": 17,
                    "color": colour,
                    "symbol": symbol,
                    "line": {"width": 1.5, "color": "#FFFFFF"},
                },
                hovertemplate=name + hover,
            )
        )
    figure.update_xaxes(title=f"mean {unit} per case", rangemode="tozero")
    figure.update_yaxes(title=score_title)
    return finish(figure, 400, legend=True)


def draw_scores(
    rows: Sequence[tuple[str, float, float]], title: str, highlighted: Sequence[str]
) -> go.Figure:
    """Draw mean and standard deviation of a score for several models, best first."""
    ordered = sorted(rows, key=lambda row: -row[1])
    figure = go.Figure(
        go.Scatter(
            x=[mean for _, mean, _ in ordered],
            y=words([name for name, _, _ in ordered]),
            error_x={"array": [sd for _, _, sd in ordered], "color": NEUTRAL, "thickness": 2},
            mode="markers+text",
            text=[f"{mean:.3f}" for _, mean, _ in ordered],
            textposition="top center",
            marker={
                "size": 12,
                "color": [MARK if name in highlighted else NEUTRAL for name, _, _ in ordered],
            },
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_xaxes(title=title, fixedrange=True)
    return finish(figure, 90 + 42 * len(ordered))
