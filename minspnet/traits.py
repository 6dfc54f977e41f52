"""What can be measured of any input before a network reads it, each with a name in plain words.

Of a table these are its columns; of a picture, light, layout and shape; of a signal, the level,
spread, reach and roughness of each channel.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from minspnet.domain import Feature
from minspnet.picture_columns import PICTURE_COLUMNS, measure

_CHUNK = 512
SHADES = (
    "Darkest shade", "Brightest shade", "Brightness of the rim", "Steepest edge",
    "Number of shades", "Grain", "Sharpness", "Share of middle shades",
)  # fmt: skip
"""Of a picture, what is measured besides its columns."""
_FLAT = 1e-6
"""Brightness between the ends of a picture below which it has no edges."""


@dataclass(frozen=True)
class Traits:
    """Traits of some cases.

    Attributes:
        titles: One a trait.
        values: NaN where the input lacks it.
    """

    titles: tuple[str, ...]
    values: Float[np.ndarray, "case trait"]


def traits(inputs: Float[np.ndarray, "case *input"], features: Sequence[Feature]) -> Traits:
    """Measure inputs: columns as they are, else signals or pictures.

    Args:
        inputs: What a network reads.
        features: Of each column or channel; not looked at for pictures.
    """
    if inputs.ndim == 2:
        return Traits(tuple(one.title for one in features), inputs.astype(np.float64))
    if inputs.ndim == 3:
        return _signals(inputs, features)
    return _pictures(inputs)


def _signals(inputs: Float[np.ndarray, "case channel time"], features: Sequence[Feature]) -> Traits:
    values = inputs.astype(np.float64)
    found = {
        "mean of {}": values.mean(axis=2),
        "spread of {}": values.std(axis=2),
        "least of {}": values.min(axis=2),
        "most of {}": values.max(axis=2),
        "roughness of {}": np.abs(np.diff(values, axis=2)).mean(axis=2),
    }
    titles = tuple(said.format(one.title) for said in found for one in features)
    return Traits(titles, np.concatenate(list(found.values()), axis=1))


def _pictures(inputs: Float[np.ndarray, "case channel row column"]) -> Traits:
    shown = {column.name: column.title for column in PICTURE_COLUMNS}
    columns = {shown[name]: values for name, values in measure(inputs).items()}
    starts = range(0, len(inputs), _CHUNK)
    parts = [_shades(inputs[start : start + _CHUNK]) for start in starts]
    columns |= {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Traits(tuple(columns), np.stack(list(columns.values()), axis=1).astype(np.float64))


def _shades(
    inputs: Float[np.ndarray, "case channel row column"],
) -> dict[str, Float[np.ndarray, " case"]]:
    """Ends of the scale, the rim, and grain: what damage to a picture moves first."""
    grey = inputs.mean(axis=1)
    flat = grey.reshape(len(grey), -1)
    rim = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)
    wide = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    around = wide[:, :-2, 1:-1] + wide[:, 2:, 1:-1] + wide[:, 1:-1, :-2] + wide[:, 1:-1, 2:]
    curved = np.abs(4 * grey - around).reshape(len(grey), -1)
    steps = [np.abs(np.diff(grey, axis=axis)).reshape(len(grey), -1).max(axis=1) for axis in (1, 2)]
    reach = np.maximum(flat.max(axis=1) - flat.min(axis=1), _FLAT)
    levels = np.sort(np.round(flat * 255), axis=1)
    values = (
        np.quantile(flat, 0.02, axis=1),
        flat.max(axis=1),
        rim.mean(axis=1),
        np.maximum(*steps) / reach,
        (np.diff(levels, axis=1) > 0).sum(axis=1) + 1.0,
        np.median(curved, axis=1),
        np.quantile(curved, 0.9, axis=1),
        ((flat > 0.1) & (flat < 0.9)).mean(axis=1),
    )
    return dict(zip(SHADES, values, strict=True))
