"""What a place in a picture adds: pixels summed over squares."""

import numpy as np
from jaxtyping import Float

PATCH = 4
"""Side of a square in pixels."""


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
