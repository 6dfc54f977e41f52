"""The plane of a map, against scikit-learn's principal components."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from minspnet.projection import Plane


def cloud(seed: int, count: int, columns: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(count, columns)) @ random.normal(size=(columns, columns))
    return (1 / (1 + np.exp(-mixed))).astype(np.float32)


@given(st.integers(0, 200), st.integers(5, 60), st.integers(2, 9))
def test_it_is_the_plane_of_principal_components(seed: int, count: int, columns: int) -> None:
    known, other = cloud(seed, count, columns), cloud(seed + 1, count, columns)
    plane = Plane.fit(known)
    reference = PCA(2, svd_solver="full").fit(known.astype(np.float64))
    signs = np.sign((plane.axes * reference.components_).sum(axis=1))
    np.testing.assert_allclose(plane.axes, signs[:, None] * reference.components_, atol=1e-5)
    np.testing.assert_allclose(
        plane.place(other), reference.transform(other.astype(np.float64)) * signs, atol=1e-5
    )
    share = reference.explained_variance_ratio_.sum()
    assert plane.held(known) == pytest.approx(share, abs=1e-6)
    assert -1e-9 <= plane.held(other) <= 1 + 1e-9
    assert (plane.axes[[0, 1], np.abs(plane.axes).argmax(axis=1)] > 0).all()


def test_two_columns_hold_their_own_spread() -> None:
    """Variances 4, 1 and 5: the first and third hold nine tenths, one twice only its own."""
    known = np.array([[2, 1, 0], [-2, 1, 0], [2, -1, 0], [-2, -1, 0]], np.float32)
    lift = np.array([0, 0, np.sqrt(5)])
    known = np.concatenate([known + lift, known - lift])
    assert Plane.of_columns(known, 0, 2).held(known) == pytest.approx(0.9)
    assert Plane.of_columns(known, 0, 0).held(known) == pytest.approx(0.4)
    np.testing.assert_allclose(Plane.of_columns(known, 2, 0).place(known), known[:, [2, 0]])


def test_what_has_no_spread_or_one_column_is_drawn_all_the_same() -> None:
    same = np.full((6, 3), 0.5, np.float32)
    assert (Plane.fit(same).place(same) == 0).all()
    assert np.isnan(Plane.fit(same).held(same))
    line = np.arange(5, dtype=np.float32)[:, None]
    plane = Plane.fit(line)
    assert plane.held(line) == pytest.approx(1)
    assert (plane.place(line)[:, 1] == 0).all()
