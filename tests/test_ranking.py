"""Orders of cases, against plain sorting."""

import numpy as np
import pytest
from forests import policies, traces
from hypothesis import given
from hypothesis import strategies as st

from minspnet.policy import Policy
from minspnet.ranking import LISTINGS, ORDERS, changed_cases, list_cases, order_cases
from minspnet.trace import Decision, Trace, replay


@st.composite
def decided(draw: st.DrawFn) -> tuple[Trace, Decision, np.ndarray]:
    """A trace with its cases named out of order, a decision and random labels."""
    trace = draw(traces())
    names = draw(st.permutations([f"case {n + 5}" for n in range(len(trace))]))
    trace = type(trace)(tuple(names), *list(vars(trace).values())[1:7])
    labels = np.random.default_rng(draw(st.integers(0, 99))).integers(2, size=len(trace))
    return trace, replay(trace, draw(policies(trace))), labels


def margin(decision: Decision, row: int) -> float:
    """How far the most probable class is ahead of the second."""
    first, second, *_ = sorted(map(float, decision.probabilities[row]), reverse=True)
    return round(first - second, 5)


def by(rows: list[int], key: list[float]) -> list[float]:
    return [key[row] for row in rows]


@given(decided())
def test_orders_equal_plain_sorting(case: tuple[Trace, Decision, np.ndarray]) -> None:
    """Compared by key, since float noise may swap cases that are equally far."""
    trace, decision, labels = case
    everyone = list(range(len(trace)))
    margins = [margin(decision, row) for row in everyone]
    found = {name: order_cases(name, *case).tolist() for name in ORDERS}
    numbers = [int(trace.case_ids[row].removeprefix("case ")) for row in found["id"]]
    assert numbers == [n + 5 for n in everyone]
    for name in ("id", "uncertain", "gates"):
        assert sorted(found[name]) == everyone
    np.testing.assert_allclose(by(found["uncertain"], margins), sorted(margins), atol=3e-5)
    wrong = [row for row in everyone if decision.predicted[row] != labels[row]]
    assert sorted(found["wrong"]) == wrong
    surest = sorted((margins[row] for row in wrong), reverse=True)
    np.testing.assert_allclose(by(found["wrong"], margins), surest, atol=3e-5)
    if trace.tree.names:
        spread = [float(max(gates) - min(gates)) for gates in trace.gates]
        assert by(found["gates"], spread) == sorted(spread, reverse=True)


def test_ids_are_read_as_people_read_them() -> None:
    """Patient before nodule, numbers as numbers, and no id breaks the comparison."""
    ids = ["P-10-2", "P-2-10", "P-2-9", "7", "P", "", "P-002", "x²"]
    trace = Trace(
        tuple(ids),
        np.zeros((8, 0), np.float32),
        np.zeros((8, 3), np.float32),
        np.zeros((8, 0, 3), np.float32),
        *no_experts(),
    )
    decision = replay(trace, Policy(()))
    rows = order_cases("id", trace, decision, np.zeros(8, np.intp))
    assert [ids[row] for row in rows] == [
        *("", "7", "P", "P-002", "P-2-9", "P-2-10", "P-10-2", "x²")
    ]


def with_probabilities(second: list[float], predicted: list[int]) -> Decision:
    """Only what an order looks at."""
    chances = np.array([[1 - p, p] for p in second], np.float32)
    empty = np.zeros((len(second), 0), np.float32)
    return Decision(empty.astype(bool), empty, empty, chances, chances, np.array(predicted))


def test_changed_cases_by_hand() -> None:
    """b and d change their class, d by more; a shifts further without changing."""
    before = with_probabilities([0.1, 0.45, 0.9, 0.9], [0, 0, 1, 1])
    after = with_probabilities([0.49, 0.55, 0.9, 0.2], [0, 1, 1, 0])
    assert changed_cases(before, after).tolist() == [3, 1]
    assert changed_cases(before, before).tolist() == []


def test_a_moved_cut_off_changes_a_class_without_a_shift() -> None:
    """Ties keep the order of the trace."""
    before = with_probabilities([0.6, 0.7, 0.2], [1, 1, 0])
    after = with_probabilities([0.6, 0.7, 0.2], [0, 0, 0])
    assert changed_cases(before, after).tolist() == [0, 1]


@given(st.data())
def test_changed_cases_are_those_whose_class_differs(data: st.DataObject) -> None:
    trace = data.draw(traces())
    before, after = (replay(trace, data.draw(policies(trace))) for _ in range(2))
    rows = changed_cases(before, after).tolist()
    assert sorted(rows) == np.flatnonzero(before.predicted != after.predicted).tolist()
    shifts = [np.abs(after.probabilities[r] - before.probabilities[r]).max() for r in rows]
    assert shifts == sorted(shifts, reverse=True)


def test_cases_without_experts_have_no_gates_to_disagree() -> None:
    trace = Trace(
        ("b", "a"),
        np.zeros((2, 0), np.float32),
        np.array([[1, 2, 3], [3, 2, 1]], np.float32),
        np.zeros((2, 0, 3), np.float32),
        *no_experts(),
    )
    decision = replay(trace, Policy(()))
    assert order_cases("gates", trace, decision, np.array([0, 1])).tolist() == [1, 0]


def no_experts() -> tuple[object, ...]:
    from minspnet.trace import ExpertTree, Head

    head = Head(np.ones((1, 3), np.float32), np.zeros(1, np.float32), 1.0, 3)
    return ExpertTree((), ()), head, ("one", "two", "three")


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_keeps_to_the_rows(order: str) -> None:
    """A page indexes with them: whole numbers, also where nothing is left."""
    decision = with_probabilities([0.2, 0.9], [0, 1])
    trace = Trace(
        ("a", "b"),
        np.array([[0.5], [0.25]], np.float32),
        np.zeros((2, 3), np.float32),
        np.zeros((2, 1, 3), np.float32),
        *one_expert(),
    )
    rows = order_cases(order, trace, decision, decision.predicted)
    assert rows.dtype.kind == "i"
    assert rows.tolist() == {"wrong": [], "id": [0, 1], "uncertain": [0, 1], "gates": [0, 1]}[order]


def one_expert() -> tuple[object, ...]:
    from minspnet.trace import ExpertTree

    return (ExpertTree(("only",), (-1,)), *no_experts()[1:])


@given(decided())
def test_listings_leave_no_case_out(case: tuple[Trace, Decision, np.ndarray]) -> None:
    """And put first what they say: as far as they go, they are the orders above."""
    trace, decision, _ = case
    macs = decision.active.sum(axis=1).astype(float)
    doubtful = order_cases("uncertain", *case).tolist()
    for name in LISTINGS:
        found = list_cases(name, *case, macs).tolist()
        assert sorted(found) == list(range(len(trace)))
        if name == "wrong":
            first = order_cases("wrong", *case).tolist()
            rest = [row for row in doubtful if row not in first]
            assert found == first + rest
        elif name == "costly":
            assert found == sorted(doubtful, key=lambda row: -macs[row])
        else:
            assert found == order_cases(name, *case).tolist()
