"""Gates of gain: what they are taught, and how they learn it."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from forests import forest_spec, random_inputs, randomised
from sklearn.linear_model import LogisticRegression

from minspnet.data import UNLABELLED
from minspnet.errors import UserError
from minspnet.network import Network
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec
from minspnet.training.gain import fit_gain_gates, gain_loss, gain_targets, gains, gate_readers
from minspnet.training.losses import class_targets
from minspnet.training.observe import observe
from minspnet.training.train import TrainingData, train

COSTS = np.array([0.4, 0.2, 0.1, 0.05])


def with_gain(spec: ModelSpec, names: tuple[str, ...] = ("far", "left")) -> ModelSpec:
    experts = tuple(
        dataclasses.replace(e, gate="gain") if e.name in names else e for e in spec.experts
    )
    return dataclasses.replace(spec, experts=experts)


@pytest.fixture(scope="module")
def network() -> Network:
    """Two of four experts have a gate of gain; weights are random."""
    spec = with_gain(forest_spec("tabular"))
    return randomised(spec, random_inputs(spec.input_shape))


@pytest.fixture(scope="module")
def held_out() -> TrainingData:
    generator = np.random.default_rng(8)
    labels = generator.integers(-1, 2, 200)
    inputs = generator.normal(size=(200, 5)).astype(np.float32)
    return TrainingData(inputs, np.full((200, 3), 0.5), labels)


@torch.no_grad()
def found_gains(network: Network, data: TrainingData) -> torch.Tensor:
    targets = class_targets(torch.from_numpy(data.labels), torch.ones(2))
    evidence = network.evidence(torch.from_numpy(data.inputs))
    return gains(network, evidence, targets, torch.from_numpy(COSTS).float())


def test_gains_are_the_loss_that_running_the_expert_takes_away(
    network: Network, held_out: TrainingData
) -> None:
    """Against the network run with the path to the expert, and with the one to its parent."""
    found = found_gains(network, held_out)
    known = np.flatnonzero(held_out.labels != UNLABELLED)
    inputs = torch.from_numpy(held_out.inputs[known])
    for expert in range(4):
        path = network.tree.path(expert)
        losses = []
        for route in (path[:-1], path):
            active = np.isin(np.arange(4), route)
            with torch.no_grad():
                chances = torch.softmax(network.head(network(inputs, active)), dim=1).numpy()
            losses.append(-np.log(chances[np.arange(len(known)), held_out.labels[known]]))
        expected = (losses[0] - losses[1]) / COSTS[expert]
        np.testing.assert_allclose(found[known, expert], expected, rtol=1e-3, atol=2e-4)
    assert (found[held_out.labels == UNLABELLED] == 0).all()


def test_targets_by_hand() -> None:
    """Root mean square of 1, -1, 2 and 0 is the root of 3/2; the row without label is no part."""
    gained = torch.tensor([[1.0, -1.0], [50.0, 7.0], [2.0, 0.0]])
    known = torch.tensor([True, False, True])
    squashed = gain_targets(gained, known, "squashed")[known]
    torch.testing.assert_close(squashed, torch.sigmoid(gained[known] / 1.5**0.5))
    ranked = gain_targets(gained, known, "ranked")
    assert ranked.tolist() == [[0.625, 0.125], [1.0, 1.0], [0.875, 0.375]]


def test_ties_share_their_rank_and_no_gain_is_one_half() -> None:
    nothing = torch.zeros(5, 2)
    for kind in ("squashed", "ranked"):
        assert (gain_targets(nothing, torch.ones(5, dtype=torch.bool), kind) == 0.5).all()


def test_gain_loss_is_zero_without_labels() -> None:
    logits = torch.ones(3, 1)
    assert gain_loss(logits, logits, torch.zeros(3, dtype=torch.bool)).item() == 0


@pytest.mark.parametrize("kind", ["squashed", "ranked"])
def test_fitted_gates_are_logistic_regressions_on_held_out_gains(
    network: Network, held_out: TrainingData, kind: str
) -> None:
    """Against scikit-learn, which takes a graded target as two weighted cases."""
    fitted = fit_gain_gates(network, held_out, COSTS, kind, penalty=0.05)
    known = torch.from_numpy(held_out.labels != UNLABELLED)
    wanted = gain_targets(found_gains(network, held_out)[:, [1, 2]], known, kind)[known].numpy()
    with torch.no_grad():
        _, heard = observe(
            network, torch.from_numpy(held_out.inputs), gate_readers(network, [1, 2])
        )
        gates = fitted.evidence(torch.from_numpy(held_out.inputs)).gates[known]
    for place, expert in enumerate((1, 2)):
        features = heard[place].given[known].double().numpy()
        cases = len(features)
        model = LogisticRegression(C=1 / (0.05 * cases), tol=1e-10, max_iter=10_000)
        share = wanted[:, place].astype(float)
        model.fit(
            np.concatenate([features, features]),
            np.repeat([1, 0], cases),
            np.concatenate([share, 1 - share]),
        )
        expected = model.predict_proba(features)[:, 1]
        np.testing.assert_allclose(gates[:, expert], expected, atol=1e-4)
        assert np.ptp(expected) > 0.02


def test_fitting_changes_nothing_but_the_gates_of_gain(
    network: Network, held_out: TrainingData
) -> None:
    before = copy.deepcopy(network.state_dict())
    fitted = fit_gain_gates(network, held_out, COSTS).state_dict()
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())
    changed = {name for name in before if not torch.equal(before[name], fitted[name])}
    assert changed == {
        f"experts.{e}.learned_gate.read.{kind}" for e in (1, 2) for kind in ("weight", "bias")
    }


def test_fitted_gates_find_the_cases_that_gain(network: Network, held_out: TrainingData) -> None:
    """Where the gain can be told from the inputs, gates and gains go together."""
    loss = found_gains(network, held_out)
    fitted = fit_gain_gates(network, held_out, COSTS, "ranked")
    known = held_out.labels != UNLABELLED
    with torch.no_grad():
        gates = fitted.evidence(torch.from_numpy(held_out.inputs)).gates[known]
    for expert in (1, 2):
        assert np.corrcoef(gates[:, expert], loss[known, expert])[0, 1] > 0.2


@pytest.mark.parametrize("kind", ["squashed", "ranked"])
def test_gates_learn_gains_while_the_network_is_trained(kind: str, held_out: TrainingData) -> None:
    """Labels follow the inputs' product, which the base cannot tell and the experts can."""
    inputs = held_out.inputs
    labels = (inputs[:, 0] * inputs[:, 1] > 0).astype(np.intp)
    concepts = np.stack([labels, inputs[:, 0] > 0, inputs[:, 1] > 0], axis=1).astype(float)
    data = TrainingData(inputs, concepts, labels)
    spec = with_gain(forest_spec("tabular"), ("near",))
    found = []
    for weight in (0.0, 1.0):
        recipe = TrainSpec(epochs=10, learning_rate=0.02, gain_weight=weight, gain_target=kind)
        trained = train(spec, recipe, data, COSTS, seed=0)
        with torch.no_grad():
            gates = trained.evidence(torch.from_numpy(inputs)).gates[:, 0]
        found.append(np.corrcoef(gates, found_gains(trained, data)[:, 0])[0, 1])
    assert found[1] > max(found[0], 0.3)


def test_what_cannot_be_fitted_is_said(network: Network, held_out: TrainingData) -> None:
    plain = Network(forest_spec("tabular"))
    with pytest.raises(UserError, match=r"^the network must have an expert with gate gain, "):
        fit_gain_gates(plain, held_out, COSTS)
    unknown = dataclasses.replace(held_out, labels=np.full(200, UNLABELLED))
    with pytest.raises(UserError, match=r"^held-out labels must name a class, got none; "):
        fit_gain_gates(network, unknown, COSTS)
