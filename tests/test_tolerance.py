"""The cheapest point within a loss, and an interval that keeps its promise."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from minspnet.errors import UserError
from minspnet.sweep import Score
from minspnet.tolerance import Loss, cheapest_within, compare


def points(*values: tuple[float, float]) -> tuple[Score, ...]:
    """Points of a curve by accuracy and mean MACs."""
    return tuple(Score((), accuracy, macs, (), (), (), (), ()) for accuracy, macs in values)


CURVE = points((0.90, 10), (0.92, 8), (0.895, 5), (0.90, 6), (0.88, 3), (0.89, 3), (0.80, 1))


@pytest.mark.parametrize(
    ("lost", "place"),
    [
        (0, 3),  # better ones are dearer, and as good is good enough
        (0.5, 2),
        (1, 5),  # 0.90 - 0.89 is more than 0.01 in floats
        (2, 5),  # of two that cost the same the better one
        (100, 6),
    ],
)
def test_cheapest_within_by_hand(lost: float, place: int) -> None:
    assert cheapest_within(CURVE, lost) is CURVE[place]


def test_nothing_cheaper_is_none() -> None:
    assert cheapest_within(points((0.9, 10), (0.8, 5), (0.9, 10)), 1) is None
    with pytest.raises(UserError) as refused:
        cheapest_within(CURVE, -1)
    assert str(refused.value) == "points_lost must be 0 or more, got -1; 0 gives nothing up."


@given(st.integers(0, 99), st.integers(1, 30))
def test_counts_equal_a_loop(seed: int, cases: int) -> None:
    generator = np.random.default_rng(seed)
    before, after, labels = generator.integers(3, size=(3, cases))
    pairs = [
        (b == k, a == k)
        for b, a, k in zip(before.tolist(), after.tolist(), labels.tolist(), strict=True)
    ]
    found = compare(before, after, labels)
    assert found == Loss(cases, pairs.count((True, False)), pairs.count((False, True)))
    accuracies = (before == labels).mean() - (after == labels).mean()
    assert found.share == pytest.approx(accuracies)
    low, high = found.interval()
    assert -1 <= low <= found.share <= high <= 1


@given(st.integers(1, 200), st.data())
def test_the_interval_is_made_of_exact_binomial_ones(cases: int, data: st.DataObject) -> None:
    """Scipy's own exact test as the second opinion."""
    wrong = data.draw(st.integers(0, cases))
    right = data.draw(st.integers(0, cases - wrong))
    of_wrong, of_right = (
        binomtest(count, cases).proportion_ci(0.975, method="exact") for count in (wrong, right)
    )
    low, high = Loss(cases, wrong, right).interval()
    assert low == pytest.approx(of_wrong.low - of_right.high, abs=1e-9)
    assert high == pytest.approx(of_wrong.high - of_right.low, abs=1e-9)


def test_nothing_seen_is_not_nothing_possible() -> None:
    """With no change in 91 cases: (1 - p)^91 = 1/80 at the end of the interval."""
    low, high = Loss(91, 0, 0).interval()
    assert high == -low == pytest.approx(1 - 80 ** (-1 / 91))


@pytest.mark.parametrize("wrong", [0.0, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("right", [0.0, 0.05, 0.2])
def test_the_interval_covers_what_it_says(wrong: float, right: float) -> None:
    """Over all outcomes of 30 cases, weighed by how likely each is."""
    cases, covered = 30, 0.0
    for w, r in itertools.product(range(cases + 1), repeat=2):
        if w + r <= cases:
            ways = math.comb(cases, w) * math.comb(cases - w, r)
            chance = ways * wrong**w * right**r * (1 - wrong - right) ** (cases - w - r)
            low, high = Loss(cases, w, r).interval()
            covered += chance * (low - 1e-12 <= wrong - right <= high + 1e-12)
    assert covered >= 0.95
