"""What a network is trained on, and what cannot be trained on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from minspnet.data import UNLABELLED
from minspnet.errors import requirement
from minspnet.network import check_inputs
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec
from minspnet.training.losses import balanced_weights, class_targets


@dataclass(frozen=True)
class TrainingData:
    """Cases with the truth about them.

    Attributes:
        inputs: As the domain gives them.
        concepts: Graded truth in [0, 1].
        labels: Class index, or ``UNLABELLED``: such a case teaches concepts only.
        masks: Where the evidence is, from 0 to 1, at each position of a picture or signal or
            in each column; all 0 where it is not known.
    """

    inputs: Float[np.ndarray, "case *input"]
    concepts: Float[np.ndarray, "case concept"]
    labels: Int[np.ndarray, " case"]
    masks: Float[np.ndarray, "case *sides"] | None = None


class Batch(NamedTuple):
    """Cases as the objective reads them.

    Attributes:
        inputs: As the domain gives them.
        truth: Graded concepts.
        targets: See ``minspnet.training.losses.class_targets``.
        masks: Where the evidence is, if that is known.
        weights: How much each case counts where concepts are taught: as its class does, and 1
            without a label; None if all count alike.
    """

    inputs: Float[Tensor, "case *input"]
    truth: Float[Tensor, "case concept"]
    targets: Float[Tensor, "case class"]
    masks: Float[Tensor, "case *sides"] | None = None
    weights: Float[Tensor, " case"] | None = None

    def each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """Change every part alike."""
        masks, weights = (
            None if part is None else change(part) for part in (self.masks, self.weights)
        )
        return Batch(change(self.inputs), change(self.truth), change(self.targets), masks, weights)


def target_weights(data: TrainingData, recipe: TrainSpec, classes: int) -> Float[Tensor, " class"]:
    """How much a case of each class counts."""
    if recipe.class_weights == "none":
        return torch.ones(classes)
    return balanced_weights(torch.as_tensor(data.labels, dtype=torch.long), classes)


def as_batch(data: TrainingData, weights: Float[Tensor, " class"], smoothing: float) -> Batch:
    """Put all cases into one batch.

    Args:
        data: Cases.
        weights: See ``target_weights``, of the training cases.
        smoothing: Of the labels.
    """
    labels = torch.as_tensor(data.labels, dtype=torch.long)
    counts = torch.where(labels != UNLABELLED, weights[labels.clamp_min(0)], 1.0)
    return Batch(
        torch.as_tensor(data.inputs, dtype=torch.float32),
        torch.as_tensor(data.concepts, dtype=torch.float32),
        class_targets(labels, weights, smoothing),
        None if data.masks is None else torch.as_tensor(data.masks, dtype=torch.float32),
        None if (weights == 1).all() else counts,
    )


def check_training(spec: ModelSpec, recipe: TrainSpec, data: TrainingData) -> None:
    """Refuse cases that the network cannot learn from.

    Raises:
        UserError: If the data do not fit the spec or lack a class.
    """
    check_cases(spec, data, "training")
    if recipe.batch_size < 2 or len(data.inputs) < 2:
        raise requirement(
            "batch_size and training cases",
            "be 2 or more",
            (recipe.batch_size, len(data.inputs)),
            "normalisation takes its statistics over a batch",
        )
    known = set(np.unique(data.labels)) - {UNLABELLED}
    if known != set(range(spec.classes)):
        raise requirement(
            "training labels",
            f"hold each of the {spec.classes} classes",
            sorted(int(k) for k in known),
            "add cases of the missing class",
        )


def check_cases(spec: ModelSpec, data: TrainingData, part: str) -> None:
    """Refuse cases that do not fit the network.

    Raises:
        UserError: If a shape differs, or a value lies outside its range.
    """
    check_inputs(spec, data.inputs)
    cases = len(data.inputs)
    if data.labels.shape != (cases,):
        raise requirement(f"{part} labels", f"number {cases}", data.labels.shape, "give one each")
    if data.concepts.shape != (cases, spec.concepts):
        raise requirement(
            f"{part} concepts",
            f"have shape {(cases, spec.concepts)}",
            data.concepts.shape,
            "check the domain",
        )
    _check_share(f"{part} concepts", data.concepts, "fill missing ones and scale the rest")
    strange = set(np.unique(data.labels)) - {UNLABELLED, *range(spec.classes)}
    if strange:
        raise requirement(
            f"{part} labels",
            f"lie below {spec.classes}, or be {UNLABELLED} if unknown",
            sorted(int(k) for k in strange),
            "check the domain",
        )
    if data.masks is None:
        return
    shape = (cases, *(spec.input_shape[1:] or spec.input_shape))
    if data.masks.shape != shape:
        raise requirement(
            f"{part} masks", f"have shape {shape}", data.masks.shape, "give one of each case"
        )
    _check_share(f"{part} masks", data.masks, "leave all 0 where the evidence is unknown")


def _check_share(what: str, values: np.ndarray, remedy: str) -> None:
    within = (values >= 0) & (values <= 1)
    if not within.all():
        raise requirement(what, "lie between 0 and 1", values[~within][0], remedy)
