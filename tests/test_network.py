"""The network: run and replay, live dispatch, and what both cost."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from forests import CASES, CONCEPTS, Forest, clear_policies, forest_spec, make_forest, randomised
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from minspnet.cost import cost_table
from minspnet.dispatch import dispatch
from minspnet.errors import UserError
from minspnet.network import Network, run
from minspnet.policy import CLOSED, Policy
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.tally import reachable_sets
from minspnet.trace import replay

KINDS = ("tabular", "image", "competing")
LN3 = math.log(3)
FORESTS = {kind: make_forest(kind) for kind in KINDS}
kinds = st.sampled_from(KINDS)


# --- A network solved by hand -----------------------------------------------------------


def hand_made() -> Network:
    """Two inputs, two concepts, one replacing stage of width 1 behind a doubt gate."""
    expert = ExpertSpec("second look", "dense", 1, activation="silu")
    network = Network(ModelSpec((2,), 2, 2, StemSpec("tabular"), (expert,)))
    stage, head = network.experts[0], network.head
    with torch.no_grad():
        network.stem.standardise.mean.copy_(torch.tensor([1.0, 0.0]))
        network.stem.standardise.scale.copy_(torch.tensor([1.0, 4.0]))
        network.base_exit.read.weight.copy_(torch.tensor([[LN3 / 2, 0.0], [0.0, -LN3]]))
        network.base_exit.read.bias.zero_()
        stage.block.steps[0].layers[0].weight.copy_(torch.tensor([[0.0, LN3]]))
        stage.block.steps[0].layers[0].bias.zero_()
        stage.exit.read.weight.copy_(torch.tensor([[-4 / 3], [0.0]]))
        stage.exit.read.bias.copy_(torch.tensor([0.0, -LN3]))
        head.weights.copy_(torch.tensor([[4 * LN3, 4 * LN3]]))
        head.bias.fill_(-2 * LN3)
        head.temperature.fill_(2.0)
    return network


def test_golden() -> None:
    """Every number of one decision, derived by hand; s is the logistic function.

    Input (3, 4) with mean (1, 0) and scale (1, 4) standardises to h = (2, 1).

    Base exit:  z = (2 ln3/2, -ln3) = (ln3, -ln3), so c = s(z) = (3/4, 1/4).
    Class:      y = 4 ln3 (3/4 + 1/4) - 2 ln3 = 2 ln3; at temperature 2 p = s(ln3) = 3/4.
    Gate:       doubt = 2 (1 - 3/4) = 1/2.
    Stage:      block = SiLU(ln3 * 1) = ln3 s(ln3) = 3/4 ln3;
                exit = (-4/3 * 3/4 ln3, -ln3) = (-ln3, -ln3), which replaces the base's;
                contribution = (-ln3, -ln3) - (ln3, -ln3) = (-2 ln3, 0).
    With it:    c = (1/4, 1/4); y = 4 ln3 / 2 - 2 ln3 = 0; p = 1/2.

    MACs:       base exit 2 x 2, class head 2 x 1, doubt gate one class head more: 4 + 2 + 2.
                Stage: block 2 x 1, exit 1 x 2: 4.
    Parameters: base exit 6, block 3, exit 4, class head 3.
    """
    network, inputs = hand_made(), np.array([[3, 4]], np.float32)
    trace = run(network, ("a",), inputs, ("one", "two"))
    np.testing.assert_allclose(trace.gates, [[0.5]], atol=1e-6)
    np.testing.assert_allclose(trace.base, [[LN3, -LN3]], atol=1e-6)
    np.testing.assert_allclose(trace.contributions, [[[-2 * LN3, 0]]], atol=1e-6)

    skips, runs = Policy((0.6,), 0.6), Policy((0.4,), 0.6)
    for policy, concepts, logit, chance, predicted in (
        (skips, [0.75, 0.25], 2 * LN3, 0.75, 1),
        (runs, [0.25, 0.25], 0, 0.5, 0),
    ):
        for decision in (
            replay(trace, policy),
            dispatch(network, inputs, policy, ("one", "two")),
        ):
            assert decision.active.tolist() == [[policy is runs]]
            np.testing.assert_allclose(decision.concepts, [concepts], atol=1e-6)
            np.testing.assert_allclose(decision.class_logits, [[0, logit]], atol=1e-5)
            np.testing.assert_allclose(decision.probabilities[:, 1], [chance], atol=1e-6)
            assert decision.predicted.tolist() == [predicted]

    cost = cost_table(network)
    assert (cost.base, cost.experts) == (8, (4,))
    assert cost.macs(np.array([[False], [True]])).tolist() == [8, 12]
    assert network.parameters_count == 6 + 3 + 4 + 3


# --- Run, replay and dispatch agree -----------------------------------------------------


@given(kinds, st.data())
def test_replay_of_run_equals_dispatch(kind: str, data: st.DataObject) -> None:
    forest = FORESTS[kind]
    policy = data.draw(clear_policies(forest.trace))
    cached = replay(forest.trace, policy)
    live = dispatch(forest.network, forest.inputs, policy, CONCEPTS)
    np.testing.assert_array_equal(live.active, cached.active)
    for field in ("outputs", "concepts", "class_logits", "probabilities"):
        np.testing.assert_allclose(getattr(live, field), getattr(cached, field), atol=1e-5)
    ranked = np.sort(cached.probabilities, axis=1)
    clear = ranked[:, -1] - ranked[:, -2] > 1e-4
    np.testing.assert_array_equal(live.predicted[clear], cached.predicted[clear])


@given(kinds, st.data())
def test_dispatch_equals_the_masked_dense_pass(kind: str, data: st.DataObject) -> None:
    """Case by case: ``forward`` with the case's own routing held, then torch's class head."""
    forest = FORESTS[kind]
    policy = data.draw(clear_policies(forest.trace)).without_interventions()
    live = dispatch(forest.network, forest.inputs, policy, CONCEPTS)
    with torch.no_grad():
        for case in range(CASES):
            one = torch.from_numpy(forest.inputs[case : case + 1])
            outputs = forest.network(one, live.active[case])
            np.testing.assert_allclose(live.outputs[case], outputs[0], atol=1e-5)
            logits = forest.network.head(outputs)[0]
            np.testing.assert_allclose(live.class_logits[case], logits, atol=1e-5)


@contextmanager
def rows_seen(network: Network) -> Iterator[tuple[list[list[int]], list[list[int]]]]:
    """Record how many rows each call of each expert, and of each learned gate, was given."""
    experts: list[list[int]] = [[] for _ in network.experts]
    gates: list[list[int]] = [[] for _ in network.experts]
    hooks = []
    for index, expert in enumerate(network.experts):
        hooks.append(
            expert.register_forward_pre_hook(
                lambda _, given, to=experts[index]: to.append(len(given[0].hidden))
            )
        )
        if expert.learned_gate is not None:
            hooks.append(
                expert.learned_gate.pool.register_forward_pre_hook(
                    lambda _, given, to=gates[index]: to.append(len(given[0]))
                )
            )
    try:
        yield experts, gates
    finally:
        for hook in hooks:
            hook.remove()


@given(kinds, st.data())
def test_dispatch_runs_only_what_a_gate_opened(kind: str, data: st.DataObject) -> None:
    """Once per expert, with exactly its active cases, and not at all if there are none."""
    forest = FORESTS[kind]
    policy = data.draw(clear_policies(forest.trace))
    with rows_seen(forest.network) as (experts, gates):
        live = dispatch(forest.network, forest.inputs, policy, CONCEPTS)
    counts = live.active.sum(axis=0)
    assert experts == [[count] if count else [] for count in counts]
    for index, parent in enumerate(forest.trace.tree.parents):
        if forest.network.experts[index].learned_gate is not None:
            assert gates[index] == ([counts[parent]] if counts[parent] else [])


def test_gates_at_the_threshold_are_open_live() -> None:
    """A learned gate without weights says exactly one half."""
    expert = ExpertSpec("extra", "none", 5, reading="add", gate="learned")
    network = Network(ModelSpec((5,), 3, 2, StemSpec("tabular"), (expert,)))
    gate, inputs = network.experts[0].learned_gate, FORESTS["tabular"].inputs
    assert gate is not None
    torch.nn.init.zeros_(gate.read.weight)
    torch.nn.init.zeros_(gate.read.bias)
    assert dispatch(network, inputs, Policy((0.5,)), CONCEPTS).active.all()
    assert not dispatch(network, inputs, Policy((0.5 + 1e-6,)), CONCEPTS).active.any()


def test_the_forests_route_cases_differently(forest: Forest) -> None:
    """Else the properties above would hold for nothing."""
    gates = forest.trace.gates
    assert (gates >= 0).all() and (gates <= 1 + 1e-6).all()
    assert (np.ptp(gates, axis=0) > 0.1).all()
    assert (np.abs(forest.trace.contributions).max(axis=(0, 2)) > 0.1).all()
    assert len(np.unique(replay(forest.trace, Policy.shared(0, 4)).predicted)) > 1


def test_contributions_do_not_depend_on_other_experts(forest: Forest) -> None:
    """Under every set that can be active together, the dense pass is the masked sum."""
    inputs = torch.from_numpy(forest.inputs)
    for active in reachable_sets(forest.trace.tree):
        with torch.no_grad():
            outputs = forest.network(inputs, active)
        summed = forest.trace.base + forest.trace.contributions[:, active].sum(axis=1)
        np.testing.assert_allclose(outputs, summed, atol=1e-5)


def test_doubt_gates_are_the_doubt_of_the_decision_before(forest: Forest) -> None:
    """One minus the confidence with only the ancestors on; a coin toss is 1."""
    tree, classes = forest.trace.tree, len(forest.trace.head.bias) + 1
    for expert, spec in enumerate(forest.network.spec.experts):
        if spec.gate == "doubt":
            before = tree.path(expert)[:-1]
            on = tuple(0.0 if e in before else CLOSED for e in range(len(tree.names)))
            confidence = replay(forest.trace, Policy(on)).probabilities.max(axis=1)
            doubt = (1 - confidence) * classes / (classes - 1)
            np.testing.assert_allclose(forest.trace.gates[:, expert], doubt, atol=1e-5)


@pytest.mark.parametrize("reading", ["add", "replace"])
def test_an_expert_changes_only_the_concepts_it_may(reading: str) -> None:
    """``ExpertSpec.concepts``: the concepts the expert may change."""
    experts = (ExpertSpec("a", "dense", 4, reading=reading, concepts=(0, 2)),)
    spec = ModelSpec((5,), 3, 2, StemSpec("tabular"), experts, residual=True)
    inputs = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    trace = run(randomised(spec, inputs), tuple("abcdef"), inputs, CONCEPTS)
    assert (trace.contributions[:, 0, [0, 2]] != 0).all()
    np.testing.assert_array_equal(trace.contributions[:, 0, [1, 3]], 0)


def test_torch_head_equals_numpy_head(forest: Forest) -> None:
    head, frozen = forest.network.head, forest.network.frozen_head()
    outputs = 5 * torch.randn(9, head.all_weights.shape[1], generator=torch.manual_seed(0))
    with torch.no_grad():
        activations, logits = head.activate(outputs), head(outputs)
        chances = torch.softmax(logits / head.temperature, dim=1)
    np.testing.assert_allclose(frozen.activate(outputs.numpy()), activations, atol=1e-6)
    np.testing.assert_allclose(frozen.class_logits(activations.numpy()), logits, atol=1e-5)
    np.testing.assert_allclose(frozen.probabilities(logits.numpy()), chances, atol=1e-6)


def test_frozen_head_is_a_copy() -> None:
    """Training on must not change a trace that was recorded before."""
    network = hand_made()
    frozen = network.frozen_head()
    with torch.no_grad():
        network.head.weights.zero_()
        network.head.bias.zero_()
    assert (frozen.weights != 0).all() and (frozen.bias != 0).all()


# --- Recording evidence -----------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 7, 1024])
def test_batches_do_not_change_the_evidence(forest: Forest, batch_size: int) -> None:
    """Also from training mode, in which normalisation would mix the cases of a batch."""
    forest.network.train()
    ids = forest.trace.case_ids
    again = run(forest.network, ids, forest.inputs, CONCEPTS, batch_size)
    assert not forest.network.training
    for field in ("gates", "base", "contributions"):
        expected = getattr(forest.trace, field)
        np.testing.assert_allclose(getattr(again, field), expected, atol=1e-5)


def test_spec_and_weights_are_the_whole_network(forest: Forest) -> None:
    """A network built from its recipe and filled with saved weights finds the same."""
    again = Network(forest.network.spec)
    again.load_state_dict(forest.network.state_dict())
    trace = run(again, forest.trace.case_ids, forest.inputs, CONCEPTS)
    assert trace.digest == forest.trace.digest


def test_a_network_without_experts_is_its_base(forest: Forest) -> None:
    spec = forest.network.spec
    base_only = ModelSpec(spec.input_shape, 3, spec.classes, spec.stem)
    plain = randomised(base_only, forest.inputs)
    trace = run(plain, forest.trace.case_ids, forest.inputs, CONCEPTS)
    assert trace.gates.shape == (CASES, 0)
    decision = replay(trace, Policy(()))
    np.testing.assert_array_equal(decision.outputs, trace.base)
    live = dispatch(plain, forest.inputs, Policy(()), CONCEPTS)
    np.testing.assert_allclose(live.class_logits, decision.class_logits, atol=1e-6)
    assert cost_table(plain).experts == ()


def test_no_cases_give_an_empty_trace(forest: Forest) -> None:
    policy = Policy.shared(0, 4)
    trace = run(forest.network, (), forest.inputs[:0], CONCEPTS)
    assert len(trace) == 0 and trace.contributions.shape[1:] == forest.trace.contributions.shape[1:]
    live = dispatch(forest.network, forest.inputs[:0], policy, CONCEPTS)
    assert live.class_logits.shape == replay(trace, policy).class_logits.shape


Use = Callable[[Forest, np.ndarray], None]


def record(forest: Forest, inputs: np.ndarray) -> None:
    run(forest.network, tuple(map(str, range(len(inputs)))), inputs, CONCEPTS)


def decide_live(forest: Forest, inputs: np.ndarray) -> None:
    dispatch(forest.network, inputs, Policy.shared(0, 4), CONCEPTS)


@pytest.mark.parametrize("use", [record, decide_live])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_inputs_that_are_no_numbers_are_refused(forest: Forest, use: Use, value: float) -> None:
    inputs = forest.inputs.copy()
    inputs[3].flat[-1] = value
    with pytest.raises(UserError) as refused:
        use(forest, inputs)
    assert str(refused.value) == (
        "inputs must be finite, got NaN or infinity in row 3; fill or drop it."
    )


@pytest.mark.parametrize("use", [record, decide_live])
def test_inputs_of_another_shape_are_refused(use: Use) -> None:
    with pytest.raises(UserError) as refused:
        use(FORESTS["tabular"], np.zeros((3, 4), np.float32))
    assert str(refused.value) == (
        "inputs must have shape (case, 5), got (3, 4); check the domain and its variant."
    )
    with pytest.raises(UserError, match=r"must have shape \(case, 1, 16, 16\), got \(3, 5\)"):
        use(FORESTS["image"], np.zeros((3, 5), np.float32))


def test_dispatch_refuses_a_policy_of_another_network(forest: Forest) -> None:
    with pytest.raises(UserError, match="gate_thresholds must have 4 values"):
        dispatch(forest.network, forest.inputs, Policy.shared(0, 3), CONCEPTS)
    with pytest.raises(UserError, match="interventions must name one of size, shape, edge"):
        policy = Policy.shared(0, 4).intervene("colour", 1)
        dispatch(forest.network, forest.inputs, policy, CONCEPTS)


@pytest.mark.parametrize(
    ("ids", "names"), [(("a",), CONCEPTS), (("a", "b"), (*CONCEPTS, "more")), (("a", "b"), ())]
)
def test_names_that_do_not_fit_are_refused(ids: tuple[str, ...], names: tuple[str, ...]) -> None:
    """A surplus concept name would let an intervention write into a residual channel."""
    forest = FORESTS["image"]
    with pytest.raises(UserError, match=r"^(case_ids|concept_names) must number \d, got \d; "):
        run(forest.network, ids, forest.inputs[:2], names)


# --- Cost -------------------------------------------------------------------------------


def counted_macs(forest: Forest, inputs: np.ndarray, policy: Policy) -> tuple[int, np.ndarray]:
    """What torch's counter sees in a real dispatch, and which experts ran."""
    with FlopCounterMode(display=False) as counter:
        decision = dispatch(forest.network, inputs, policy, CONCEPTS)
    return counter.get_total_flops() // 2, decision.active


@given(kinds, st.integers(0, CASES - 1), st.data())
def test_cost_of_one_case_is_what_torch_counts(kind: str, case: int, data: st.DataObject) -> None:
    """Base plus active experts, exactly.

    Dispatch weighs concepts into classes in numpy, which torch's counter cannot see: that
    last class head is added by hand. The class heads inside doubt gates run in torch and are
    counted. So the total is the same, and each doubt gate costs one class head more.
    """
    forest = FORESTS[kind]
    cost = cost_table(forest.network)
    head = dict(cost.parts)["class head"]
    assert head == forest.network.head.weights.shape[0] * forest.trace.base.shape[1]
    policy = data.draw(clear_policies(forest.trace))
    macs, active = counted_macs(forest, forest.inputs[case : case + 1], policy)
    assert macs + head == cost.macs(active)[0]


def test_cost_of_a_batch_is_the_sum_over_cases(forest: Forest) -> None:
    cost = cost_table(forest.network)
    policy = Policy(tuple(map(float, np.median(forest.trace.gates, axis=0))))
    macs, active = counted_macs(forest, forest.inputs, policy)
    assert 0 < active.mean() < 1
    heads = CASES * dict(cost.parts)["class head"]
    assert macs + heads == cost.macs(active).sum()


def test_one_doubt_serves_all_experts_behind_a_node() -> None:
    """Two children or one, with gates of doubt: the node's doubt is worked out, and paid, once."""
    experts = (
        ExpertSpec("a", "dense", 4),
        ExpertSpec("b", "dense", 4),
        ExpertSpec("c", "dense", 4),
    )
    gates = []
    for parents in ((None, None, None), (None, "a", "b")):
        placed = tuple(
            dataclasses.replace(expert, parent=parent)
            for expert, parent in zip(experts, parents, strict=True)
        )
        spec = dataclasses.replace(forest_spec("tabular"), experts=placed)
        gates.append(dict(cost_table(Network(spec)).parts)["gates"])
    head = dict(cost_table(Network(forest_spec("tabular"))).parts)["class head"]
    assert gates == [head, 3 * head]


def test_parts_add_up_to_the_total(forest: Forest) -> None:
    cost = cost_table(forest.network)
    assert sum(macs for _, macs in cost.parts) == cost.total
    assert {name for name, _ in cost.parts} >= set(forest.trace.tree.names)


def test_counting_leaves_the_network_as_it_was() -> None:
    network = Network(forest_spec("image")).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    cost_table(network)
    assert network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
