"""The Pareto set over all vectors of gate thresholds is the one that trying them all finds."""

import dataclasses
import itertools

import numpy as np
import pytest
from forests import traces, trees
from hypothesis import given, settings
from hypothesis import strategies as st
from test_sweep import labels_for

import minspnet.search
from minspnet.errors import UserError
from minspnet.metrics import CostTable
from minspnet.policy import CLOSED, Policy
from minspnet.search import Front, pareto_front
from minspnet.sweep import Outcomes, thresholds_between
from minspnet.tally import tally
from minspnet.trace import ExpertTree, Head, Trace


def costs(experts: int) -> CostTable:
    """Powers of three: no two sets of experts cost the same."""
    return CostTable(5, tuple(3**e for e in range(experts)))


def tried(trace: Trace, labels: np.ndarray) -> list[tuple[float, float]]:
    """Price and accuracy of the Pareto set, by replaying every vector that could matter."""
    outcomes = Outcomes(trace, labels, costs(len(trace.tree.names)))
    axes = [[*map(float, np.unique(gates)), CLOSED] for gates in trace.gates.T]
    scores = [outcomes.score(Policy(vector)) for vector in itertools.product(*axes)]
    front: list[tuple[float, float]] = []
    for price, accuracy in sorted((s.mean_macs, -s.accuracy) for s in scores):
        if not front or -accuracy > front[-1][1]:
            front.append((price, -accuracy))
    return front


@settings(max_examples=40)
@given(st.data())
def test_the_front_is_what_trying_every_vector_finds(data: st.DataObject) -> None:
    trace = data.draw(traces(least=4))[:6]
    labels = labels_for(trace, data.draw(st.integers(0, 99)))
    vectors = np.prod([len(np.unique(gates)) + 1 for gates in trace.gates.T])
    if vectors > 3000:
        return
    found = pareto_front(tally(trace, labels), costs(len(trace.tree.names)).price)
    assert found.exact
    expected = tried(trace, labels)
    assert found.prices == pytest.approx([p for p, _ in expected])
    assert found.accuracies == pytest.approx([a for _, a in expected])


def random_trace(tree: ExpertTree, cases: int, seed: int) -> tuple[Trace, np.ndarray]:
    """Evidence without meaning, of many cases."""
    generator = np.random.default_rng(seed)
    experts = len(tree.names)
    drawn = generator.normal(size=(cases, experts + 1, 2)).astype(np.float32)
    trace = Trace(
        tuple(map(str, range(cases))),
        generator.random((cases, experts), dtype=np.float32),
        drawn[:, 0],
        drawn[:, 1:],
        tree,
        Head(np.array([[2, -1]], np.float32), np.zeros(1, np.float32), 1.0, 2),
        ("one", "two"),
    )
    return trace, generator.integers(2, size=cases)


@settings(max_examples=20)
@given(trees(), st.integers(0, 9))
def test_every_point_is_counted_exactly(tree: ExpertTree, seed: int) -> None:
    """On a grid, too: accuracy and price are those of replaying the vector."""
    trace, labels = random_trace(tree, 300, seed)
    price = costs(len(tree.names))
    outcomes = Outcomes(trace, labels, price)
    front = pareto_front(outcomes.tally(), price.price, most=400)
    for vector, accuracy, mean in zip(
        front.gate_thresholds, front.accuracies, front.prices, strict=True
    ):
        score = outcomes.score(Policy(vector))
        assert score.accuracy == pytest.approx(accuracy)
        assert score.mean_macs == pytest.approx(mean)
    assert sorted(front.accuracies) == list(front.accuracies)
    assert sorted(front.prices) == list(front.prices)


@pytest.mark.parametrize("parents", [(-1, 0, 1), (-1, -1, 0), (-1, -1, -1)])
def test_a_grid_comes_near_what_is_exact(parents: tuple[int, ...]) -> None:
    """Fifty cases allow all 132,651 vectors; a hundredth of them finds nearly the same front."""
    trace, labels = random_trace(ExpertTree(("a", "b", "c"), parents), 50, 3)
    counted, price = tally(trace, labels), costs(3).price
    exact, coarse = pareto_front(counted, price), pareto_front(counted, price, most=1300)
    assert exact.exact and not coarse.exact
    for budget in np.linspace(exact.prices[0], exact.prices[-1], 20):
        best = exact.accuracies[exact.within(budget)]
        assert coarse.prices[0] <= budget
        reached = coarse.accuracies[coarse.within(budget)]
        assert best - 0.041 <= reached <= best


def test_cases_that_routing_does_not_decide_need_no_thresholds() -> None:
    """Where the gates of 4 cases in 14 matter, 125 vectors find what all 3,375 do."""
    trace, labels = random_trace(ExpertTree(("a", "b", "c"), (-1, 0, -1)), 14, 6)
    unmoved = np.arange(14) >= 4
    contributions = np.where(unmoved[:, None, None], 0, trace.contributions)
    trace = dataclasses.replace(trace, contributions=contributions)
    found = pareto_front(tally(trace, labels), costs(3).price, most=5**3)
    expected = tried(trace, labels)
    assert found.exact and len(expected) > 2
    assert found.prices == pytest.approx([p for p, _ in expected])
    assert found.accuracies == pytest.approx([a for _, a in expected])


def test_refining_a_grid_finds_more() -> None:
    """The same grid, with and without the finer ones around what it found."""
    trace, labels = random_trace(ExpertTree(("a", "b", "c"), (-1, 0, 1)), 400, 5)
    counted, price = tally(trace, labels), costs(3).price
    plain = minspnet.search._front(
        counted, price, [thresholds_between(g, 8) for g in counted.gates], False
    )
    refined = pareto_front(counted, price, most=1000)

    def best(front: Front) -> list[float]:
        budgets = np.linspace(plain.prices[0], plain.prices[-1], 30)
        return [front.accuracies[front.within(budget)] for budget in budgets]

    assert all(one >= other for one, other in zip(best(refined), best(plain), strict=True))
    assert sum(best(refined)) > sum(best(plain))


def test_more_experts_than_a_grid_can_hold_are_refused() -> None:
    trace, labels = random_trace(ExpertTree(tuple("abcdef"), tuple(range(-1, 5))), 20, 0)
    with pytest.raises(UserError, match="the forest must have at most 5 experts, got 6"):
        pareto_front(tally(trace, labels), costs(6).price, most=63)


def test_a_second_threshold_pays_by_hand() -> None:
    """Two parallel experts of price 1 behind a base of 0; every case is of the second class.

    Case 1 (gates .9, .5) is right with the first expert only; case 2 (gates .5, .9) whenever the
    second runs; case 3 (.1, .1) always. One shared threshold of .9 runs the first expert on
    case 1 and the second on case 2: all right at 2/3. So does nothing cheaper; with none running
    only case 3 is right; with one expert closed two are, at 1/3.
    """
    trace = Trace(
        ("1", "2", "3"),
        np.array([[0.9, 0.5], [0.5, 0.9], [0.1, 0.1]], np.float32),
        np.array([[-1], [-1], [9]], np.float32),
        np.array([[[2], [-3]], [[0], [2]], [[0], [0]]], np.float32),
        ExpertTree(("a", "b"), (-1, -1)),
        Head(np.array([[2]], np.float32), np.array([-1], np.float32), 1.0, 1),
        ("one",),
    )
    front = pareto_front(tally(trace, np.ones(3, np.intp)), CostTable(0, (1, 1)).price)
    assert front.accuracies == pytest.approx((1 / 3, 2 / 3, 1))
    assert front.prices == pytest.approx((0, 1 / 3, 2 / 3))
    assert front.gate_thresholds[0] == (CLOSED, CLOSED)
    assert front.gate_thresholds[2] == pytest.approx((0.7, 0.7))  # halfway to the gates below


def test_a_budget_takes_the_best_point_it_can_pay() -> None:
    front = Front(((CLOSED,), (0.5,), (0.0,)), (0.5, 0.75, 1.0), (1.0, 2.0, 4.0), True)
    assert [front.within(budget) for budget in (1, 1.9, 2, 3, 9)] == [0, 0, 1, 1, 2]
    with pytest.raises(UserError, match=r"^budget must be at least 1, got 0\.5; raise it\.$"):
        front.within(0.5)


def test_without_experts_there_is_one_point() -> None:
    trace, labels = random_trace(ExpertTree((), ()), 20, 0)
    front = pareto_front(tally(trace, labels), CostTable(7, ()).price)
    assert front.gate_thresholds == ((),) and front.prices == (7.0,)
