"""The class head: fitted on true concepts, on predicted ones, or on prototypes."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from minspnet.data import UNLABELLED
from minspnet.intervention import intervention_curve
from minspnet.network import Network, run
from minspnet.policy import Policy
from minspnet.recipe import ConceptTraining, TrainSpec
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.trace import replay
from minspnet.training.class_head import fit_head
from minspnet.training.train import TrainingData, train

NAMES = ("first", "second")
QUICK = TrainSpec(epochs=30, batch_size=50, learning_rate=0.03, head_strength=30.0)


def task(cases: int = 300, seed: int = 0) -> TrainingData:
    """Two concepts read off four columns; class 1 where both are high, or both are low.

    No weighing of the concepts can tell that: a linear head is at a loss, prototypes are not.
    """
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(cases, 4)).astype(np.float32)
    concepts = 1 / (1 + np.exp(-3 * inputs[:, :2]))
    labels = ((concepts[:, 0] > 0.5) == (concepts[:, 1] > 0.5)).astype(np.intp)
    labels[:5] = UNLABELLED
    return TrainingData(inputs, concepts.astype(np.float32), labels)


def spec(**changes: object) -> ModelSpec:
    expert = ExpertSpec("look", "dense", 8, activation="silu")
    return dataclasses.replace(
        ModelSpec((4,), 2, 2, StemSpec("tabular"), (expert,)),
        **changes,  # type: ignore[arg-type]
    )


def accuracy(network: Network, data: TrainingData) -> float:
    trace = run(network, tuple(map(str, range(len(data.labels)))), data.inputs, NAMES)
    known = data.labels != UNLABELLED
    decided = replay(trace, Policy.shared(0, 1)).predicted
    return float((decided == data.labels)[known].mean())


def test_linear_head_is_logistic_regression_on_the_labelled_cases() -> None:
    data, network = task(), Network(spec())
    fit_head(network, data.concepts, data.labels, QUICK, seed=0)
    model = LogisticRegression(C=30, max_iter=2000)
    model.fit(data.concepts[5:].astype(np.float64), data.labels[5:])
    np.testing.assert_allclose(network.head.weights.detach(), model.coef_, rtol=1e-5)
    assert not any(parameter.requires_grad for parameter in network.head.parameters())


@pytest.mark.parametrize("kind", ["prototypes", "both"])
def test_prototypes_tell_what_no_weighing_of_concepts_can(kind: str) -> None:
    data = task()
    costs = np.array([0.5])
    linear = train(spec(), QUICK, data, costs, seed=0)
    network = train(spec(head=kind, prototypes=2), QUICK, data, costs, seed=0)
    assert accuracy(linear, data) < 0.7
    assert accuracy(network, data) > 0.9
    rows = network.head.prototype_rows.numpy()
    np.testing.assert_array_equal(network.head.prototypes.numpy(), data.concepts[rows])
    assert data.labels[rows].tolist() == [0, 0, 1, 1]
    assert (network.head.weights == 0).all() == (kind == "prototypes")


def test_binary_concepts_are_fitted_as_such() -> None:
    data = task()
    data = dataclasses.replace(data, labels=(data.concepts[:, 0] > 0.5).astype(np.intp))
    network = train(spec(binary=True), QUICK, data, np.array([0.5]), seed=0)
    model = LogisticRegression(C=30, max_iter=2000).fit(data.concepts >= 0.5, data.labels)
    np.testing.assert_allclose(network.head.weights.detach(), model.coef_, rtol=1e-4)
    assert accuracy(network, data) > 0.95
    trace = run(network, ("a", "b"), data.inputs[:2], NAMES)
    assert set(np.unique(replay(trace, Policy.shared(0, 1)).concepts)) <= {0.0, 1.0}


def heads_by_training(data: TrainingData) -> dict[str, Network]:
    kinds: tuple[ConceptTraining, ...] = ("anchored", "independent", "sequential", "joint")
    return {
        kind: train(
            spec(), dataclasses.replace(QUICK, concept_training=kind), data, np.array([0.5]), 0
        )
        for kind in kinds
    }


def test_each_way_of_training_fits_its_own_head() -> None:
    """Anchored and independent: the same head. Sequential: the same network, another head."""
    data = task()
    labels = (data.inputs[:, 0] + 0.3 * data.inputs[:, 2] > 0).astype(np.intp)
    data = dataclasses.replace(data, labels=labels)
    networks = heads_by_training(data)
    weights = {name: network.head.weights.detach() for name, network in networks.items()}
    torch.testing.assert_close(weights["anchored"], weights["independent"])
    for name in ("sequential", "joint"):
        assert (weights[name] - weights["independent"]).abs().max() > 0.1, name
    given = torch.from_numpy(data.inputs)
    with torch.no_grad():
        alone, after = (networks[name].evidence(given) for name in ("independent", "sequential"))
    torch.testing.assert_close(alone.base, after.base)
    torch.testing.assert_close(alone.contributions, after.contributions)
    said = networks["sequential"].head.activate(after.base + after.contributions.sum(dim=1))
    model = LogisticRegression(C=30, max_iter=2000).fit(said.numpy(), labels)
    np.testing.assert_allclose(weights["sequential"], model.coef_, rtol=1e-3)


def test_a_joint_head_with_prototypes_begins_at_real_cases_and_learns_on() -> None:
    data = task()
    recipe = dataclasses.replace(QUICK, concept_training="joint")
    network = train(spec(head="both", prototypes=2), recipe, data, np.array([0.5]), seed=0)
    rows = network.head.prototype_rows.numpy()
    np.testing.assert_array_equal(network.head.prototypes.numpy(), data.concepts[rows])
    begun = Network(network.spec)
    fit_head(begun, data.concepts, data.labels, recipe, seed=0)
    assert (begun.head.prototype_weights - network.head.prototype_weights).abs().max() > 0.1


def test_corrections_reach_a_decision_by_prototypes() -> None:
    data = task(600)
    known = TrainingData(data.inputs[5:300], data.concepts[5:300], data.labels[5:300])
    held = TrainingData(data.inputs[300:], data.concepts[300:], data.labels[300:])
    network = train(
        spec(head="prototypes", prototypes=2),
        dataclasses.replace(QUICK, epochs=2),
        known,
        np.array([0.5]),
        seed=0,
    )
    trace = run(network, tuple(map(str, range(300))), held.inputs, NAMES)
    curve = intervention_curve(trace, Policy.shared(0, 1), held.concepts, held.labels)
    assert curve.accuracies[-1] > 0.9 > curve.accuracies[0]
