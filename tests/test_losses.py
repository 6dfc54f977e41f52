"""Loss terms against their definitions."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, rel_entr
from sklearn.metrics import log_loss
from sklearn.utils import compute_class_weight
from torch.nn import functional

from minspnet.data import UNLABELLED
from minspnet.training.losses import (
    balanced_weights,
    class_loss,
    class_targets,
    concept_deviance,
    distillation_loss,
    gate_imbalance,
    misplaced_attention,
    null_deviance,
    randomly_corrected,
)

seeds = st.integers(0, 2**32 - 1)


def uniform(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def divergence(truth: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Kullback-Leibler divergence of coins, in nats."""
    return rel_entr(truth, chance) + rel_entr(1 - truth, 1 - chance)


@given(seeds)
def test_concept_deviance_is_a_divergence(seed: int) -> None:
    truth = uniform(7, 3, seed=seed).double()
    truth[:2] = truth[:2].round()  # certain truths too
    logits = 8 * uniform(7, 3, seed=seed + 1).double() - 4
    expected = divergence(truth.numpy(), expit(logits.numpy())).mean(axis=0)
    np.testing.assert_allclose(concept_deviance(logits, truth), expected, atol=1e-9)


def test_concept_deviance_of_a_perfect_fit_is_zero() -> None:
    truth = torch.tensor([[0.1], [0.5], [0.9]])
    assert concept_deviance(torch.logit(truth), truth).item() == pytest.approx(0, abs=1e-7)


@given(seeds, st.floats(-3, 3))
def test_null_deviance_is_that_of_the_best_constant(seed: int, constant: float) -> None:
    truth = uniform(30, 2, seed=seed)
    best = null_deviance(truth)
    mean = truth.numpy().mean(axis=0, keepdims=True)
    np.testing.assert_allclose(best, divergence(truth.numpy(), mean).mean(axis=0), atol=1e-5)
    assert (concept_deviance(torch.full_like(truth, constant), truth) >= best - 1e-6).all()


@given(seeds)
def test_a_case_that_weighs_twice_counts_as_two(seed: int) -> None:
    truth, logits = uniform(5, 2, seed=seed), 4 * uniform(5, 2, seed=seed + 1) - 2
    counts = torch.tensor([1, 2, 0, 3, 1])
    rows = torch.repeat_interleave(torch.arange(5), counts)
    weights = counts.float()
    torch.testing.assert_close(
        concept_deviance(logits, truth, weights), concept_deviance(logits[rows], truth[rows])
    )
    torch.testing.assert_close(null_deviance(truth, weights), null_deviance(truth[rows]))


def test_null_deviance_has_a_floor() -> None:
    """A concept that never varies must not be divided by nothing."""
    floor = np.log(2) / 100
    for value in (0.0, 0.4, 1.0):
        found = null_deviance(torch.full((5, 1), value)).item()
        assert found == pytest.approx(floor, rel=1e-3)


@given(seeds, st.integers(1, 12), st.integers(0, 5))
def test_class_loss_is_the_log_loss_of_labelled_cases(seed: int, known: int, unknown: int) -> None:
    """Cases without a label change neither the value nor the gradient."""
    logits = (6 * uniform(known + unknown, 3, seed=seed) - 3).double().requires_grad_()
    labels = (uniform(known + unknown, seed=seed + 1) * 3).long()
    labels[known:] = UNLABELLED
    loss = class_loss(logits, class_targets(labels, torch.ones(3)).double())
    loss.backward()
    chances = torch.softmax(logits.detach()[:known], dim=1).numpy()
    assert loss.item() == pytest.approx(log_loss(labels[:known], chances, labels=[0, 1, 2]))
    assert (logits.grad[:known] != 0).all() and (logits.grad[known:] == 0).all()


def test_class_loss_without_labels_is_zero() -> None:
    targets = class_targets(torch.full((4,), UNLABELLED), torch.ones(2))
    assert class_loss(uniform(4, 2), targets).item() == 0


def corrected(rate: float, cases: int = 4000, seed: int = 0) -> torch.Tensor:
    """Which concepts were corrected; activations lie below 0 and truths above."""
    activations, truth = -1 - uniform(cases, 5), 1 + uniform(cases, 3)
    result = randomly_corrected(activations, truth, rate, torch.Generator().manual_seed(seed))
    assert torch.equal(result[:, 3:], activations[:, 3:]), "residual channels were touched"
    chosen = result[:, :3] > 0
    assert torch.equal(result[:, :3], torch.where(chosen, truth, activations[:, :3]))
    return chosen


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.5])
def test_corrections_replace_a_share_by_the_truth(rate: float) -> None:
    chosen = corrected(rate).float()
    assert chosen.mean().item() == pytest.approx(rate, abs=0.015)
    if rate:
        # The share is drawn per case: the number of corrections varies more than a binomial.
        assert chosen.sum(dim=1).var() > 1.1 * 3 * rate * (1 - rate)


def test_corrections_follow_the_generator() -> None:
    assert torch.equal(corrected(0.3, seed=1), corrected(0.3, seed=1))
    assert not torch.equal(corrected(0.3, seed=1), corrected(0.3, seed=2))


# --- Targets ----------------------------------------------------------------------------


def test_targets_by_hand() -> None:
    """Weights 1, 2, 3 and a third spread evenly; no label, no target."""
    labels = torch.tensor([0, 2, UNLABELLED])
    targets = class_targets(labels, torch.tensor([1.0, 2.0, 3.0]), smoothing=0.3)
    expected = [[0.8, 0.1, 0.1], [0.3, 0.3, 2.4], [0, 0, 0]]
    torch.testing.assert_close(targets, torch.tensor(expected))


@given(seeds, st.booleans())
def test_class_loss_agrees_with_torch_on_weights_and_smoothing(seed: int, smooth: bool) -> None:
    logits = (6 * uniform(9, 3, seed=seed) - 3).double()
    labels = (uniform(9, seed=seed + 1) * 3).long()
    if smooth:
        smoothed = class_targets(labels, torch.ones(3), 0.2).double()
        expected = functional.cross_entropy(logits, labels, label_smoothing=0.2)
        torch.testing.assert_close(class_loss(logits, smoothed), expected, rtol=1e-5, atol=0)
    else:
        weights = torch.tensor([0.5, 1.0, 4.0])
        found = class_loss(logits, class_targets(labels, weights).double())
        expected = functional.cross_entropy(logits, labels, weights.double())
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    labels = np.array([0] * 7 + [1] * 2 + [2] * 3)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    with_unknown = torch.from_numpy(np.append(labels, [UNLABELLED] * 5))
    np.testing.assert_allclose(balanced_weights(with_unknown, 3), expected, rtol=1e-6)


# --- Teachers, gates and attention ------------------------------------------------------


def test_distillation_by_hand() -> None:
    """At temperature 2 the teacher's odds of 4 to 1 become 2 to 1; the loss counts fourfold."""
    teacher = torch.tensor([[0.0, np.log(4)]]).float()
    student = torch.zeros(1, 2)
    at_one = 0.2 * np.log(0.2 / 0.5) + 0.8 * np.log(0.8 / 0.5)
    at_two = np.log(2 / 3) / 3 + 2 * np.log(4 / 3) / 3
    assert distillation_loss(student, teacher, 1).item() == pytest.approx(at_one, rel=1e-5)
    assert distillation_loss(student, teacher, 2).item() == pytest.approx(4 * at_two, rel=1e-5)
    assert distillation_loss(teacher + 3, teacher, 2).item() == pytest.approx(0, abs=1e-6)


def test_gate_imbalance_by_hand() -> None:
    """Sums 1 and 3: mean 2, variance 1; halving all gates changes nothing."""
    gates = torch.tensor([[0.2, 1.0], [0.3, 1.0], [0.5, 1.0]])
    assert gate_imbalance(gates).item() == pytest.approx(0.25)
    assert gate_imbalance(gates / 2).item() == pytest.approx(0.25)
    assert gate_imbalance(gates[:, :1].expand(3, 4)).item() == pytest.approx(0, abs=1e-6)


def test_misplaced_attention_by_hand() -> None:
    """Attention 1/4 1/4 1/2 on a mask of 0, 1/2, 1 is 5/8 inside; the empty mask is left out."""
    scores = torch.tensor([[1.0, 1.0, 2.0], [9.0, 1.0, 1.0]]).log().requires_grad_()
    mask = torch.tensor([[0.0, 0.5, 1.0], [0.0, 0.0, 0.0]])
    loss = misplaced_attention(scores, mask)
    assert loss.item() == pytest.approx(-np.log(5 / 8))
    loss.backward()
    # Minus the gradient is a * (m / inside - 1): towards the evidence, away from the rest.
    expected = [[0.25, 0.05, -0.3], [0, 0, 0]]
    torch.testing.assert_close(scores.grad, torch.tensor(expected), atol=1e-6, rtol=0)
    assert misplaced_attention(scores, torch.zeros(2, 3)).item() == 0
    assert misplaced_attention(scores, torch.ones(2, 3)).item() == pytest.approx(0, abs=1e-6)
