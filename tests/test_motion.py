"""The measures of wrist motion, on movements whose answer is known beforehand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minspnet.domains.motion import measure

TIME = np.arange(160) / 25


def window(acceleration: tuple, rotation: tuple = (0, 0, 0)) -> np.ndarray:
    """One window from six rows, each a number or 160 of them."""
    return np.stack([np.full(160, row, float) for row in (*acceleration, *rotation)])[None]


@pytest.mark.parametrize(
    ("acceleration", "forearm", "thumb"),
    [
        ((-1, 0, 0), -90, 0),
        ((1, 0, 0), 90, 0),
        ((0, 1, 0), 0, 90),
        ((0, 0, -1), 0, 0),
        ((-0.5, 0, 0.75**0.5), -30, 0),
        # Only the direction counts, not how hard the sensor pulls.
        ((0, 2, 2), 0, 45),
    ],
)
def test_angles_of_a_wrist_at_rest(acceleration: tuple, forearm: float, thumb: float) -> None:
    told = measure(window(acceleration))
    assert told["forearm_deg"][0] == pytest.approx(forearm, abs=0.01)
    assert told["thumb_deg"][0] == pytest.approx(thumb, abs=0.01)
    for name in ("lift_g", "tilt_g", "speed_dps", "return_twist_dps", "thumb_shift_deg"):
        assert told[name][0] == 0, name


def test_a_range_leaves_out_single_jerks() -> None:
    ramp = np.linspace(-1, 1, 160)
    jerk = ramp.copy()
    jerk[80] = 50
    for along in (ramp, jerk):
        told = measure(window((along, 0, 1)))
        assert told["lift_g"][0] == pytest.approx(1.8, abs=0.03)
        assert told["tilt_g"][0] == 0
    assert measure(window((1, ramp, 0)))["tilt_g"][0] == pytest.approx(1.8, abs=0.03)


def test_a_hinge_turns_about_one_axis_and_a_circle_about_two() -> None:
    wave, shifted = np.sin(2 * np.pi * TIME / 1.6), np.cos(2 * np.pi * TIME / 1.6)
    hinge = measure(window((-1, 0, 0), (0, 2 * wave, wave)))
    circle = measure(window((-1, 0, 0), (0, wave, shifted)))
    assert hinge["one_axis_percent"][0] == pytest.approx(100, abs=0.01)
    assert circle["one_axis_percent"][0] == pytest.approx(50, abs=0.01)
    assert circle["speed_dps"][0] == pytest.approx(np.degrees(1), rel=1e-4)


def test_twist_and_thumb_are_told_apart_by_the_way_the_hand_goes() -> None:
    """Out: 1 rad/s with a twist of 3 and the thumb at 30 degrees. Back: twist -2, thumb level."""
    out = np.arange(160) < 80
    told = measure(
        window(
            (0, np.where(out, 0.5, 0), np.where(out, 0.75**0.5, 1)),
            (np.where(out, 3, -2), np.where(out, 1, -1), 0),
        )
    )
    assert told["return_twist_dps"][0] == pytest.approx(np.degrees(-2), rel=1e-4)
    assert told["thumb_shift_deg"][0] == pytest.approx(30, abs=0.01)


def test_a_hand_that_never_returns_shifts_from_its_mean_alone() -> None:
    """Rotation below 20 degrees/s is no way back; what is not measured counts as no shift."""
    out = np.arange(160) < 80
    told = measure(
        window(
            (0, np.where(out, 0.5, 0), np.where(out, 0.75**0.5, 1)), (1, np.where(out, 1, -0.3), 0)
        )
    )
    assert told["return_twist_dps"][0] == 0
    assert told["thumb_shift_deg"][0] == pytest.approx(15, abs=0.01)


@given(st.integers(0, 2**32 - 1))
def test_a_window_is_measured_alone_and_in_range(seed: int) -> None:
    windows = np.random.default_rng(seed).normal(size=(5, 6, 160)).astype(np.float32)
    told = measure(windows)
    assert (np.abs(told["forearm_deg"]) <= 90).all() and (np.abs(told["thumb_deg"]) <= 90).all()
    share = told["one_axis_percent"]
    assert (share >= 100 / 3 - 0.01).all() and (share <= 100.01).all()
    for name, values in measure(windows[[3]]).items():
        np.testing.assert_allclose(values[0], told[name][3], rtol=1e-4, atol=1e-4)


def test_stillness_is_measured_too() -> None:
    """No rotation at all: nothing divides by zero."""
    told = measure(window((-1, 0, 0)))
    assert told["one_axis_percent"][0] == 0
    assert all(np.isfinite(values).all() for values in told.values())
