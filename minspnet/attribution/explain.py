"""What each input adds to one case's logit, by any of the methods."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from minspnet.attribution.methods import METHODS
from minspnet.attribution.routed import RoutedFunction, baseline_of, unfolded
from minspnet.errors import requirement
from minspnet.layers.stems import TabularStem
from minspnet.network import Network, check_inputs
from minspnet.trust import left_out


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
        UserError: On an unknown method or target, inputs that do not fit, or a method that cannot
            follow this network.

    Source: captum 0.9, ``captum.attr``.
    """
    if method not in METHODS:
        raise requirement("method", f"be one of {', '.join(METHODS)}", repr(method), "pick one")
    if method == "deep_lift" and (why := left_out(network.spec).get(method)):
        raise requirement("method", f"suit the network: {why}", repr(method), "pick another")
    check_inputs(network.spec, inputs[None])
    check_target(network, target)
    network.eval()
    function = RoutedFunction(network, active, target, interventions)
    stem = network.stem
    case = unfolded(network, inputs).requires_grad_()
    baseline = baseline_of(network, known)
    promises_sum = METHODS[method].promises_sum
    found = METHODS[method].compute(function, case, baseline).detach()[0]
    if isinstance(stem, TabularStem):
        found = torch.zeros(len(inputs)).index_add(0, stem.columns, found)
    values = found.numpy()
    with torch.no_grad():
        low, high = float(function(baseline)), float(function(case))
    promises_sum &= not (network.spec.binary and function.kind == "class")
    delta = float(values.sum(dtype=np.float64)) - (high - low) if promises_sum else None
    return Attribution(values, method, target, low, high, delta)


def check_target(network: Network, target: str) -> None:
    """Refuse what the network has no logit for."""
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
