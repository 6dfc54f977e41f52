"""What follows from measurements of methods: by hand, against scipy, and as properties."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from minspnet.trust import (
    FEWEST,
    MEASURES,
    Mean,
    Measured,
    agreement,
    doubts,
    effective_places,
    global_shares,
    quality,
    rank_correlation,
    top_places,
)

GOOD = Measured(np.array([3.0, -1.0, 0.0]), 1.0, 1.0, 0.1, 0.1, 2.0, 0.1, 0.01)
VALUES = st.lists(st.integers(-4, 4), min_size=3, max_size=12)


def several(count: int, **changed: float) -> list[Measured]:
    """Cases that differ a little, so that intervals have a width."""
    return [replace(GOOD, **{"deletion": 1 + 0.1 * (k % 3)} | changed) for k in range(count)]


def test_a_mean_by_hand() -> None:
    """1, 2, 3: standard deviation 1, so 1.96 / sqrt(3); what is no number is left out."""
    found = Mean.of([1.0, math.nan, 2.0, 3.0])
    assert (found.value, found.cases) == (2.0, 3)
    assert found.margin == pytest.approx(1.96 / math.sqrt(3))
    assert math.isnan(Mean.of([5.0]).margin)
    assert math.isnan(Mean.of([]).value)


def test_a_method_is_doubted_for_what_was_measured() -> None:
    assert doubts(several(FEWEST)) == ()
    assert doubts(several(FEWEST, deletion=0.0)) == ("deletion",)
    mixed = [replace(GOOD, deletion=value) for value in (3.0, -2.0) * FEWEST]
    assert doubts(mixed) == ("deletion",)
    assert doubts(several(FEWEST, shuffled=0.5)) == ("shuffled",)
    assert doubts(several(FEWEST, shuffled=0.49)) == ()
    assert doubts(several(FEWEST, missed=0.05)) == ("missed",)
    assert doubts(several(FEWEST, missed=math.nan)) == ()
    assert doubts(several(FEWEST, deletion=-1.0, missed=1.0)) == ("deletion", "missed")


def test_few_cases_speak_against_nothing() -> None:
    assert doubts(several(FEWEST - 1, deletion=-9.0, shuffled=1.0)) == ()


def test_quality_tells_every_measure() -> None:
    found = quality(several(9))
    assert tuple(found) == MEASURES
    assert found["deletion"].value == pytest.approx(1.1)
    assert all(mean.cases == 9 for mean in found.values())


@given(VALUES, st.randoms(use_true_random=False))
def test_rank_correlation_is_scipys(first: list[int], random: object) -> None:
    second = list(first)
    random.shuffle(second)  # type: ignore[attr-defined]
    ours = rank_correlation(np.array(first, float), np.array(second, float))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = float(spearmanr(first, second).statistic)
    assert ours == pytest.approx(theirs, nan_ok=True)


@given(VALUES.filter(any))
def test_effective_places_lie_between_one_and_all(values: list[int]) -> None:
    found = effective_places(np.array(values, float))
    assert 1 - 1e-9 <= found <= np.count_nonzero(values) + 1e-9
    assert found == pytest.approx(effective_places(-3.0 * np.array(values, float)))


def test_effective_places_by_hand() -> None:
    assert effective_places(np.array([0.0, -5.0])) == pytest.approx(1)
    assert effective_places(np.array([2.0, -2.0, 2.0, 2.0])) == pytest.approx(4)
    assert math.isnan(effective_places(np.zeros(3)))


def test_agreement_compares_sizes_where_there_is_no_direction() -> None:
    """The same values with one sign turned: far apart with signs, the same by size."""
    values = np.array([3.0, -2.0, 1.0])
    one, turned = [replace(GOOD, values=v) for v in (values, np.abs(values))]
    signed = agreement({"a": [one], "b": [turned]})
    assert signed[0, 1] == pytest.approx(spearmanr(values, np.abs(values)).statistic)
    sized = agreement({"a": [one], "b": [turned]}, unsigned=("b",))
    np.testing.assert_allclose(sized, np.ones((2, 2)))


def test_shares_by_hand() -> None:
    """Sizes 3, 1 and 1, 3: two each, half of the whole."""
    pair = [replace(GOOD, values=np.array(v)) for v in ([3.0, -1.0], [-1.0, 3.0])]
    shares, margins = global_shares(pair)
    np.testing.assert_allclose(shares, [0.5, 0.5])
    np.testing.assert_allclose(margins, 1.96 * math.sqrt(2) / math.sqrt(2) / 4)


def test_top_places_by_size() -> None:
    assert top_places(np.array([1.0, -4.0, 2.0]), 2) == (1, 2)
