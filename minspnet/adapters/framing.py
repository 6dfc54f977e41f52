"""Pictures of any size, brought to one square: never distorted, and never invented.

A larger picture shrinks by the mean over areas. A smaller one grows by repeating whole pixels as
often as fits. What is then missing to the square is filled evenly on both sides with the median
colour of the picture's own border: a black bar beside a white page would be the strongest edge in
the picture.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from PIL import Image

SIDES = (28, 32, 48, 64)
"""Sides that a small network reads well; more pixels cost more than they tell it."""
LARGEST_WHOLE = 2**30
"""Bytes that all pictures together may take at the chosen side, in colour."""


def common_side(longer_sides: Sequence[int]) -> int:
    """Choose the smallest of ``SIDES`` that loses nothing of the median picture, or the largest."""
    median = float(np.median(longer_sides))
    return next((side for side in SIDES if side >= median), SIDES[-1])


def largest_side(count: int) -> int:
    """The largest of ``SIDES`` at which so many pictures do not fill the memory."""
    fitting = [side for side in SIDES if 12 * count * side**2 <= LARGEST_WHOLE]
    return max(fitting, default=SIDES[0])


def frame(
    picture: Float[np.ndarray, "row column channel"], side: int
) -> Float[np.ndarray, "channel side side"]:
    """Bring one picture in [0, 1] to a square."""
    rows, columns = picture.shape[:2]
    if (rows, columns) != (side, side):
        picture = _padded(_sized(picture, side), side)
    return np.ascontiguousarray(np.moveaxis(picture, 2, 0), np.float32)


def _sized(
    picture: Float[np.ndarray, "row column channel"], side: int
) -> Float[np.ndarray, "fewer less channel"]:
    longer = max(picture.shape[:2])
    if longer <= side:
        return np.repeat(np.repeat(picture, side // longer, axis=0), side // longer, axis=1)
    rows, columns = (max(1, round(length * side / longer)) for length in picture.shape[:2])
    planes = [
        np.asarray(Image.fromarray(plane).resize((columns, rows), Image.Resampling.BOX))
        for plane in np.moveaxis(picture.astype(np.float32), 2, 0)
    ]
    return np.clip(np.stack(planes, axis=2), 0, 1)


def _padded(
    picture: Float[np.ndarray, "row column channel"], side: int
) -> Float[np.ndarray, "side side channel"]:
    rows, columns, channels = picture.shape
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    ground = np.median(border, axis=0)
    framed = np.empty((side, side, channels), np.float32)
    framed[:] = ground
    top, left = (side - rows) // 2, (side - columns) // 2
    framed[top : top + rows, left : left + columns] = picture
    return framed
