"""Scores against scikit-learn's and against slow loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score

from minspnet.errors import UserError
from minspnet.metrics import (
    CostTable,
    accuracy,
    auc,
    calibration_error,
    mean_auc,
    recall,
    sign_test,
    wilson_interval,
)


def label_lists(classes: int) -> st.SearchStrategy[list[int]]:
    """Labels in which every class stands at least once."""
    rest = st.lists(st.integers(0, classes - 1), max_size=25)
    return rest.flatmap(lambda more: st.permutations([*range(classes), *more]))


@given(label_lists(2), st.data())
def test_auc_equals_scikit_learn_with_ties(labels: list[int], data: st.DataObject) -> None:
    """Scores from a small pool, so that most of them tie."""
    size = len(labels)
    values = data.draw(st.lists(st.sampled_from([0.1, 0.2, 0.5]), min_size=size, max_size=size))
    scores, truth = np.array(values, np.float32), np.array(labels)
    assert auc(scores, truth == 1) == pytest.approx(roc_auc_score(truth, scores))


@given(label_lists(2), st.integers(0, 99))
def test_auc_equals_scikit_learn_without_ties(labels: list[int], seed: int) -> None:
    scores, truth = np.random.default_rng(seed).normal(size=len(labels)), np.array(labels)
    assert auc(scores, truth == 1) == pytest.approx(roc_auc_score(truth, scores))
    assert auc(-scores, truth == 1) == pytest.approx(1 - auc(scores, truth == 1))


def test_auc_without_one_of_the_classes_is_unknown() -> None:
    scores = np.array([0.1, 0.2])
    assert math.isnan(auc(scores, np.array([True, True])))
    assert math.isnan(auc(scores, np.array([False, False])))


@given(label_lists(3), st.integers(0, 99))
def test_mean_auc_equals_scikit_learn(labels: list[int], seed: int) -> None:
    truth = np.array(labels)
    chances = np.random.default_rng(seed).dirichlet(np.ones(3), size=len(labels))
    expected = roc_auc_score(truth, chances, multi_class="ovr", average="macro")
    assert mean_auc(chances, truth) == pytest.approx(expected)
    two = chances[:, :2] / chances[:, :2].sum(axis=1, keepdims=True)
    assert mean_auc(two, (truth > 0).astype(int)) == pytest.approx(
        roc_auc_score(truth > 0, two[:, 1])
    )


@given(label_lists(3), st.data())
def test_accuracy_and_recall_equal_scikit_learn(labels: list[int], data: st.DataObject) -> None:
    size = len(labels)
    guesses = data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    truth, predicted = np.array(labels), np.array(guesses)
    assert accuracy(predicted, truth) == pytest.approx(accuracy_score(truth, predicted))
    assert recall(predicted, truth, 3) == pytest.approx(
        recall_score(truth, predicted, average=None)
    )


def test_recall_of_a_missing_class_is_unknown() -> None:
    found = recall(np.array([0, 1, 1]), np.array([0, 0, 0]), 2)
    assert found[0] == pytest.approx(1 / 3)
    assert math.isnan(found[1])


def test_calibration_error_by_hand() -> None:
    """Two bins of two cases: confidence .6 and .9 against accuracy 1/2 and 1.

    .5 * |.6 - .5| + .5 * |.9 - 1| = .1
    """
    second = np.array([0.9, 0.4, 0.1, 0.6])
    chances = np.stack([1 - second, second], axis=1)
    labels = np.array([1, 0, 0, 0])
    assert calibration_error(chances, labels, bins=2) == pytest.approx(0.1)


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 99))
def test_calibration_error_of_sure_and_right_is_zero(size: int, bins: int, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(3, size=size)
    assert calibration_error(np.eye(3)[labels], labels, bins) == 0
    assert calibration_error(np.eye(3)[labels], (labels + 1) % 3, bins) == pytest.approx(1)


@given(st.lists(st.integers(0, 10**9), max_size=5), st.integers(0, 99))
def test_macs_are_the_base_and_the_active_experts(experts: list[int], seed: int) -> None:
    cost = CostTable(10**9, tuple(experts))
    active = np.random.default_rng(seed).random((6, len(experts))) < 0.5
    for row, macs in zip(active, cost.macs(active), strict=True):
        assert macs == 10**9 + sum(e for e, on in zip(experts, row, strict=True) if on)
    assert cost.macs(np.ones((1, len(experts)), bool)).tolist() == [cost.total]


@given(st.integers(1, 500), st.data())
def test_wilson_equals_scipy(cases: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, cases))
    expected = binomtest(count, cases).proportion_ci(method="wilson")
    assert wilson_interval(count, cases) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_sign_test_equals_scipy(more: int, fewer: int) -> None:
    expected = binomtest(more, more + fewer).pvalue if more + fewer else 1
    assert sign_test(more, fewer) == pytest.approx(expected)


def test_wilson_by_hand_and_at_its_ends() -> None:
    """Half of 100, z2 = 3.8415: (.5 + z2/200 -/+ sqrt(.0025 z2 + z2^2/40000)) / (1 + z2/100)."""
    assert wilson_interval(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert wilson_interval(0, 7)[0] == 0 and wilson_interval(7, 7)[1] == 1
    assert wilson_interval(0, 0) == (0, 1)
    with pytest.raises(UserError, match="count must lie between 0 and 3, got 4"):
        wilson_interval(4, 3)
