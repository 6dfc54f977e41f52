"""Intervals: solved by hand, never a point, and as wide as further groups ask for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize("wrong", [0, 1, 5, 10])
def test_cases_of_a_group_that_are_all_alike_count_once(wrong: int) -> None:
    """Ten groups of two, in each both right or both wrong, and two groups more: 12 of 24 cases.

    Sums of two alike are off by twice as much as one, so that their squares over 12 groups are 2
    times those of 24 cases; with 12 / 11 and 24 / 23 for the means taken off, the design effect is
    23 / 11, whatever the share.
    """
    units = np.arange(20) // 2
    assert effective_cases(units >= wrong, units) == pytest.approx(20 * 11 / 23)


def test_the_design_effect_of_unequal_groups_by_hand() -> None:
    """Groups of 1 and 3, all right, and of 2 right and 2 wrong: 6 of 8, .75.

    Off by .25, .75, .5 and -1.5, squares 3.125, times 4 / 3; alone 8 * .75 * .25 * 8 / 7.
    """
    found = effective_cases(np.ones(4, bool), np.array([7, 9, 9, 9]))
    assert found == pytest.approx(4 * (1.5 * 8 / 7) / (3.125 * 4 / 3))


def test_one_more_wrong_never_raises_the_bounds() -> None:
    """19 groups of 1 to 3; all right is above any one wrong, and that above any two."""
    units = np.repeat(np.arange(19), [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 2])
    cases = len(units)

    def low(*wrong: int) -> float:
        return share(~np.isin(np.arange(cases), wrong), units).low

    ones = [low(k) for k in range(cases)]
    assert max(ones) < low()
    for first in range(cases):
        assert all(low(first, k) < ones[first] for k in range(first + 1, cases))


def test_intervals_hold_for_further_groups_where_those_of_cases_do_not() -> None:
    """19 groups of 1 to 4 cases, alike to .5: some 95 of 100 hold a share of .8.

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
    assert not from_draws(1.0, 1 - np.array([0, 2e-16] * 25)).bounded  # by rounding alone
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
    assert "24 nodules of 12 patients" in said and said.startswith("Nodules of one patient may")
    few = ["a", "b"] * 10
    assert "only 2 patients" in what_it_is_about(resampling(few), few, "nodule", "patient")
    alone = [str(k) for k in range(20)]
    assert what_it_is_about(resampling(alone), alone, "nodule", "") == ""
