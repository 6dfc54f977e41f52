"""Intervals: solved by hand, never a point, and as wide as further groups ask for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from minspnet.compare import measure_one
from minspnet.estimate import (
    effective_cases,
    from_draws,
    resampling,
    share,
    what_it_is_about,
)
from minspnet.metrics import wilson_interval


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_cases_that_stand_alone_have_the_interval_of_wilson(hits: list[bool]) -> None:
    found = share(np.array(hits), np.arange(len(hits)))
    assert (found.low, found.high) == pytest.approx(wilson_interval(sum(hits), len(hits)))
    assert found.low < found.high


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40))
def test_a_share_of_groups_is_inside_an_interval_that_is_no_point(
    cases: list[tuple[int, bool]],
) -> None:
    units, hits = (np.array(side) for side in zip(*cases, strict=True))
    found = share(hits, units)
    assert 0 <= found.low <= found.value <= found.high <= 1 and found.low < found.high
    assert 0 < effective_cases(hits, units) <= len(hits)


def test_all_right_counts_each_group_once() -> None:
    """12 groups of 2 are as 12 cases; groups of 1 and 3 as (1 + 3)^2 / (1 + 9) = 1.6."""
    right = np.ones(24, bool)
    assert effective_cases(right, np.arange(24) // 2) == pytest.approx(12)
    assert share(right, np.arange(24) // 2).low == pytest.approx(12 / (12 + 3.8415), abs=1e-5)
    assert effective_cases(np.zeros(4, bool), np.array([0, 1, 1, 1])) == pytest.approx(1.6)
    assert effective_cases(np.array([True, False]), np.array([7, 7])) == pytest.approx(1)


def test_the_design_effect_by_hand() -> None:
    """Ten groups of two, in each both right or both wrong, half of them: p = .5.

    Away from p, a group sums to 1 or -1: the variance of the sum is 10 * 10 / 9; of 20 cases alone
    20 * .25 * 20 / 19. Of 20 cases (20 * .25 * 20 / 19) / (100 / 9) remain, 9.47, fewer by the
    square of the t quantiles of 19 and of 9 degrees of freedom.
    """
    units, hits = np.arange(20) // 2, np.arange(20) // 2 % 2 == 0
    alone, groups = t.ppf(0.975, 19), t.ppf(0.975, 9)
    expected = 20 * (100 / 19) / (100 / 9) * (alone / groups) ** 2
    assert effective_cases(hits, units) == pytest.approx(expected)
    assert 8 < expected < 10


def test_intervals_hold_for_further_groups_where_those_of_cases_do_not() -> None:
    """19 groups of 1 to 4 cases, alike to .5: some 93 of 100 hold a share of .8.

    Wilson's on cases, and percentiles of redrawn groups near an end, miss it far more often.
    """
    generator = np.random.default_rng(0)
    held = {"groups": 0, "cases": 0}
    for _ in range(600):
        units = np.repeat(np.arange(19), generator.integers(1, 5, 19))
        hits = generator.random(len(units)) < generator.beta(0.8, 0.2, 19)[units]
        found = share(hits, units)
        held["groups"] += found.low <= 0.8 <= found.high
        low, high = wilson_interval(int(hits.sum()), len(hits))
        held["cases"] += low <= 0.8 <= high
    assert 546 <= held["groups"] <= 588 and held["cases"] <= 525


def test_what_no_draw_moves_has_no_interval() -> None:
    assert not from_draws(1.0, np.ones(50)).bounded
    assert from_draws(1.0, np.ones(50)).bounds == ""
    assert not from_draws(math.nan, np.full(50, math.nan)).bounded
    assert from_draws(0.5, np.array([0.4, 0.6])).bounds == "0.405 to 0.595"


def test_thirty_right_of_thirty() -> None:
    """Wilson begins at 30 / (30 + 3.84); an AUC of 1 has no interval, and no nan is said."""
    labels = np.arange(30) % 2
    chances = np.where(np.eye(2)[labels] == 1, 0.9, 0.1)
    found = measure_one(chances, labels, labels, [str(k) for k in range(30)])
    assert found["accuracy"].bounds == "0.886 to 1.000"
    assert found["auc"].value == 1 and not found["auc"].bounded


def test_it_is_said_for_whom_intervals_hold() -> None:
    groups = [str(k // 2) for k in range(24)]
    said = what_it_is_about(resampling(groups), groups, "nodule", "patient")
    assert "24 nodules of 12 patients" in said and said.startswith("Nodules of one patient count")
    few = ["a", "b"] * 10
    assert "only 2 patients" in what_it_is_about(resampling(few), few, "nodule", "patient")
    alone = [str(k) for k in range(20)]
    assert what_it_is_about(resampling(alone), alone, "nodule", "") == ""
