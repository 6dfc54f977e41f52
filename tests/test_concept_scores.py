"""Trust in concepts: scores, intervals and reliability against scipy, sklearn and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import roc_auc_score

from minspnet.concept_scores import (
    associations,
    grouped,
    interval,
    kind_of,
    reliability,
    resamples,
    untrue_pairs,
    weighted_means,
)
from minspnet.metrics import midranks, rank_correlation


def graded(seed: int, cases: int = 40, levels: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three concepts and what a network made of them; with levels, there are ties."""
    generator = np.random.default_rng(seed)
    truth = generator.random((cases, 3))
    found = np.clip(truth + generator.normal(0, 0.3, truth.shape), 0, 1)
    if levels:
        truth, found = (np.round(a * levels) / levels for a in (truth, found))
    return found, truth


@given(st.integers(0, 999), st.sampled_from([0, 1, 3, 10]))
def test_ranks_and_their_correlation_are_scipys(seed: int, levels: int) -> None:
    found, truth = graded(seed, levels=levels)
    np.testing.assert_array_equal(midranks(found[:, 0]), rankdata(found[:, 0]))
    expected = spearmanr(found[:, 0], truth[:, 0]).statistic
    assert rank_correlation(found[:, 0], truth[:, 0]) == pytest.approx(expected, abs=1e-12)


def test_what_never_varies_correlates_with_nothing() -> None:
    assert np.isnan(rank_correlation(np.ones(5), np.arange(5.0)))
    found, truth = graded(0)
    found[:, 1] = 0.5
    known = associations(found, truth, resamples([str(n) for n in range(40)], 5))
    assert np.isnan(known.trust[1]) and np.isnan(known.found[1]).all()
    assert {1} & {k for pair in untrue_pairs(known) for k in pair.concepts} == set()
    assert np.isnan(interval(known.trust_draws[:, 1])).all()


@given(st.integers(0, 99), st.sampled_from([0, 4]))
def test_every_draw_is_scipys_on_the_cases_drawn(seed: int, levels: int) -> None:
    """A draw's weights say how often each case stands in it: repeat them and ask scipy."""
    found, truth = graded(seed, levels=levels)
    weights = resamples([str(n) for n in range(40)], 3, seed)
    assert (weights.sum(axis=1) == 40).all()
    known = associations(found, truth, weights)
    for draw, weight in enumerate(weights):
        rows = np.repeat(np.arange(40), weight)
        for k in range(3):
            expected = spearmanr(found[rows, k], truth[rows, k]).statistic
            assert known.trust_draws[draw, k] == pytest.approx(expected, abs=1e-9)
        tied = spearmanr(found[rows]).statistic - spearmanr(truth[rows]).statistic
        np.testing.assert_allclose(known.tied_draws[draw], tied, atol=1e-9)
    np.testing.assert_allclose(known.found, spearmanr(found).statistic, atol=1e-9)
    np.testing.assert_allclose(known.true, spearmanr(truth).statistic, atol=1e-9)


@given(st.integers(0, 99))
def test_what_is_there_or_not_is_scored_by_auc(seed: int) -> None:
    found, truth = graded(seed)
    truth[:, 2] = truth[:, 2] > 0.6
    truth[:2, 2] = 0, 1
    weights = resamples([str(n) for n in range(40)], 4, seed)
    known = associations(found, truth, weights)
    assert [kind_of(column) for column in truth.T] == ["graded", "graded", "present"]
    assert known.trust[2] == pytest.approx(roc_auc_score(truth[:, 2], found[:, 2]))
    rows = np.repeat(np.arange(40), weights[0])
    if len(set(truth[rows, 2])) == 2:
        expected = roc_auc_score(truth[rows, 2], found[rows, 2])
        assert known.trust_draws[0, 2] == pytest.approx(expected)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """For normal pairs with correlation .7, Spearman's is 6 / pi * asin(.7 / 2) = .6829."""
    generator, held = np.random.default_rng(5), 0
    true = 6 / np.pi * np.arcsin(0.35)
    for seed in range(120):
        pair = generator.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 100)
        weights = resamples([str(n) for n in range(100)], 200, seed)
        low, high = interval(associations(pair[:, :1], pair[:, 1:], weights).trust_draws[:, 0])
        held += low <= true <= high
    assert 0.88 <= held / 120 <= 1


def test_groups_are_drawn_whole_where_there_are_enough() -> None:
    groups = [str(n // 3) for n in range(36)]
    weights = resamples(groups, 20)
    assert grouped(groups)
    assert (weights.reshape(20, 12, 3) == weights[:, ::3, None]).all()
    few = [str(n // 9) for n in range(36)]
    assert not grouped(few) and not grouped([str(n) for n in range(36)])
    assert (resamples(few, 20).sum(axis=1) == 36).all()


def test_the_pair_that_is_tied_most_untruly_comes_first() -> None:
    """Truth is independent; the network says the first concept twice."""
    truth = np.random.default_rng(0).random((200, 3))
    found = truth.copy()
    found[:, 2] = truth[:, 0]
    pairs = untrue_pairs(associations(found, truth, resamples([str(n) for n in range(200)], 100)))
    assert pairs[0].concepts == (0, 2) and pairs[0].found == pytest.approx(1)
    assert pairs[0].interval[0] <= 1 - pairs[0].true <= pairs[0].interval[1]
    assert [p.concepts for p in pairs[1:]] in ([(0, 1), (1, 2)], [(1, 2), (0, 1)])


def test_reliability_by_hand() -> None:
    """Two bins: grades .2 .2 .4 against 0 .1 .2, and .6 .8 against .9 .9.

    Means .2667 against .1, and .7667 against .9. The second bin's true grades are all .9; Wilson's
    interval of .9 among three is still wide: with room 3.8415 / 3 = 1.2805, its middle is
    (.9 + .6402) / 2.2805 = .6754 and its reach sqrt(.09 * 1.2805 + .4099) / 2.2805 = .3177.
    """
    found, truth = np.array([0.2, 0.2, 0.4, 0.6, 0.8]), np.array([0, 0.1, 0.2, 0.9, 0.9])
    curve = reliability(found, truth, bins=2)
    # The median, .4, is the edge, and belongs above it.
    assert curve.cases.tolist() == [2, 3]
    curve = reliability(np.array([0.2, 0.2, 0.4, 0.6, 0.8, 0.9]), np.append(truth, 0.9), bins=2)
    assert curve.cases.tolist() == [3, 3]
    np.testing.assert_allclose(curve.given, [0.8 / 3, 2.3 / 3])
    np.testing.assert_allclose(curve.true, [0.1, 0.9])
    assert curve.calibration_error == pytest.approx((0.5 / 3 + 0.4 / 3) / 2)
    assert (curve.low[1], curve.high[1]) == pytest.approx((0.3577, 0.9931), abs=1e-3)
    assert 0 <= curve.low[0] < 0.1 < curve.high[0]


def test_a_bin_whose_cases_share_one_true_grade_is_not_sure_of_it() -> None:
    """Twenty cases in two bins, all without the concept: of ten, up to 28 % may have it."""
    curve = reliability(np.arange(20) / 20, np.zeros(20), bins=2)
    assert curve.low.tolist() == [0, 0]
    assert curve.high == pytest.approx([3.8415 / 13.8415] * 2, abs=1e-4)


@given(st.integers(0, 99), st.sampled_from([0, 2, 5]))
def test_equal_grades_share_a_bin(seed: int, levels: int) -> None:
    found, truth = graded(seed, levels=levels)
    curve = reliability(found[:, 0], truth[:, 0])
    assert curve.cases.sum() == 40 and len(curve.cases) <= 10
    assert (np.diff(curve.given) > 0).all()
    gaps = np.abs(curve.given - curve.true)
    assert curve.calibration_error == pytest.approx(np.average(gaps, weights=curve.cases))
    assert reliability(truth[:, 0], truth[:, 0]).calibration_error == pytest.approx(0, abs=1e-12)


def test_a_weighted_mean_is_that_of_the_cases_drawn() -> None:
    values = np.random.default_rng(0).random((40, 3))
    weights = resamples([str(n) for n in range(40)], 3)
    rows = np.repeat(np.arange(40), weights[1])
    np.testing.assert_allclose(weighted_means(values, weights)[1], values[rows].mean(axis=0))
