"""Activations: a network solved by hand, slow second opinions, and ablation as a hand would do."""

import copy

import numpy as np
import pytest
import torch
from forests import CASES, CONCEPTS, Forest, clear_policies, forest_spec, make_forest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from minspnet.ablation import ablate
from minspnet.activations import layers_of, record, silenced
from minspnet.activity import STEM, Activations, activity, draw_cases
from minspnet.errors import UserError
from minspnet.layers.activations import Winners
from minspnet.network import Network, run
from minspnet.policy import Policy
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.trace import Trace, active_experts, replay

CASES_BY_HAND = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [3.0, 1.0]], np.float32)
IDS = ("a", "b", "c", "d")


def by_hand() -> Network:
    """Two columns; an expert of three ReLU units: max(x0, 0), max(-1 - x1, 0) and x0 + 5.

    On the cases (1, 0), (-1, 0), (0, 2), (3, 1) these are (1, 0, 0, 3), (0, 0, 0, 0) as x1 is
    never below -1, and (6, 4, 5, 8). The exit reads only the first, with weight 2.
    """
    expert = ExpertSpec("look", "dense", 3, activation="relu", adds=False)
    network = Network(ModelSpec((2,), 1, 2, StemSpec("tabular"), (expert,)))
    weights = {
        "base_exit.read.weight": [[1.0, 0.0]],
        "base_exit.read.bias": [0.0],
        "experts.0.block.steps.0.layers.0.weight": [[1.0, 0.0], [0.0, -1.0], [1.0, 0.0]],
        "experts.0.block.steps.0.layers.0.bias": [0.0, -1.0, 5.0],
        "experts.0.exit.read.weight": [[2.0, 0.0, 0.0]],
        "experts.0.exit.read.bias": [0.0],
        "head.weights": [[4.0]],
        "head.bias": [-2.0],
    }
    state = network.state_dict() | {name: torch.tensor(v) for name, v in weights.items()}
    network.load_state_dict(state)
    return network.eval()


def routed_by_hand() -> tuple[Activations, np.ndarray]:
    """The doubt at the base is that of logit x0: cases b and d are settled, a and c are not.

    Odds of the second class are exp(4 sigmoid(x0) - 2): for x0 = 0 even (doubt 1), for 1 and -1
    sigmoid(-+0.924) = .284 (doubt .569), for 3 sigmoid(-1.81) = .141 (doubt .281). A gate
    threshold of .5 keeps d out.
    """
    network = by_hand()
    trace = run(network, IDS, CASES_BY_HAND, ("size",))
    assert trace.gates[:, 0] == pytest.approx([0.569, 0.569, 1, 0.281], abs=1e-3)
    return record(network, IDS, CASES_BY_HAND), active_experts(trace, Policy((0.5,)))


def test_layers_by_hand() -> None:
    stem, base, look, says = layers_of(by_hand())
    assert (stem.part, stem.units, stem.node, stem.weights) == ("stem", 2, STEM, 0)
    assert (base.part, base.outputs, base.kind) == ("base exit", (0,), "linear")
    assert (look.part, look.kind, look.rests, look.node) == ("look", "ReLU", True, 0)
    assert (look.weights, look.zeros, look.weight_sparsity) == (6, 3, 0.5)
    assert (says.weights, says.zeros) == (3, 2)
    assert np.isnan(stem.weight_sparsity)
    assert look.target is None


def test_activations_by_hand() -> None:
    recorded, active = routed_by_hand()
    assert recorded.values[:, recorded.of(2)].tolist() == [
        [1, 0, 6],
        [0, 0, 4],
        [0, 0, 5],
        [3, 0, 8],
    ]
    assert active[:, 0].tolist() == [True, True, True, False]
    routed = recorded.routed((2,), active)
    assert np.isnan(routed[3]).all()
    assert routed[1].tolist() == [0, 0, 4]
    assert np.array_equal(recorded.routed((0,), active), CASES_BY_HAND)


def test_activity_by_hand() -> None:
    """Of 3 cases x 3 units 4 are not 0; unit 1 is dead, unit 2 always on.

    Evenness of (1, 0, 6): (7/3)^2 / (37/3) = 49/111; of (0, 0, 4) and (0, 0, 5): 1/3.
    """
    recorded, active = routed_by_hand()
    found = activity(recorded, 2, active)
    assert found.cases == 3
    assert found.active == pytest.approx(4 / 9)
    assert found.places == pytest.approx(4 / 9)
    assert found.evenness == pytest.approx((49 / 111 + 2 / 3) / 3)
    assert (found.dead.tolist(), found.always.tolist()) == ([1], [2])
    assert found.still.tolist() == [1]


def test_a_layer_that_never_ran_is_neither_dead_nor_active() -> None:
    recorded, active = routed_by_hand()
    found = activity(recorded, 2, np.zeros_like(active))
    assert found.cases == 0
    assert np.isnan([found.active, found.places, found.evenness]).all()
    assert not len(found.dead) and not len(found.always)


def test_without_the_unit_by_hand() -> None:
    """Unit 0 is all that the exit reads: without it the expert says 0 in place of 2 max(x0, 0).

    The expert replaces what the base said, x0. With it the logits of a, b, c, d are 2, 0, 0 and
    (not run) 3; without it 0, 0, 0 and 3. So only case a moves, by -2: a mean of -1/2.
    """
    network = by_hand()
    trace = run(network, IDS, CASES_BY_HAND, ("size",))
    labels = np.array([1, 1, 1, 1])
    policy = Policy((0.5,), 0.6)
    assert replay(trace, policy).outputs[:, 0].tolist() == pytest.approx([2, 0, 0, 3])
    found = ablate(network, trace, CASES_BY_HAND, labels, policy, 2, 0)
    assert found.moved == pytest.approx([-0.5])
    assert found.strength == pytest.approx(0.5)
    assert (found.flipped.tolist(), found.now.tolist()) == ([0], [0])
    assert (found.accuracy, found.accuracy_change) == (0.5, -0.25)
    assert found.accuracy_p == 1  # one flip, which may as well have gone the other way
    assert (found.cases, found.rerouted) == (4, 0)
    assert np.isnan(found.auc)


def test_a_gate_hears_of_a_unit_that_is_off() -> None:
    """The base logit is column 0: held at 0, every case is in full doubt and all are routed."""
    network = by_hand()
    trace = run(network, IDS, CASES_BY_HAND, ("size",))
    found = ablate(network, trace, CASES_BY_HAND, np.array([0, 1, 0, 1]), Policy((0.8,)), 0, 0)
    assert found.rerouted == 3


# --- Any network ----------------------------------------------------------------------------


def evidence(network: Network, forest: Forest) -> Trace:
    return run(network, forest.trace.case_ids, forest.inputs, CONCEPTS)


def assert_same(found: Trace, expected: Trace) -> None:
    for name in ("gates", "base", "contributions"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=2e-5)


def test_every_layer_is_what_the_modules_give(forest: Forest) -> None:
    """Against a slow pass by hand: stem, then each block and exit, told by means over places."""
    recorded = record(forest.network, forest.trace.case_ids, forest.inputs, batch_size=7)
    assert sum(layer.units for layer in recorded.layers) == recorded.values.shape[1]
    network = forest.network.eval()
    with torch.no_grad():
        states = {-1: network.trunk(torch.as_tensor(forest.inputs))}
        for expert, parent in enumerate(network.tree.parents):
            states[expert] = network.experts[expert](states[parent])
    for node, state in states.items():
        mine = [n for n, layer in enumerate(recorded.layers) if layer.node == node]
        last_block = [n for n in mine if not recorded.layers[n].outputs][-1:]
        for place in last_block:
            hidden = state.hidden.flatten(2).mean(2) if state.hidden.ndim > 2 else state.hidden
            values = recorded.values[:, recorded.of(place)]
            np.testing.assert_allclose(values, hidden, atol=1e-5)
    said = [n for n, layer in enumerate(recorded.layers) if layer.part == "base exit"][-1]
    np.testing.assert_allclose(recorded.values[:, recorded.of(said)], forest.trace.base, atol=1e-5)


def test_recording_leaves_the_network_as_it_was(forest: Forest) -> None:
    record(forest.network, forest.trace.case_ids, forest.inputs)
    with silenced(forest.network, 0, 0) as without:
        assert_same(evidence(forest.network, forest), forest.trace)
        assert without is not forest.network
    assert not any(module._forward_hooks for module in forest.network.modules())
    assert_same(evidence(without, forest), forest.trace)


@settings(max_examples=25)
@given(st.data())
def test_silencing_equals_zeroed_outgoing_weights(data: st.DataObject) -> None:
    """A hidden unit of the first expert, as a hand would cut it off: nobody reads it any more.

    Read by the expert's own exit, the gates behind it, and its children's blocks and exits.
    """
    forest = make_forest("tabular")
    network, tree = forest.network, forest.network.tree
    node = data.draw(st.integers(0, len(tree.names) - 1))
    block = [
        n
        for n, layer in enumerate(layers_of(network))
        if layer.node == node and not layer.outputs and "hidden" not in layer.title
    ]
    if not block:
        return
    unit = data.draw(st.integers(0, layers_of(network)[block[-1]].units - 1))
    edited = copy.deepcopy(network)
    readers = [edited.experts[node].exit.read]
    for child, parent in enumerate(tree.parents):
        if parent == node:
            gate, steps = edited.experts[child].learned_gate, edited.experts[child].block.steps
            readers += [gate.read] if gate is not None else []
            readers += [steps[0].layers[0] if len(steps) else edited.experts[child].exit.read]
    with torch.no_grad():
        for reader in readers:
            reader.weight[:, unit] = 0
    with silenced(network, block[-1], unit) as without:
        assert_same(evidence(without, forest), evidence(edited, forest))


@settings(max_examples=25)
@given(st.data())
def test_a_dead_unit_can_go(data: st.DataObject) -> None:
    """A unit that is 0 in every case changes nothing, whatever the policy."""
    forest = make_forest("image")
    network = copy.deepcopy(forest.network)
    layer = next(n for n, found in enumerate(layers_of(network)) if found.kind == "ReLU")
    unit = data.draw(st.integers(0, layers_of(network)[layer].units - 1))
    norm = next(m for m in network.stem.modules() if isinstance(m, nn.BatchNorm2d))
    with torch.no_grad():
        norm.weight[unit], norm.bias[unit] = 0, -1
    before = evidence(network, forest)
    policy = data.draw(clear_policies(before))
    active = active_experts(before, policy)
    recorded = record(network, forest.trace.case_ids, forest.inputs)
    assert unit in activity(recorded, layer, active).dead
    labels = np.arange(CASES) % 3
    found = ablate(network, before, forest.inputs, labels, policy, layer, unit)
    assert (found.accuracy_change, found.auc_change, found.strength) == (0, 0, 0)
    assert not len(found.flipped) and not found.rerouted
    assert not found.moved.any()


def test_ablation_against_a_slow_count(forest: Forest) -> None:
    layer = next(n for n, found in enumerate(layers_of(forest.network)) if found.node == 0)
    policy = Policy((0.3,) * 4)
    labels = np.arange(CASES) % forest.network.spec.classes
    before = evidence(forest.network, forest)
    found = ablate(forest.network, before, forest.inputs, labels, policy, layer, 1)
    with silenced(forest.network, layer, 1) as without:
        after = replay(evidence(without, forest), policy)
    was = replay(before, policy)
    flips = [n for n in range(CASES) if was.predicted[n] != after.predicted[n]]
    assert found.flipped.tolist() == flips
    right = [[p == y for p, y in zip(d.predicted, labels, strict=True)] for d in (was, after)]
    assert found.accuracy_change == pytest.approx((sum(right[1]) - sum(right[0])) / CASES)
    assert found.rerouted == sum(any(a != b) for a, b in zip(was.active, after.active, strict=True))
    moved = np.mean([a - b for a, b in zip(after.outputs, was.outputs, strict=True)], axis=0)
    assert found.moved == pytest.approx(moved, abs=1e-6)


@pytest.mark.parametrize("kind", ["separable", "convolution"])
def test_shared_blocks_and_winners_are_told_by_who_runs(kind: str) -> None:
    """A block of two experts, a layer used three times, and a limit on active units."""
    first = ExpertSpec("first", kind, 8, repeats=3, shared=True, winners=0.25, adds=False)
    twin = ExpertSpec("twin", kind, 8, repeats=3, shared=True, winners=0.25, weights_of="first",
                      adds=False, hidden=4)  # fmt: skip
    spec = ModelSpec((1, 16, 16), 3, 2, StemSpec("image", 8), (first, twin), base_grid=2)
    network = Network(spec).eval()
    inputs = np.random.default_rng(0).normal(size=(6, 1, 16, 16)).astype(np.float32)
    ids = tuple("abcdef")
    recorded = record(network, ids, inputs)
    limited = [n for n, layer in enumerate(recorded.layers) if layer.winners]
    assert limited
    assert any(isinstance(m, Winners) for m in network.modules())
    for n in limited:
        layer = recorded.layers[n]
        assert layer.target == 0.25
        assert activity(recorded, n, np.ones((6, 2), bool)).places <= layer.target + 1e-6
    parts = [layer.part for layer in recorded.layers if not layer.outputs]
    assert parts.count("first") + 1 == parts.count("twin")
    mine = next(n for n, layer in enumerate(recorded.layers) if layer.part == "twin")
    busiest = int(np.abs(recorded.values[:, recorded.of(mine)]).sum(axis=0).argmax())
    with silenced(network, mine, busiest) as without:
        changed = run(without, ids, inputs, CONCEPTS)
    plain = run(network, ids, inputs, CONCEPTS)
    assert np.array_equal(changed.contributions[:, 0], plain.contributions[:, 0])
    assert not np.array_equal(changed.contributions[:, 1], plain.contributions[:, 1])


def test_a_network_without_experts_has_stem_and_base() -> None:
    spec = forest_spec("image")
    bare = Network(ModelSpec(spec.input_shape, 3, 3, spec.stem, base_grid=2)).eval()
    recorded = record(bare, ("a",), np.zeros((1, 1, 16, 16), np.float32))
    assert {layer.part for layer in recorded.layers} == {"stem", "base exit"}
    assert recorded.ran(0, np.zeros((1, 0), bool)).tolist() == [True]


@pytest.mark.parametrize(("layer", "unit"), [(99, 0), (-1, 0), (0, 99), (0, -1)])
def test_a_unit_that_is_not_there_is_refused(layer: int, unit: int) -> None:
    with (
        pytest.raises(UserError, match=r"(layer|unit) must be below"),
        silenced(by_hand(), layer, unit),
    ):
        pass


def test_ids_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match="case_ids must name one case or more"):
        record(by_hand(), ("a",), CASES_BY_HAND)


@given(st.integers(1, 300), st.integers(1, 300))
def test_drawn_cases_are_some_of_all_in_order(count: int, most: int) -> None:
    rows = draw_cases(count, most)
    assert len(rows) == min(count, most)
    assert (np.diff(rows) > 0).all()
    assert rows.min() >= 0 and rows.max() < count
    assert np.array_equal(rows, draw_cases(count, most))
