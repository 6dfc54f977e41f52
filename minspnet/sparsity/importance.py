"""How much each unit matters to a trained network."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from minspnet.errors import requirement
from minspnet.network import Network
from minspnet.sparsity.shrink import weight_norms
from minspnet.sparsity.units import Labels, Units

Scores = Float[np.ndarray, " unit"]


def magnitude(network: Network, units: Units, power: int = 2) -> Scores:
    """L1 or L2 norm of a unit's weights, relative to the mean of its group.

    Source: Li et al. 2017, Pruning Filters for Efficient ConvNets; scaled by group as in
    Molchanov et al. 2017 (there by the L2 norm of a layer), since widths differ.
    """
    return _relative(weight_norms(network, units, power), units)


def norm_scale(network: Network, units: Units) -> Scores:
    """Mean absolute scale in batch normalisation, relative to the mean of the unit's group.

    Source: Liu et al. 2017, Learning Efficient Convolutional Networks through Network Slimming.

    Raises:
        UserError: If a free unit is not normalised, as in tables and hidden layers.
    """
    total, count = np.zeros(units.count), np.zeros(units.count)
    for name, module in network.named_modules():
        labels = units.axes.get(f"{name}.weight", (None,))[0]
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and labels is not None:
            np.add.at(total, labels, module.weight.detach().abs().double().numpy())
            np.add.at(count, labels, 1)
    bare = units.free & (count == 0)
    if bare.any():
        raise requirement(
            "units scored by their norm's scale",
            "be normalised",
            f"{bare.sum()} without a norm",
            "score by magnitude or by Taylor expansion",
        )
    return _relative(total / np.maximum(count, 1), units)


def taylor(network: Network, units: Units, loss: Callable[[Network], Tensor]) -> Scores:
    """Squared first-order change of a loss if whatever reads the unit got 0 from it.

    Setting weights w that read a unit to 0 changes the loss by the sum of -w dL/dw.

    Source: Molchanov et al. 2019, Importance Estimation for Neural Network Pruning (a group),
    by the weights that read a unit, not those that make it: what is added to a residual is
    read as one.

    Args:
        network: Its mode is left as it is.
        units: Of this network.
        loss: Of a batch, a differentiable number.
    """
    parameters = {n: p for n, p in network.named_parameters() if p.requires_grad}
    gradients = torch.autograd.grad(loss(network), list(parameters.values()), allow_unused=True)
    change = np.zeros(units.count)
    for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
        labels = reading_labels(units, name)
        if labels is not None and gradient is not None:
            both = (parameter.detach() * gradient).double()
            np.add.at(change, labels, both.transpose(0, 1).flatten(1).sum(dim=1).numpy())
    return np.square(change)


def reading_norms(network: Network, units: Units, gradients: bool = False) -> Scores:
    """L2 norm of the weights that read each unit, or of their gradients."""
    total = np.zeros(units.count)
    for name, parameter in network.named_parameters():
        labels = reading_labels(units, name)
        values = parameter.grad if gradients else parameter.detach()
        if labels is not None and values is not None:
            squares = values.double().square().transpose(0, 1).flatten(1).sum(dim=1)
            np.add.at(total, labels, squares.numpy())
    return np.sqrt(total)


def reading_labels(units: Units, name: str) -> Labels | None:
    """Units that a named tensor reads, along its second axis, if it mixes any."""
    axes = units.axes.get(name, ())
    return axes[1] if len(axes) > 1 else None


def _relative(scores: Scores, units: Units) -> Scores:
    scores = scores.copy()
    for group in units.groups:
        scores[group] /= max(float(scores[group].mean()), 1e-12)
    return scores
