"""What is said of a decision is true: pushes sum to the lead, and a claimed flip flips."""

import math

import numpy as np
import pytest
from forests import CONCEPTS, any_head, policies, traces
from hypothesis import given
from hypothesis import strategies as st

from minspnet.policy import Policy
from minspnet.reasons import Flip, Reasons, reasons, smallest_flip
from minspnet.trace import ExpertTree, Head, Trace, replay

GRADES = tuple(tuple(n / steps for n in range(steps + 1)) for steps in (100, 27, 40))


@st.composite
def decided(draw: st.DrawFn) -> tuple[Trace, Policy, np.ndarray]:
    """A case under any head, a policy with any edits and cut-off, and a reference."""
    trace = draw(any_head(draw(traces())[0]))
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    return trace, draw(policies(trace)), generator.random(trace.base.shape[1], dtype=np.float32)


def hand_made(weights: list[list[float]], bias: list[float], concepts: list[float]) -> Trace:
    """One case without experts whose concepts are as given."""
    logits = [[math.log(c / (1 - c)) for c in concepts]]
    return Trace(
        ("case",),
        np.zeros((1, 0), np.float32),
        np.array(logits, np.float32),
        np.zeros((1, 0, len(concepts)), np.float32),
        ExpertTree((), ()),
        Head(np.array(weights, np.float32), np.array(bias, np.float32), 2.0, len(concepts)),
        CONCEPTS[: len(concepts)],
    )


# --- Reasons ----------------------------------------------------------------------------


@given(decided())
def test_pushes_sum_to_the_lead_of_the_decision(case: tuple[Trace, Policy, np.ndarray]) -> None:
    """And the lead is never negative: it belongs to the class decided for."""
    trace, policy, reference = case
    found = reasons(trace, policy, reference)
    decision = replay(trace, policy)
    assert found.decided == decision.predicted[0] != found.rival
    logits = decision.class_logits[0].astype(np.float64)
    lead = logits[found.decided] - logits[found.rival]
    if len(logits) == 2:
        odds = policy.decision_threshold / (1 - policy.decision_threshold)
        lead += (1 if found.decided == 0 else -1) * trace.head.temperature * math.log(odds)
    else:
        assert logits[found.rival] == max(np.delete(logits, found.decided))
    assert found.lead == pytest.approx(lead, abs=1e-4)
    assert found.lead >= -1e-4


@given(decided())
def test_a_push_is_a_weight_times_a_difference(case: tuple[Trace, Policy, np.ndarray]) -> None:
    """One output at a time; what is left over is the likeness to prototypes."""
    trace, policy, reference = case
    found, head = reasons(*case), trace.head
    concepts = replay(trace, policy).concepts[0]
    weights = [np.zeros(len(reference)), *head.weights.astype(np.float64)]
    likeness = [0.0] * len(weights)
    if head.prototypes is not None:
        for points, sign in ((concepts, 1), (reference, -1)):
            alike = head.prototypes.similarity(points[None, : head.concepts])[0]
            for k, row in enumerate(head.prototypes.weights, start=1):
                likeness[k] += sign * float(row @ alike)
    expected = [
        (weights[found.decided][k] - weights[found.rival][k]) * float(concepts[k] - reference[k])
        for k in range(len(reference))
    ]
    if head.prototypes is not None:
        expected.append(likeness[found.decided] - likeness[found.rival])
    np.testing.assert_allclose(found.pushes, expected, atol=1e-4)
    assert len(found.outputs) == len(expected)


@given(decided())
def test_what_speaks_for_and_against_never_mixes(case: tuple[Trace, Policy, np.ndarray]) -> None:
    found = reasons(*case)
    for_it, against = found.speaking_for(), found.speaking_against()
    assert all(found.pushes[k] > 0 for k in for_it)
    assert all(found.pushes[k] < 0 for k in against)
    assert bool(for_it) == bool((found.pushes > 0).any())
    for told in (for_it, against):
        sizes = [abs(found.pushes[k]) for k in told]
        assert sizes == sorted(sizes, reverse=True)
    if found.start < 0:  # then the findings alone bring the decision about
        assert for_it


def test_reasons_by_hand() -> None:
    """Weights 4 and -8, bias -1; concepts 3/4 and 1/4 against 1/4 and 1/2; temperature 2.

    A typical case: -1 + 1 - 4 = -4, so the first class. Pushes 4/2 = 2 and 8/4 = 2. The logit
    is 0: at a cut-off of one half a tie, which goes to the second class with a lead of 0. At a
    cut-off of 3/4 the boundary is 2 ln 3, and the first class leads by it.
    """
    case, typical = hand_made([[4, -8]], [-1], [0.75, 0.25]), np.array([0.25, 0.5], np.float32)
    even = reasons(case, Policy(()), typical)
    assert (even.decided, even.rival) == (1, 0)
    assert even.start == pytest.approx(-4)
    assert even.pushes == pytest.approx([2, 2], abs=1e-5)
    strict = reasons(case, Policy((), 0.75), typical)
    assert (strict.decided, strict.rival) == (0, 1)
    assert strict.start == pytest.approx(4 + 2 * math.log(3))
    assert strict.pushes == pytest.approx([-2, -2], abs=1e-5)
    assert strict.lead == pytest.approx(2 * math.log(3), abs=1e-5)


@pytest.mark.parametrize(
    ("pushes", "for_it", "against"),
    [
        ([4, 0.9, -3, -0.9], (0,), (2,)),  # less than a quarter of 4 is left out
        ([1, 0.2, -8, -3, -2.5], (0,), (2, 3)),  # two at most; 0.2 against the 1 on its side
        ([1, 1, 1, 1], (0, 1, 2), ()),
        ([0, 0], (), ()),
    ],
)
def test_weak_pushes_are_left_out(
    pushes: list[float], for_it: tuple[int, ...], against: tuple[int, ...]
) -> None:
    found = Reasons(1, 0, 0.0, np.array(pushes, np.float64), CONCEPTS)
    assert found.speaking_for() == for_it
    assert found.speaking_against() == against


# --- Flips ------------------------------------------------------------------------------


def decides(trace: Trace, policy: Policy, concept: int, value: float) -> int:
    edited = policy.intervene(trace.concept_names[concept], value)
    return int(replay(trace, edited).predicted[0])


@given(decided())
def test_a_claimed_flip_flips_and_one_step_less_does_not(
    case: tuple[Trace, Policy, np.ndarray],
) -> None:
    trace, policy, _ = case
    now = replay(trace, policy)
    found = smallest_flip(trace, policy, GRADES)
    if found is None:
        return
    values, here = GRADES[found.concept], float(now.concepts[0, found.concept])
    assert decides(trace, policy, found.concept, found.value) == found.decided
    assert found.decided != now.predicted[0]
    side = 1 if found.value > here else -1
    place = values.index(found.value)
    less, curved = place - side, trace.head.prototypes is not None
    # With prototypes the other side of the present value is another matter.
    nearer = 0 <= less < len(values) and (found.value - values[less]) * (here - values[less]) <= 0
    if nearer or (not curved and 0 <= less < len(values)):
        assert decides(trace, policy, found.concept, values[less]) == now.predicted[0]
    further = [decides(trace, policy, found.concept, value) for value in values[place::side]]
    assert found.beyond == all(one != now.predicted[0] for one in further)
    assert found.beyond or curved


@given(decided())
def test_no_smaller_change_flips_and_none_is_missed(
    case: tuple[Trace, Policy, np.ndarray],
) -> None:
    """Against one replay for each value of each concept."""
    trace, policy, _ = case
    now = replay(trace, policy)
    changes = [
        abs(np.float32(value) - now.concepts[0, concept])
        for concept, values in enumerate(GRADES)
        for value in values
        if decides(trace, policy, concept, value) != now.predicted[0]
    ]
    found = smallest_flip(trace, policy, GRADES)
    if not changes:
        assert found is None
    else:
        assert found is not None
        change = abs(np.float32(found.value) - now.concepts[0, found.concept])
        assert change == min(changes)


def test_flip_by_hand() -> None:
    """Logit 4 a - 8 b + 1.2 = 2.4 at a = 0.8, b = 1/4: decided for the second class.

    Alone a would have to fall by 0.6 to 0.2, where a tie is still the second class, so to 0.19;
    b would have to rise by 0.3 to 0.55, so to 15/27 on its scale of 27 steps: the smaller change.
    With b set to 0.9 by hand the first class leads by 2.8, and a can only take 0.8 of it: b itself
    must come back, to 0.55 or less, so to 14/27.
    """
    case = hand_made([[4, -8, 0]], [1.2], [0.8, 0.25, 0.5])
    assert smallest_flip(case, Policy(()), GRADES) == Flip(1, 15 / 27, 0, True)
    coarse = (GRADES[0], (0.25, 0.5), GRADES[2])
    assert smallest_flip(case, Policy(()), coarse) == Flip(0, 0.19, 0, True)
    held = Policy(()).intervene("shape", 0.9)
    assert smallest_flip(case, held, GRADES) == Flip(1, 14 / 27, 1, True)
    assert smallest_flip(case, Policy(()), (GRADES[0], (), GRADES[2])) == Flip(0, 0.19, 0, True)
    stuck = hand_made([[1, 1, 1]], [5], [0.5, 0.5, 0.5])
    assert smallest_flip(stuck, Policy(()), GRADES) is None
