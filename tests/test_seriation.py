"""Orders of a heat map: nothing is lost, nothing is mixed, and what did not run stays so."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minspnet.seriation import (
    arrange_cases,
    arrange_units,
    mean_that_ran,
    merge_neighbours,
    scale_units,
)


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 70))
def test_groups_hold_every_case_once_and_of_one_kind(seed: int, cases: int, most: int) -> None:
    generator = np.random.default_rng(seed)
    labels, said = generator.integers(0, 3, (2, cases))
    active = generator.random((cases, 2)) < 0.5
    values = generator.normal(size=(cases, 4))
    values[~active[:, 0]] = np.nan
    order = arrange_cases(values, active, said, labels)
    assert sorted(order) == list(range(cases))
    assert (np.diff(labels[order]) >= 0).all()
    groups = merge_neighbours(order, np.column_stack([labels, said, active]), most)
    assert np.concatenate(groups).tolist() == order.tolist()
    kinds = len(set(zip(labels, said, strict=True)))
    assert len(groups) <= max(most, kinds)
    for group in groups:
        assert len(set(labels[group])) == len(set(said[group])) == 1
    if most >= cases:
        assert all(len(group) == 1 for group in groups)


def test_units_by_the_class_they_are_strongest_in() -> None:
    two = np.array([[0.2, 0.8], [0.9, 0.1], [np.nan, np.nan]])
    assert arrange_units(two).tolist() == [1, 2, 0]
    three = np.array([[0.1, 0.9, 0.5], [0.8, 0.2, 0.3], [0.95, 0.1, 0.2], [0.2, 0.3, 0.7]])
    assert arrange_units(three).tolist() == [2, 1, 0, 3]


def test_scale_and_mean_by_hand() -> None:
    values = np.array([[2.0, 0.0, np.nan], [-4.0, 0.0, np.nan], [np.nan, 0.0, np.nan]])
    scaled = scale_units(values)
    assert scaled[:2, 0].tolist() == [0.5, -1]
    assert scaled[:, 1].tolist() == [0, 0, 0]
    assert np.isnan(scaled[:, 2]).all()
    assert mean_that_ran(values)[:2].tolist() == [-1, 0]
    assert np.isnan(mean_that_ran(values)[2])


def test_alike_cases_stand_together() -> None:
    """Of one class, decision and route: two kinds of case that alternate come out in two blocks."""
    values = np.tile([[1.0, 0.0], [0.0, 1.0]], (5, 1))
    nothing = np.zeros(10, int)
    order = arrange_cases(values, np.ones((10, 1), bool), nothing, nothing)
    assert abs(np.diff(order % 2)).sum() == 1
