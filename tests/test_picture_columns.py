"""Columns measured from pixels: solved by hand, against numpy, and what must not change them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from minspnet.picture_columns import PICTURE_COLUMNS, measure

SIDE = 8
pictures = arrays(np.float32, (3, 1, SIDE, SIDE), elements=st.floats(0, 1, width=32))


def one(picture: np.ndarray) -> dict[str, float]:
    shown = picture if picture.ndim == 3 else picture[None]
    return {name: float(column[0]) for name, column in measure(shown[None]).items()}


def bar(tilted: bool = False) -> np.ndarray:
    """A bright upright bar of 6 x 2 in the upper left, or a diagonal from lower left."""
    picture = np.zeros((SIDE, SIDE), np.float32)
    if tilted:
        picture[np.arange(SIDE), np.arange(SIDE)[::-1]] = 1
    else:
        picture[0:6, 1:3] = 1
    return picture


def test_a_bar_is_measured_by_hand() -> None:
    """12 of 64 pixels are 1; rows 0 to 5 and columns 1 to 2 lie on a scale of seven steps.

    Variance down (35 / 12) / 49 and across (1 / 4) / 49; of the middle 4 x 4, 4 pixels are lit.
    """
    found = one(bar())
    down, across = 35 / 12 / 49, 1 / 4 / 49
    assert found["brightness"] == pytest.approx(12 / 64)
    assert found["contrast"] == pytest.approx(np.sqrt(12 / 64 * 52 / 64))
    assert found["bright_area"] == pytest.approx(12 / 64)
    assert found["edges"] == pytest.approx((12 / 56 + 2 / 56) / 2)
    assert found["centre_brightness"] == pytest.approx(4 / 16 - 8 / 48)
    assert found["mass_height"] == pytest.approx(1 - 2.5 / 7)
    assert found["mass_side"] == pytest.approx(1.5 / 7)
    assert found["mass_spread"] == pytest.approx(np.sqrt(down + across))
    assert found["mass_roundness"] == pytest.approx(np.sqrt(across / down))
    assert found["mass_upright"] == pytest.approx((down - across) / (down + across))
    assert found["mass_tilt"] == pytest.approx(0, abs=1e-6)


def test_a_diagonal_leans_and_is_drawn_out() -> None:
    found = one(bar(tilted=True))
    assert found["mass_tilt"] == pytest.approx(1) and found["mass_upright"] == pytest.approx(0)
    assert found["mass_roundness"] == pytest.approx(0, abs=1e-3)
    assert one(bar(tilted=True)[:, ::-1])["mass_tilt"] == pytest.approx(-1)


def test_colours_have_columns_of_their_own() -> None:
    red = np.zeros((3, SIDE, SIDE), np.float32)
    red[0] = 0.8
    found = one(red)
    assert found["brightness"] == pytest.approx(0.8 * 0.299)
    assert found["warmth"] == pytest.approx(0.8) and found["greenness"] == pytest.approx(-0.4)
    assert found["colourfulness"] == pytest.approx(0.3 * np.hypot(0.8, 0.4))
    assert list(found) == [column.name for column in PICTURE_COLUMNS]
    greys = [column.name for column in PICTURE_COLUMNS if not column.colour]
    assert list(one(bar())) == greys


@pytest.mark.parametrize("shade", [0.0, 0.3, 1.0])
def test_one_shade_has_no_shape(shade: float) -> None:
    found = one(np.full((SIDE, SIDE), shade, np.float32))
    assert found["brightness"] == pytest.approx(shade)
    assert found["mass_height"] == found["mass_side"] == 0.5
    assert found["fine_detail"] == found["mass_spread"] == found["edges"] == 0
    assert found["mirror_symmetry"] == found["turn_symmetry"] == 1


@given(pictures)
def test_symmetry_is_a_correlation(given: np.ndarray) -> None:
    """Second opinion: numpy's correlation coefficient."""
    for picture, found in zip(given[:, 0], measure(given)["mirror_symmetry"], strict=True):
        if picture.var() > 1e-4:
            told = np.corrcoef(picture.ravel(), picture[:, ::-1].ravel())[0, 1]
            assert found == pytest.approx(told, abs=1e-4)


@given(pictures)
def test_mirroring_changes_sides_and_nothing_else(given: np.ndarray) -> None:
    there, back = measure(given), measure(given[..., ::-1])
    turned = {"mass_side": lambda v: 1 - v, "mass_tilt": lambda v: -v}
    for name, values in there.items():
        expected = turned.get(name, lambda v: v)(values)
        np.testing.assert_allclose(back[name], expected, atol=2e-3, err_msg=name)


@given(pictures)
def test_values_are_finite_and_do_not_depend_on_company(given: np.ndarray) -> None:
    together, alone = measure(given), measure(given[1:2])
    for name, values in together.items():
        assert np.isfinite(values).all()
        np.testing.assert_allclose(values[1], alone[name][0], atol=1e-5, err_msg=name)
    assert (together["mass_roundness"] <= 1).all() and (together["fine_detail"] <= 1).all()
