"""Accuracy against compute, and what a policy does to the cases."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.style import CLASSES, MARK, NEUTRAL, SAVED, finish, words


def draw_curve(
    macs: Sequence[float],
    scores: Sequence[float],
    gate_thresholds: Sequence[float],
    current: tuple[float, float],
    saved: tuple[float, float],
    score_title: str,
) -> go.Figure:
    """Draw the sweep of one shared gate threshold; trace 0 can be clicked."""
    figure = go.Figure(
        go.Scatter(
            x=[2 * value for value in macs],
            y=list(scores),
            customdata=list(gate_thresholds),
            mode="lines+markers",
            name="one threshold for all",
            line={"color": CLASSES[0], "width": 1.5, "shape": "linear"},
            marker={"size": 9, "color": CLASSES[0], "opacity": 0.75},
            hovertemplate="gate threshold %{customdata:.2f}<br>%{x:,.0f} FLOPs<br>"
            + score_title
            + " %{y:.3f}<extra></extra>",
        )
    )
    for point, name, colour, symbol in (
        (saved, "saved", SAVED, "diamond"),
        (current, "now", MARK, "star"),
    ):
        figure.add_trace(
            go.Scatter(
                x=[2 * point[0]],
                y=[point[1]],
                mode="markers",
                name=name,
                marker={
                    "size": 17,
                    "color": colour,
                    "symbol": symbol,
                    "line": {"width": 1.5, "color": "#FFFFFF"},
                },
                hovertemplate=name
                + "<br>%{x:,.0f} FLOPs<br>"
                + score_title
                + " %{y:.3f}<extra></extra>",
            )
        )
    figure.update_xaxes(title="mean FLOPs per case", rangemode="tozero")
    figure.update_yaxes(title=score_title)
    return finish(figure, 380, legend=True)


def draw_shares(names: Sequence[str], now: Sequence[float], saved: Sequence[float]) -> go.Figure:
    """Compare shares of cases under the policy on screen and the saved one."""
    figure = go.Figure()
    for values, title, colour in ((now, "now", MARK), (saved, "saved", SAVED)):
        figure.add_trace(
            go.Bar(
                x=words(names),
                y=list(values),
                name=title,
                marker={"color": colour},
                text=[f"{value:.0%}" for value in values],
                textposition="outside",
                textfont={"size": 10},
                cliponaxis=False,
                hovertemplate="%{x}: %{y:.1%}<extra>" + title + "</extra>",
            )
        )
    figure.update_yaxes(range=[0, 1.12], tickformat=".0%", fixedrange=True)
    figure.update_xaxes(type="category", fixedrange=True)
    return finish(figure, 280, legend=True)


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
