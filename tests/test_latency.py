"""Times of sets of experts: which sets, what a policy makes of them, what a part adds."""

import json
from dataclasses import replace

import numpy as np
import pytest
from forests import CONCEPTS, Forest

from minspnet.deploy.export import export
from minspnet.deploy.session import Exported
from minspnet.errors import UserError
from minspnet.latency import Latency, Machine, measure
from minspnet.policy import Policy
from minspnet.tally import reachable_sets

MACHINE = Machine("a processor", 2, 1, "1.0")
# By hand: the base takes 1 ms, the first expert 2 more, and the second, its child, 4 more.
CHAIN = Latency(
    MACHINE,
    ("near", "far"),
    ((False, False), (True, False), (True, True)),
    (1.0, 3.0, 7.0),
    ((0.9, 1.1), (2.9, 3.1), (6.9, 7.1)),
    5,
)


@pytest.fixture(scope="module")
def exported(forest: Forest) -> Exported:
    """The forest, for one case a run."""
    classes = tuple("abc"[: forest.network.spec.classes])
    made = export(forest.network, Policy.shared(0, 4), CONCEPTS, classes)
    return Exported.open(made.SerializeToString())


def test_a_policy_takes_the_mean_of_its_sets() -> None:
    active = np.array([[False, False], [True, True], [True, True], [True, False]])
    assert CHAIN.of(active).tolist() == [1.0, 7.0, 7.0, 3.0]
    assert (CHAIN.base, CHAIN.all_on, CHAIN.added) == (1.0, 7.0, (2.0, 4.0))


def test_a_part_adds_the_mean_over_the_sets_it_can_join() -> None:
    """By hand: beside each other, the second adds 4 alone and 2 behind the first."""
    sets = ((False, False), (False, True), (True, False), (True, True))
    parallel = Latency(MACHINE, ("a", "b"), sets, (1.0, 5.0, 4.0, 6.0), ((0.0, 9.0),) * 4, 5)
    assert parallel.added == (2.0, 3.0)


def test_times_go_through_a_file() -> None:
    assert Latency.from_dict(json.loads(json.dumps(CHAIN.to_dict()))) == CHAIN


def test_a_set_that_was_not_timed_is_refused() -> None:
    with pytest.raises(UserError, match="active must hold only sets that were timed"):
        CHAIN.of(np.array([[False, True]]))
    with pytest.raises(UserError, match="latency must have a time for every set"):
        replace(CHAIN, milliseconds=(1.0, 3.0))


def test_every_reachable_set_is_timed(forest: Forest, exported: Exported) -> None:
    found = measure(exported, forest.inputs[:1], rounds=3)
    np.testing.assert_array_equal(found.sets, reachable_sets(forest.network.tree))
    assert found.experts == forest.network.tree.names
    assert (found.rounds, found.machine.threads) == (3, 1)
    assert all(0 < low <= middle <= high for middle, (low, high) in zip(
        found.milliseconds, found.quartiles, strict=True))  # fmt: skip
    assert found.machine.processor and found.machine.cores > 0
    everything = np.ones((2, 4), dtype=bool)
    assert found.of(everything).tolist() == [found.all_on] * 2


def test_forced_thresholds_run_just_that_set(forest: Forest, exported: Exported) -> None:
    """Whatever a gate says, 0 opens it and 2 shuts it."""
    for active in reachable_sets(forest.network.tree):
        policy = Policy(tuple(np.where(active, 0.0, 2.0).tolist()))
        said = exported.decide(forest.inputs[:3], policy)
        np.testing.assert_array_equal(said.active, np.tile(active, (3, 1)))


def test_a_graph_without_gates_takes_its_turn(forest: Forest, exported: Exported) -> None:
    """It is what gates have to beat; without it nothing is claimed."""
    assert measure(exported, forest.inputs[:1], rounds=2).ungated is None
    classes = tuple("abc"[: forest.network.spec.classes])
    made = export(forest.network, Policy.shared(0, 4), CONCEPTS, classes, "always")
    ungated = Exported.open(made.SerializeToString())
    found = measure(exported, forest.inputs[:1], 2, ungated)
    assert found.ungated is not None and found.ungated > 0
    assert len(found.milliseconds) == len(found.sets)


def test_a_model_for_batches_is_not_timed(forest: Forest) -> None:
    classes = tuple("abc"[: forest.network.spec.classes])
    made = export(forest.network, Policy.shared(0, 4), CONCEPTS, classes, "batch")
    batches = Exported.open(made.SerializeToString())
    with pytest.raises(UserError, match="model must be exported for one case a run"):
        measure(batches, forest.inputs[:1], 1)
