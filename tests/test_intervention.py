"""Correcting concepts over whole sets of cases: both ends are known, and so is the middle."""

import itertools

import numpy as np
import pytest
from forests import CONCEPTS, policies, traces
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, roc_auc_score

from minspnet.intervention import (
    correct_in_order,
    fixed_ranks,
    greedy_order,
    intervention_curve,
    random_ranks,
    single_corrections,
)
from minspnet.policy import Policy
from minspnet.trace import ExpertTree, Head, Trace, replay


def truth_and_labels(trace: Trace, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random true concepts, and random labels in which each class stands at least once."""
    generator = np.random.default_rng(seed)
    classes = len(trace.head.bias) + 1
    labels = generator.integers(classes, size=len(trace))
    labels[:classes] = range(classes)
    return generator.random((len(trace), len(CONCEPTS)), dtype=np.float32), labels


def area(probabilities: np.ndarray, labels: np.ndarray) -> float:
    if probabilities.shape[1] == 2:
        return float(roc_auc_score(labels, probabilities[:, 1]))
    return float(roc_auc_score(labels, probabilities.astype(np.float64), multi_class="ovr"))


@settings(max_examples=25)
@given(st.data())
def test_without_corrections_it_is_replay(data: st.DataObject) -> None:
    """Interventions of the policy stay in force until a correction replaces them."""
    trace = data.draw(traces(least=4))
    drawn = data.draw(policies(trace))
    policy = Policy(drawn.gate_thresholds, 0.5, drawn.interventions)
    truth, labels = truth_and_labels(trace, 0)
    curve = intervention_curve(trace, policy, truth, labels, orders=2)
    decision = replay(trace, policy)
    assert len(curve.accuracies) == len(curve.aucs) == len(CONCEPTS) + 1
    assert curve.accuracies[0] == pytest.approx(accuracy_score(labels, decision.predicted))
    assert curve.aucs[0] == pytest.approx(area(decision.probabilities, labels))


@settings(max_examples=25)
@given(st.data())
def test_with_all_corrected_it_is_the_head_on_true_concepts(data: st.DataObject) -> None:
    """Weights times truth plus bias; residual channels keep what the network found."""
    trace = data.draw(traces(least=4))
    policy = data.draw(policies(trace))
    policy = Policy(policy.gate_thresholds, 0.5)
    truth, labels = truth_and_labels(trace, 1)
    curve = intervention_curve(trace, policy, truth, labels, orders=2)
    residual = replay(trace, policy).outputs[:, len(CONCEPTS) :]
    known = np.concatenate([truth, residual], axis=1).astype(np.float64)
    logits = np.zeros((len(trace), len(trace.head.bias) + 1))
    logits[:, 1:] = known @ trace.head.weights.T.astype(np.float64) + trace.head.bias
    assert curve.accuracies[-1] == pytest.approx(accuracy_score(labels, logits.argmax(axis=1)))
    powers = np.exp(logits / trace.head.temperature)
    chances = powers / powers.sum(axis=1, keepdims=True)
    assert curve.aucs[-1] == pytest.approx(area(chances, labels), abs=1e-6)


def four_cases() -> tuple[Trace, np.ndarray, np.ndarray]:
    """No experts; three concepts, found and true, that disagree about the class."""
    found = np.array([[2, -1, 0.5], [-1, 1, 1], [0.3, -0.2, -2], [1, 1, -1]], np.float32)
    trace = Trace(
        ("a", "b", "c", "d"),
        np.zeros((4, 0), np.float32),
        found,
        np.zeros((4, 0, 3), np.float32),
        ExpertTree((), ()),
        Head(np.array([[3, -2, 2]], np.float32), np.array([-1.6], np.float32), 1.0, 3),
        CONCEPTS,
    )
    truth = np.array([[0.1, 0.9, 0.3], [0.9, 0.2, 0.7], [0.2, 0.8, 0.1], [0.8, 0.1, 0.9]])
    return trace, truth.astype(np.float32), np.array([0, 1, 0, 1])


def test_the_middle_is_the_mean_over_all_subsets() -> None:
    """A random order per case picks every subset of one size equally often.

    Share of (case, subset) pairs decided right; 600 orders of 4 cases leave a standard error
    of at most .5 / sqrt(2400) = .01.
    """
    trace, truth, labels = four_cases()
    policy = Policy(())
    curve = intervention_curve(trace, policy, truth, labels, orders=600, seed=3)
    expected = []
    for size in range(4):
        right = []
        for subset in itertools.combinations(range(3), size):
            for case in range(4):
                edited = policy
                for k in subset:
                    edited = edited.intervene(CONCEPTS[k], float(truth[case, k]))
                right.append(replay(trace[case], edited).predicted[0] == labels[case])
        expected.append(np.mean(right))
    assert len(set(expected)) > 2  # else the order would not matter
    np.testing.assert_allclose(curve.accuracies, expected, atol=0.04)


def test_the_seed_fixes_the_orders() -> None:
    trace, truth, labels = four_cases()
    one, same, other = (
        intervention_curve(trace, Policy(()), truth, labels, orders=3, seed=s) for s in (1, 1, 2)
    )
    assert one == same
    assert one.accuracies != other.accuracies


def test_the_decision_threshold_counts() -> None:
    """The policy decides: with another cut-off, 0 corrections still are its replay."""
    trace, truth, labels = four_cases()
    shares = set()
    for cut in (0.02, 0.5, 0.98):
        policy = Policy((), cut)
        expected = accuracy_score(labels, replay(trace, policy).predicted)
        shares.add(expected)
        found = intervention_curve(trace, policy, truth, labels, orders=1).accuracies[0]
        assert found == pytest.approx(expected), f"at a cut-off of {cut}"
    assert len(shares) > 1


# --- Orders --------------------------------------------------------------------------------------


def slow(trace: Trace, truth: np.ndarray, corrected: list[tuple[int, int]]) -> np.ndarray:
    """Decide case by case with a policy that sets these (case, concept) to their true value."""
    decided = []
    for case in range(len(trace)):
        edited = Policy(())
        for row, k in corrected:
            if row == case:
                edited = edited.intervene(CONCEPTS[k], float(truth[case, k]))
        decided.append(replay(trace[case], edited).predicted[0])
    return np.array(decided)


@given(st.integers(0, 50))
def test_each_case_follows_its_own_order(seed: int) -> None:
    """A slow second implementation: edit each case by hand with a policy, and replay it."""
    trace, truth, labels = four_cases()
    ranks = random_ranks(truth.shape, np.random.default_rng(seed))
    assert (np.sort(ranks, axis=1) == np.arange(3)).all()
    found = correct_in_order(trace, Policy(()), truth, labels, ranks)
    for step in range(4):
        edits = [(i, k) for i in range(4) for k in range(3) if ranks[i, k] < step]
        right = slow(trace, truth, edits) == labels
        np.testing.assert_array_equal(found.right[step], right)
        assert found.accuracies[step] == pytest.approx(right.mean())


def test_a_single_correction_counts_what_it_mends_and_spoils() -> None:
    trace, truth, labels = four_cases()
    before = replay(trace, Policy(())).predicted == labels
    found = single_corrections(trace, Policy(()), truth, labels)
    assert any(one.repaired or one.broken for one in found)
    for k, one in enumerate(found):
        after = slow(trace, truth, [(case, k) for case in range(4)]) == labels
        assert one.repaired == int((after & ~before).sum())
        assert one.broken == int((before & ~after).sum())
        assert one.net == int(after.sum()) - int(before.sum())


def test_the_greedy_order_is_the_best_at_each_step() -> None:
    """All orders of three concepts: its first step has the least log loss of all first steps."""
    trace, truth, labels = four_cases()
    order = greedy_order(trace, Policy(()), truth, labels)
    assert sorted(order) == [0, 1, 2]

    def loss(known: tuple[int, ...]) -> float:
        chances = []
        for case in range(4):
            edited = Policy(())
            for k in known:
                edited = edited.intervene(CONCEPTS[k], float(truth[case, k]))
            chances.append(replay(trace[case], edited).probabilities[0, labels[case]])
        return float(-np.log(chances).mean())

    assert loss(order[:1]) == min(loss((k,)) for k in range(3))
    assert loss(order[:2]) == min(loss((order[0], k)) for k in range(3) if k != order[0])
    assert fixed_ranks(order, 2).tolist() == [[order.index(k) for k in range(3)]] * 2
