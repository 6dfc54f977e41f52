"""Bins of confidence, against scikit-learn."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from minspnet.cohorts import cohorts
from minspnet.domains import DOMAINS
from minspnet.metrics import calibration_error
from minspnet.reliability import gap, reliability


@given(st.integers(1, 80), st.integers(2, 4), st.integers(1, 12), st.integers(0, 99))
def test_the_gap_is_the_calibration_error(cases: int, classes: int, bins: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    chances = generator.dirichlet(np.ones(classes), size=cases)
    labels = generator.integers(classes, size=cases)
    found = reliability(chances, labels, bins)
    assert gap(found) == pytest.approx(calibration_error(chances, labels, bins))
    assert sum(one.cases for one in found) == cases
    assert all(a.highest <= b.lowest for a, b in pairwise(found))
    assert all(one.interval[0] <= one.right <= one.interval[1] for one in found)


def test_bins_equal_scikit_learns_quantile_bins() -> None:
    """Without ties, and with bins that cases fill evenly, both cut at the same places."""
    generator = np.random.default_rng(0)
    second = generator.permutation(np.linspace(0.51, 0.99, 100))
    labels = (generator.random(100) < second).astype(int)
    found = reliability(np.column_stack([1 - second, second]), labels, 10)
    right, sure = calibration_curve(labels, second, n_bins=10, strategy="quantile")
    assert [one.sure for one in found] == pytest.approx(list(sure))
    assert [one.right for one in found] == pytest.approx(list(right))


def test_no_cases_make_no_bins() -> None:
    assert reliability(np.zeros((0, 2)), np.zeros(0, int)) == ()
    assert gap(()) == 0


def test_cohorts_cover_every_case_once_in_every_way() -> None:
    domain = DOMAINS["wrist_exercise"]
    generator = np.random.default_rng(0)
    labels = generator.integers(7, size=90)
    truth = generator.random((90, len(domain.concepts)))
    truth[:, 0] = 0.5
    truth[:60, 1] = 0
    found = cohorts(domain, labels, truth, ["a", "b", "c"] * 30)
    ways = {one.by for one in found}
    assert "Subject" in ways and domain.concepts[0].title not in ways
    for way in ways:
        members = np.stack([one.members for one in found if one.by == way])
        assert (members.sum(axis=0) == 1).all(), way
    tied = [one for one in found if one.by == domain.concepts[1].title]
    assert int(tied[0].members.sum()) == 60


def test_many_or_small_groups_are_no_cohorts() -> None:
    domain = DOMAINS["wrist_exercise"]
    labels, truth = np.zeros(60, int), np.full((60, len(domain.concepts)), 0.5)
    assert len(cohorts(domain, labels, truth, [str(k) for k in range(60)])) == 1
    assert len(cohorts(domain, labels, truth, ["a"] * 55 + ["b"] * 5)) == 1
