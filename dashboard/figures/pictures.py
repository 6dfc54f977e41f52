"""Image cases: the picture, and what pushed the decision laid over it."""

from io import BytesIO

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from PIL import Image

from dashboard.figures.style import AWAY, TOWARDS, finish
from minspnet.patches import PATCH, patch_sums


def as_drawn(
    inputs: Float[np.ndarray, "channel row column"],
) -> Float[np.ndarray, "row column *rgb"]:
    """A picture as the network reads it -> as figures draw it: grey, or RGB with colours last."""
    if len(inputs) == 1:
        return inputs[0]
    return np.moveaxis(inputs, 0, 2)


def unit_of(side_mm: float) -> str:
    """What lengths in a picture are told in."""
    return "mm" if side_mm else "pixels"


def side_of_squares(picture: Float[np.ndarray, "row column *rgb"], side_mm: float) -> str:
    """How large the squares are over which values are summed."""
    length = PATCH * side_mm / picture.shape[1] if side_mm else PATCH
    return f"{length:.0f} {unit_of(side_mm)}"


def draw_picture(
    image: Float[np.ndarray, "row column *rgb"],
    overlay: Float[np.ndarray, "row column"] | None,
    side_mm: float,
    title: str = "",
) -> go.Figure:
    """Draw a picture, with what a method says of each place over it.

    Args:
        image: Grey or RGB; under an overlay it is shown in grey, so that colour is the method's.
        overlay: Of the same size.
        side_mm: Width of what the picture shows; 0 if unknown, then places are told in pixels.
        title: Of the overlay's scale.
    """
    rows, columns = image.shape[:2]
    width, unit = side_mm or columns, unit_of(side_mm)
    step = width / columns
    x, y = (np.arange(columns) + 0.5) * step, (np.arange(rows) + 0.5) * step
    if image.ndim == 3 and overlay is None:
        figure = go.Figure(_in_colour(image, step, unit))
    else:
        figure = go.Figure(
            go.Heatmap(
                z=np.round(_luma(image), 3),
                x=x,
                y=y,
                colorscale="gray",
                zmin=0,
                zmax=1,
                showscale=False,
                hovertemplate=f"%{{x:.0f}}, %{{y:.0f}} {unit}<extra></extra>",
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
    figure.update_xaxes(title=unit, fixedrange=True, constrain="domain", showgrid=False)
    figure.update_yaxes(
        autorange="reversed",
        scaleanchor="x",
        fixedrange=True,
        constrain="domain",
        showgrid=False,
    )
    return finish(figure, 340)


def _in_colour(image: Float[np.ndarray, "row column 3"], step: float, unit: str) -> go.Image:
    return go.Image(
        z=_bytes(image),
        x0=step / 2,
        dx=step,
        y0=step / 2,
        dy=step,
        hovertemplate=f"%{{x:.0f}}, %{{y:.0f}} {unit}<extra></extra>",
    )


def _luma(image: Float[np.ndarray, "row column *rgb"]) -> Float[np.ndarray, "row column"]:
    grey: np.ndarray = image if image.ndim == 2 else image @ np.array([0.299, 0.587, 0.114])
    return grey


def _bytes(image: Float[np.ndarray, "row column *rgb"]) -> np.ndarray:
    return np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)


def by_patch(
    values: Float[np.ndarray, "row column"], side: int = PATCH
) -> Float[np.ndarray, "row column"]:
    """Show each square of a picture by the sum over its pixels."""
    spread = np.kron(patch_sums(values, side), np.ones((side, side)))
    return spread[: values.shape[0], : values.shape[1]]


def thumbnail(image: Float[np.ndarray, "row column *rgb"], scale: int = 4) -> bytes:
    """Enlarge a small picture, grey or RGB, to a PNG with its pixels kept square and sharp."""
    rows, columns = image.shape[:2]
    picture = Image.fromarray(_bytes(image)).resize(
        (columns * scale, rows * scale), Image.Resampling.NEAREST
    )
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
