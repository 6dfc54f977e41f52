"""The waterfall adds up to the logit, and each share is what its formula says."""

import dataclasses
import math

import numpy as np
import pytest
from forests import CONCEPTS, any_head, policies, traces
from hypothesis import given
from hypothesis import strategies as st

from minspnet.errors import UserError
from minspnet.policy import CLOSED, Policy
from minspnet.trace import ExpertTree, Head, Prototypes, Trace, replay
from minspnet.waterfall import (
    LIKENESS,
    Waterfall,
    contrast,
    is_silent,
    output_names,
    typical_concepts,
    waterfall,
)

LN3 = math.log(3)


def logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z > 0 else math.exp(z) / (1 + math.exp(z))


def one_case(
    base: list[float],
    contributions: list[list[float]],
    weights: list[list[float]],
    bias: list[float],
    concepts: int,
) -> Trace:
    """One case with parallel experts a, b, ... whose gates are all at one half."""
    names = tuple("abcdef"[: len(contributions)])
    return Trace(
        ("case",),
        np.full((1, len(names)), 0.5, np.float32),
        np.array([base], np.float32),
        np.reshape(contributions, (1, len(names), len(base))).astype(np.float32),
        ExpertTree(names, (-1,) * len(names)),
        Head(np.array(weights, np.float32), np.array(bias, np.float32), 1.3, concepts),
        CONCEPTS[:concepts],
    )


@dataclasses.dataclass(frozen=True)
class Exact:
    """The same explanation in plain Python floats."""

    start: float
    base: list[float]
    shares: list[list[float]]
    edits: list[float]
    logit: float


def explain_slowly(trace: Trace, policy: Policy, reference: np.ndarray, target: int) -> Exact:
    """Follow the formula of ``Waterfall`` one output and one expert at a time."""
    head, edits = trace.head, dict(policy.interventions)
    active = replay(trace, policy).active[0]
    weights = [float(w) for w in head.weights[target - 1]]
    start = float(head.bias[target - 1])
    exact = Exact(start, [], [[] for _ in active], [], start)
    for output, weight in enumerate(weights):
        graded = output < head.concepts
        begin = float(trace.base[0, output])
        adds = [
            float(u) if on else 0.0
            for u, on in zip(trace.contributions[0, :, output], active, strict=True)
        ]
        end = begin + sum(adds)
        before, after = (logistic(begin), logistic(end)) if graded else (begin, end)
        flat = before * (1 - before) if graded else 1.0
        slope = (after - before) / (end - begin) if end != begin else flat
        value = edits.get(trace.concept_names[output], after) if graded else after
        start += weight * float(reference[output])
        exact.base.append(weight * (before - float(reference[output])))
        for row, add in zip(exact.shares, adds, strict=True):
            row.append(weight * add * slope)
        exact.edits.append(weight * (value - after))
    total = start + sum(exact.base) + sum(map(sum, exact.shares)) + sum(exact.edits)
    return dataclasses.replace(exact, start=start, logit=total)


@st.composite
def explained(draw: st.DrawFn) -> tuple[Trace, Policy, np.ndarray, int]:
    """A case, a policy, a reference and a class other than the first."""
    trace = draw(traces())[0]
    policy = draw(policies(trace))
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    reference = generator.random(trace.base.shape[1], dtype=np.float32)
    return trace, policy, reference, draw(st.integers(1, len(trace.head.bias)))


def total(fall: Waterfall) -> float:
    return float(fall.start + fall.base.sum() + fall.shares.sum() + fall.edits.sum())


# --- Sums -------------------------------------------------------------------------------


@given(explained())
def test_parts_add_up_to_the_logit(case: tuple[Trace, Policy, np.ndarray, int]) -> None:
    """To 1e-5, and to the logit of both replay and a sum in plain Python floats."""
    trace, policy, _, target = case
    fall = waterfall(*case)
    exact = explain_slowly(*case)
    assert total(fall) == pytest.approx(exact.logit, abs=1e-5)
    assert total(fall) == pytest.approx(fall.logit, abs=1e-5)
    assert fall.logit == replay(trace, policy).class_logits[0, target]
    assert fall.start + fall.by_output.sum() == pytest.approx(fall.logit, abs=1e-5)
    assert fall.by_expert.sum() == pytest.approx(fall.shares.sum(), abs=1e-9)


@given(explained(), st.data())
def test_parts_add_up_under_any_head(
    case: tuple[Trace, Policy, np.ndarray, int], data: st.DataObject
) -> None:
    linear, policy, reference, target = case
    trace = data.draw(any_head(linear))
    fall = waterfall(trace, policy, reference, target)
    assert total(fall) == pytest.approx(fall.logit, abs=2e-5)
    assert fall.logit == replay(trace, policy).class_logits[0, target]
    assert len(fall.outputs) == len(fall.base) == fall.shares.shape[1]
    assert fall.by_expert.sum() == pytest.approx(fall.shares.sum(), abs=1e-9)


@given(explained(), st.data())
def test_between_two_classes_each_part_is_a_difference(
    case: tuple[Trace, Policy, np.ndarray, int], data: st.DataObject
) -> None:
    """What speaks for one class against another is what it says of the one less of the other."""
    linear, policy, reference, told = case
    trace = data.draw(any_head(linear))
    against = data.draw(st.integers(1, len(trace.head.bias)))
    if told == against:
        return
    both = waterfall(trace, policy, reference, told, against)
    first, second = (waterfall(trace, policy, reference, k) for k in (told, against))
    assert both.start == pytest.approx(first.start - second.start, abs=1e-5)
    assert both.logit == pytest.approx(first.logit - second.logit, abs=1e-5)
    for part in ("base", "shares", "edits"):
        expected = getattr(first, part) - getattr(second, part)
        np.testing.assert_allclose(getattr(both, part), expected, atol=1e-5)
    mirrored = waterfall(trace, policy, reference, against, told)
    np.testing.assert_array_equal(mirrored.by_output, -both.by_output)


@pytest.mark.parametrize(
    ("logits", "cut", "told"),
    [
        ([0, 2], 0.5, (1, 0)),
        ([0, -2], 0.5, (1, 0)),  # the finding, though it is not decided for
        ([0, 2, 1], 0.5, (1, 2)),
        ([0, -2, -1], 0.5, (0, 2)),
        ([0, 3, 3], 0.5, (1, 2)),
    ],
)
def test_what_is_told_is_the_answer_against_its_nearest_rival(
    logits: list[float], cut: float, told: tuple[int, int]
) -> None:
    others = logits[1:]
    trace = one_case([0], [], [[0]] * len(others), others, 1)
    assert contrast(replay(trace, Policy((), cut))) == told


def test_likeness_by_hand() -> None:
    """One concept, one prototype at 1 with weight 4 and sharpness ln 16; no linear weight.

    Likeness is 16^-(c - 1)^2: 1/2 at c = 1/2, 1/16 at 0, 16^(-1/16) at 3/4, 1 at 1.
    Start at reference 0: 4/16 = 1/4. Base logit 0, so c = 1/2: adds 2 - 1/4.
    The expert adds ln 3: c = 3/4. An edit sets c to 1, likeness 1.
    """
    trace = one_case([0], [[LN3]], [[0]], [0], 1)
    known = Prototypes(np.ones((1, 1), np.float32), np.full((1, 1), 4, np.float32), math.log(16))
    trace = dataclasses.replace(trace, head=dataclasses.replace(trace.head, prototypes=known))
    policy = Policy((0.5,)).intervene("size", 1)
    fall = waterfall(trace, policy, np.zeros(1, np.float32))
    after = 4 * 16 ** (-1 / 16)
    assert fall.start == pytest.approx(0.25, abs=1e-6)
    np.testing.assert_allclose(fall.base, [0, 1.75], atol=1e-5)
    np.testing.assert_allclose(fall.shares, [[0, after - 2]], atol=1e-5)
    np.testing.assert_allclose(fall.edits, [0, 4 - after], atol=1e-5)
    assert fall.outputs == ("size", LIKENESS)


def test_likeness_is_shared_by_what_moves_concepts() -> None:
    """As above, with a residual channel, which likeness does not hear.

    a adds 2 ln3 to the concept's logit and nothing else, b takes ln3 and adds 9 to the residual:
    c = 3/4 again, and of the change in likeness a gets 2/3 and b 1/3.
    """
    trace = one_case([0, 0], [[2 * LN3, 0], [-LN3, 9]], [[0, 1]], [0], 1)
    known = Prototypes(np.ones((1, 1), np.float32), np.full((1, 1), 4, np.float32), math.log(16))
    trace = dataclasses.replace(trace, head=dataclasses.replace(trace.head, prototypes=known))
    fall = waterfall(trace, Policy((0.5, 0.5)), np.zeros(2, np.float32))
    change = 4 * 16 ** (-1 / 16) - 2
    expected = [[0, 0, 2 / 3 * change], [0, 9, 1 / 3 * change]]
    np.testing.assert_allclose(fall.shares, expected, atol=1e-5)


def test_the_least_step_turns_a_binary_concept() -> None:
    """From -2e-5 to 2e-5 it goes from absent to present, weight 6: a did 6/4 of it, b -2/4."""
    trace = one_case([-2e-5], [[6e-5], [-2e-5]], [[6]], [0], 1)
    trace = dataclasses.replace(trace, head=dataclasses.replace(trace.head, binary=True))
    fall = waterfall(trace, Policy((0.5, 0.5)), np.zeros(1, np.float32))
    np.testing.assert_allclose(fall.shares, [[9], [-3]], rtol=1e-5)


@given(explained())
def test_every_part_is_what_the_formula_says(case: tuple[Trace, Policy, np.ndarray, int]) -> None:
    fall = waterfall(*case)
    exact = explain_slowly(*case)
    assert fall.start == pytest.approx(exact.start, abs=1e-5)
    np.testing.assert_allclose(fall.base, exact.base, atol=1e-5)
    np.testing.assert_allclose(fall.edits, exact.edits, atol=1e-5)
    shares = np.reshape(exact.shares, fall.shares.shape)
    np.testing.assert_allclose(fall.shares, shares, atol=1e-3)
    by_output = fall.base + shares.sum(axis=0) + fall.edits
    np.testing.assert_allclose(fall.by_output, by_output, atol=1e-5)
    np.testing.assert_allclose(fall.by_expert, shares.sum(axis=1), atol=1e-3)


def test_by_hand() -> None:
    """Two concepts of weights 4 and -8, bias -2, reference (1/4, 1/2); a and b ran, c did not.

    Start:   -2 + 4/4 - 8/2 = -5.
    Base:    logits (0, -ln3), so c = (1/2, 1/4): 4 (1/2 - 1/4) = 1, -8 (1/4 - 1/2) = 2.
    Concept 1: a adds 2 ln3, b takes ln3, so z = ln3, c = 3/4: a rise of 1/4 over a climb of ln3.
             Shares 4 * 2/4 = 2 and -4 * 1/4 = -1.
    Concept 2: a adds nothing, b adds ln3, so z = 0, c = 1/2: b's share is -8/4 = -2.
    Edit:    concept 2 set to 1: -8 (1 - 1/2) = -4.
    Logit:   -2 + 4 * 3/4 - 8 * 1 = -7 = -5 + (1 + 2) + (2 - 1 - 2) - 4.
    """
    contributions = [[2 * LN3, 0], [-LN3, LN3], [5, 5]]
    trace = one_case([0, -LN3], contributions, [[4, -8]], [-2], 2)
    policy = Policy((0.5, 0.5, 0.6)).intervene("shape", 1)
    fall = waterfall(trace, policy, np.array([0.25, 0.5], np.float32))
    assert fall.start == pytest.approx(-5, abs=1e-6)
    np.testing.assert_allclose(fall.base, [1, 2], atol=1e-6)
    np.testing.assert_allclose(fall.shares, [[2, 0], [-1, -2], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(fall.edits, [0, -4], atol=1e-6)
    assert fall.logit == pytest.approx(-7, abs=1e-6)
    np.testing.assert_allclose(fall.by_output, [2, -4], atol=1e-6)
    np.testing.assert_allclose(fall.by_expert, [2, -3, 0], atol=1e-6)
    assert (fall.experts, fall.outputs) == (("a", "b", "c"), ("size", "shape"))


def test_third_class_with_residual_by_hand() -> None:
    """Class 2 has weight 6 on the concept, 0 on residual 1 and 1 on residual 2, and bias 1.

    Concept: base logit 0, a adds ln3: from 1/2 to 3/4, so a's share is 6/4 = 3/2.
    Residuals pass as they are: base (7, 2), a adds (9, -5); only the second counts, -5.
    With reference (1/2, 0, 3): start 1 + 6/2 + 3 = 7, base (0, 0, 2 - 3 = -1).
    Logit 1 + 6 * 3/4 + (2 - 5) = 5/2 = 7 - 1 + 3/2 - 5.
    """
    weights = [[2, 1, 0], [6, 0, 1]]
    trace = one_case([0, 7, 2], [[LN3, 9, -5]], weights, [0, 1], 1)
    fall = waterfall(trace, Policy((0.5,)), np.array([0.5, 0, 3], np.float32), 2)
    assert fall.start == pytest.approx(7, abs=1e-6)
    np.testing.assert_allclose(fall.base, [0, 0, -1], atol=1e-6)
    np.testing.assert_allclose(fall.shares, [[1.5, 0, -5]], atol=1e-6)
    assert fall.logit == pytest.approx(2.5, abs=1e-6)
    assert fall.outputs == ("size", "residual 1", "residual 2")
    told = zip(fall.outputs, map(float, fall.by_output), strict=True)
    assert [is_silent(name, value) for name, value in told] == [False, True, False]
    assert not is_silent("size", 0.0)


def test_a_class_is_not_explained_against_itself() -> None:
    trace = one_case([0, 1], [[1, 1]], [[2, 3], [5, 7]], [0, 0], 2)
    with pytest.raises((UserError, AssertionError)):
        waterfall(trace, Policy((0.5,)), np.zeros(2, np.float32), 2, 2)


# --- What moves what --------------------------------------------------------------------


@given(explained())
def test_experts_that_did_not_run_add_exactly_nothing(
    case: tuple[Trace, Policy, np.ndarray, int],
) -> None:
    """Whatever they would have added: another contribution, the same explanation."""
    trace, policy, reference, target = case
    fall = waterfall(*case)
    ran = replay(trace, policy).active[0]
    assert (fall.shares[~ran] == 0).all()
    others = trace.contributions.copy()
    others[:, ~ran] = 99
    changed = dataclasses.replace(trace, contributions=others)
    again = waterfall(changed, policy, reference, target)
    np.testing.assert_array_equal(again.shares, fall.shares)
    assert again.logit == fall.logit


@given(st.permutations(range(4)), st.integers(0, 99))
def test_the_order_of_parallel_experts_plays_no_part(order: list[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    contributions = generator.normal(scale=2, size=(4, 3))
    weights, base = generator.normal(scale=3, size=(1, 3)), generator.normal(size=3)
    trace = one_case(base.tolist(), contributions.tolist(), weights.tolist(), [0.2], 3)
    thresholds = np.array([0, 0.5, 0.6, 0.5])
    reference = generator.random(3).astype(np.float32)
    names = tuple(trace.tree.names[e] for e in order)
    permuted = dataclasses.replace(
        trace,
        contributions=trace.contributions[:, order],
        tree=ExpertTree(names, trace.tree.parents),
    )
    fall = waterfall(trace, Policy(tuple(thresholds)), reference)
    again = waterfall(permuted, Policy(tuple(thresholds[order])), reference)
    assert again.experts == names
    np.testing.assert_allclose(again.shares, fall.shares[order], atol=1e-4)
    assert again.logit == pytest.approx(fall.logit, abs=1e-5)


@given(explained(), st.sampled_from(CONCEPTS), st.floats(0, 1))
def test_an_intervention_moves_only_its_own_edit(
    case: tuple[Trace, Policy, np.ndarray, int], concept: str, value: float
) -> None:
    """And moves it to weight * (value - what the network found)."""
    trace, policy, reference, target = case
    before = waterfall(*case)
    after = waterfall(trace, policy.intervene(concept, value), reference, target)
    assert after.start == before.start
    np.testing.assert_array_equal(after.base, before.base)
    np.testing.assert_array_equal(after.shares, before.shares)
    own = trace.concept_names.index(concept)
    others = np.arange(len(after.edits)) != own
    np.testing.assert_array_equal(after.edits[others], before.edits[others])
    found = replay(trace, policy.without_interventions()).concepts[0, own]
    expected = trace.head.weights[target - 1, own] * (value - float(found))
    assert after.edits[own] == pytest.approx(expected, abs=1e-5)
    edited = [name in dict(policy.interventions) for name in trace.concept_names]
    assert (before.edits[len(edited) :] == 0).all()
    assert (before.edits[: len(edited)][~np.array(edited)] == 0).all()


@given(explained(), st.integers(0, 99))
def test_the_reference_moves_only_start_and_base(
    case: tuple[Trace, Policy, np.ndarray, int], seed: int
) -> None:
    """What the start gains, the base loses."""
    trace, policy, reference, target = case
    moved = np.random.default_rng(seed).random(len(reference), dtype=np.float32)
    before, after = waterfall(*case), waterfall(trace, policy, moved, target)
    np.testing.assert_array_equal(after.shares, before.shares)
    np.testing.assert_array_equal(after.edits, before.edits)
    assert after.logit == before.logit
    gain = trace.head.weights[target - 1].astype(np.float64) * (moved - reference)
    np.testing.assert_allclose(after.base - before.base, -gain, atol=1e-6)
    assert after.start - before.start == pytest.approx(gain.sum(), abs=1e-5)


# --- Numbers at their ends --------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "contributions"),
    [
        (200.0, [-150.0, -250.0]),  # from one end to the other
        (-60.0, [70.0, 90.0]),
        (80.0, [10.0, 10.0]),  # stays at the end: nobody adds anything
        (-90.0, [1000.0, -1000.0]),  # away and back again
    ],
)
def test_saturated_concepts(base: float, contributions: list[float]) -> None:
    trace = one_case([base], [[u] for u in contributions], [[7]], [1], 1)
    reference = np.array([0.5], np.float32)
    fall = waterfall(trace, Policy((0.0, 0.0)), reference)
    exact = explain_slowly(trace, Policy((0.0, 0.0)), reference, 1)
    assert total(fall) == pytest.approx(fall.logit, abs=1e-5)
    np.testing.assert_allclose(fall.shares, exact.shares, atol=1e-5)


@pytest.mark.parametrize("begin", [0.0, 1.5, -30.0])
def test_experts_that_cancel_share_by_the_slope(begin: float) -> None:
    """With no climb there is no mean slope: the concept's own slope c (1 - c) takes its place."""
    trace = one_case([begin, 4], [[2, 3], [-2, -3]], [[8, 5]], [0], 1)
    fall = waterfall(trace, Policy((0.0, 0.0)), np.zeros(2, np.float32))
    slope = logistic(begin) * (1 - logistic(begin))
    expected = [[16 * slope, 15], [-16 * slope, -15]]
    np.testing.assert_allclose(fall.shares, expected, atol=1e-5)
    assert total(fall) == pytest.approx(fall.logit, abs=1e-5)


@pytest.mark.parametrize("climb", [1.5e-6, 2e-6, 5e-6, 1e-5])
def test_experts_that_almost_cancel(climb: float) -> None:
    """A climb of a few float32 steps from 1: the slope is still s(1) (1 - s(1)), not noise."""
    trace = one_case([1], [[5], [climb - 5]], [[4]], [0], 1)
    fall = waterfall(trace, Policy((0.0, 0.0)), np.zeros(1, np.float32))
    share = 20 * logistic(1) * (1 - logistic(1))
    np.testing.assert_allclose(fall.shares, [[share], [-share]], rtol=0.01)


def test_no_experts_at_all() -> None:
    trace = one_case([LN3], [], [[4]], [-1], 1)
    fall = waterfall(trace, Policy(()), np.array([0.5], np.float32))
    assert fall.start == pytest.approx(1)
    np.testing.assert_allclose(fall.base, [1], atol=1e-6)
    assert fall.by_expert.shape == (0,)
    assert fall.logit == pytest.approx(2)


# --- Reference and names ----------------------------------------------------------------


@given(st.data())
def test_typical_concepts_are_the_mean_without_edits(data: st.DataObject) -> None:
    trace = data.draw(traces())
    policy = data.draw(policies(trace))
    typical = typical_concepts(trace, policy)
    bare = policy.without_interventions()
    rows = [replay(trace[row], bare).concepts[0] for row in range(len(trace))]
    np.testing.assert_allclose(typical, np.mean(rows, axis=0), atol=1e-5)


def test_typical_concepts_follow_the_routing() -> None:
    """A closed expert does not count: the reference is decided under the case's own policy."""
    trace = one_case([0], [[LN3]], [[1]], [0], 1)
    assert typical_concepts(trace, Policy((0.0,))) == pytest.approx([0.75], abs=1e-6)
    assert typical_concepts(trace, Policy((CLOSED,))) == pytest.approx([0.5], abs=1e-6)


@given(traces())
def test_every_output_has_a_name(trace: Trace) -> None:
    names = output_names(trace)
    assert names[: len(CONCEPTS)] == CONCEPTS
    assert len(set(names)) == len(names) == trace.base.shape[1]
