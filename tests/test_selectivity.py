"""What units stand for: against scikit-learn and SciPy, and intervals that keep their promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from minspnet.metrics import mean_auc
from minspnet.selectivity import (
    auc_influence,
    auc_interval,
    correlation_interval,
    paired_interval,
    rank_correlation,
    unit_auc,
)


@given(st.integers(0, 10_000), st.integers(5, 40))
def test_auc_and_correlation_equal_the_usual_libraries(seed: int, cases: int) -> None:
    """Ties included: the values are few whole numbers."""
    generator = np.random.default_rng(seed)
    values = generator.integers(0, 6, (cases, 3)).astype(np.float32)
    values[0], values[1] = 0, 5
    positive = generator.random(cases) < 0.4
    positive[:2] = True, False
    graded = generator.integers(0, 4, (cases, 2)).astype(np.float32)
    graded[0], graded[1] = 0, 3
    areas, follows = unit_auc(values, positive), rank_correlation(values, graded)
    for unit in range(3):
        assert areas[unit] == pytest.approx(roc_auc_score(positive, values[:, unit]))
        for concept in range(2):
            expected = spearmanr(values[:, unit], graded[:, concept]).statistic
            assert follows[unit, concept] == pytest.approx(expected)


def test_what_cannot_be_told_is_nan() -> None:
    values = np.array([[1.0, 2.0], [1.0, 3.0]])
    assert np.isnan(unit_auc(values, np.array([True, True]))).all()
    assert np.isnan(rank_correlation(values, values)[0]).all()
    assert rank_correlation(values, values)[1, 1] == pytest.approx(1)
    assert np.isnan(rank_correlation(values[:1], values[:1])).all()
    assert np.isnan(auc_interval(float("nan"), 0, 5)).all()
    assert np.isnan(correlation_interval(0.5, 3)).all()


def test_a_perfect_unit_among_few_cases_proves_little() -> None:
    """Newcombe's equation for AUC 1 and 5 + 5 cases, solved by hand with the variance at T:

    (1 - T)^2 = 1.96^2 T (1 - T) [1 + 4 ((1 - T)/(2 - T) + T/(1 + T))] / 25 at T = .6549.
    """
    low, high = auc_interval(1.0, 5, 5)
    spread = 1 + 4 * ((1 - low) / (2 - low) + low / (1 + low))
    assert (1 - low) ** 2 == pytest.approx(1.96**2 * low * (1 - low) * spread / 25, rel=1e-3)
    assert high == 1
    assert auc_interval(0.0, 5, 5) == pytest.approx((0, 1 - low))
    assert auc_interval(1.0, 500, 500)[0] > 0.99


@pytest.mark.parametrize(("shift", "sizes"), [(0.0, (15, 25)), (1.2, (8, 30)), (2.5, (20, 20))])
def test_intervals_of_auc_hold_the_truth(shift: float, sizes: tuple[int, int]) -> None:
    """Two normals apart by ``shift``: the true AUC is Phi(shift / sqrt 2); 95 % of 600 draws."""
    from scipy.stats import norm

    generator, true = np.random.default_rng(1), norm.cdf(shift / np.sqrt(2))
    positive = np.repeat([True, False], sizes)
    held = 0
    for _ in range(600):
        values = generator.normal(size=(sum(sizes), 1)) + shift * positive[:, None]
        low, high = auc_interval(float(unit_auc(values, positive)[0]), *sizes)
        held += low <= true <= high
    assert 0.92 <= held / 600 <= 1


@given(st.floats(-0.99, 0.99), st.integers(4, 500))
def test_intervals_of_correlations_are_around_them(value: float, cases: int) -> None:
    low, high = correlation_interval(value, cases)
    assert -1 <= low < value < high <= 1
    assert correlation_interval(-value, cases) == pytest.approx((-high, -low))
    wider = correlation_interval(value, 4)
    assert wider[0] <= low + 1e-12 and high <= wider[1] + 1e-12


def test_certain_correlation_keeps_an_interval() -> None:
    low, high = correlation_interval(1.0, 30)
    assert low < 1 and high == pytest.approx(1)


def test_influence_gives_delong() -> None:
    """The variance of placements (DeLong 1988), counted one pair at a time."""
    generator = np.random.default_rng(3)
    labels = (generator.random(60) < 0.4).astype(int)
    scores = np.round(generator.random(60) + 0.3 * labels, 1)
    above, below = scores[labels == 1], scores[labels == 0]
    wins = (above[:, None] > below) + 0.5 * (above[:, None] == below)
    m, n = wins.shape
    delong = wins.mean(axis=1).var(ddof=1) / m + wins.mean(axis=0).var(ddof=1) / n
    probabilities = np.stack([1 - scores, scores], axis=1)
    pulls = auc_influence(probabilities, labels)
    assert pulls.mean() == pytest.approx(0, abs=1e-12)
    assert pulls.var() / 60 == pytest.approx(delong, rel=0.06)


def test_influence_over_classes_agrees_with_leaving_cases_out() -> None:
    """The jackknife of the mean AUC: leaving case i out moves it by about -pull / (n - 1)."""
    generator = np.random.default_rng(4)
    labels = generator.integers(0, 3, 150)
    probabilities = generator.dirichlet([1, 1, 1], 150) + 0.5 * np.eye(3)[labels]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    whole = mean_auc(probabilities, labels)
    keep = ~np.eye(150, dtype=bool)
    moved = [whole - mean_auc(probabilities[rows], labels[rows]) for rows in keep]
    np.testing.assert_allclose(
        np.array(moved) * 149, auc_influence(probabilities, labels), atol=0.03
    )


def test_influence_without_a_class_is_nan() -> None:
    assert np.isnan(auc_influence(np.full((4, 2), 0.5), np.zeros(4, int))).all()


def test_paired_interval_by_hand() -> None:
    """Differences 1, 0, 0, -1: mean 0, deviation sqrt(2/3), over sqrt 4, times 1.96: .8002."""
    assert paired_interval(np.array([1.0, 0, 0, -1])) == pytest.approx((-0.8002, 0.8002), abs=1e-4)
    assert np.isnan(paired_interval(np.array([1.0]))).all()
