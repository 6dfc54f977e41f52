"""The temperature, against simulated truth and a grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from minspnet.calibrate import fit_temperature
from minspnet.errors import UserError


def simulated(
    temperature: float, cases: int, classes: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax at the temperature gives the true chance of each label."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(scale=3, size=(cases, classes))
    logits[:, 0] = 0
    noise = generator.gumbel(size=logits.shape)  # the largest of z / T + Gumbel is a softmax draw
    return logits.astype(np.float32), (logits / temperature + noise).argmax(axis=1)


def loss_at(temperature: float, logits: np.ndarray, labels: np.ndarray) -> float:
    powers = np.exp(logits.astype(np.float64) / temperature)
    chances = powers / powers.sum(axis=1, keepdims=True)
    return float(log_loss(labels, chances, labels=range(logits.shape[1])))


def errors_at(temperature: float, logits: np.ndarray) -> float:
    powers = np.exp(logits.astype(np.float64) / temperature)
    return float(1 - (powers.max(axis=1) / powers.sum(axis=1)).mean())


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_found(temperature: float, classes: int) -> None:
    """From 20,000 cases, within 5 %."""
    found = fit_temperature(*simulated(temperature, 20_000, classes))
    assert found == pytest.approx(temperature, rel=0.05)


@settings(max_examples=10)
@given(st.integers(0, 999), st.integers(2, 4), st.floats(0.4, 4))
def test_no_temperature_of_a_grid_is_better(seed: int, classes: int, temperature: float) -> None:
    """On few cases, scikit-learn's log loss over 60 temperatures from end to end.

    Of those at which chances promise as many errors as they have to.
    """
    logits, labels = simulated(temperature, 40, classes, seed)
    found = loss_at(fit_temperature(logits, labels), logits, labels)
    grid = [t for t in np.geomspace(0.051, 19.9, 60) if errors_at(t, logits) >= 1 / 42]
    assert found <= min(loss_at(t, logits, labels) for t in grid) + 1e-5


def test_the_temperature_keeps_within_its_bounds() -> None:
    """All wrong, so ever less sure; without a difference, nothing can promise fewer errors."""
    logits = np.array([[0, 4], [0, -4], [0, 3]], np.float32)
    assert fit_temperature(logits, np.array([0, 1, 0])) == pytest.approx(20, rel=1e-3)
    assert fit_temperature(1e4 * logits, np.array([1, 0, 1])) == 20


def test_cases_that_are_all_right_do_not_make_chances_certain() -> None:
    """By hand: with logits of 4 alike, 1 / (1 + exp(4 / T)) errors are to be 1 in n + 2."""
    for count in (8, 38, 998):
        logits = np.tile(np.array([[0, 4]], np.float32), (count, 1))
        found = fit_temperature(logits, np.ones(count, np.intp))
        assert found == pytest.approx(4 / np.log(count + 1), rel=1e-6)


def test_no_cases_are_refused() -> None:
    with pytest.raises(UserError) as refused:
        fit_temperature(np.zeros((0, 2), np.float32), np.zeros(0, np.intp))
    assert str(refused.value) == (
        "validation cases must number 1 or more, got 0; use a larger data set."
    )
