"""Cases unlike training: by hand, and on damaged inputs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corruptions import NUMBERS, PICTURES
from minspnet.artifact import load
from minspnet.domain import Feature
from minspnet.domains import SAMPLE_DATA, find_domain, load_cases
from minspnet.errors import UserError
from minspnet.metrics import auc
from minspnet.traits import Traits, traits
from minspnet.unusual import Neighbourhood, familiarise

FEATURES = tuple(Feature(name, name.title()) for name in ("a", "b"))


def columns(count: int, seed: int) -> Traits:
    return traits(np.random.default_rng(seed).normal(size=(count, 2)).astype("f4"), FEATURES)


def learned(share: float = 0.05):
    return familiarise(columns(600, 0), columns(2000, 1), share)


def test_the_fifth_neighbour_by_hand() -> None:
    """Known 0, 2, 4, 6, 8 of 0 ... 9, by halves: mean 4.5. From 10 the fifth nearest is 0."""
    near = Neighbourhood.of(np.arange(10.0)[:, None])
    apart = near.distance(np.array([[10.0], [4.0]])) * near.usual * near.spread[0]
    assert apart == pytest.approx([10, 4])


@given(st.integers(0, 99), st.floats(0.01, 100), st.floats(-50, 50))
def test_units_do_not_matter(seed: int, scale: float, shift: float) -> None:
    values = np.random.default_rng(seed).normal(size=(40, 3))
    new = np.random.default_rng(seed + 1).normal(size=(5, 3))
    turned = np.array([scale, 1, 1]), np.array([shift, 0, 0])
    there = Neighbourhood.of(values * turned[0] + turned[1])
    expected = Neighbourhood.of(values).distance(new)
    assert there.distance(new * turned[0] + turned[1]) == pytest.approx(expected, rel=1e-4)


def test_what_goes_together_must_do_so() -> None:
    """Two columns that agree: each value is usual alone, the pair is not."""
    first = np.random.default_rng(0).normal(size=400)
    near = Neighbourhood.of(np.stack([first, first + 0.05 * np.sin(9 * first)], axis=1))
    agreed, apart = near.distance(np.array([[1.5, 1.5], [1.5, -1.5]]))
    assert agreed < 2 and apart > 10


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_as_many_new_cases_are_flagged_as_asked(share: float) -> None:
    flags = learned(share).flags(columns(4000, 5))
    assert flags.mean() == pytest.approx(share, abs=0.04)


def test_too_few_validation_cases_flag_nothing() -> None:
    few = familiarise(columns(50, 0), columns(10, 1))
    assert few.limit == np.inf
    assert not few.flags(Traits(("a", "b"), np.full((1, 2), 99.0))).any()


def test_what_is_out_of_range_is_named_and_what_is_missing() -> None:
    known = learned()
    found = known.look(Traits(("A", "B"), np.array([[0.1, 40.0]])))
    assert found.flagged
    assert [one.trait for one in found.strange] == [1]
    assert found.strange[0].outside and found.strange[0].most < 5
    blank = known.look(Traits(("A", "B"), np.array([[np.nan, 0.0]])))
    assert blank.missing == (0,) and not blank.flagged
    assert [one.outside for one in blank.strange] == [False]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UserError, match="share must lie strictly between 0 and 1, got 0"):
        learned(0.0)


def test_signals_are_measured_by_channel() -> None:
    found = traits(np.array([[[0, 1, 0, 3], [5, 5, 5, 5]]], np.float32), FEATURES)
    told = dict(zip(found.titles, found.values[0], strict=True))
    assert told["mean of A"] == 1 and told["most of A"] == 3 and told["least of A"] == 0
    assert told["roughness of A"] == pytest.approx(5 / 3) and told["roughness of B"] == 0


@pytest.fixture(scope="module")
def nodules() -> tuple[Neighbourhood, np.ndarray]:
    model, cases = (
        load(SAMPLE_DATA / "models" / "lung_nodules"),
        load_cases(find_domain("lung_nodules")),
    )
    parts = {
        part: cases.take(cases.rows_of(model.traces[part].case_ids)).inputs
        for part in ("train", "test")
    }
    return Neighbourhood.of(traits(parts["train"], ()).values), parts["test"]


@pytest.mark.parametrize("name", [name for name in PICTURES if "rotated" not in name])
def test_damaged_pictures_are_told(name: str, nodules: tuple[Neighbourhood, np.ndarray]) -> None:
    """A nodule's outline turned round is another nodule's: nothing can tell that."""
    near, pictures = nodules
    damaged = PICTURES[name](pictures, np.random.default_rng(0))
    assert damaged.shape == pictures.shape
    apart = near.distance(traits(damaged.astype(np.float32), ()).values)
    usual = near.distance(traits(pictures, ()).values)
    strange = np.arange(2 * len(usual)) < len(usual)
    assert auc(np.concatenate([apart, usual]), strange) >= 0.9


@pytest.mark.parametrize("name", NUMBERS)
def test_damaged_numbers_differ_and_keep_their_shape(name: str) -> None:
    numbers = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    damaged = NUMBERS[name](numbers, np.random.default_rng(1))
    assert damaged.shape == numbers.shape and (damaged != numbers).any()
