"""The objective: every way through the forest, and each named term beside them."""

import dataclasses

import numpy as np
import pytest
import torch

from minspnet.augment import Batch
from minspnet.data import UNLABELLED
from minspnet.losses import class_targets, null_deviance
from minspnet.network import Evidence, Network
from minspnet.objective import Objective
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec
from minspnet.train import TrainingData, fit_head

SHARES = np.array([0.3, 0.2])


def batch_of(data: TrainingData) -> Batch:
    """All cases, as training without augmentation hands them on."""
    return Batch(
        torch.from_numpy(data.inputs),
        torch.as_tensor(data.concepts, dtype=torch.float32),
        class_targets(torch.from_numpy(data.labels), torch.ones(2)),
    )


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
    fit_head(network, training_data.concepts, training_data.labels, 10)
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


def test_true_corrections_lower_the_class_loss_towards_the_heads(
    network: Network, training_data: TrainingData
) -> None:
    """An untrained network corrected half of the time does better than one never corrected."""
    plain = TrainSpec(correction_rate=0, path_weight=0)
    never = terms(network, plain, training_data)["class"]
    half = dataclasses.replace(plain, correction_rate=0.5)
    assert terms(network, half, training_data)["class"] < never
