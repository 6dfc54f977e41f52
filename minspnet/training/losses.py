"""Loss terms, each on its own."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from minspnet.data import UNLABELLED


def concept_deviance(
    logits: Float[Tensor, "case concept"],
    truth: Float[Tensor, "case concept"],
    weights: Float[Tensor, " case"] | None = None,
) -> Float[Tensor, " concept"]:
    """Cross-entropy against graded concepts, less its least possible value, in nats.

    The entropy of a graded truth is subtracted, so that 0 is a perfect fit.
    """
    entropy = functional.binary_cross_entropy(truth, truth, reduction="none")
    fit = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return _mean(fit - entropy, weights)


def null_deviance(
    truth: Float[Tensor, "case concept"], weights: Float[Tensor, " case"] | None = None
) -> Float[Tensor, " concept"]:
    """Deviance of the best constant guess: what a concept leaves to be explained.

    Dividing by it lets narrowly rated concepts count as much as widely spread ones. A concept
    that hardly varies is not blown up: the floor is a hundredth of a fair coin's entropy.
    """
    constant = torch.logit(_mean(truth, weights), eps=1e-4).expand_as(truth)
    return concept_deviance(constant, truth, weights).clamp_min(0.00693)


def _mean(
    values: Float[Tensor, "case concept"], weights: Float[Tensor, " case"] | None
) -> Float[Tensor, " concept"]:
    if weights is None:
        return values.mean(dim=0)
    return (values * weights[:, None]).sum(dim=0) / weights.sum()


def balanced_weights(labels: Int[Tensor, " case"], classes: int) -> Float[Tensor, " class"]:
    """Weigh each class by the inverse of its share, so that labelled cases average 1.

    Source: King & Zeng 2001, Logistic Regression in Rare Events Data (weighting).
    """
    counts = torch.bincount(labels[labels != UNLABELLED], minlength=classes)
    return counts.sum() / (classes * counts.clamp_min(1).float())


def class_targets(
    labels: Int[Tensor, " case"], weights: Float[Tensor, " class"], smoothing: float = 0.0
) -> Float[Tensor, "case class"]:
    """Say the wanted class of each case as a row that sums to the weight of its class.

    A case without a label has a row of zeros: it wants nothing. Smoothing spreads a share of
    each row evenly over the classes. Rows of two cases may be mixed.

    Source: Szegedy et al. 2016, Rethinking the Inception Architecture, section 7 (smoothing).
    """
    labelled = (labels != UNLABELLED)[:, None]
    wanted = functional.one_hot(labels.clamp_min(0), len(weights)) * weights * labelled
    return (1 - smoothing) * wanted + smoothing * wanted.mean(dim=1, keepdim=True)


def class_surprise(
    class_logits: Float[Tensor, "case class"], targets: Float[Tensor, "case class"]
) -> Float[Tensor, " case"]:
    """Cross-entropy of each case against its targets, in nats."""
    return -(targets * torch.log_softmax(class_logits, dim=1)).sum(dim=1)


def class_loss(
    class_logits: Float[Tensor, "case class"], targets: Float[Tensor, "case class"]
) -> Float[Tensor, ""]:
    """Cross-entropy per unit of target, in nats; 0 if no case is labelled."""
    return class_surprise(class_logits, targets).sum() / targets.sum().clamp_min(1e-8)


def distillation_loss(
    class_logits: Float[Tensor, "case class"],
    teacher_logits: Float[Tensor, "case class"],
    temperature: float,
) -> Float[Tensor, ""]:
    """Divergence from a teacher's softened decision, times the temperature squared, in nats.

    Source: Hinton et al. 2015, Distilling the Knowledge in a Neural Network, section 2; the
    teacher's own entropy is subtracted, so that 0 is a perfect copy.
    """
    taught = torch.log_softmax(teacher_logits / temperature, dim=1)
    said = torch.log_softmax(class_logits / temperature, dim=1)
    apart = functional.kl_div(said, taught, reduction="batchmean", log_target=True)
    return temperature**2 * apart


def gate_imbalance(gates: Float[Tensor, "case expert"]) -> Float[Tensor, ""]:
    """Squared coefficient of variation of the gates' sums over the batch; 0 is even use.

    Source: Shazeer et al. 2017, Outrageously Large Neural Networks, equations 6 and 7
    (importance). The form of Switch Transformers needs one expert chosen per case; these gates
    open independently.
    """
    importance = gates.sum(dim=0)
    return importance.var(correction=0) / importance.mean().square().clamp_min(1e-8)


def misplaced_attention(
    scores: Float[Tensor, "case position"], mask: Float[Tensor, "case position"]
) -> Float[Tensor, ""]:
    """Minus the logarithm of the attention inside the evidence, in nats.

        mean over cases of  -log sum_p a_p m_p,    a = softmax(scores)

    A mask grades from 0 (no evidence) to 1; one that is empty says that the evidence of its
    case is unknown, and the case is left out.

    Source: Liu et al. 2017, Attention Correctness in Neural Image Captioning (the attention
    inside a region as the measure); here its logarithm is the loss.
    """
    known = mask.sum(dim=1) > 0
    if not known.any():
        return scores.new_zeros(())
    attention = torch.log_softmax(scores[known], dim=1)
    return -torch.logsumexp(attention + mask[known].log(), dim=1).mean()


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
    chosen = (torch.rand(truth.shape, generator=generator) < share).to(truth.device)
    concepts = torch.where(chosen, truth, activations[:, : truth.shape[1]])
    return torch.cat([concepts, activations[:, truth.shape[1] :]], dim=1)
