"""Loss terms, each on its own."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from minspnet.data import UNLABELLED


def concept_deviance(
    logits: Float[Tensor, "case concept"], truth: Float[Tensor, "case concept"]
) -> Float[Tensor, " concept"]:
    """Cross-entropy against graded concepts, less its least possible value, in nats.

    The entropy of a graded truth is subtracted, so that 0 is a perfect fit.
    """
    entropy = functional.binary_cross_entropy(truth, truth, reduction="none")
    fit = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (fit - entropy).mean(dim=0)


def null_deviance(truth: Float[Tensor, "case concept"]) -> Float[Tensor, " concept"]:
    """Deviance of the best constant guess: what a concept leaves to be explained.

    Dividing by it lets narrowly rated concepts count as much as widely spread ones. A concept
    that hardly varies is not blown up: the floor is a hundredth of a fair coin's entropy.
    """
    constant = torch.logit(truth.mean(dim=0), eps=1e-4).expand_as(truth)
    return concept_deviance(constant, truth).clamp_min(0.00693)


def class_loss(
    class_logits: Float[Tensor, "case class"], labels: Int[Tensor, " case"]
) -> Float[Tensor, ""]:
    """Cross-entropy over the labelled cases, in nats; 0 if there are none."""
    labelled = labels != UNLABELLED
    if not labelled.any():
        return class_logits.new_zeros(())
    return functional.cross_entropy(class_logits[labelled], labels[labelled])


def randomly_corrected(
    activations: Float[Tensor, "case output"],
    truth: Float[Tensor, "case concept"],
    rate: float,
    generator: torch.Generator,
) -> Float[Tensor, "case output"]:
    """Replace concepts by their true value: a share of each case's, from none to twice ``rate``.

    Source: Espinosa Zarlenga et al. 2023 (training on random interventions); here the share
    itself is drawn per case, so that few and many corrections are both practised.
    """
    share = 2 * rate * torch.rand(len(truth), 1, generator=generator)
    chosen = torch.rand(truth.shape, generator=generator) < share
    concepts = torch.where(chosen, truth, activations[:, : truth.shape[1]])
    return torch.cat([concepts, activations[:, truth.shape[1] :]], dim=1)


def straight_through_gates(
    gates: Float[Tensor, "case expert"], generator: torch.Generator, temperature: float = 0.5
) -> Float[Tensor, "case expert"]:
    """Open or close each gate at random, with the gradient of a soft one.

    Source: Maddison et al. 2017 (binary concrete), Bengio et al. 2013 (straight-through).
    """
    noise = torch.rand(gates.shape, generator=generator).clamp(1e-6, 1 - 1e-6)
    soft = torch.sigmoid((torch.logit(gates, eps=1e-6) + torch.logit(noise)) / temperature)
    hard = (soft > 0.5).to(soft.dtype)
    return hard + soft - soft.detach()
