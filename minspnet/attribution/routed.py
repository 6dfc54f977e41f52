"""The function that one case was routed through, what it is compared with, and its places.

A *place* is what is left out as one: a column, a square of a picture, or a stretch of one
channel of a signal. A single pixel or sample hardly matters.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from minspnet.layers.stems import TabularStem
from minspnet.network import Network
from minspnet.patches import PATCH, STRETCH


class RoutedFunction(nn.Module):
    """The network as one case's routing made it: inputs to the logit of a class or concept.

    Columns come in unfolded, so that levels and missing cells are numbers with a gradient.
    What the base exit and each active expert say passes through ``parts``, and grading through
    ``grade``, so that captum can look at either.
    """

    def __init__(
        self,
        network: Network,
        active: Bool[np.ndarray, " expert"],
        target: str,
        interventions: tuple[tuple[int, float], ...] = (),
    ) -> None:
        super().__init__()
        self.network, self.active = network, active
        self.kind, *indices = target.split(":")
        self.index, self.against = [*map(int, indices), 0][:2]
        self.interventions = interventions
        self.parts = nn.Identity()
        self.grade = nn.Sigmoid()

    def forward(self, inputs: Float[Tensor, "case *sides"]) -> Float[Tensor, " case"]:
        stem = self.network.stem
        hidden = stem.widen(stem.scaled(inputs)) if isinstance(stem, TabularStem) else stem(inputs)
        outputs = self.parts(self.network.by_part(hidden, self.active)).sum(dim=1)
        if self.kind == "concept":
            return outputs[:, self.index]
        activations = self._activate(outputs)
        for concept, value in self.interventions:
            keep = torch.arange(activations.shape[1]) != concept
            activations = activations * keep + value * ~keep
        logits = self.network.head.class_logits(activations)
        return logits[:, self.index] - logits[:, self.against]

    def _activate(self, outputs: Float[Tensor, "case output"]) -> Float[Tensor, "case output"]:
        head = self.network.head
        if head.binary:
            return head.activate(outputs)
        # As the head does, but by a module: DeepLift has to see what is not linear.
        graded = self.grade(outputs[:, : head.concepts])
        return torch.cat([graded, outputs[:, head.concepts :]], dim=1)


def unfolded(network: Network, inputs: Float[np.ndarray, "*input"]) -> Float[Tensor, "1 *sides"]:
    """One case as ``RoutedFunction`` reads it."""
    case = torch.as_tensor(inputs[None], dtype=torch.float32)
    return network.stem.unfold(case) if isinstance(network.stem, TabularStem) else case


def baseline_of(
    network: Network, known: Float[np.ndarray, "train *input"] | None = None
) -> Float[Tensor, "1 *sides"]:
    """The input that says nothing: the mean training case, unfolded, or an empty picture.

    Args:
        network: Trained.
        known: Training cases, to take the share of each level and of missing cells from;
            without them no level is there and no cell is missing.
    """
    stem = network.stem
    if not isinstance(stem, TabularStem):
        return torch.zeros(1, *network.spec.input_shape)
    numbers = stem.standardise.mean[stem.numbers]
    shares = torch.zeros(len(stem.columns) - len(numbers))
    if known is not None:
        cases = torch.as_tensor(known, dtype=torch.float32)
        shares = stem.unfold(cases)[:, len(numbers) :].mean(dim=0)
    return torch.cat([numbers, shares])[None]


def places(shape: tuple[int, ...]) -> Int[np.ndarray, "*input"]:
    """Number the places of an input: columns, squares through all channels, or stretches."""
    if len(shape) == 1:
        return np.arange(shape[0])
    if len(shape) == 2:
        rows, columns = np.arange(shape[0]), np.arange(shape[1]) // STRETCH
    else:
        rows, columns = (np.arange(length) // PATCH for length in shape[-2:])
    grid = rows[:, None] * (int(columns[-1]) + 1) + columns
    return np.broadcast_to(grid, shape).copy()


def place_sums(values: Float[np.ndarray, "*input"]) -> Float[np.ndarray, " place"]:
    """What each place adds; the whole still sums to the same."""
    sums: np.ndarray = np.bincount(places(values.shape).ravel(), values.ravel().astype(np.float64))
    return sums


class PresenceFunction(nn.Module):
    """A case with some places left out: presence of each place (1 or 0) to the logit."""

    def __init__(self, function: RoutedFunction, case: Tensor, baseline: Tensor) -> None:
        super().__init__()
        self.function, self.case, self.baseline = function, case, baseline
        stem = function.network.stem
        self.numbers = (
            stem.columns
            if isinstance(stem, TabularStem)
            else torch.as_tensor(places(tuple(case.shape[1:])))
        )
        # A column that the network does not read is a place too.
        shape = function.network.spec.input_shape
        self.places = int(places(tuple(shape)).max()) + 1

    def apart(self) -> Bool[np.ndarray, " place"]:
        """Which places differ from the baseline at all: leaving out the others changes nothing."""
        differs = (self.case != self.baseline).numpy()[0].ravel().astype(np.float64)
        numbers = self.numbers.numpy().ravel()
        apart: np.ndarray = np.bincount(numbers, differs, minlength=self.places) > 0
        return apart

    def forward(self, present: Float[Tensor, "some place"]) -> Float[Tensor, " some"]:
        there = present[:, self.numbers]
        return self.function(self.baseline + there * (self.case - self.baseline))
