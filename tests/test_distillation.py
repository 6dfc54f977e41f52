"""Teachers: the mean of what networks say, and a student that comes nearer to it."""

import dataclasses

import numpy as np
import pytest
import torch
from forests import Forest, forest_spec, make_forest

from minspnet.errors import UserError
from minspnet.network import Network
from minspnet.policy import Policy
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec, StemSpec
from minspnet.trace import replay
from minspnet.training.distillation import ensemble_teacher
from minspnet.training.train import TrainingData, train

STUDENT = ModelSpec((5,), 3, 2, StemSpec("tabular", 6))


@pytest.fixture(scope="module")
def tabular() -> Forest:
    return make_forest("tabular")


def test_a_teacher_decides_as_its_network_does_with_every_expert_on(tabular: Forest) -> None:
    said = ensemble_teacher([tabular.network])(torch.from_numpy(tabular.inputs))
    expected = replay(tabular.trace, Policy.shared(0, 4)).class_logits
    np.testing.assert_allclose(said, expected, atol=1e-4)


def test_an_ensemble_is_the_mean_of_its_members_logits(tabular: Forest) -> None:
    other = Network(forest_spec("tabular")).eval()
    with torch.no_grad():
        other.head.bias.fill_(3)
    inputs = torch.from_numpy(tabular.inputs)
    single = [ensemble_teacher([network])(inputs) for network in (tabular.network, other)]
    both = ensemble_teacher([tabular.network, other])(inputs)
    torch.testing.assert_close(both, (single[0] + single[1]) / 2)
    assert not both.requires_grad


def test_teachers_of_other_classes_and_none_are_refused(tabular: Forest) -> None:
    for networks in ([], [tabular.network, Network(forest_spec("image"))]):
        with pytest.raises(UserError, match=r"^the teachers must be one or more, of the same"):
            ensemble_teacher(networks)


def test_a_student_comes_nearer_to_its_teacher(tabular: Forest) -> None:
    """Labels are noise here: what the student knows of the classes, its teacher told it."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(200, 5)).astype(np.float32)
    data = TrainingData(inputs, generator.random((200, 3)), np.arange(200) % 2)
    teacher = ensemble_teacher([tabular.network])
    plain = TrainSpec(
        epochs=30,
        batch_size=32,
        learning_rate=0.02,
        concept_training="joint",
        correction_rate=0,
        concept_weight=0.1,
    )
    apart = []
    for weight in (0.0, 5.0):
        recipe = dataclasses.replace(plain, distillation_weight=weight)
        student = train(STUDENT, recipe, data, np.zeros(0), 0, teacher=teacher if weight else None)
        given = torch.from_numpy(inputs)
        difference = ensemble_teacher([student])(given) - teacher(given)
        apart.append(difference[:, 1].abs().mean().item())
    assert apart[1] < 0.65 * apart[0]


def test_a_weight_without_teacher_and_a_teacher_without_weight_are_refused(
    tabular: Forest, training_data: TrainingData
) -> None:
    teacher = ensemble_teacher([tabular.network])
    weighed = TrainSpec(epochs=1, distillation_weight=1)
    for recipe, given, sentence in (
        (weighed, None, "got 1 and no teacher"),
        (TrainSpec(epochs=1), teacher, "got 0.0 and a teacher"),
    ):
        with pytest.raises(UserError, match="must be given together, ") as refused:
            train(STUDENT, recipe, training_data, np.zeros(0), 0, teacher=given)
        assert sentence in str(refused.value)
    independent = dataclasses.replace(weighed, concept_training="independent")
    with pytest.raises(UserError, match=r"^distillation_weight must be 0 in independent training"):
        train(STUDENT, independent, training_data, np.zeros(0), 0, teacher=teacher)
