"""Prototypes: near their class, and real cases after the push."""

import numpy as np
import pytest
import torch

from minspnet.errors import UserError
from minspnet.layers.heads import ConceptHead
from minspnet.network import Network
from minspnet.spec import ModelSpec, StemSpec
from minspnet.trace import Head, Prototypes
from minspnet.training.prototypes import learn_prototypes


def two_classes() -> tuple[np.ndarray, np.ndarray]:
    """Class 0 has two clusters, class 1 lies between them; an odd one out in each."""
    generator = np.random.default_rng(0)
    centres = np.array([[0.1, 0.1], [0.9, 0.9], [0.1, 0.9]])
    cluster = np.repeat([0, 1, 2], 30)
    concepts = np.clip(centres[cluster] + generator.normal(0, 0.04, (90, 2)), 0, 1)
    labels = (cluster == 2).astype(np.intp)
    return concepts.astype(np.float32), labels


def test_prototypes_are_training_cases_of_their_class_and_cover_its_clusters() -> None:
    concepts, labels = two_classes()
    learned = learn_prototypes(concepts, labels, 2, 2, cluster=0.8, separation=0.08, seed=0)
    np.testing.assert_array_equal(learned.concepts, concepts[learned.rows])
    assert labels[learned.rows].tolist() == [0, 0, 1, 1]
    assert len({*learned.rows.tolist()}) == 4
    first = learned.concepts[:2]
    assert sorted(first.mean(axis=1) > 0.5) == [False, True]
    again = learn_prototypes(concepts, labels, 2, 2, cluster=0.8, separation=0.08, seed=0)
    np.testing.assert_array_equal(again.rows, learned.rows)


def test_terms_pull_and_push() -> None:
    """With only one of the terms weighed heavily, that term ends lower."""
    concepts, labels = two_classes()
    plain = learn_prototypes(concepts, labels, 1, 2, cluster=0.0, separation=0.0, seed=0).losses
    near = learn_prototypes(concepts, labels, 1, 2, cluster=50.0, separation=0.0, seed=0).losses
    far = learn_prototypes(concepts, labels, 1, 2, cluster=0.0, separation=50.0, seed=0).losses
    assert near.cluster < plain.cluster
    assert far.separation < plain.separation


def test_random_cases_are_alike_by_one_half() -> None:
    concepts, labels = two_classes()
    learned = learn_prototypes(concepts, labels, 1, 2, cluster=0.8, separation=0.08, seed=0)
    apart = np.square(concepts[:, None] - concepts[None]).sum(axis=2)[np.triu_indices(90, 1)]
    alike = np.exp(-learned.sharpness * apart)
    assert np.median(alike) == pytest.approx(0.5, abs=1e-3)


def test_more_prototypes_than_cases_are_refused() -> None:
    with pytest.raises(UserError) as refused:
        learn_prototypes(
            np.eye(3, dtype=np.float32), np.array([0, 0, 1]), 2, 2, cluster=1, separation=1, seed=0
        )
    assert str(refused.value) == (
        "prototypes per class must be at most 1, the training cases of class 1, got 2; "
        "ask for fewer."
    )


def test_head_by_hand() -> None:
    """One concept, one prototype a class at 0 and 1, sharpness ln 2, weights -1 and 3, bias 1.

    A case with concept 1: similarity to the first is exp(-ln 2) = 1/2, to the second 1, so the
    class logit is 1 - 1/2 + 3 = 3.5. With the linear weight 2 it is 5.5.
    """
    known = Prototypes(
        np.array([[0], [1]], np.float32), np.array([[-1, 3]], np.float32), float(np.log(2))
    )
    for weight, expected in ((0, 3.5), (2, 5.5)):
        head = Head(np.array([[weight]], np.float32), np.ones(1, np.float32), 1.0, 1, known)
        logits = head.class_logits(np.array([[1]], np.float32))
        np.testing.assert_allclose(logits, [[0, expected]], rtol=1e-6)


@pytest.mark.parametrize("kind", ["linear", "prototypes", "both"])
@pytest.mark.parametrize("binary", [False, True])
def test_numpy_head_equals_the_torch_head(kind: str, binary: bool) -> None:
    spec = ModelSpec(
        (4,),
        3,
        3,
        StemSpec("tabular"),
        head=kind,
        prototypes=0 if kind == "linear" else 2,
        binary=binary,
        residual=True,
    )
    network = Network(spec).eval()
    module: ConceptHead = network.head
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
        if kind == "prototypes":
            module.weights.zero_()
        module.prototypes.copy_(torch.rand(module.prototypes.shape, generator=generator))
        module.sharpness.fill_(1.3)
        outputs = torch.randn(20, spec.outputs, generator=generator)
        expected = module(outputs).numpy()
    head = network.frozen_head()
    logits = head.class_logits(head.activate(outputs.numpy()))
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert binary == set(np.unique(head.activate(outputs.numpy())[:, :3])).issubset({0.0, 1.0})
