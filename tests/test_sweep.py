"""Scoring many policies from one trace is the same as replaying each of them."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from forests import CASES, Forest, policies, traces, trees
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score

import minspnet.tally
from minspnet.cost import cost_table
from minspnet.errors import UserError
from minspnet.metrics import CostTable
from minspnet.policy import Policy
from minspnet.sweep import (
    STEPS,
    Outcomes,
    Score,
    breakpoints,
    cheapest_alike,
    cheapest_reaching,
    effective_gates,
    most_within,
    thresholds_between,
)
from minspnet.tally import bits, flags, popcount, reachable_sets, tally
from minspnet.trace import ExpertTree, Head, Trace, replay


@given(trees())
def test_reachable_sets_are_all_sets_with_parents(tree: ExpertTree) -> None:
    """Against trying all 2^E sets; each is listed once."""
    sets = {
        active
        for active in itertools.product((False, True), repeat=len(tree.names))
        if all(p < 0 or active[p] or not active[e] for e, p in enumerate(tree.parents))
    }
    listed = [tuple(map(bool, row)) for row in reachable_sets(tree)]
    assert set(listed) == sets
    assert len(listed) == len(sets)


def labels_for(trace: Trace, seed: int) -> np.ndarray:
    """Random labels in which each class stands at least once."""
    classes = len(trace.head.bias) + 1
    labels = np.random.default_rng(seed).integers(classes, size=len(trace))
    labels[:classes] = range(classes)
    return labels


@given(st.data())
def test_score_equals_replay_and_scikit_learn(data: st.DataObject) -> None:
    trace = data.draw(traces(least=4))
    policy = data.draw(policies(trace)).without_interventions()
    labels = labels_for(trace, data.draw(st.integers(0, 99)))
    cost = CostTable(5, tuple(3**e for e in range(len(trace.tree.names))))
    outcomes = Outcomes(trace, labels, cost)
    score = outcomes.score(policy)

    decision = replay(trace, policy)
    chances = decision.probabilities
    if chances.shape[1] == 2:  # a sum in another order must not be able to flip a decision
        assume((np.abs(chances[:, 1] - policy.decision_threshold) > 1e-5).all())
        auc = roc_auc_score(labels, chances[:, 1])
    else:
        auc = roc_auc_score(labels, chances.astype(np.float64), multi_class="ovr", average="macro")
    assert score.gate_thresholds == policy.gate_thresholds
    assert score.accuracy == pytest.approx(accuracy_score(labels, decision.predicted))
    # Tied probabilities may be untied by rounding; half a pair is the most that can cost.
    assert outcomes.auc(policy) == pytest.approx(auc, abs=1e-6) or has_near_ties(chances)
    assert score.recalls == pytest.approx(
        recall_score(labels, decision.predicted, average=None, labels=range(chances.shape[1]))
    )
    assert score.mean_macs == pytest.approx(cost.macs(decision.active).mean())
    depths = decision.active.sum(axis=1)
    expected = [np.mean(depths == d) for d in range(len(trace.tree.names) + 1)]
    assert score.depth_shares == pytest.approx(expected)
    assert score.expert_shares == pytest.approx(decision.active.mean(axis=0))
    assert score.stop_shares == pytest.approx(stop_shares(trace.tree, decision.active))


def stop_shares(tree: ExpertTree, active: np.ndarray) -> list[float]:
    """Share of cases that reached a node with experts behind it and ran none of them."""
    shares = []
    for node in range(-1, len(tree.parents)):
        behind = [e for e, parent in enumerate(tree.parents) if parent == node]
        stops = [(node < 0 or row[node]) and not any(row[behind]) for row in active]
        shares.append(float(np.mean(stops)) if behind else 0.0)
    return shares


def has_near_ties(chances: np.ndarray) -> bool:
    return bool((np.diff(np.sort(chances, axis=0), axis=0) < 1e-6).any())


@given(st.data())
def test_every_case_stands_in_its_own_set(data: st.DataObject) -> None:
    """Case by case, so that no mix-up of cases or sets can average out; right ones likewise."""
    trace = data.draw(traces(least=4))
    policy = data.draw(policies(trace)).without_interventions()
    labels = labels_for(trace, data.draw(st.integers(0, 99)))
    counted = tally(trace, labels, policy.decision_threshold)
    by_set = counted.by_set(policy.gate_thresholds)
    decision = replay(trace, policy)
    member = np.stack([flags(cases, len(trace)) for cases in by_set])
    assert (member.sum(axis=0) == 1).all()
    np.testing.assert_array_equal(counted.sets[member.argmax(axis=0)], decision.active)
    right = flags(counted.right_among(by_set), len(trace))
    np.testing.assert_array_equal(right, decision.predicted == labels)


@pytest.mark.parametrize("count", [1, 63, 64, 65, 130])
def test_bits_come_back_as_they_were(count: int) -> None:
    given = np.random.default_rng(count).random(count) < 0.5
    words = bits(given)
    assert words.shape == (-(-count // 64),)
    assert popcount(words) == given.sum()
    np.testing.assert_array_equal(flags(words, count), given)


def test_blocks_of_cases_count_as_one(forest: Forest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence larger than memory is read in blocks; where they end plays no part."""
    trace = forest.trace[np.arange(3 * CASES) % CASES]
    labels = labels_for(trace, 0)
    whole = tally(trace, labels)
    monkeypatch.setattr(minspnet.tally, "_BLOCK", 64)
    assert len(trace) > 64
    np.testing.assert_array_equal(tally(trace, labels).right, whole.right)


@given(st.data())
def test_varying_cases_are_those_that_routing_decides(data: st.DataObject) -> None:
    trace = data.draw(traces(least=4))
    labels = labels_for(trace, 0)
    counted = tally(trace, labels)
    right = np.stack([flags(words, len(trace)) for words in counted.right])
    expected = right.any(axis=0) & ~right.all(axis=0)
    np.testing.assert_array_equal(flags(counted.varying, len(trace)), expected)


@given(st.data())
def test_any_shared_threshold_acts_as_a_breakpoint(data: st.DataObject) -> None:
    trace = data.draw(traces())
    points = breakpoints(trace, most=10_000)
    assert points[0] == 0 and points[-1] == 1.01
    threshold = data.draw(st.floats(0, 1, width=32))
    experts = len(trace.tree.names)
    active = replay(trace, Policy.shared(threshold, experts)).active
    alike = [replay(trace, Policy.shared(point, experts)).active for point in points]
    assert any(np.array_equal(active, other) for other in alike)
    runs = np.float32(threshold) <= effective_gates(trace).T
    np.testing.assert_array_equal(runs, active)


def test_thresholds_stand_between_gates() -> None:
    """On a gate, float noise of another implementation would route its case by chance."""
    gates = np.float32([0.5, 0.25, 0.5, 0.75])
    assert thresholds_between(gates, 9).tolist() == [0, 0.375, 0.625]
    beside = np.nextafter(np.float32(0.5), np.float32(1))
    assert thresholds_between(np.array([0.5, beside], np.float32), 9).tolist() == [0, beside]
    many = np.random.default_rng(0).random(500, dtype=np.float32)
    kept = thresholds_between(many, 40)
    assert len(kept) <= 40 and not set(kept[1:]) & set(many)


def test_thresholds_beside_some_gates_have_neighbours_among_all() -> None:
    gates = np.float32([0.5, 0.25, 0.5, 0.75, 1])
    assert thresholds_between(gates, 9, gates[3:4]).tolist() == [0.625]
    assert thresholds_between(gates, 9, gates[[4, 1, 4]]).tolist() == [0, 0.875]
    assert thresholds_between(gates, 9, gates[:0]).tolist() == []


def test_rare_values_are_not_thinned_out_where_all_fit() -> None:
    gates = np.float32([0.1] * 1013 + [0.5] + [0.9] * 1000)
    assert thresholds_between(gates, 101).tolist() == pytest.approx([0, 0.3, 0.7])


def test_alike_gates_leave_room_for_others() -> None:
    """A router that mostly says 0 still has as many thresholds as are asked for."""
    few = np.random.default_rng(0).random(200, dtype=np.float32)
    assert len(thresholds_between(np.append(np.zeros(5000, np.float32), few), 101)) == 101
    gates = np.float32([0.1] * 1000 + [0.2, 0.5, 0.6] + [0.9] * 1000)
    assert len(thresholds_between(gates, 4)) == 4


def test_few_breakpoints_leave_equally_many_changes_between_them(forest: Forest) -> None:
    few = breakpoints(forest.trace, most=9)
    changes = np.sort(effective_gates(forest.trace), axis=None)
    assert len(few) <= 10
    between = np.diff(np.searchsorted(changes, np.float32(few)))
    alike = np.unique(changes, return_counts=True)[1].max()  # fall together, wherever it is cut
    assert between.max() <= len(changes) / 8 + alike


def test_one_decision_threshold_is_kept(forest: Forest) -> None:
    """A slider that is moved must not pile up what it passed."""
    outcomes = outcomes_of(forest)
    first = outcomes.tally(0.5)
    assert outcomes.tally(0.5) is first
    assert outcomes.tally(0.9) is not first and outcomes.tally(0.9) is outcomes.tally(0.9)
    assert len(outcomes._kept) == 1


def test_outcomes_sum_in_the_order_of_replay() -> None:
    """In floats 1 - 1 + 1e-9 is present and 1 + (-1 + 1e-9) is not told from absent."""
    trace = replace(
        bare_trace((-1, -1)),
        gates=np.ones((2, 2), np.float32),
        base=np.ones((2, 1), np.float32),
        contributions=np.array([[[-1], [1e-9]], [[-1], [-1e-9]]], np.float32),
        head=Head(np.full((1, 1), 4, np.float32), np.full(1, -2, np.float32), 1.0, 1, binary=True),
    )
    outcomes = Outcomes(trace, np.array([1, 0]), CostTable(0, (1, 1)))
    policy = Policy.shared(0, 2)
    assert replay(trace, policy).predicted.tolist() == [1, 0]
    assert outcomes.score(policy).accuracy == 1


def outcomes_of(forest: Forest) -> Outcomes:
    labels = labels_for(forest.trace, 0)
    return Outcomes(forest.trace, labels, cost_table(forest.network))


def test_curve_runs_from_everything_to_the_base_alone(forest: Forest) -> None:
    outcomes = outcomes_of(forest)
    curve = outcomes.curve(STEPS[::5] + STEPS[-1:])
    everything, nothing = curve[0], curve[-1]
    assert everything == outcomes.score(Policy.shared(0, 4))
    assert everything.mean_macs == outcomes.cost.total
    assert everything.depth_shares == (0, 0, 0, 0, 1)
    assert nothing.mean_macs == outcomes.cost.base
    assert nothing.depth_shares == (1, 0, 0, 0, 0)
    base_only = replay(forest.trace, Policy.shared(2, 4))
    assert nothing.accuracy == accuracy_score(outcomes.labels, base_only.predicted)
    macs = [point.mean_macs for point in curve]
    assert macs == sorted(macs, reverse=True)
    assert len(set(macs)) > 5
    assert [point.gate_thresholds[0] for point in curve[:-1]] == pytest.approx(
        np.linspace(0, 1, 21)
    )


def test_curve_uses_the_decision_threshold(forest: Forest) -> None:
    outcomes = outcomes_of(forest)
    curve = outcomes.curve((0, 0.5, 1), decision_threshold=0.9)
    for point in curve:
        assert point == outcomes.score(Policy(point.gate_thresholds, 0.9))


def points(*values: tuple[float, float]) -> tuple[Score, ...]:
    """Points of a curve by accuracy and mean MACs."""
    return tuple(Score((), accuracy, macs, (), (), (), (), ()) for accuracy, macs in values)


@pytest.mark.parametrize(
    ("curve", "budget", "chosen"),
    [
        # The most that half of 10 MACs can pay, however it scores; just half is in.
        (points((0.9, 10), (0.8, 5), (0.9, 4)), 0.5, 1),
        (points((0.9, 10), (0.8, 5.1), (0.9, 4)), 0.5, 2),
        # Without experts the base is all there is, whatever the budget.
        (points((0.5, 10), (0.5, 10)), 0.4, 0),
        # Everything is affordable at all the MACs there are.
        (points((0.4, 10), (0.5, 1)), 1.0, 0),
    ],
)
def test_most_within_a_budget(curve: tuple[Score, ...], budget: float, chosen: int) -> None:
    assert most_within(curve, budget, total_macs=10) is curve[chosen]


def test_a_budget_of_just_the_base_pays_for_it() -> None:
    """A share times the total may come out a little below the part it was the share of."""
    base, total = next((b, t) for t in range(3, 999) for b in range(1, t) if b / t * t < b)
    curve = points((0.9, total), (0.5, base))
    assert most_within(curve, base / total, total) is curve[1]


def test_a_budget_below_the_base_is_refused() -> None:
    with pytest.raises(UserError) as refused:
        most_within(points((0.9, 10), (0.8, 2)), 0.1, total_macs=10)
    assert str(refused.value) == (
        "budget must be at least 0.200, what the base alone costs, got 0.1; raise it."
    )


@pytest.mark.parametrize(
    ("least", "chosen"),
    [
        (0.95, 0),
        (0.9, 2),  # as cheap as the next, and better
        (0.7, 2),
        (0.1, 4),
        (0.95 - 0.05, 2),  # a difference need not come back exactly: this is above .9
    ],
)
def test_the_cheapest_that_is_accurate_enough(least: float, chosen: int) -> None:
    curve = points((0.95, 10), (0.9, 5), (0.9, 3), (0.8, 3), (0.5, 1))
    prices = [point.mean_macs for point in curve]
    assert cheapest_reaching(curve, prices, least) is curve[chosen]


@given(st.data())
def test_the_cheapest_that_hardly_changes_what_is_said(data: st.DataObject) -> None:
    """Against trying every step by hand; 0 moves nothing, 1 lets the base speak alone."""
    trace = data.draw(traces(least=4))
    experts = len(trace.tree.names)
    drift = data.draw(st.sampled_from([0.0, 0.01, 0.1, 1.0]))
    outcomes = Outcomes(
        trace, labels_for(trace, 0), CostTable(5, tuple(3**e for e in range(experts)))
    )
    point = cheapest_alike(outcomes, drift)
    whole = replay(trace, Policy.shared(0, experts)).probabilities
    costs = []
    for threshold in STEPS:
        policy = Policy.shared(threshold, experts)
        said = replay(trace, policy).probabilities
        moved = np.mean([np.abs(a - b).sum() / 2 for a, b in zip(said, whole, strict=True)])
        assume(abs(moved - drift) > 1e-6 or not moved)
        if moved <= drift:
            costs.append(outcomes.score(policy).mean_macs)
    assert point.mean_macs == min(costs)
    if drift == 1:
        assert point.mean_macs == 5


def test_more_accuracy_than_there_is_is_refused() -> None:
    with pytest.raises(UserError) as refused:
        cheapest_reaching(points((0.9, 10), (0.8, 2)), [10, 2], 0.95)
    assert str(refused.value) == "least_accuracy must be at most 0.900, got 0.95; lower it."


def test_wrong_labels_and_points_are_refused(forest: Forest) -> None:
    cost = cost_table(forest.network)
    with pytest.raises(UserError) as refused:
        Outcomes(forest.trace, np.zeros(3, np.intp), cost).tally()
    assert str(refused.value) == f"labels must have {CASES} values, got 3; match the trace."
    with pytest.raises(UserError) as refused:
        outcomes_of(forest).curve(())
    assert str(refused.value) == "gate_thresholds must be one or more, got none; STEPS is usual."


def bare_trace(parents: tuple[int, ...]) -> Trace:
    """Two cases, one concept, experts that each add a half."""
    count = len(parents)
    return Trace(
        ("a", "b"),
        np.linspace(0, 1, 2 * count, dtype=np.float32).reshape(2, count),
        np.zeros((2, 1), np.float32),
        np.full((2, count, 1), 0.5, np.float32),
        ExpertTree(tuple(map(str, range(count))), parents),
        Head(np.ones((1, 1), np.float32), np.zeros(1, np.float32), 1.0, 1),
        ("one",),
    )


def test_too_many_sets_are_refused() -> None:
    """Eight parallel experts reach 256 sets; nine would reach 512."""
    labels = np.array([0, 1])
    assert len(tally(bare_trace((-1,) * 8), labels).sets) == 256
    with pytest.raises(UserError) as refused:
        tally(bare_trace((-1,) * 9), labels)
    assert str(refused.value) == (
        "the forest must reach at most 256 sets of active experts, got 512; use replay instead."
    )


@pytest.mark.parametrize("stages", [15, 17, 70])
def test_a_long_spine_is_scored(stages: int) -> None:
    """Seventy stages reach only 71 sets, which is within the limit."""
    trace = bare_trace(tuple(range(-1, stages - 1)))
    outcomes = Outcomes(trace, np.array([0, 1]), CostTable(1, (1,) * stages))
    policy = Policy.shared(0.2, stages)
    for some in (policy, Policy.shared(0, stages), policy.with_gate(stages - 1, 2)):
        depths = replay(trace, some).active.sum(axis=1)
        assert outcomes.score(some).mean_macs == 1 + depths.mean()
