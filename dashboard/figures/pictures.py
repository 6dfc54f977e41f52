"""Image cases: the picture, and what pushed the decision laid over it."""

from io import BytesIO

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from PIL import Image

from dashboard.figures.style import AWAY, TOWARDS, finish
from minspnet.patches import PATCH, patch_sums


def draw_picture(
    image: Float[np.ndarray, "row column"],
    overlay: Float[np.ndarray, "row column"] | None,
    side_mm: float,
    title: str = "",
) -> go.Figure:
    """Draw a picture in millimetres, with what a method says of each place over it."""
    rows, columns = image.shape
    x = (np.arange(columns) + 0.5) * side_mm / columns
    y = (np.arange(rows) + 0.5) * side_mm / rows
    figure = go.Figure(
        go.Heatmap(
            z=np.round(image, 3),
            x=x,
            y=y,
            colorscale="gray",
            zmin=0,
            zmax=1,
            showscale=False,
            hovertemplate="%{x:.0f}, %{y:.0f} mm<extra></extra>",
        )
    )
    if overlay is not None:
        limit = float(np.abs(overlay).max()) or 1.0
        shown = np.where(np.abs(overlay) > 0.02 * limit, np.round(overlay, 5), np.nan)
        figure.add_trace(
            go.Heatmap(
                z=shown,
                x=x,
                y=y,
                zmin=-limit,
                zmax=limit,
                opacity=0.7,
                colorscale=[[0, AWAY], [0.5, "#F5F5F5"], [1, TOWARDS]],
                colorbar={"title": {"text": title, "side": "right"}, "thickness": 10, "len": 0.9},
                hovertemplate="this square: %{z:+.3f}<extra></extra>",
            )
        )
    figure.update_xaxes(title="mm", fixedrange=True, constrain="domain", showgrid=False)
    figure.update_yaxes(
        autorange="reversed",
        scaleanchor="x",
        fixedrange=True,
        constrain="domain",
        showgrid=False,
    )
    return finish(figure, 340)


def by_patch(
    values: Float[np.ndarray, "row column"], side: int = PATCH
) -> Float[np.ndarray, "row column"]:
    """Show each square of a picture by the sum over its pixels."""
    spread = np.kron(patch_sums(values, side), np.ones((side, side)))
    return spread[: values.shape[0], : values.shape[1]]


def thumbnail(image: Float[np.ndarray, "row column"], scale: int = 4) -> bytes:
    """Enlarge a small picture to a PNG with its pixels kept square and sharp."""
    grey = np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)
    picture = Image.fromarray(grey).resize(
        (grey.shape[1] * scale, grey.shape[0] * scale), Image.Resampling.NEAREST
    )
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
