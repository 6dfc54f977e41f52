"""The objective: every way through the forest, and each named term beside them."""

import dataclasses

import numpy as np
import pytest
import torch

from minspnet.data import UNLABELLED
from minspnet.errors import UserError
from minspnet.network import Evidence, Network
from minspnet.recipe import GateNoise, TrainSpec
from minspnet.spec import ModelSpec
from minspnet.training.class_head import fit_head
from minspnet.training.data import Batch, as_batch, target_weights
from minspnet.training.losses import concept_deviance, null_deviance
from minspnet.training.objective import Objective
from minspnet.training.train import TrainingData

SHARES = np.array([0.3, 0.2])


def batch_of(data: TrainingData) -> Batch:
    """All cases, as training without augmentation hands them on."""
    return as_batch(data, torch.ones(2), smoothing=0)


def terms(
    network: Network, recipe: TrainSpec, data: TrainingData, evidence: Evidence | None = None
) -> dict[str, float]:
    """Loss terms of all cases at once, before any step."""
    batch = batch_of(data)
    objective = Objective(network, recipe, SHARES, null_deviance(batch.truth), seed=0)
    with torch.no_grad():
        evidence = evidence or network.evidence(batch.inputs)
        found = objective.terms(batch, evidence, [])
    return {name: float(value) for name, value in found.items()}


@pytest.fixture
def network(small_spec: ModelSpec, training_data: TrainingData) -> Network:
    torch.manual_seed(0)
    network = Network(small_spec).eval()
    fit_head(network, training_data.concepts, training_data.labels, TrainSpec(), seed=0)
    return network


def test_unlabelled_cases_do_not_change_the_class_loss(
    network: Network, training_data: TrainingData
) -> None:
    """They teach concepts only: half of the labels gone is as if half of the cases were."""
    recipe = TrainSpec(correction_rate=0, path_weight=0)
    labels = training_data.labels.copy()
    labels[80:] = UNLABELLED
    half = TrainingData(
        training_data.inputs[:80], training_data.concepts[:80], training_data.labels[:80]
    )
    unlabelled = terms(network, recipe, dataclasses.replace(training_data, labels=labels))
    assert unlabelled["class"] == pytest.approx(terms(network, recipe, half)["class"], rel=1e-5)
    everything = terms(network, recipe, training_data)
    assert unlabelled["concept"] == everything["concept"]
    assert unlabelled["class"] != pytest.approx(everything["class"], rel=1e-3)


def test_ways_through_the_forest_weigh_one_together(
    network: Network, training_data: TrainingData
) -> None:
    """If no expert adds anything, every way is the base, however many ways are practised."""
    evidence = network.evidence(torch.from_numpy(training_data.inputs))
    silent = evidence._replace(contributions=torch.zeros_like(evidence.contributions))
    static, practised = (
        terms(network, TrainSpec(correction_rate=0, path_weight=w), training_data, silent)
        for w in (0.0, 0.7)
    )
    assert practised == pytest.approx(static, rel=1e-5)


def test_no_way_opens_a_child_without_its_parent(
    network: Network, training_data: TrainingData
) -> None:
    """Every case is right by itself and wrong only if the child's share came alone."""
    with torch.no_grad():
        network.head.weights.copy_(torch.tensor([[40.0, 0, 0]]))
        network.head.bias.fill_(-20)
    said = torch.zeros(160, 3)
    said[:, 0] = 10
    moves = torch.zeros(160, 2, 3)
    moves[:, 0, 0], moves[:, 1, 0] = 20, -20  # 10, 30 and 10 on the tree's paths; -10 off them
    evidence = Evidence(torch.full((160, 2), 0.5), said, moves, torch.zeros(160, 2))
    data = dataclasses.replace(training_data, labels=np.ones(160, np.intp))
    assert terms(network, TrainSpec(correction_rate=0), data, evidence)["class"] < 1e-3


def test_partial_paths_are_the_base_and_the_way_to_each_expert(network: Network) -> None:
    objective = Objective(network, TrainSpec(), SHARES, torch.ones(3), seed=0)
    assert objective.partial_paths.tolist() == [[0, 0], [1, 0], [1, 1]]


def test_weights_of_the_terms(network: Network, training_data: TrainingData) -> None:
    plain = TrainSpec(correction_rate=0, path_weight=0, concept_weight=1)
    once = terms(network, plain, training_data)
    weighed = dataclasses.replace(plain, concept_weight=3, task_weight=0.5, router_cost=0.1)
    found = terms(network, weighed, training_data)
    assert found["concept"] == pytest.approx(3 * once["concept"])
    assert found["class"] == pytest.approx(0.5 * once["class"])
    gates = network.evidence(torch.from_numpy(training_data.inputs)).gates[:, 1].mean().item()
    assert found["router"] == pytest.approx(0.1 * SHARES[1] * gates, rel=1e-5)


def test_independent_training_leaves_the_class_out(
    network: Network, training_data: TrainingData
) -> None:
    recipe = TrainSpec(concept_training="independent")
    assert terms(network, recipe, training_data)["class"] == 0


def test_balanced_classes_count_alike_where_concepts_are_taught(
    network: Network, training_data: TrainingData
) -> None:
    """As if the rare class had been seen as often as the other; unlabelled cases count one."""
    labels = np.zeros(160, np.intp)
    labels[:32], labels[150:] = 1, UNLABELLED
    data = dataclasses.replace(training_data, labels=labels)
    balanced = TrainSpec(class_weights="balanced", correction_rate=0, path_weight=0)
    batch = as_batch(data, target_weights(data, balanced, 2), smoothing=0.1)
    weights = batch.weights
    assert weights is not None
    assert weights[:32].sum().item() == pytest.approx(75, rel=1e-5)
    assert weights[32:150].sum().item() == pytest.approx(75, rel=1e-5)
    assert (weights[150:] == 1).all()
    assert batch_of(data).weights is None
    objective = Objective(network, balanced, SHARES, torch.ones(3), seed=0)
    with torch.no_grad():
        evidence = network.evidence(batch.inputs)
        said = evidence.base + evidence.contributions.sum(dim=1)
        found = objective.terms(batch, evidence, [])["concept"]
    expected = balanced.concept_weight * concept_deviance(said, batch.truth, weights).mean()
    torch.testing.assert_close(found, expected)


def test_true_corrections_lower_the_class_loss_towards_the_heads(
    network: Network, training_data: TrainingData
) -> None:
    """An untrained network corrected half of the time does better than one never corrected."""
    plain = TrainSpec(correction_rate=0, path_weight=0)
    never = terms(network, plain, training_data)["class"]
    half = dataclasses.replace(plain, correction_rate=0.5)
    assert terms(network, half, training_data)["class"] < never


# --- Terms beside concepts and classes --------------------------------------------------


def gained(spec: ModelSpec) -> ModelSpec:
    """The same network with its last gate one of gain."""
    experts = (*spec.experts[:-1], dataclasses.replace(spec.experts[-1], gate="gain"))
    return dataclasses.replace(spec, experts=experts)


def all_terms(network: Network, recipe: TrainSpec, data: TrainingData) -> dict[str, torch.Tensor]:
    batch = batch_of(data)
    objective = Objective(network, recipe, SHARES, null_deviance(batch.truth), seed=0)
    return objective(batch)[1]


def test_terms_are_there_when_they_weigh_and_only_then(
    small_spec: ModelSpec, network: Network, training_data: TrainingData
) -> None:
    assert list(all_terms(network, TrainSpec(), training_data)) == ["concept", "class", "router"]
    recipe = TrainSpec(activity_weight=0.1, gain_weight=0.1)
    found = all_terms(Network(gained(small_spec)), recipe, training_data)
    assert list(found) == ["concept", "class", "activity", "gain"]


def test_activity_is_the_mean_absolute_feature(
    network: Network, training_data: TrainingData
) -> None:
    found = all_terms(network, TrainSpec(activity_weight=0.5), training_data)
    with torch.no_grad():
        state = network.trunk(torch.from_numpy(training_data.inputs))
        sizes = []
        for expert in network.experts:
            state = expert(state)
            sizes.append(state.hidden.abs().mean().item())
    assert found["activity"].item() == pytest.approx(0.5 * np.mean(sizes), rel=1e-5)


def test_balance_is_the_imbalance_of_learned_gates(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    """Of three gates two are learned; the third, of doubt, is left out."""
    twin = dataclasses.replace(small_spec.experts[1], name="twin")
    spec = dataclasses.replace(small_spec, experts=(*small_spec.experts, twin))
    network = Network(spec).eval()
    batch = batch_of(training_data)
    recipe = TrainSpec(balance_weight=2.0)
    objective = Objective(network, recipe, np.full(3, 0.1), null_deviance(batch.truth), seed=0)
    evidence, found = objective(batch)
    sums = evidence.gates.detach().numpy().sum(axis=0)[1:]
    assert found["balance"].item() == pytest.approx(2 * (sums.std() / sums.mean()) ** 2, rel=1e-4)


def test_hard_concrete_gates_pay_for_their_chance_to_be_open(
    network: Network, training_data: TrainingData
) -> None:
    gates = network.evidence(torch.from_numpy(training_data.inputs)).gates[:, 1].detach()
    odds = torch.logit(gates) - 2 / 3 * np.log(1 / 11)
    expected = 0.02 * SHARES[1] * torch.sigmoid(odds).mean().item()
    found = all_terms(network, TrainSpec(gate_noise="hard_concrete"), training_data)
    assert found["router"].item() == pytest.approx(expected, rel=1e-5)


def rivals(spec: ModelSpec) -> ModelSpec:
    """The same network with two experts competing behind its stage, and a learned gate."""
    one = dataclasses.replace(spec.experts[1], name="one", gate="choice")
    other = dataclasses.replace(one, name="other")
    return dataclasses.replace(spec, experts=(*spec.experts, one, other))


def test_rivals_pay_for_their_gates_whatever_the_noise(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    """Exactly one of them is practised at a time, so that no gate is open by being stretched."""
    network, shares = Network(rivals(small_spec)).eval(), np.array([0.3, 0.2, 0.1, 0.4])
    batch = batch_of(training_data)
    recipe = TrainSpec(gate_noise="hard_concrete")
    evidence, found = Objective(network, recipe, shares, torch.ones(3), seed=0)(batch)
    gates = evidence.gates.detach()
    learned = torch.sigmoid(torch.logit(gates[:, 1]) - 2 / 3 * np.log(1 / 11))
    price = 0.2 * learned + 0.1 * gates[:, 2] + 0.4 * gates[:, 3]
    assert found["router"].item() == pytest.approx(0.02 * price.mean().item(), rel=1e-5)


@pytest.mark.parametrize("noise", ["straight_through", "hard_concrete"])
def test_the_routers_way_opens_one_rival(
    noise: GateNoise, small_spec: ModelSpec, training_data: TrainingData
) -> None:
    network = Network(rivals(small_spec)).eval()
    objective = Objective(
        network, TrainSpec(gate_noise=noise), np.full(4, 0.1), torch.ones(3), seed=0
    )
    with torch.no_grad():
        evidence = network.evidence(torch.from_numpy(training_data.inputs))
        (_, way) = objective._ways(evidence)[-1]
    one_open = torch.tensor([0.0, 1.0]).expand(len(way), 2)
    torch.testing.assert_close(way[:, 2:].sort(dim=1).values, one_open)
    assert 0 < way[:, 2].mean() < 1


def test_soft_gates_weigh_the_contribution(network: Network, training_data: TrainingData) -> None:
    """With gates at 1 the router's way is that of all experts, at 0 that of the stage alone."""
    recipe = TrainSpec(correction_rate=0, gate_noise="sigmoid", path_weight=1e6)
    batch = batch_of(training_data)
    evidence = network.evidence(batch.inputs)
    for gate in (0.0, 0.5, 1.0):
        held = evidence._replace(gates=torch.full_like(evidence.gates, gate))
        objective = Objective(network, recipe, SHARES, null_deviance(batch.truth), seed=0)
        (_, way) = objective._ways(held)[-1]
        assert (way[:, 0] == 1).all() and (way[:, 1] == gate).all()


def test_the_gain_term_moves_the_gate_and_nothing_else(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    network = Network(gained(small_spec))
    all_terms(network, TrainSpec(gain_weight=1.0), training_data)["gain"].backward()
    moved = {name for name, p in network.named_parameters() if p.grad is not None}
    assert moved == {f"experts.1.learned_gate.read.{kind}" for kind in ("weight", "bias")}


def test_no_hook_is_left_on_the_network(small_spec: ModelSpec, training_data: TrainingData) -> None:
    network = Network(gained(small_spec))
    all_terms(network, TrainSpec(gain_weight=1.0), training_data)
    assert not any(module._forward_hooks for module in network.modules())


IDLE = {
    "balance": ({"balance_weight": 1}, "balance_weight must be 0 unless two gates or more are"),
    "gain": ({"gain_weight": 1}, "the network must have an expert with gate gain, got none; "),
    "alignment": ({"alignment_weight": 1}, "alignment_weight must be 0 unless an exit attends"),
}


@pytest.mark.parametrize(("asked", "sentence"), IDLE.values(), ids=IDLE)
def test_weights_that_nothing_listens_to_are_refused(
    asked: dict[str, float], sentence: str, network: Network
) -> None:
    with pytest.raises(UserError) as refused:
        Objective(network, TrainSpec(**asked), SHARES, torch.ones(3), seed=0)
    assert str(refused.value).startswith(sentence)


def test_costs_are_one_an_expert_and_not_free_for_gates_of_gain(
    small_spec: ModelSpec, network: Network
) -> None:
    with pytest.raises(UserError, match=r"^expert_costs must have 2 values, got 3; "):
        Objective(network, TrainSpec(), np.ones(3), torch.ones(3), seed=0)
    free = Network(gained(small_spec))
    with pytest.raises(UserError, match=r"^expert_costs must be more than 0 for gates of gain, "):
        Objective(free, TrainSpec(gain_weight=1), np.zeros(2), torch.ones(3), seed=0)
    bare = Network(dataclasses.replace(small_spec, experts=()))
    with pytest.raises(UserError, match=r"^activity_weight must be 0 without experts, got 1; "):
        Objective(bare, TrainSpec(activity_weight=1), np.zeros(0), torch.ones(3), seed=0)


@pytest.mark.parametrize("way", ["independent", "sequential"])
def test_residual_channels_that_nothing_trains_are_refused(way: str, small_spec: ModelSpec) -> None:
    network = Network(dataclasses.replace(small_spec, residual=True))
    Objective(network, TrainSpec(), SHARES, torch.ones(3), seed=0)
    with pytest.raises(UserError) as refused:
        Objective(network, TrainSpec(concept_training=way), SHARES, torch.ones(3), seed=0)
    assert str(refused.value) == (
        f"residual must be off in {way} training, which leaves such channels untrained, got True; "
        "switch it off or train anchored."
    )
