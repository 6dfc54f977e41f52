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
from minspnet.network import Network, check_inputs

STEPS = 256
PATCH = 4
"""Side, in pixels, of the squares that feature ablation leaves out of a picture."""


@dataclass(frozen=True)
class Attribution:
    """What each input adds to the logit, by one method.

    Attributes:
        values: In the units of the target's logit (for saliency: its absolute gradient, per
            standard deviation of the input).
        method: Name of the method.
        target: ``class:<index>`` or ``concept:<index>``.
        baseline_logit: The target's logit at the baseline.
        logit: The target's logit at the case.
        convergence_delta: Sum of values less the difference of the two logits; None where the
            method does not promise that they agree.
    """

    values: Float[np.ndarray, "*input"]
    method: str
    target: str
    baseline_logit: float
    logit: float
    convergence_delta: float | None


class RoutedFunction(nn.Module):
    """The network as one case's routing made it: inputs to one class or concept logit."""

    def __init__(
        self,
        network: Network,
        active: Bool[np.ndarray, " expert"],
        target: str,
        interventions: tuple[tuple[int, float], ...] = (),
    ) -> None:
        super().__init__()
        self.network, self.active = network, active
        self.kind, index = target.split(":")
        self.index = int(index)
        self.interventions = interventions

    def forward(self, inputs: Float[Tensor, "case *input"]) -> Float[Tensor, " case"]:
        outputs = self.network(inputs, self.active)
        if self.kind == "concept":
            return outputs[:, self.index]
        activations = self.network.head.activate(outputs)
        for concept, value in self.interventions:
            keep = torch.arange(activations.shape[1]) != concept
            activations = activations * keep + value * ~keep
        return self.network.head.class_logits(activations)[:, self.index]


_Attribute = Callable[[RoutedFunction, Tensor, Tensor], Tensor]


def _integrated_gradients(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    return IntegratedGradients(function).attribute(
        case, baseline, n_steps=STEPS, internal_batch_size=64
    )


def _saliency(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    # Per standard deviation of the training cases: raw units would rank columns by their scale.
    standardise = function.network.stem.standardise
    shape = (1, -1) + (1,) * (case.ndim - 2)
    return Saliency(function).attribute(case) * standardise.scale.view(shape)


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
    if case.ndim == 2:
        return FeatureAblation(function).attribute(case, baseline)
    height, width = case.shape[-2:]
    # Squares of pixels, because a single one hardly matters; what leaving a square out takes
    # away is spread evenly over it, so that values can be summed as with the other methods.
    rows, columns = torch.arange(height) // PATCH, torch.arange(width) // PATCH
    patch = rows[:, None] * (int(columns[-1]) + 1) + columns
    values = FeatureAblation(function).attribute(case, baseline, feature_mask=patch[None, None])
    pixels = torch.bincount(patch.flatten())[patch] * case.shape[1]
    return values / pixels


METHODS: Mapping[str, tuple[_Attribute, bool]] = MappingProxyType(
    {
        "integrated_gradients": (_integrated_gradients, True),
        "gradient_shap": (_gradient_shap, True),
        "input_x_gradient": (_input_x_gradient, False),
        "feature_ablation": (_feature_ablation, False),
        "saliency": (_saliency, False),
    }
)
"""Each method, and whether its values promise to sum to the difference of the logits."""


def attribute(
    network: Network,
    inputs: Float[np.ndarray, "*input"],
    active: Bool[np.ndarray, " expert"],
    method: str = "integrated_gradients",
    target: str = "class:1",
    interventions: tuple[tuple[int, float], ...] = (),
) -> Attribution:
    """Attribute one case's logit to its inputs.

    The baseline is the mean training case for columns and an empty picture for images.

    Args:
        network: Trained.
        inputs: One case, without the batch axis.
        active: The experts that ran for it; held fixed.
        method: One of ``METHODS``.
        target: ``class:<index>`` or ``concept:<index>``.
        interventions: Concepts held by hand, as (index, value).

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
    case = torch.as_tensor(inputs[None], dtype=torch.float32).requires_grad_()
    baseline = baseline_of(network)
    compute, promises_sum = METHODS[method]
    values = compute(function, case, baseline).detach()[0].numpy()
    with torch.no_grad():
        low, high = float(function(baseline)), float(function(case))
    delta = float(values.sum(dtype=np.float64)) - (high - low) if promises_sum else None
    return Attribution(values, method, target, low, high, delta)


def _check_target(network: Network, target: str) -> None:
    kinds = {"class": network.spec.classes, "concept": network.spec.concepts}
    kind, _, index = target.partition(":")
    if kind not in kinds or not index.isdecimal() or int(index) >= kinds[kind]:
        raise requirement(
            "target",
            f"be class:0 to class:{kinds['class'] - 1} or concept:0 to "
            f"concept:{kinds['concept'] - 1}",
            repr(target),
            "pick one of them",
        )


def baseline_of(network: Network) -> Float[Tensor, "1 *input"]:
    """The input that says nothing: the mean training case, or an empty picture."""
    if network.spec.stem.kind == "tabular":
        return network.stem.standardise.mean[None].clone()
    return torch.zeros(1, *network.spec.input_shape)
