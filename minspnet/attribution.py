"""Attribution of one case's decision to its inputs, with the case's routing held.

Hard gates have no gradient. What is explained is the function that this case was routed
through; why the gates opened is a question of its own, answered by the gate scores.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from captum.attr import FeatureAblation, GradientShap, InputXGradient, IntegratedGradients, Saliency
from jaxtyping import Bool, Float
from torch import Tensor, nn

from minspnet.errors import requirement
from minspnet.layers.stems import TabularStem
from minspnet.network import Network, check_inputs
from minspnet.patches import PATCH, STRETCH

STEPS = 256


@dataclass(frozen=True)
class Attribution:
    """What each input adds to the logit, by one method.

    Attributes:
        values: In the units of the target's logit (for saliency: its absolute gradient, per
            standard deviation of the input).
        method: Name of the method.
        target: ``class:<index>``, against the first class, ``class:<index>:<index>``, against
            the second one named, or ``concept:<index>``.
        baseline_logit: The target's logit at the baseline.
        logit: The target's logit at the case.
        convergence_delta: Sum of values less the difference of the two logits; None where the
            method does not promise that they agree. No method does for a class of a network
            whose concepts are present or absent: its logit moves in steps, which the gradient
            (that of the grades) passes over.
    """

    values: Float[np.ndarray, "*input"]
    method: str
    target: str
    baseline_logit: float
    logit: float
    convergence_delta: float | None


class RoutedFunction(nn.Module):
    """The network as one case's routing made it: inputs to the logit of a class or concept.

    Columns come in unfolded, so that levels and missing cells are numbers with a gradient.
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

    def forward(self, inputs: Float[Tensor, "case *sides"]) -> Float[Tensor, " case"]:
        stem = self.network.stem
        if isinstance(stem, TabularStem):
            outputs = self.network.follow(stem.widen(stem.scaled(inputs)), self.active)
        else:
            outputs = self.network(inputs, self.active)
        if self.kind == "concept":
            return outputs[:, self.index]
        activations = self.network.head.activate(outputs)
        for concept, value in self.interventions:
            keep = torch.arange(activations.shape[1]) != concept
            activations = activations * keep + value * ~keep
        logits = self.network.head.class_logits(activations)
        return logits[:, self.index] - logits[:, self.against]


_Attribute = Callable[[RoutedFunction, Tensor, Tensor], Tensor]


def _integrated_gradients(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    return IntegratedGradients(function).attribute(
        case, baseline, n_steps=STEPS, internal_batch_size=64
    )


def _saliency(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    # Per standard deviation of the training cases: raw units would rank columns by their scale.
    stem = function.network.stem
    scale = stem.standardise.scale
    if isinstance(stem, TabularStem):
        count = len(stem.numbers)
        scale = torch.cat([scale[stem.numbers], scale.new_ones(case.shape[1] - count)])
    shape = (1, -1) + (1,) * (case.ndim - 2)
    return Saliency(function).attribute(case) * scale.view(shape)


def _input_x_gradient(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    return InputXGradient(function).attribute(case)


def _gradient_shap(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    # captum draws from the global generators of torch and numpy; both are put back.
    before = np.random.get_state()
    try:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            np.random.seed(0)
            # One baseline makes this integrated gradients at random in place of regular steps.
            return GradientShap(function).attribute(case, baseline, n_samples=STEPS)
    finally:
        np.random.set_state(before)


def _feature_ablation(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    places = _left_out_together(function.network, case).expand(case.shape)
    values = FeatureAblation(function).attribute(case, baseline, feature_mask=places)
    # What leaving several inputs out takes away is spread evenly over them, so that values can
    # be summed as with the other methods.
    return values / torch.bincount(places.flatten())[places]


def _left_out_together(network: Network, case: Tensor) -> Tensor:
    """Number what goes as one: a column, a square of pixels, a stretch of one channel."""
    if isinstance(network.stem, TabularStem):
        # Counted anew: a network may not read every column.
        return network.stem.columns.unique(return_inverse=True)[1][None]
    # A single pixel or sample hardly matters.
    if case.ndim == 3:
        rows, columns = torch.arange(case.shape[1]), torch.arange(case.shape[2]) // STRETCH
    else:
        rows, columns = (torch.arange(length) // PATCH for length in case.shape[-2:])
    places = rows[:, None] * (int(columns[-1]) + 1) + columns
    return places[(None,) * (case.ndim - 2)]


METHODS: Mapping[str, tuple[_Attribute, bool]] = MappingProxyType(
    {
        "integrated_gradients": (_integrated_gradients, True),
        "gradient_shap": (_gradient_shap, True),
        "input_x_gradient": (_input_x_gradient, False),
        "feature_ablation": (_feature_ablation, False),
        "saliency": (_saliency, False),
    }
)
"""Each method, and whether its values promise to sum to the difference of the logits; see
``Attribution.convergence_delta`` for an exception."""


def attribute(
    network: Network,
    inputs: Float[np.ndarray, "*input"],
    active: Bool[np.ndarray, " expert"],
    method: str = "integrated_gradients",
    target: str = "class:1",
    interventions: tuple[tuple[int, float], ...] = (),
    known: Float[np.ndarray, "train *input"] | None = None,
) -> Attribution:
    """Attribute one case's logit to its inputs.

    The baseline is the mean training case for columns and an empty picture or signal
    otherwise. Levels of a category, and whether a cell is missing, count as inputs of their
    own on the way; what they add is summed back per column.

    Args:
        network: Trained.
        inputs: One case, without the batch axis.
        active: The experts that ran for it; held fixed.
        method: One of ``METHODS``.
        target: As in ``Attribution``.
        interventions: Concepts held by hand, as (index, value).
        known: Training cases, for the share of each level in the baseline; without them a
            category starts from no level at all.

    Raises:
        UserError: On an unknown method or target, or inputs that do not fit.

    Source: captum 0.9, ``captum.attr``.
    """
    if method not in METHODS:
        raise requirement("method", f"be one of {', '.join(METHODS)}", repr(method), "pick one")
    check_inputs(network.spec, inputs[None])
    _check_target(network, target)
    network.eval()
    function = RoutedFunction(network, active, target, interventions)
    stem = network.stem
    case = torch.as_tensor(inputs[None], dtype=torch.float32)
    if isinstance(stem, TabularStem):
        case = stem.unfold(case)
    case.requires_grad_()
    baseline = baseline_of(network, known)
    compute, promises_sum = METHODS[method]
    found = compute(function, case, baseline).detach()[0]
    if isinstance(stem, TabularStem):
        found = torch.zeros(len(inputs)).index_add(0, stem.columns, found)
    values = found.numpy()
    with torch.no_grad():
        low, high = float(function(baseline)), float(function(case))
    promises_sum &= not (network.spec.binary and function.kind == "class")
    delta = float(values.sum(dtype=np.float64)) - (high - low) if promises_sum else None
    return Attribution(values, method, target, low, high, delta)


def _check_target(network: Network, target: str) -> None:
    classes, concepts = network.spec.classes, network.spec.concepts
    kind, *indices = target.split(":")
    count, most = {"class": (classes, 2), "concept": (concepts, 1)}.get(kind, (0, 0))
    known = all(index.isdecimal() and int(index) < count for index in indices)
    if not known or not 1 <= len(indices) <= most or len(set(map(int, indices))) < len(indices):
        raise requirement(
            "target",
            f"be class:K or class:K:AGAINST, with classes from 0 to {classes - 1}, or concept:K, "
            f"with K from 0 to {concepts - 1}",
            repr(target),
            "pick one of them",
        )


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
