"""Each change that is claimed to flip a decision flips it, and no smaller one is missed."""

import math
from itertools import combinations, product

import numpy as np
import pytest
from forests import Forest, any_head, policies, traces
from hypothesis import given
from hypothesis import strategies as st
from test_reasons import hand_made

from minspnet.counterfactual import Counterfactual, alternatives, plausible_grades
from minspnet.network import run
from minspnet.policy import Policy
from minspnet.trace import Decision, Trace, decide, replay
from minspnet.whatif import Span, resized, scan, silenced, spans, stands_free

COARSE = ((0.0, 0.25, 0.5, 0.75, 1.0), (0.0, 0.3, 0.6, 0.9), (0.1, 0.5, 0.9))
SPREAD = np.array([0.2, 0.1, 0.4])
SEEN = (True, True, True)


@st.composite
def decided(draw: st.DrawFn) -> tuple[Trace, Policy]:
    """One case of many kinds of head, under any policy, edits included."""
    trace = draw(any_head(draw(traces())[0]))
    return trace, draw(policies(trace))


def cost_of(now: np.ndarray, concepts: tuple[int, ...], values: tuple[float, ...]) -> float:
    pairs = zip(concepts, values, strict=True)
    return sum(abs(float(np.float32(v)) - float(now[k])) / SPREAD[k] for k, v in pairs)


def predicted(trace: Trace, policy: Policy, one: Counterfactual) -> int:
    return int(replay(trace, one.apply(policy, trace.concept_names)).predicted[0])


# --- Findings ---------------------------------------------------------------------------


@given(decided())
def test_a_claimed_change_flips_and_no_part_of_it_does(case: tuple[Trace, Policy]) -> None:
    trace, policy = case
    now = replay(trace, policy)
    found = alternatives(trace, policy, COARSE, SPREAD, SEEN)
    held = {name for name, _ in policy.interventions}
    for one in found.found:
        assert predicted(trace, policy, one) == one.decided != now.predicted[0]
        assert not held & {trace.concept_names[k] for k in one.concepts}
        assert one.shift == pytest.approx(cost_of(now.concepts[0], one.concepts, one.values))
        pairs = list(zip(one.concepts, one.values, strict=True))
        for fewer in combinations(pairs, len(pairs) - 1):
            concepts, values = tuple(k for k, _ in fewer), tuple(v for _, v in fewer)
            part = Counterfactual(concepts, values, 0, 0.0)
            assert predicted(trace, policy, part) == now.predicted[0]
    keys = [(len(one.concepts), one.shift) for one in found.found]
    assert keys == sorted(keys)


@given(decided())
def test_no_smaller_change_is_missed(case: tuple[Trace, Policy]) -> None:
    """Against every combination of grades, each replayed; ties within rounding aside."""
    trace, policy = case
    now = replay(trace, policy)
    held = {name for name, _ in policy.interventions}
    free = [k for k, name in enumerate(trace.concept_names) if name not in held]
    found = alternatives(trace, policy, COARSE, SPREAD, SEEN, count=99)
    best: dict[tuple[int, ...], float] = {}
    for size in range(1, found.together + 1):
        for chosen in combinations(free, size):
            for values in product(*(COARSE[k] for k in chosen)):
                one = Counterfactual(chosen, values, 0, 0.0)
                if predicted(trace, policy, one) != now.predicted[0]:
                    cost = cost_of(now.concepts[0], chosen, values)
                    best[chosen] = min(cost, best.get(chosen, math.inf))
    smallest = {
        chosen: cost
        for chosen, cost in best.items()
        if not any(set(other) < set(chosen) for other in best)
    }
    assert {one.concepts for one in found.found} == set(smallest)
    for one in found.found:
        assert one.shift == pytest.approx(smallest[one.concepts], abs=1e-5)
    if found.with_all is not None and found.together == len(free):
        assert found.with_all == bool(best)


def test_counterfactual_by_hand() -> None:
    """Logit 4 a - 8 b + 2 c + 0.75 = 2.95 at (0.8, 1/4, 1/2), spreads 0.2, 0.1 and 0.4.

    Alone a must fall by 0.74 to 0.06, so to 0 on its grades: 4 spreads, and it comes first. b
    must rise by 0.37 to 0.62, so to 0.9: 6.5 spreads. c takes 1 at most. Where a cannot fall
    below 1/4 it takes 2.2, and b at 0.3 takes 0.4: not enough. c must fall by 0.4 too, to 0.1,
    and then b may stay: 0.55/0.2 + 0.4/0.4 = 3.75 spreads.
    """
    case = hand_made([[4, -8, 2]], [0.75], [0.8, 0.25, 0.5])
    found = alternatives(case, Policy(()), COARSE, SPREAD, SEEN)
    assert [one.concepts for one in found.found] == [(0,), (1,)]
    assert [one.shift for one in found.found] == pytest.approx([4, 6.5], abs=1e-4)
    assert found.found[0].values == (0.0,)
    narrow = (COARSE[0][1:], (0.0, 0.3), COARSE[2])
    found = alternatives(case, Policy(()), narrow, SPREAD, SEEN)
    assert [one.concepts for one in found.found] == [(0, 2)]
    assert found.found[0] == Counterfactual((0, 2), (0.25, 0.1), 0, found.found[0].shift)
    assert found.found[0].shift == pytest.approx(3.75, abs=1e-4)


def test_what_a_person_can_see_comes_first() -> None:
    case = hand_made([[4, -8, 2]], [0.8], [0.8, 0.25, 0.5])
    found = alternatives(case, Policy(()), COARSE, SPREAD, (False, True, True))
    assert [one.concepts for one in found.found] == [(1,), (0,)]


def test_none_is_said_to_be_none() -> None:
    stuck = hand_made([[1, 1, 1]], [9], [0.5, 0.5, 0.5])
    found = alternatives(stuck, Policy(()), COARSE, SPREAD, SEEN)
    assert (found.found, found.with_all) == ((), False)
    everything_set = Policy(())
    for name in stuck.concept_names:
        everything_set = everything_set.intervene(name, 0.5)
    assert alternatives(stuck, everything_set, COARSE, SPREAD, SEEN).together == 0


def test_plausible_is_what_is_usual_in_some_class() -> None:
    """A rare class widens the range; a grade within half a step of its ends is kept."""
    known = np.concatenate([np.linspace(0, 0.4, 101), np.full(3, 0.9)])[:, None]
    rare = np.arange(104) >= 101
    grades = (tuple(n / 20 for n in range(21)),)
    (kept,) = plausible_grades(known.astype(np.float32), [~rare, rare], grades)
    assert (min(kept), max(kept)) == (0.0, 0.9)
    (kept,) = plausible_grades(known.astype(np.float32), [~rare], grades)
    assert max(kept) == 0.4


# --- Measurements -----------------------------------------------------------------------


def linear(weights: list[float], bias: float, policy: Policy) -> object:
    """A stand-in for a network: its only concept is a weighted sum."""
    case = hand_made([[1.0]], [0.0], [0.5])

    def decided_by(inputs: np.ndarray) -> Decision:
        logits = (inputs @ np.array([weights], np.float32).T + np.float32(bias)).astype(np.float32)
        active = np.zeros((len(inputs), 0), bool)
        return decide(case.head, policy, active, logits, logits)

    return decided_by


@given(st.integers(0, 2**32 - 1))
def test_single_columns_are_found_exactly(seed: int) -> None:
    """Against the crossing point of a plane, wherever it lies within the plausible range."""
    generator = np.random.default_rng(seed)
    weights, bias = generator.normal(size=3), generator.normal()
    known = tuple(Span(-2.0, 2.0, -3.0, 3.0, 1.0 + k, ()) for k in range(3))
    values = generator.uniform(-2, 2, 3).astype(np.float32)
    now = float(values @ weights.astype(np.float32) + np.float32(bias))
    found = scan(values, known, linear(list(weights), float(bias), Policy(())), count=9)
    needed = values - now / weights
    alone = {k for k in range(3) if -2 < needed[k] < 2}
    single = {one.features[0]: one for one in found.changes if len(one.features) == 1}
    assert {k for k in alone if abs(abs(needed[k]) - 2) > 1e-3} <= set(single)
    for k, one in single.items():
        assert abs(one.values[0] - needed[k]) <= 0.011 * max(abs(needed[k]), 0.1)
        assert one.shift == pytest.approx(abs(one.values[0] - values[k]) / known[k].spread)
    assert found.swings == pytest.approx(np.abs(weights) * 4, rel=1e-3)


def live(forest: Forest, policy: Policy) -> object:
    """The whole network: gates open and close."""

    def decided_by(inputs: np.ndarray) -> Decision:
        ids = tuple(map(str, range(len(inputs))))
        return replay(run(forest.network, ids, inputs, forest.trace.concept_names), policy)

    return decided_by


@given(st.data())
def test_a_claimed_change_of_columns_flips_the_network(forest: Forest, data: st.DataObject) -> None:
    """Live gates included; undoing any part of it undoes the change."""
    if forest.inputs.ndim > 2:
        return
    policy = data.draw(policies(forest.trace))
    decided_by = live(forest, policy)
    known = spans(forest.inputs, replay(forest.trace, policy).predicted)
    values = forest.inputs[data.draw(st.integers(0, len(forest.inputs) - 1))]
    now = int(decided_by(values[None]).predicted[0])
    for one in scan(values, known, decided_by).changes:
        row = values.astype(np.float64)
        row[list(one.features)] = one.values
        assert int(decided_by(row[None].astype(np.float32)).predicted[0]) == one.decided != now
        for feature, value in zip(one.features, one.values, strict=True):
            own = float(values[feature])
            span = known[feature]
            assert min(span.low, own) - 1e-9 <= value <= max(span.high, own) + 1e-9
            without = row.copy()
            without[feature] = own
            if len(one.features) > 1:
                assert int(decided_by(without[None].astype(np.float32)).predicted[0]) == now


@given(st.integers(0, 2**32 - 1))
def test_no_column_is_changed_without_need(seed: int) -> None:
    """Steps instead of scales: every smaller set and every nearer value is tried by hand."""
    generator = np.random.default_rng(seed)
    decided_by = linear(list(generator.normal(size=4)), float(generator.normal()), Policy(()))
    known = tuple(Span(0.0, 2.0, 0.0, 2.0, 1.0, (0.0, 1.0, 2.0), True) for _ in range(4))
    values = generator.integers(0, 3, 4).astype(np.float32)
    now = int(decided_by(values[None]).predicted[0])

    def says(edits: dict[int, float]) -> int:
        row = values.copy()
        row[list(edits)] = list(edits.values())
        return int(decided_by(row[None]).predicted[0])

    found = scan(values, known, decided_by, count=9).changes
    singles = {k for k in range(4) for v in (0.0, 1.0, 2.0) if says({k: v}) != now}
    assert {one.features[0] for one in found if len(one.features) == 1} == singles
    for one in found:
        edits = dict(zip(one.features, one.values, strict=True))
        assert says(edits) == one.decided != now
        for feature in edits:
            fewer = {f: v for f, v in edits.items() if f != feature}
            assert says(fewer) == now


def test_ranges_leave_missing_cells_out_and_know_steps() -> None:
    known = np.array([[0, 1.5, np.nan], [1, np.nan, np.nan], [1, 2.5, np.nan]], np.float32)
    first, second, third = spans(known, np.array([0, 0, 1]))
    assert (first.values, first.whole) == ((0.0, 1.0), True)
    assert (second.least, second.most, second.whole) == (1.5, 2.5, False)
    assert math.isnan(third.low)
    case = np.array([0, np.nan, np.nan], np.float32)
    found = scan(case, (first, second, third), linear_nan([5, 0, 0], -1))
    assert found.swings[1] == found.swings[2] == 0
    assert [one.features for one in found.changes] == [(0,)]


def linear_nan(weights: list[float], bias: float) -> object:
    decided_by = linear(weights, bias, Policy(()))
    return lambda inputs: decided_by(np.nan_to_num(inputs))


# --- Pictures and signals ---------------------------------------------------------------


def test_resizing_scales_areas_and_keeps_the_centre() -> None:
    picture = np.zeros((32, 32), np.float32)
    picture[12:20, 10:22] = 1
    np.testing.assert_allclose(resized(picture, 1.0), picture, atol=1e-6)
    for factor in (0.7, 1.2, 1.6):
        grown = resized(picture, factor)
        assert grown.sum() == pytest.approx(picture.sum() * factor**2, rel=0.02)
        rows = (grown.sum(axis=1) * np.arange(32)).sum() / grown.sum()
        assert rows == pytest.approx(15.5, abs=1e-3)
        assert grown.min() >= 0 and grown.max() <= 1 + 1e-6
    assert stands_free(picture)
    picture[0, 3] = 0.1
    assert not stands_free(picture)


def test_a_silenced_channel_stands_still_and_the_others_do_not() -> None:
    signal = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
    still = silenced(signal, [1])
    assert still[1] == pytest.approx(np.full(50, signal[1].mean()))
    np.testing.assert_array_equal(still[[0, 2]], signal[[0, 2]])
    np.testing.assert_array_equal(silenced(signal, []), signal)
