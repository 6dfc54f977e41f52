"""What an expert is for is what goes missing without it."""

import numpy as np
import pytest
from forests import Forest, traces, trees
from hypothesis import given
from hypothesis import strategies as st
from test_sweep import labels_for, outcomes_of

from minspnet.flow import flow
from minspnet.metrics import CostTable
from minspnet.policy import Policy
from minspnet.roles import roles, routing_entropy
from minspnet.sweep import Outcomes
from minspnet.tally import reachable_sets
from minspnet.trace import ExpertTree, replay


@given(st.data())
def test_roles_are_counted_from_replays(data: st.DataObject) -> None:
    """Against deciding every case twice and counting in plain loops."""
    trace = data.draw(traces(least=4))
    labels = labels_for(trace, data.draw(st.integers(0, 99)))
    count = len(trace.tree.names)
    outcomes = Outcomes(trace, labels, CostTable(5, tuple(3**e for e in range(count))))
    policy = Policy(tuple(data.draw(st.floats(0, 1, width=32)) for _ in range(count)))
    found, now = roles(outcomes, policy), replay(trace, policy)
    right = now.predicted == labels
    for expert in range(count):
        without = replay(trace, policy.ablate(expert))
        still = without.predicted == labels
        assert found.lost_overall[expert] == pytest.approx(right.mean() - still.mean())
        saved = outcomes.cost.macs(now.active) - outcomes.cost.macs(without.active)
        assert found.macs_saved[expert] == pytest.approx(saved.mean())
        for k in range(len(trace.head.bias) + 1):
            members = labels == k
            assert found.load[expert, k] == pytest.approx(now.active[members, expert].mean())
            lost = right[members].mean() - still[members].mean()
            assert found.lost[expert, k] == pytest.approx(lost)
        ran = now.active[:, expert]
        if not ran.any():
            assert np.isnan(found.moved[expert]).all()
            continue
        named = len(trace.concept_names)
        apart = np.abs(now.concepts - without.concepts)[ran, :named].mean(axis=0)
        np.testing.assert_allclose(found.moved[expert], apart, atol=1e-6)


def test_of_a_class_without_cases_nothing_is_said(forest: Forest) -> None:
    outcomes = outcomes_of(forest)
    alone = Outcomes(outcomes.trace, np.zeros_like(outcomes.labels), outcomes.cost)
    found = roles(alone, Policy.shared(0, 4))
    assert np.isnan(found.load[:, 1]).all() and np.isnan(found.lost[:, 1]).all()
    assert (found.load[:, 0] == 1).all()


def test_an_expert_that_never_runs_is_for_nothing(forest: Forest) -> None:
    found = roles(outcomes_of(forest), Policy.shared(2, 4))
    assert not found.load.any() and not found.lost.any() and not found.macs_saved.any()
    assert np.isnan(found.moved).all()


@pytest.mark.parametrize(
    ("shares", "bits"), [((1.0, 0.0), 0), ((0.5, 0.5), 1), ((0.5, 0.25, 0.25), 1.5), ((), 0)]
)
def test_entropy_by_hand(shares: tuple[float, ...], bits: float) -> None:
    assert routing_entropy(shares) == pytest.approx(bits)


@given(trees(), st.integers(0, 9))
def test_what_enters_a_station_leaves_it_or_is_answered(tree: ExpertTree, seed: int) -> None:
    sets = reachable_sets(tree)
    shares = np.random.default_rng(seed).dirichlet(np.ones(len(sets)))
    found = flow(tree, sets, tuple(map(float, shares)))
    last = max((level for level, _ in found.stations), default=0)
    for number, (level, ran) in enumerate(found.stations):
        enters = 1.0 if level == 0 else sum(s for _, b, s in found.links if b == number)
        leaves = sum(s for a, _, s in found.links if a == number)
        answered = level == last or (level > 0 and not ran)
        assert leaves == pytest.approx(0 if answered else enters)
    for expert in range(len(tree.names)):
        through = sum(s for _, b, s in found.links if expert in found.stations[b][1])
        assert through == pytest.approx(float(shares @ sets[:, expert]))


def test_a_spine_with_readers_by_hand() -> None:
    """Half of the cases stop at the base; of the rest, one half runs both readers."""
    tree = ExpertTree(("second", "one", "two"), (-1, 0, 0))
    sets = reachable_sets(tree)
    share = {(): 0.5, (0,): 0.25, (0, 1, 2): 0.25}
    shares = tuple(share.get(tuple(np.flatnonzero(row)), 0.0) for row in sets)
    found = flow(tree, sets, shares)
    assert found.stations == ((0, ()), (1, ()), (1, (0,)), (2, ()), (2, (1, 2)))
    assert found.links == ((0, 1, 0.5), (0, 2, 0.5), (2, 3, 0.25), (2, 4, 0.25))
