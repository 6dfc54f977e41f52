"""Replay is the formula in ``trace.py``, and nothing else; a trace cannot be changed."""

import dataclasses
import math

import numpy as np
import pytest
from forests import CONCEPTS, policies, traces
from hypothesis import given
from hypothesis import strategies as st

from minspnet.errors import UserError
from minspnet.metrics import CostTable
from minspnet.policy import CLOSED, Policy
from minspnet.trace import Decision, ExpertTree, Head, Trace, active_experts, join, replay


def small_trace() -> Trace:
    """Two cases, a stage and its child, two concepts: every number is written down here."""
    return Trace(
        ("a", "b"),
        np.array([[0.25, 0.5], [0.75, 0.5]], np.float32),
        np.array([[0, 1], [-1, 2]], np.float32),
        np.array([[[1, 0], [0, 1]], [[2, -2], [0.5, 0.5]]], np.float32),
        ExpertTree(("stage", "child"), (-1, 0)),
        Head(np.array([[2, -1]], np.float32), np.array([0.5], np.float32), 1.5, 2),
        ("size", "shape"),
    )


def decided_slowly(trace: Trace, policy: Policy, case: int) -> tuple[set[int], list[float]]:
    """Replay one case in plain Python: its active experts and its class logits."""
    head, edits = trace.head, dict(policy.interventions)
    active: set[int] = set()
    for expert, parent in enumerate(trace.tree.parents):
        opened = trace.gates[case, expert] >= np.float32(policy.gate_thresholds[expert])
        if opened and (parent < 0 or parent in active):
            active.add(expert)
    activations = []
    for output in range(trace.base.shape[1]):
        z = float(trace.base[case, output])
        z += sum(float(trace.contributions[case, expert, output]) for expert in active)
        if output < head.concepts:
            z = edits.get(trace.concept_names[output], 1 / (1 + math.exp(-z)))
        activations.append(z)
    logits = [0.0]
    for weights, bias in zip(head.weights, head.bias, strict=True):
        pairs = zip(weights, activations, strict=True)
        logits.append(float(bias) + sum(float(w) * a for w, a in pairs))
    return active, logits


@given(st.data())
def test_replay_equals_a_slow_loop(data: st.DataObject) -> None:
    """The same active sets; base + active contributions through the head = class logits."""
    trace = data.draw(traces())
    policy = data.draw(policies(trace))
    decision = replay(trace, policy)
    for case in range(len(trace)):
        active, logits = decided_slowly(trace, policy, case)
        assert set(np.flatnonzero(decision.active[case])) == active
        np.testing.assert_allclose(decision.class_logits[case], logits, rtol=1e-5, atol=1e-5)
        powers = np.exp((np.array(logits) - max(logits)) / trace.head.temperature)
        chances = powers / powers.sum()
        np.testing.assert_allclose(decision.probabilities[case], chances, atol=1e-5)
        if len(logits) == 2 and abs(chances[1] - policy.decision_threshold) > 1e-4:
            assert decision.predicted[case] == (chances[1] >= policy.decision_threshold)
        if len(logits) > 2 and np.diff(np.sort(chances))[-1] > 1e-4:
            assert decision.predicted[case] == chances.argmax()


@given(st.data())
def test_raising_gate_thresholds_only_switches_off(data: st.DataObject) -> None:
    """The active sets can only shrink, and with them the MACs of every case."""
    trace = data.draw(traces())
    low = data.draw(policies(trace))
    raises = [data.draw(st.floats(0, 1) | st.just(CLOSED)) for _ in low.gate_thresholds]
    high = Policy(tuple(t + r for t, r in zip(low.gate_thresholds, raises, strict=True)))
    before, after = active_experts(trace, low), active_experts(trace, high)
    assert not (after & ~before).any()
    cost = CostTable(7, tuple(range(3, 3 + before.shape[1])))
    assert (cost.macs(after) <= cost.macs(before)).all()


@given(st.data())
def test_child_is_never_active_without_its_parent(data: st.DataObject) -> None:
    trace = data.draw(traces())
    active = active_experts(trace, data.draw(policies(trace)))
    for expert, parent in enumerate(trace.tree.parents):
        if parent >= 0:
            assert not (active[:, expert] & ~active[:, parent]).any()


@given(st.data())
def test_ablation_switches_off_the_expert_and_all_below_it(data: st.DataObject) -> None:
    trace = data.draw(traces().filter(lambda t: len(t.tree.names)))
    everything = Policy.shared(0, len(trace.tree.names))
    expert = data.draw(st.integers(0, len(trace.tree.names) - 1))
    active = active_experts(trace, everything.ablate(expert))
    needs_it = [expert in trace.tree.path(e) for e in range(len(trace.tree.names))]
    assert (active == ~np.array(needs_it)).all()


@given(st.data())
def test_setting_a_concept_to_its_own_value_changes_nothing(data: st.DataObject) -> None:
    trace = data.draw(traces())[0]
    policy = data.draw(policies(trace))
    decision = replay(trace, policy)
    concept = data.draw(st.sampled_from(CONCEPTS))
    own = float(decision.concepts[0, CONCEPTS.index(concept)])
    again = replay(trace, policy.intervene(concept, own))
    for field in dataclasses.fields(Decision):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(decision, field.name))


@given(st.data())
def test_intervention_moves_one_concept_and_the_classes_only(data: st.DataObject) -> None:
    trace = data.draw(traces())
    policy = data.draw(policies(trace)).without_interventions()
    before, after = replay(trace, policy), replay(trace, policy.intervene("shape", 1.0))
    np.testing.assert_array_equal(after.active, before.active)
    np.testing.assert_array_equal(after.outputs, before.outputs)
    others = np.arange(trace.base.shape[1]) != CONCEPTS.index("shape")
    np.testing.assert_array_equal(after.concepts[:, others], before.concepts[:, others])
    moved = (1 - before.concepts[:, 1:2]) * trace.head.weights[:, 1]
    change = after.class_logits - before.class_logits
    np.testing.assert_allclose(change[:, 1:], moved, atol=1e-5)


def test_gates_at_the_threshold_are_open() -> None:
    """Ties open, in float32: a gate of 0.7 is a little less than the 0.7 of a policy."""
    trace = dataclasses.replace(small_trace(), gates=np.full((2, 2), 0.7, np.float32))
    assert active_experts(trace, Policy((0.7, 0.7))).all()
    assert not active_experts(trace, Policy((0.7 + 1e-6, 0.0))).any()


def test_replay_by_hand() -> None:
    """At thresholds .5, case a stays with the base and case b runs both experts.

    a: z = (0, 1); c = (1/2, s(1)); y = 2/2 - s(1) + 1/2.
    b: z = (-1, 2) + (2, -2) + (.5, .5) = (1.5, .5); y = 2 s(1.5) - s(.5) + 1/2.
    """
    decision = replay(small_trace(), Policy((0.5, 0.5)))
    assert decision.active.tolist() == [[False, False], [True, True]]
    assert decision.outputs.tolist() == [[0, 1], [1.5, 0.5]]

    def s(z: float) -> float:
        return 1 / (1 + math.exp(-z))

    expected = [1.5 - s(1), 2 * s(1.5) - s(0.5) + 0.5]
    np.testing.assert_allclose(decision.class_logits[:, 1], expected, atol=1e-6)
    tempered = [s(y / 1.5) for y in expected]
    np.testing.assert_allclose(decision.probabilities[:, 1], tempered, atol=1e-6)


def test_extreme_logits_stay_finite() -> None:
    """Neither the logistic function nor the softmax may overflow."""
    head = Head(np.array([[1.0, 3e4]], np.float32), np.zeros(1, np.float32), 0.05, 1)
    activations = head.activate(np.array([[-1e4, 1], [1e4, 1], [0, -1]], np.float32))
    assert activations[:, 0].tolist() == [0, 1, 0.5]
    probabilities = head.probabilities(head.class_logits(activations))
    np.testing.assert_array_equal(probabilities, [[0, 1], [0, 1], [1, 0]])


@given(st.data())
def test_slices_keep_rows(data: st.DataObject) -> None:
    """A part of a trace decides as the whole does, case by case, bit by bit."""
    trace = data.draw(traces())
    policy = data.draw(policies(trace))
    rows = np.array(data.draw(st.lists(st.integers(0, len(trace) - 1), max_size=9)), np.intp)
    whole, part = replay(trace, policy), replay(trace[rows], policy)
    assert trace[rows].case_ids == tuple(trace.case_ids[row] for row in rows)
    np.testing.assert_array_equal(part.active, whole.active[rows])
    np.testing.assert_array_equal(part.outputs, whole.outputs[rows])
    np.testing.assert_allclose(part.class_logits, whole.class_logits[rows], rtol=1e-5, atol=1e-5)


def test_one_number_or_a_slice_picks_cases() -> None:
    trace = small_trace()
    assert trace[1].case_ids == trace[-1].case_ids == trace[1:].case_ids == ("b",)
    assert trace[1].gates.shape == (1, 2)
    np.testing.assert_array_equal(trace[1].contributions, trace.contributions[1:])
    assert len(trace[:0]) == len(replay(trace[:0], Policy((0.5, 0.5))).predicted) == 0
    with pytest.raises(IndexError):
        trace[2]


ARRAYS = ("gates", "base", "contributions", "head.weights", "head.bias")


def array_of(trace: Trace, name: str) -> np.ndarray:
    return getattr(trace.head if "head" in name else trace, name.removeprefix("head."))


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_a_trace_cannot_be_written(name: str) -> None:
    """Else the digest, which is kept, would stand for another content."""
    trace = small_trace()
    with pytest.raises(ValueError, match="read-only"):
        array_of(trace, name)[0] = 9


@pytest.mark.parametrize("experts", [0, 1, 2])
def test_a_trace_does_not_change_with_the_arrays_it_was_made_from(experts: int) -> None:
    tree = ExpertTree(tuple("ab"[:experts]), (-1, 0)[:experts])
    gates, base = np.ones((3, experts), np.float32), np.ones((3, 2), np.float32)
    contributions = np.ones((3, experts, 2), np.float32)
    head = small_trace().head
    trace = Trace(("a", "b", "c"), gates, base, contributions, tree, head, ("size", "shape"))
    before = dataclasses.replace(trace).digest
    for array in (gates, base, contributions):
        if array.flags.writeable:  # the trace may lock an array instead of copying it
            array[:] = 0
    assert dataclasses.replace(trace).digest == before


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Trace)])
def test_fields_of_a_trace_cannot_be_replaced(field: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(small_trace(), field, None)


@given(st.data())
def test_a_decision_shares_no_memory_with_its_trace(data: st.DataObject) -> None:
    trace = data.draw(traces())
    decision = replay(trace, data.draw(policies(trace)))
    digest = dataclasses.replace(trace).digest
    for array in (decision.outputs, decision.concepts, decision.class_logits):
        array[:] = 0
    assert dataclasses.replace(trace).digest == digest


CHANGES = {
    "ids": {"case_ids": ("a", "c")},
    "order of ids": {"case_ids": ("b", "a")},
    "gates": {"gates": np.array([[0.25, 0.5], [0.75, 0.50001]], np.float32)},
    "base": {"base": np.array([[0, 1], [-1, 2.0001]], np.float32)},
    "contributions": {"contributions": np.ones((2, 2, 2), np.float32)},
    "expert names": {"tree": ExpertTree(("stage", "kid"), (-1, 0))},
    "parents": {"tree": ExpertTree(("stage", "child"), (-1, -1))},
    "concept names": {"concept_names": ("size", "form")},
    "number type": {"base": np.array([[0, 1], [-1, 2]], np.float64)},
}
HEAD_CHANGES = {
    "weights": {"weights": np.array([[2, -1.5]], np.float32)},
    "bias": {"bias": np.array([0.25], np.float32)},
    "temperature": {"temperature": 1.25},
    "number of concepts": {"concepts": 1},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_digest_changes_with_the_evidence(change: dict[str, object]) -> None:
    assert dataclasses.replace(small_trace(), **change).digest != small_trace().digest


@pytest.mark.parametrize("change", HEAD_CHANGES.values(), ids=HEAD_CHANGES)
def test_digest_changes_with_the_head(change: dict[str, object]) -> None:
    head = dataclasses.replace(small_trace().head, **change)
    assert dataclasses.replace(small_trace(), head=head).digest != small_trace().digest


@given(st.data())
def test_joining_undoes_cutting(data: st.DataObject) -> None:
    trace = data.draw(traces())
    place = data.draw(st.integers(0, len(trace)))
    assert join(trace[:place], trace[place:]).digest == trace.digest


def test_digest_is_of_the_content_alone() -> None:
    """Whatever the memory layout, and the same for a slice of everything."""
    trace = small_trace()
    fortran = dataclasses.replace(trace, gates=np.asfortranarray(trace.gates))
    assert trace.digest == small_trace().digest == fortran.digest == trace[:].digest


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            Policy((0.5,)),
            "gate_thresholds must have 2 values (one per expert: stage, child), got 1; "
            "give one each, or leave them out.",
        ),
        (
            Policy((0.5, 0.5)).intervene("colour", 1),
            "interventions must name one of size, shape, got colour; reset the edit.",
        ),
    ],
)
def test_policy_of_another_network_is_refused(policy: Policy, message: str) -> None:
    with pytest.raises(UserError) as refused:
        replay(small_trace(), policy)
    assert str(refused.value) == message


def test_path_runs_from_the_stem() -> None:
    tree = ExpertTree(("a", "b", "c", "d"), (-1, 0, 1, 1))
    assert [tree.path(e) for e in range(4)] == [(0,), (0, 1), (0, 1, 2), (0, 1, 3)]
