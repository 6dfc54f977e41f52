"""Training: repeatable, honest about concepts, and clear about data it cannot use."""

import dataclasses
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from forests import CONCEPTS, forest_spec
from plain_training import plain_training
from sklearn.linear_model import LogisticRegression

from minspnet.data import UNLABELLED
from minspnet.errors import UserError
from minspnet.network import Network, run
from minspnet.policy import Policy
from minspnet.recipe import GateNoise, TrainSpec
from minspnet.spec import ModelSpec, StemSpec
from minspnet.trace import Trace, replay
from minspnet.training.class_head import fit_head
from minspnet.training.course import Course, rate_factor
from minspnet.training.losses import balanced_weights, class_targets
from minspnet.training.train import TrainingData, train

SHORT = TrainSpec(epochs=2, batch_size=64, learning_rate=0.02)
SHARES = np.array([0.3, 0.2])
ALL_ON = Policy.shared(0, 2)


def weights(network: Network) -> torch.Tensor:
    return torch.cat([value.double().flatten() for value in network.state_dict().values()])


def trace_of(network: Network, data: TrainingData) -> Trace:
    return run(network, tuple(map(str, range(len(data.labels)))), data.inputs, CONCEPTS)


# --- What training gives ----------------------------------------------------------------


def test_training_learns_concepts_and_classes(
    trained: Network, training_data: TrainingData
) -> None:
    """The task is a linear one: it must be nearly solved, with the base alone and with all."""
    trace = trace_of(trained, training_data)
    for policy in (ALL_ON, Policy.shared(2, 2)):
        decision = replay(trace, policy)
        assert (decision.predicted == training_data.labels).mean() > 0.9
        for k in range(len(CONCEPTS)):
            found = np.corrcoef(decision.concepts[:, k], training_data.concepts[:, k])
            assert found[0, 1] > 0.9


def test_true_concepts_decide_as_logistic_regression_on_them_does(
    trained: Network, training_data: TrainingData
) -> None:
    """Correcting every concept must give what a model of the true concepts says."""
    model = LogisticRegression(C=10, max_iter=2000).fit(
        training_data.concepts, training_data.labels
    )
    trace = trace_of(trained, training_data)
    for case in range(0, len(trace), 16):
        policy = ALL_ON
        for name, value in zip(CONCEPTS, training_data.concepts[case], strict=True):
            policy = policy.intervene(name, float(value))
        decision = replay(trace[case], policy)
        expected = model.predict_proba(training_data.concepts[case : case + 1])
        np.testing.assert_allclose(decision.probabilities, expected, atol=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
def test_head_equals_logistic_regression(classes: int, training_data: TrainingData) -> None:
    """Against scikit-learn's probabilities, fitted on the labelled cases alone."""
    concepts = training_data.concepts
    labels = np.digitize(concepts[:, 0], np.linspace(0, 1, classes + 1)[1:-1])
    network = Network(ModelSpec((5,), 3, classes, StemSpec("tabular")))
    unknown = np.arange(len(labels)) % 4 == 0
    known_only = np.where(unknown, UNLABELLED, labels)
    fit_head(network, concepts, known_only, TrainSpec(head_strength=3.0), seed=0)
    model = LogisticRegression(C=3.0, max_iter=2000).fit(concepts[~unknown], labels[~unknown])
    head = network.frozen_head()
    logits = head.class_logits(concepts.astype(np.float32))
    np.testing.assert_allclose(head.probabilities(logits), model.predict_proba(concepts), atol=1e-4)
    assert not any(parameter.requires_grad for parameter in network.head.parameters())


@pytest.mark.parametrize("way", ["anchored", "independent", "joint"])
def test_only_joint_training_moves_the_head(
    way: str, small_spec: ModelSpec, training_data: TrainingData
) -> None:
    recipe = dataclasses.replace(SHORT, concept_training=way)
    network = train(small_spec, recipe, training_data, SHARES, seed=0)
    fitted = Network(small_spec)
    fit_head(fitted, training_data.concepts, training_data.labels, recipe, seed=0)
    assert torch.equal(network.head.weights, fitted.head.weights) == (way != "joint")
    assert network.head.weights.abs().sum() > 0
    assert not network.training


@pytest.mark.usefixtures("alone")
def test_same_seed_gives_the_same_weights(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    """And neither reads nor moves the global random numbers."""
    recipe = dataclasses.replace(SHORT, dropout=0.2)
    found = []
    for seed, other in ((0, 1), (0, 2), (1, 1)):
        torch.manual_seed(other)
        before = torch.get_rng_state()
        found.append(weights(train(small_spec, recipe, training_data, SHARES, seed)))
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize("kind", ["tabular", "image"])
def test_the_default_recipe_gives_the_weights_it_always_gave(kind: str) -> None:
    """Shipped models and benchmarks refer to them; a plain loop is the reference, to the bit."""
    spec = forest_spec(kind)
    generator = np.random.default_rng(3)
    inputs = generator.normal(size=(50, *spec.input_shape)).astype(np.float32)
    labels = np.arange(50) % (spec.classes + 1) - 1
    data = TrainingData(inputs, generator.random((50, 3)), labels)
    recipe = TrainSpec(epochs=3, batch_size=16, augment=kind == "image", dropout=0.1)
    costs = np.array([0.3, 0.2, 0.1, 0.05])
    found = train(spec, recipe, data, costs, seed=5).state_dict()
    expected = plain_training(spec, recipe, data, costs, seed=5).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


def test_inputs_are_standardised_by_the_training_cases(
    trained: Network, training_data: TrainingData
) -> None:
    stem = trained.stem.standardise
    np.testing.assert_allclose(stem.mean, training_data.inputs.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(stem.scale, training_data.inputs.std(axis=0), atol=1e-5)


def test_a_constant_column_does_not_divide_by_zero(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    inputs = training_data.inputs.copy()
    inputs[:, 4] = 7
    data = dataclasses.replace(training_data, inputs=inputs)
    assert torch.isfinite(weights(train(small_spec, SHORT, data, SHARES, seed=0))).all()


def test_a_static_net_can_be_trained(small_spec: ModelSpec, training_data: TrainingData) -> None:
    """``path_weight`` 0: only the way with every expert on is practised."""
    recipe = dataclasses.replace(SHORT, path_weight=0.0)
    static = train(small_spec, recipe, training_data, SHARES, seed=0)
    assert torch.isfinite(weights(static)).all()
    assert not torch.equal(
        weights(static), weights(train(small_spec, SHORT, training_data, SHARES, seed=0))
    )


def test_a_net_without_experts_can_be_trained(training_data: TrainingData) -> None:
    spec = ModelSpec((5,), 3, 2, StemSpec("tabular", 6), residual=True)
    network = train(spec, SHORT, training_data, np.zeros(0), seed=0)
    assert torch.isfinite(weights(network)).all()


def test_pictures_can_be_trained_on_with_turns() -> None:
    """Three classes, a residual, all kinds of experts; unlabelled cases among them."""
    generator = np.random.default_rng(0)
    labels = np.arange(20) % 4 - 1
    inputs = generator.normal(size=(20, 1, 16, 16)).astype(np.float32)
    data = TrainingData(inputs, generator.random((20, 3)), labels)
    recipe = TrainSpec(epochs=1, batch_size=10, augment=True, dropout=0.1)
    network = train(forest_spec("image"), recipe, data, np.full(4, 0.2), seed=0)
    assert torch.isfinite(weights(network)).all()


def test_a_dearer_router_opens_less(small_spec: ModelSpec, training_data: TrainingData) -> None:
    opened = []
    for price in (0.0, 50.0):
        recipe = dataclasses.replace(SHORT, epochs=6, router_cost=price)
        network = train(small_spec, recipe, training_data, SHARES, seed=0)
        opened.append(trace_of(network, training_data).gates[:, 1].mean())
    assert opened[1] < opened[0] - 0.1


def test_progress_is_told_after_each_epoch(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    told: list[tuple[int, dict[str, float]]] = []
    recipe = dataclasses.replace(SHORT, epochs=8)
    train(small_spec, recipe, training_data, SHARES, 0, lambda *now: told.append(now))
    assert [epoch for epoch, _ in told] == list(range(8))
    assert told[-1][1]["concept"] < 0.8 * told[0][1]["concept"]
    assert told[-1][1]["class"] < told[0][1]["class"]


# --- Choices of the recipe --------------------------------------------------------------


@pytest.mark.parametrize("noise", get_args(GateNoise))
def test_every_gate_noise_teaches_a_dear_gate_to_shut(
    noise: str, small_spec: ModelSpec, training_data: TrainingData
) -> None:
    opened = []
    for price in (0.0, 50.0):
        recipe = dataclasses.replace(SHORT, epochs=6, router_cost=price, gate_noise=noise)
        network = train(small_spec, recipe, training_data, SHARES, seed=0)
        opened.append(trace_of(network, training_data).gates[:, 1].mean())
    assert opened[1] < opened[0] - 0.1


def test_activity_has_its_price(small_spec: ModelSpec, training_data: TrainingData) -> None:
    active = []
    for weight in (0.0, 10.0):
        recipe = dataclasses.replace(SHORT, epochs=6, activity_weight=weight)
        network = train(small_spec, recipe, training_data, SHARES, seed=0)
        with torch.no_grad():
            evidence = network.evidence(torch.from_numpy(training_data.inputs))
        active.append(evidence.activity.mean().item())
    assert active[1] < 0.8 * active[0]


def test_balanced_classes_are_decided_for_as_often_as_they_weigh(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    """One case in eight, and nothing to tell them by but their share: that share, or one half."""
    generator = np.random.default_rng(0)
    labels = (np.arange(160) % 8 == 0).astype(np.intp)
    data = TrainingData(
        generator.normal(size=(160, 5)).astype(np.float32), generator.random((160, 3)), labels
    )
    means = []
    for weights in ("none", "balanced"):
        recipe = TrainSpec(
            epochs=15,
            batch_size=16,
            learning_rate=0.03,
            concept_training="joint",
            class_weights=weights,
        )
        trace = trace_of(train(small_spec, recipe, data, SHARES, seed=0), data)
        means.append(replay(trace, ALL_ON).probabilities[:, 1].mean())
    assert means[0] == pytest.approx(1 / 8, abs=0.06)
    assert means[1] == pytest.approx(1 / 2, abs=0.1)


def test_labels_are_smoothed_and_weighed_before_the_first_step(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    recipe = TrainSpec(label_smoothing=0.2, class_weights="balanced")
    course = Course(Network(small_spec), recipe, training_data, SHARES, 0, training_data)
    labels = torch.from_numpy(training_data.labels)
    expected = class_targets(labels, balanced_weights(labels, 2), 0.2)
    assert torch.equal(course.cases.targets, expected)
    assert torch.equal(course.held_out.targets, expected)
    assert expected.sum().item() == pytest.approx(160, rel=1e-5)


def test_the_learning_rate_by_hand() -> None:
    """100 steps: five of warm-up; then tenths at 50 and 75, or half a cosine."""
    steps, cosine = TrainSpec(schedule="step"), TrainSpec()
    for recipe in (steps, cosine):
        warm = [rate_factor(step, 100, recipe) for step in range(5)]
        assert warm == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    found = [rate_factor(step, 100, steps) for step in (5, 49, 50, 74, 75, 99)]
    assert found == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    assert rate_factor(5, 105, cosine) == pytest.approx(1)
    assert rate_factor(55, 105, cosine) == pytest.approx(0.5)


# --- Stopping ---------------------------------------------------------------------------


def noise(seed: int) -> TrainingData:
    """Nothing here holds for other cases: the validation loss can only rise in the end."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(60, 5)).astype(np.float32)
    return TrainingData(inputs, generator.random((60, 3)), np.arange(60) % 2)


def test_early_stopping_gives_the_best_epochs_weights(small_spec: ModelSpec) -> None:
    """It stops ``patience`` epochs behind the best one, and goes back to it."""
    recipe = TrainSpec(epochs=60, batch_size=30, learning_rate=0.03, patience=3)
    losses: list[float] = []
    after_epoch: list[torch.Tensor] = []
    found = train(
        *(small_spec, recipe, noise(0), SHARES, 0),
        on_epoch=lambda _, record: losses.append(record["validation_loss"]),
        after_step=lambda network, step, _: after_epoch.append(weights(network)),
        validation=noise(1),
    )
    best = int(np.argmin(losses))
    assert len(losses) == best + 4 < 60
    assert torch.equal(weights(found), after_epoch[2 * best + 1])
    assert not torch.equal(weights(found), after_epoch[-1])


def test_patience_without_validation_is_refused(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    with pytest.raises(UserError, match=r"^patience must be 0 without validation cases, got 2; "):
        train(small_spec, TrainSpec(patience=2), training_data, SHARES, 0)


def test_validation_cases_must_fit_too(small_spec: ModelSpec, training_data: TrainingData) -> None:
    for changes, sentence in (
        ({"concepts": training_data.concepts + 1}, "validation concepts must lie between 0 and 1"),
        ({"labels": training_data.labels + 1}, r"validation labels must lie below 2.*, got \[2\]"),
    ):
        held_out = dataclasses.replace(training_data, **changes)
        with pytest.raises(UserError, match=f"^{sentence}"):
            train(small_spec, SHORT, training_data, SHARES, 0, validation=held_out)


def test_a_loss_that_is_no_number_stops_in_a_sentence(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    recipe = TrainSpec(epochs=3, learning_rate=1e30)
    with pytest.raises(UserError) as refused:
        train(small_spec, recipe, training_data, SHARES, 0)
    assert str(refused.value).startswith("training loss must stay finite, got {")
    assert "lower learning_rate, now 1e+30, or that term's weight." in str(refused.value)


def test_a_gpu_is_used_where_there_is_one_and_refused_where_not(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    def on(device: str) -> Network:
        return train(small_spec, SHORT, training_data, SHARES, 0, device=device)

    with pytest.raises(UserError, match=r"^device must be cpu or cuda, got tpu; pick one\.$"):
        on("tpu")
    if torch.cuda.is_available():
        assert torch.isfinite(weights(on("cuda"))).all()
    else:
        with pytest.raises(UserError, match=r"^device must be cpu where torch finds no GPU, "):
            on("cuda")


# --- Data that cannot be used -----------------------------------------------------------


def with_value(array: np.ndarray, value: float) -> np.ndarray:
    changed = array.copy()
    changed[5, 1] = value
    return changed


Change = Callable[[TrainingData], dict[str, np.ndarray]]
REFUSALS: dict[str, tuple[Change, str]] = {
    "NaN input": (
        lambda d: {"inputs": with_value(d.inputs, np.nan)},
        "inputs must be finite, got NaN or infinity in row 5; fill or drop it.",
    ),
    "infinite input": (
        lambda d: {"inputs": with_value(d.inputs, np.inf)},
        "inputs must be finite, got NaN or infinity in row 5; fill or drop it.",
    ),
    "wrong input shape": (
        lambda d: {"inputs": d.inputs[:, :4]},
        "inputs must have shape (case, 5), got (160, 4); check the domain and its variant.",
    ),
    "wrong number of concepts": (
        lambda d: {"concepts": d.concepts[:, :2]},
        "training concepts must have shape (160, 3), got (160, 2); check the domain.",
    ),
    "missing class": (
        lambda d: {"labels": np.zeros_like(d.labels)},
        "training labels must hold each of the 2 classes, got [0]; add cases of the missing class.",
    ),
    "no labels": (
        lambda d: {"labels": np.full_like(d.labels, UNLABELLED)},
        "training labels must hold each of the 2 classes, got []; add cases of the missing class.",
    ),
}


@pytest.mark.parametrize(("change", "message"), REFUSALS.values(), ids=REFUSALS)
def test_unusable_data_are_refused_in_a_sentence(
    change: Change, message: str, small_spec: ModelSpec, training_data: TrainingData
) -> None:
    data = dataclasses.replace(training_data, **change(training_data))
    with pytest.raises(UserError) as refused:
        train(small_spec, SHORT, data, SHARES, seed=0)
    assert str(refused.value) == message


@pytest.mark.parametrize("way", ["anchored", "joint"])
@pytest.mark.parametrize("value", [np.nan, -0.1, 1.1])
def test_concepts_outside_zero_to_one_are_refused(
    value: float, way: str, small_spec: ModelSpec, training_data: TrainingData
) -> None:
    """A rating that is missing or not yet scaled is the commonest mistake in a new domain."""
    concepts = with_value(training_data.concepts, value)
    data = dataclasses.replace(training_data, concepts=concepts)
    recipe = dataclasses.replace(SHORT, concept_training=way)
    with pytest.raises(UserError) as refused:
        train(small_spec, recipe, data, SHARES, seed=0)
    assert str(refused.value) == (
        f"training concepts must lie between 0 and 1, got {value}; "
        "fill missing ones and scale the rest."
    )


def pictures(*shape: int) -> TrainingData:
    return TrainingData(
        np.zeros((4, *shape), np.float32), np.full((4, 3), 0.5), np.array([0, 1, 2, 0])
    )


def test_batches_of_one_picture_are_refused() -> None:
    """Normalisation needs two cases a batch to take statistics of."""
    with pytest.raises(UserError, match=r"^batch_size .* must be 2 or more, got \(1, 4\); "):
        recipe = TrainSpec(epochs=1, batch_size=1)
        train(forest_spec("image"), recipe, pictures(1, 16, 16), np.ones(4), seed=0)


def test_turning_pictures_that_are_not_square_is_refused() -> None:
    """A quarter turn would change their shape."""
    spec = dataclasses.replace(forest_spec("image"), input_shape=(1, 16, 12))
    recipe = TrainSpec(epochs=1, batch_size=4)
    train(spec, recipe, pictures(1, 16, 12), np.ones(4), seed=0)
    with pytest.raises(UserError):
        turning = dataclasses.replace(recipe, augment=True)
        train(spec, turning, pictures(1, 16, 12), np.ones(4), seed=0)
