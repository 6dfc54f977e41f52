"""A receipt adds up to what the case cost, and says why what did not run did not."""

import json

import numpy as np
import pytest
from forests import Forest, policies, traces
from hypothesis import given
from hypothesis import strategies as st

from minspnet.latency import Latency, Machine
from minspnet.metrics import CostTable
from minspnet.policy import CLOSED, Policy
from minspnet.receipt import Receipt, receipt
from minspnet.tally import reachable_sets
from minspnet.trace import ExpertTree, Trace, replay


def prices(trace: Trace) -> CostTable:
    return CostTable(5, tuple(3**e for e in range(len(trace.tree.names))))


def timed(tree: ExpertTree) -> Latency:
    """One millisecond for the trunk, then 1, 10, 100 ... for the experts."""
    sets = reachable_sets(tree)
    added = 10.0 ** np.arange(len(tree.names))
    times = tuple(map(float, 1 + sets @ added))
    rows = tuple(tuple(map(bool, row)) for row in sets)
    machine = Machine("a processor", 2, 1, "1.0")
    return Latency(machine, tree.names, rows, times, tuple((t, t) for t in times), 3)


@given(st.data())
def test_lines_add_up_to_the_case(data: st.DataObject) -> None:
    trace = data.draw(traces())[0]
    policy = data.draw(policies(trace))
    found = receipt(trace, policy, prices(trace), timed(trace.tree))
    active = replay(trace, policy).active
    assert found.macs == prices(trace).macs(active)[0] == sum(item.macs for item in found.items)
    assert found.microseconds == pytest.approx(sum(item.microseconds for item in found.items))
    assert [item.ran for item in found.items] == [True, *active[0]]
    for item, gate in zip(found.items[1:], trace.gates[0], strict=True):
        assert item.gate == gate
        assert bool(item.reason) == (not item.ran)
    assert Receipt.from_dict(json.loads(found.to_json())) == found


def test_each_reason_is_said(forest: Forest) -> None:
    trace = forest.trace[0]
    names, parents = trace.tree.names, trace.tree.parents
    child = next(e for e, parent in enumerate(parents) if parent >= 0)
    parent = parents[child]
    off = receipt(trace, Policy.shared(0, 4).ablate(parent), prices(trace), None)
    assert off.items[1 + parent].reason == "switched off"
    assert off.items[1 + parent].gate_threshold is None
    assert off.items[1 + child].reason == f"not reached: no {names[parent]}"
    above = float(np.nextafter(trace.gates[0, child], np.float32(2)))
    low = receipt(trace, Policy.shared(0, 4).with_gate(child, above), prices(trace), None)
    assert low.items[1 + child].reason == "gate is lower"
    assert low.items[1 + child].macs == 0 < low.items[1 + child].macs_if_run


def test_without_a_measurement_no_time_is_claimed(forest: Forest) -> None:
    found = receipt(forest.trace[0], Policy.shared(CLOSED, 4), prices(forest.trace), None)
    assert found.microseconds is None and found.machine is None
    assert all(item.microseconds is None for item in found.items)
