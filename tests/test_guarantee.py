"""Promises: what is chosen, what is refused, and what would be enough."""

from dataclasses import replace

import numpy as np
import pytest
from forests import Forest

from minspnet.certify import certify, ladder
from minspnet.cost import cost_table
from minspnet.data import UNLABELLED
from minspnet.errors import UserError
from minspnet.guarantee import Promise
from minspnet.metrics import CostTable
from minspnet.policy import Policy
from minspnet.significance import Counts, betting_p, counts_p
from minspnet.trace import ExpertTree, Head, Trace, replay

COST = CostTable(10, (90,))


def recorded(together: np.ndarray, alone: np.ndarray, gates: np.ndarray) -> Trace:
    """Evidence of one expert: what is decided with it, without it, and its gate."""
    base, both = (4.0 * side - 2 for side in (alone, together))
    return Trace(
        tuple(map(str, range(len(gates)))),
        gates[:, None].astype(np.float32),
        base[:, None].astype(np.float32),
        (both - base)[:, None, None].astype(np.float32),
        ExpertTree(("look",), (-1,)),
        Head(np.full((1, 1), 8, np.float32), np.full(1, -4, np.float32), 1.0, 1),
        ("one",),
    )


def shared(*thresholds: float) -> tuple[Policy, ...]:
    return tuple(Policy((threshold,)) for threshold in thresholds)


def tenths(
    cases: int, harmed: range = range(0), helped: range = range(0)
) -> tuple[Trace, np.ndarray]:
    """Labels 0 and 1 in turn, gates of a tenth and seven tenths in pairs of turns.

    Without the expert the cases named as harmed are wrong; with it, those named as helped.
    """
    labels = np.arange(cases) % 2
    together, alone = labels.copy(), labels.copy()
    alone[list(harmed)] = 1 - labels[list(harmed)]
    together[list(helped)] = 1 - labels[list(helped)]
    gates = np.where(np.arange(cases) // 2 % 2, 0.1, 0.7)
    return recorded(together, alone, gates), labels


def test_the_cheapest_that_passes_by_hand() -> None:
    """500 cases. Threshold .5 closes half of the gates, .9 all; 8 cases of the other half suffer.

    500 are fewer than twice 299, so there are no fresh starts: what stands behind the failure is
    not tested, good as it is.
    """
    trace, labels = tenths(500, harmed=range(0, 32, 4))
    found = certify(shared(0.3, 0.9, 0.5), trace, labels, COST, Promise())
    assert found.policy == Policy((0.3,))
    assert found.share == pytest.approx(0.55)
    assert [rung.macs for rung in found.rungs] == pytest.approx([55, 10, 55])
    assert [(rung.harms, rung.gains, rung.changed) for rung in found.rungs] == [
        (0, 0, 0),
        (8, 0, 8),
        (0, 0, 0),
    ]
    assert [rung.kept for rung in found.rungs] == [True, False, False]
    p = [counts_p(Counts(k, 0, 500, k, 500), 0.01, 0.05) for k in (0, 8, 0)]
    assert [rung.p_value for rung in found.rungs] == pytest.approx(p, abs=1e-9)
    assert not found.fresh_starts
    assert (found.cases, found.unlabelled, found.class_cases, found.groups) == (500, 0, None, None)
    assert found.test == "exact"


def test_gains_are_set_against_harms() -> None:
    trace, labels = tenths(600, harmed=range(0, 40, 8), helped=range(40, 140, 4))
    found = certify(shared(0.9), trace, labels, COST, Promise())
    assert found.policy == Policy((0.9,))
    trace, labels = tenths(600, harmed=range(0, 40, 8))
    assert certify(shared(0.9), trace, labels, COST, Promise()).policy is None


def test_too_few_cases_promise_nothing_and_say_how_many_would_do() -> None:
    trace, labels = tenths(200)
    found = certify(shared(0.5, 0.9), trace, labels, COST, Promise())
    assert (found.policy, found.share) == (None, 1.0)
    assert found.cases_needed == 299 <= found.cases_likely <= 400
    assert found.share_likely == pytest.approx(0.1)
    more = certify(shared(0.5, 0.9), *tenths(found.cases_needed), COST, Promise())
    assert more.policy == Policy((0.9,))
    assert more.cases_likely is None
    loose = certify(shared(0.9), trace, labels, COST, Promise(points_lost=2))
    assert loose.policy is not None and loose.cases_needed == 149


def test_what_loses_too_much_is_not_held_out_as_likely() -> None:
    trace, labels = tenths(200, harmed=range(0, 40, 4))
    found = certify(shared(0.5, 0.9), trace, labels, COST, Promise())
    assert found.policy is None
    assert found.share_likely == pytest.approx(0.55)


def test_unlabelled_cases_help() -> None:
    trace, labels = tenths(2200)
    labels = np.where(np.arange(2200) < 200, labels, UNLABELLED)
    found = certify(shared(0.5, 0.9), trace, labels, COST, Promise())
    assert found.policy == Policy((0.9,))
    assert (found.cases, found.unlabelled) == (200, 2000)
    assert certify(shared(0.9), trace[:200], labels[:200], COST, Promise()).policy is None


def test_the_promise_for_a_class_binds() -> None:
    """20 harms of class 1 are made up for by as many gains of class 0."""
    trace, labels = tenths(2000, harmed=range(1, 81, 4), helped=range(82, 162, 4))
    assert set(labels[1:81:4]) == {1} and set(labels[82:162:4]) == {0}
    policies = shared(0.5, 0.9)
    assert certify(policies, trace, labels, COST, Promise()).policy == policies[1]
    for class_index, chosen in ((1, policies[0]), (0, policies[1])):
        promise = Promise(class_index=class_index, class_points_lost=2.0)
        found = certify(policies, trace, labels, COST, promise)
        assert found.policy == chosen
        assert found.class_cases == 1000
    strict = Promise(class_index=0, class_points_lost=0.1)
    # ln .0499 / ln .999 = 2996.2 cases of the class, which is half of all.
    assert certify(policies, trace, labels, COST, strict).cases_needed == 2 * 2997


def test_fresh_starts_are_decided_by_numbers_of_cases_alone() -> None:
    """Twice 299 for one promise; with one of two points for a class, eight times 149."""
    policies = shared(0.3, 0.5, 0.6, 0.65, 0.9)
    for cases, promise, fresh in (
        (597, Promise(), False),
        (598, Promise(), True),
        (1191, Promise(class_index=1, class_points_lost=2.0), False),
        (1192, Promise(class_index=1, class_points_lost=2.0), True),
    ):
        trace, labels = tenths(cases)
        assert certify(policies, trace, labels, COST, promise).fresh_starts == fresh


def test_fresh_starts_go_on_behind_a_failure() -> None:
    """The third policy closes all gates and fails; the fourth, a start of its own, passes."""
    trace, labels = tenths(2000, harmed=range(0, 160, 4))
    found = certify(shared(0.3, 0.3, 0.9, 0.5), trace, labels, COST, Promise())
    assert [rung.kept for rung in found.rungs] == [True, True, False, True]


def test_groups_count_as_one_draw_each() -> None:
    """Thirty patients are thirty draws, however many nodules; each alone in a group is a case."""
    trace, labels = tenths(600)
    of_thirty = [f"patient {n // 20}" for n in range(600)]
    found = certify(shared(0.9), trace, labels, COST, Promise(), of_thirty)
    assert (found.policy, found.groups, found.test) == (None, 30, "betting")
    assert betting_p(np.zeros(found.cases_needed), 0.01) <= 0.05
    assert betting_p(np.zeros(found.cases_needed - 1), 0.01) > 0.05
    single = certify(shared(0.9), trace, labels, COST, Promise(), list(trace.case_ids))
    assert single == certify(shared(0.9), trace, labels, COST, Promise())


def test_group_means_are_what_is_bet_on() -> None:
    """500 groups of two; in one both are harmed, in another one is."""
    trace, labels = tenths(1000, harmed=range(0, 3))
    groups = [str(n // 2) for n in range(1000)]
    found = certify(shared(0.9), trace, labels, COST, Promise(points_lost=3), groups)
    means = np.zeros(500)
    means[:2] = 1, 0.5
    assert found.rungs[0].p_value == pytest.approx(betting_p(means, 0.03))
    assert found.policy == Policy((0.9,))
    unlabelled = labels.copy()
    unlabelled[500:] = UNLABELLED
    half = certify(shared(0.9), trace, unlabelled, COST, Promise(points_lost=3), groups)
    p = min(betting_p(means[:250], 0.03) / 0.7, betting_p(means, 0.03) / 0.3)
    assert half.rungs[0].p_value == pytest.approx(p)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"points_lost": 0.0},
            "points_lost must lie strictly between 0 and 100, got 0.0; no test can promise a loss "
            "of 0.",
        ),
        (
            {"confidence": 1.0},
            "confidence must be at least 0.5 and below 1, got 1.0; 0.95 is usual.",
        ),
        (
            {"class_index": 1},
            "class_index must come with class_points_lost, got 1 and None; give both or neither.",
        ),
    ],
)
def test_promises_that_nobody_can_give(values: dict[str, float], sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        Promise(**values)
    assert str(refused.value) == sentence


def test_what_does_not_fit_is_refused() -> None:
    trace, labels = tenths(8)
    promise, one = Promise(), shared(0.5)
    edited = (Policy((0.5,)).intervene("one", 0.5),)
    cuts = (*one, replace(one[0], decision_threshold=0.4))
    for sentence, call in {
        "labels must have 8 values, got 7; match the trace.": (one, trace, labels[:7], promise),
        "groups must have 8 values, got 1; match the trace.": (one, trace, labels, promise, ["a"]),
        "policies must number 1 or more, got 0; line some up with ladder.": (
            (),
            trace,
            labels,
            promise,
        ),
        "policies must share one decision threshold, got several; promise one at a time.": (
            cuts,
            trace,
            labels,
            promise,
        ),
        "policies must hold no interventions, got some; they are what-if edits of one case.": (
            edited,
            trace,
            labels,
            promise,
        ),
        "class_index must lie between 0 and 1, got 2; name a class.": (
            one,
            trace,
            labels,
            Promise(class_index=2, class_points_lost=1.0),
        ),
        "calibration cases must number 1 or more, got 0; add cases.": (
            one,
            trace[:0],
            labels[:0],
            promise,
        ),
    }.items():
        policies, evidence, given, asked, *groups = call
        with pytest.raises(UserError) as refused:
            certify(policies, evidence, given, COST, asked, *groups)
        assert str(refused.value) == sentence


def test_without_a_case_of_the_class_nothing_is_promised() -> None:
    trace, _ = tenths(400)
    labels = np.zeros(400, dtype=np.intp)
    promise = Promise(50.0, class_index=1, class_points_lost=5.0)
    found = certify(shared(0.5), trace, labels, COST, promise)
    assert found.policy is None and found.class_cases == 0


def test_a_ladder_descends_evenly_wherever_the_gates_are(forest: Forest) -> None:
    cost = cost_table(forest.network)
    for scale in (1.0, 1e-4):
        trace = replace(forest.trace, gates=(forest.trace.gates * scale).astype(np.float32))
        policies = ladder(trace, cost, rungs=6)
        macs = [cost.macs(replay(trace, one).active).mean() for one in policies]
        assert macs == sorted(macs, reverse=True)
        assert macs[-1] == cost.base
        assert len(policies) >= 4
        step = (cost.total - cost.base) / 6
        assert np.diff([cost.total, *macs]).min() >= -2.5 * step


def test_without_experts_there_is_nothing_to_save() -> None:
    trace, labels = tenths(400)
    bare = replace(
        trace,
        gates=trace.gates[:, :0],
        contributions=trace.contributions[:, :0],
        tree=ExpertTree((), ()),
    )
    cost = CostTable(10, ())
    found = certify(ladder(bare, cost), bare, labels, cost, Promise())
    assert (found.policy, found.share, found.cases_likely) == (None, 1.0, None)
    assert [rung.kept for rung in found.rungs] == [True]


def test_many_experts_are_certified_as_replayed(forest: Forest) -> None:
    """Loss and cost of every rung against replay; the cheapest kept is taken."""
    cost = cost_table(forest.network)
    everything = replay(forest.trace, Policy.shared(0, len(forest.trace.tree.names))).predicted
    policies = ladder(forest.trace, cost)
    found = certify(policies, forest.trace, everything, cost, Promise(60.0, 0.6))
    for policy, rung in zip(policies, found.rungs, strict=True):
        decision = replay(forest.trace, policy)
        assert rung.harms == rung.changed == (decision.predicted != everything).sum()
        assert rung.macs == pytest.approx(cost.macs(decision.active).mean())
    kept = [rung.macs for rung in found.rungs if rung.kept]
    assert kept and found.share == pytest.approx(min(kept) / cost.total)
