"""Squares of a picture sum to the whole, also where they do not fit it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.figures.pictures import by_patch
from minspnet.patches import patch_sums, stretch_sums


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(0, 99))
def test_every_square_is_the_sum_of_its_pixels(
    rows: int, columns: int, side: int, seed: int
) -> None:
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    sums = patch_sums(values, side)
    assert sums.shape == (-(-rows // side), -(-columns // side))
    for (row, column), found in np.ndenumerate(sums):
        place = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
        assert found == pytest.approx(values[place].sum())
    shown = by_patch(values, side)
    assert shown.shape == values.shape
    assert shown[-1, -1] == sums[-1, -1]
    assert shown[0, 0] == sums[0, 0]


@given(st.integers(1, 3), st.integers(1, 20), st.integers(1, 9))
def test_every_stretch_is_the_sum_of_its_samples(channels: int, samples: int, length: int) -> None:
    values = np.random.default_rng(0).normal(size=(channels, samples))
    sums = stretch_sums(values, length)
    assert sums.shape == (channels, -(-samples // length))
    for (channel, stretch), found in np.ndenumerate(sums):
        here = values[channel, stretch * length : (stretch + 1) * length]
        assert found == pytest.approx(here.sum())
