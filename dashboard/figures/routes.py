"""Where cases go, and what the experts do there."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.style import CLASSES, MARK, NEUTRAL, SAVED, finish, upright, words

_LETTER, _MOST_ROOM = 6.2, 150
"""Pixels: a letter of a name, and what the names of the last stations may take."""


def draw_shares(names: Sequence[str], now: Sequence[float], saved: Sequence[float]) -> go.Figure:
    """Compare shares of cases under the policy on screen and the one in force."""
    figure = go.Figure()
    for values, title, colour in ((now, "now", MARK), (saved, "in force", SAVED)):
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


def draw_flow(
    names: Sequence[Sequence[str]],
    levels: Sequence[int],
    ends: Sequence[bool],
    links: Sequence[tuple[int, int, float]],
) -> go.Figure:
    """Draw the stream of cases from the base exit through the experts.

    Args:
        names: Of the stations, in lines.
        levels: How deep each stands.
        ends: Which stations answer without a further expert.
        links: From station, to station, share of all cases.
    """
    deepest = max(levels, default=1) or 1
    heights = _heights(levels, ends, links)
    labels = ["<br>".join(words(lines)) for lines in names]
    figure = go.Figure(
        go.Sankey(
            arrangement="fixed",
            # Names stand right of every station, the last ones too, where Plotly puts its own on
            # the left: on a narrow screen they would meet those of the station before.
            textfont={"shadow": "none", "color": "rgba(0,0,0,0)"},
            node={
                "label": labels,
                "x": [0.01 + 0.98 * level / deepest for level in levels],
                "y": heights,
                "color": [NEUTRAL if end else CLASSES[0] for end in ends],
                "pad": 18,
                "thickness": 16,
                "hovertemplate": "%{label}: %{value:.1%} of all cases<extra></extra>",
            },
            link={
                "source": [a for a, _, _ in links],
                "target": [b for _, b, _ in links],
                "value": [share for *_, share in links],
                "color": [
                    "rgba(127,140,147,0.35)" if ends[b] else "rgba(0,114,178,0.30)"
                    for _, b, _ in links
                ],
                "hovertemplate": "%{source.label} to %{target.label}: %{value:.1%} of all cases"
                "<extra></extra>",
            },
        )
    )
    for label, level, height in zip(labels, levels, heights, strict=True):
        figure.add_annotation(
            x=0.01 + 0.98 * level / deepest,
            y=1 - height,
            xref="paper",
            yref="paper",
            text=label,
            xanchor="left",
            yanchor="middle",
            align="left",
            xshift=10,
            showarrow=False,
            font_size=12,
        )
    ending = [lines for lines, level in zip(names, levels, strict=True) if level == deepest]
    figure = finish(figure, 340)
    room = min(
        _MOST_ROOM, 24 + _LETTER * max((len(line) for lines in ending for line in lines), default=0)
    )
    return figure.update_layout(margin_r=room)


def _heights(
    levels: Sequence[int], ends: Sequence[bool], links: Sequence[tuple[int, int, float]]
) -> list[float]:
    """Where the middle of each station stands, from 0 at the top: those that answer at the foot."""
    through = [1.0 if level == 0 else 0.0 for level in levels]
    for _, station, share in links:
        through[station] += share
    heights = [0.0] * len(levels)
    for level in set(levels):
        here = sorted(
            (k for k, other in enumerate(levels) if other == level),
            key=lambda k: (ends[k], -through[k]),
        )
        top = 0.04
        for k in here:
            heights[k] = top + 0.8 * through[k] / 2
            top += 0.8 * through[k] + 0.09
    return [min(max(height, 0.02), 0.97) for height in heights]


def draw_grid(
    rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float]], what: str
) -> go.Figure:
    """Draw how far each expert moves each concept: the darker, the further."""
    figure = go.Figure(
        go.Heatmap(
            z=[list(row) for row in values],
            x=words(columns),
            y=words(rows),
            zmin=0,
            colorscale=[[0, "rgba(127,140,147,0.08)"], [1, "rgba(0,114,178,0.55)"]],
            showscale=False,
            text=[["" if v != v or v < 0.005 else f"{v:.2f}" for v in row] for row in values],
            texttemplate="%{text}",
            xgap=2,
            ygap=2,
            hovertemplate="%{y}, %{x}: %{z:.3f} " + what + "<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    figure.update_xaxes(side="top", tickangle=-90, fixedrange=True, showgrid=False)
    return finish(figure, upright(columns) + 34 * len(rows))
