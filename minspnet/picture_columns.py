"""Columns measured from the pixels of pictures that nobody has rated: plain, readable properties.

Every formula is over one picture with brightness Y in [0, 1]; of a colour picture Y is the luma
0.299 R + 0.587 G + 0.114 B. *Bright mass* is the brightness above the picture's median: it marks
what stands out on a darker ground. None of these is a finding of a field of study; they are what
can be said honestly of any picture.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_CHUNK = 512
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_FLAT = 1e-6
"""Variance below which a picture is one shade: shape and texture then say nothing."""

Grey = Float[np.ndarray, "case row column"]
Column = Float[np.ndarray, " case"]


@dataclass(frozen=True)
class PictureColumn:
    """A property that is measured from pixels.

    Attributes:
        name: Of the column.
        title: Short, as on a form.
        meaning: One sentence an expert can check against the picture.
        low_word: What a low value says.
        high_word: What a high value says.
        colour: Whether only a colour picture has it.
    """

    name: str
    title: str
    meaning: str
    low_word: str
    high_word: str
    colour: bool = False


PICTURE_COLUMNS = (
    PictureColumn("brightness", "Brightness", "Mean brightness.", "dark", "bright"),
    PictureColumn(
        "contrast", "Contrast", "Standard deviation of brightness.", "even", "rich in contrast"
    ),
    PictureColumn(
        "bright_area",
        "Bright area",
        "Share of the picture that is nearer to its brightest than to its darkest shade.",
        "small",
        "large",
    ),
    PictureColumn(
        "edges",
        "Edges",
        "Mean difference between neighbouring pixels, across and down.",
        "few",
        "many",
    ),
    PictureColumn(
        "fine_detail",
        "Fine detail",
        "Share of the contrast that is lost when squares of 2 x 2 pixels become one.",
        "coarse",
        "fine",
    ),
    PictureColumn(
        "mirror_symmetry",
        "Left-right symmetry",
        "Correlation of the picture with its mirror image.",
        "lopsided",
        "symmetric",
    ),
    PictureColumn(
        "turn_symmetry",
        "Top-bottom symmetry",
        "Correlation of the picture with itself upside down.",
        "differs",
        "symmetric",
    ),
    PictureColumn(
        "centre_brightness",
        "Bright centre",
        "Mean brightness of the middle quarter less that of the rest.",
        "darker than the rest",
        "brighter than the rest",
    ),
    PictureColumn(
        "mass_height",
        "Height of the bright mass",
        "Where the bright mass has its centre, from bottom (0) to top (1).",
        "low",
        "high",
    ),
    PictureColumn(
        "mass_side",
        "Side of the bright mass",
        "Where the bright mass has its centre, from left (0) to right (1).",
        "left",
        "right",
    ),
    PictureColumn(
        "mass_spread",
        "Spread of the bright mass",
        "Root mean square distance of the bright mass from its centre, in sides of the picture.",
        "gathered",
        "spread out",
    ),
    PictureColumn(
        "mass_roundness",
        "Roundness of the bright mass",
        "Its shortest extent over its longest.",
        "drawn out",
        "round",
    ),
    PictureColumn(
        "mass_upright",
        "Upright bright mass",
        "Its extent down less its extent across, as a share of both.",
        "lying",
        "standing",
    ),
    PictureColumn(
        "mass_tilt",
        "Tilt of the bright mass",
        "How far it leans: to the left below 0, to the right above.",
        "leans left",
        "leans right",
    ),
    PictureColumn(
        "colourfulness",
        "Colourfulness",
        "Spread and strength of colour against grey.",
        "greyish",
        "colourful",
        colour=True,
    ),
    PictureColumn("warmth", "Warmth", "Mean red less mean blue.", "bluish", "reddish", colour=True),
    PictureColumn(
        "greenness",
        "Greenness",
        "Mean green less the mean of red and blue.",
        "purplish",
        "greenish",
        colour=True,
    ),
)


def measure(pictures: Float[np.ndarray, "case channel row column"]) -> Mapping[str, Column]:
    """Measure every column that such pictures have; a few hundred pictures at a time.

    Args:
        pictures: In [0, 1], grey (one channel) or RGB (three), two pixels a side or more.

    Returns:
        Finite values by column name, in the order of ``PICTURE_COLUMNS``.
    """
    starts = range(0, len(pictures), _CHUNK)
    parts = [_measured(pictures[start : start + _CHUNK]) for start in starts]
    colour = pictures.shape[1] == 3
    names = [column.name for column in PICTURE_COLUMNS if colour or not column.colour]
    return {
        name: np.concatenate([part[name] for part in parts]).astype(np.float32) for name in names
    }


def _measured(pictures: Float[np.ndarray, "case channel row column"]) -> dict[str, Column]:
    colour = pictures.shape[1] == 3
    grey = np.tensordot(_LUMA, pictures, (0, 1)) if colour else pictures[:, 0]
    found = _light(grey) | _layout(grey) | _mass(grey)
    return found | _colours(pictures) if colour else found


def _light(grey: Grey) -> dict[str, Column]:
    """How bright, how varied, how detailed."""
    flat = grey.reshape(len(grey), -1)
    # The ends leave out one pixel in fifty, so that a single speck does not set the scale.
    low, high = np.quantile(flat, (0.02, 0.98), axis=1)
    variance = flat.var(axis=1)
    rows, columns = (side // 2 * 2 for side in grey.shape[1:])
    even = grey[:, :rows, :columns]
    halved = even.reshape(len(grey), rows // 2, 2, columns // 2, 2).mean(axis=(2, 4))
    whole = even.var(axis=(1, 2))
    across, down = (np.abs(np.diff(grey, axis=axis)).mean(axis=(1, 2)) for axis in (2, 1))
    return {
        "brightness": flat.mean(axis=1),
        "contrast": np.sqrt(variance),
        "bright_area": (flat > ((low + high) / 2)[:, None]).mean(axis=1),
        "edges": (across + down) / 2,
        "fine_detail": np.clip(1 - _ratio(halved.var(axis=(1, 2)), whole, 1.0), 0, 1),
    }


def _layout(grey: Grey) -> dict[str, Column]:
    """What resembles what within the picture."""
    apart = grey - grey.mean(axis=(1, 2), keepdims=True)
    total = (apart**2).mean(axis=(1, 2))
    rows, columns = grey.shape[1:]
    middle = grey[:, rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4]
    inside, every = middle.sum(axis=(1, 2)), grey.sum(axis=(1, 2))
    size = middle[0].size
    return {
        "mirror_symmetry": _ratio((apart * apart[:, :, ::-1]).mean(axis=(1, 2)), total, 1.0),
        "turn_symmetry": _ratio((apart * apart[:, ::-1]).mean(axis=(1, 2)), total, 1.0),
        "centre_brightness": inside / size - (every - inside) / max(1, rows * columns - size),
    }


def _mass(grey: Grey) -> dict[str, Column]:
    """Where what stands out lies, and its shape: moments of the brightness above the median."""
    rows, columns = grey.shape[1:]
    mass = np.clip(grey - np.median(grey, axis=(1, 2), keepdims=True), 0, None)
    total = mass.sum(axis=(1, 2), dtype=np.float64)
    # From bottom to top and from left to right, in sides of the picture.
    up, right = np.linspace(0.5, -0.5, rows), np.linspace(-0.5, 0.5, columns)
    by_row, by_column = mass.sum(axis=2), mass.sum(axis=1)
    height, side = _ratio(by_row @ up, total, 0.0), _ratio(by_column @ right, total, 0.0)
    down = np.clip(_ratio(by_row @ up**2, total, 0.0) - height**2, 0, None)
    across = np.clip(_ratio(by_column @ right**2, total, 0.0) - side**2, 0, None)
    both = _ratio(np.einsum("nrc,r,c->n", mass, up, right), total, 0.0) - height * side
    extent = down + across
    upright = _ratio(down - across, extent, 0.0)
    tilt = _ratio(2 * both, extent, 0.0)
    # Of the two eigenvalues of the covariance, as extent (1 +- this) / 2.
    drawn_out = np.clip(np.hypot(upright, tilt), 0, 1)
    return {
        "mass_height": height + 0.5,
        "mass_side": side + 0.5,
        "mass_spread": np.sqrt(extent),
        "mass_roundness": np.sqrt((1 - drawn_out) / (1 + drawn_out)),
        "mass_upright": upright,
        "mass_tilt": tilt,
    }


def _colours(pictures: Float[np.ndarray, "case channel row column"]) -> dict[str, Column]:
    """How colourful, and of what hue.

    Source: Hasler & Suesstrunk 2003, Measuring colourfulness in natural images (the metric M3).
    """
    red, green, blue = (pictures[:, k].reshape(len(pictures), -1) for k in range(3))
    first, second = red - green, (red + green) / 2 - blue
    spread = np.hypot(first.std(axis=1), second.std(axis=1))
    strength = np.hypot(first.mean(axis=1), second.mean(axis=1))
    return {
        "colourfulness": spread + 0.3 * strength,
        "warmth": (red - blue).mean(axis=1),
        "greenness": (green - (red + blue) / 2).mean(axis=1),
    }


def _ratio(above: Column, below: Column, otherwise: float) -> Column:
    """Divide, where there is enough to divide by."""
    enough = below > _FLAT
    return np.where(enough, above / np.where(enough, below, 1), otherwise)
