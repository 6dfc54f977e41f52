"""What a place in a picture or signal adds: summed over squares of pixels, or stretches."""

import numpy as np
from jaxtyping import Float

PATCH = 4
"""Side of a square in pixels."""
STRETCH = 8
"""Samples of a stretch of a signal's channel."""


def patch_sums(
    values: Float[np.ndarray, "row column"], side: int = PATCH
) -> Float[np.ndarray, "patch_row patch_column"]:
    """Sum contributions over squares of pixels; the whole still sums to the same.

    Single pixels of a strided network alternate in sign; a square tells what a place adds.
    Where a side of the picture is no multiple of ``side``, the last squares are smaller.
    """
    rows, columns = (np.arange(0, length, side) for length in values.shape)
    sums: np.ndarray = np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1)
    return sums


def stretch_sums(
    values: Float[np.ndarray, "channel sample"], length: int = STRETCH
) -> Float[np.ndarray, "channel stretch"]:
    """Sum contributions over stretches of each channel; the last one may be shorter."""
    sums: np.ndarray = np.add.reduceat(values, np.arange(0, values.shape[1], length), axis=1)
    return sums
