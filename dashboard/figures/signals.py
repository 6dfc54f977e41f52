"""Signal cases: one small chart a channel, and what pushed the decision laid behind it."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from dashboard.figures.style import AWAY, NEUTRAL, TOWARDS, finish, words
from minspnet.patches import STRETCH, stretch_sums


def draw_signal(
    signal: Float[np.ndarray, "channel sample"],
    titles: Sequence[str],
    rate_hz: float,
    overlay: Float[np.ndarray, "channel sample"] | None = None,
    title: str = "",
) -> go.Figure:
    """Draw every channel over seconds, with what a method says of each stretch behind it."""
    channels, samples = signal.shape
    figure = make_subplots(
        rows=channels,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.3 / channels,
        subplot_titles=words(titles),
    )
    seconds = np.arange(samples) / rate_hz
    if overlay is not None:
        _draw_stretches(figure, signal, overlay, rate_hz, title)
    for channel, values in enumerate(signal):
        line = go.Scatter(
            x=seconds,
            y=np.round(values, 4),
            mode="lines",
            line={"color": NEUTRAL, "width": 1.5},
            hovertemplate="%{x:.2f} s: %{y:.3g}<extra></extra>",
        )
        figure.add_trace(line, row=channel + 1, col=1)
    figure.update_annotations(font_size=12, x=0, xanchor="left")
    figure.update_xaxes(fixedrange=True, showgrid=False)
    figure.update_xaxes(title="seconds", row=channels, col=1)
    figure.update_yaxes(fixedrange=True, nticks=3)
    finish(figure, 60 + 84 * channels)
    return figure.update_layout(margin_t=24)


def _draw_stretches(
    figure: go.Figure,
    signal: Float[np.ndarray, "channel sample"],
    overlay: Float[np.ndarray, "channel sample"],
    rate_hz: float,
    title: str,
) -> None:
    sums = stretch_sums(overlay)
    limit = float(np.abs(sums).max()) or 1.0
    edges = np.append(np.arange(0, signal.shape[1], STRETCH), signal.shape[1]) / rate_hz
    for channel, values in enumerate(sums):
        low, high = float(signal[channel].min()), float(signal[channel].max())
        heat = go.Heatmap(
            z=[np.round(values, 5)],
            x=edges,
            y=[low, high if high > low else low + 1],
            opacity=0.7,
            coloraxis="coloraxis",
            hovertemplate="this stretch: %{z:+.3f}<extra></extra>",
        )
        figure.add_trace(heat, row=channel + 1, col=1)
    bar = {"title": {"text": title, "side": "right"}, "thickness": 10, "len": 0.9}
    scale = [[0, AWAY], [0.5, "#F5F5F5"], [1, TOWARDS]]
    figure.update_layout(
        coloraxis={"cmin": -limit, "cmax": limit, "colorscale": scale, "colorbar": bar}
    )
