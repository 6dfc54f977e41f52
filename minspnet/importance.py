"""How much each unit matters, and what it costs: what to prune first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from minspnet.errors import requirement
from minspnet.layers.pooling import AttentionPool
from minspnet.network import Network
from minspnet.shrink import weight_norms
from minspnet.units import Kept, Units

Scores = Float[np.ndarray, " unit"]


def magnitude(network: Network, units: Units, power: int = 2) -> Scores:
    """L1 or L2 norm of a unit's weights, relative to the mean of its group.

    Source: Li et al. 2017, Pruning Filters for Efficient ConvNets; scaled by group as in
    Molchanov et al. 2017 (eq. 8, there with the L2 norm of a layer), since widths differ.
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

    Source: Molchanov et al. 2019, Importance Estimation for Neural Network Pruning (eq. 8), with
    the weights that read a unit in place of those that make it: what is added to a residual is
    read as one.

    Args:
        network: Its mode is left as it is.
        units: Of this network.
        loss: Of a batch, a differentiable number.
    """
    parameters = dict(network.named_parameters())
    gradients = torch.autograd.grad(loss(network), list(parameters.values()), allow_unused=True)
    change = np.zeros(units.count)
    for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
        labels = reading_labels(units, name)
        if labels is not None and gradient is not None:
            both = (parameter.detach() * gradient).double()
            np.add.at(change, labels, both.transpose(0, 1).flatten(1).sum(dim=1).numpy())
    return np.square(change)


def reading_labels(units: Units, name: str) -> np.ndarray | None:
    """Units that a named tensor reads, along its second axis, if it mixes any."""
    axes = units.axes.get(name, ())
    return axes[1] if len(axes) > 1 else None


def _relative(scores: Scores, units: Units) -> Scores:
    scores = scores.copy()
    for group in units.groups:
        scores[group] /= max(float(scores[group].mean()), 1e-12)
    return scores


@dataclass(frozen=True)
class Price:
    """MACs of one case with all experts on, as a function of the units that are kept.

    Attributes:
        units: Of the network.
        uses: How often a case multiplies by each weight of a named tensor.
        fixed: MACs that no unit saves: decision and doubt.
    """

    units: Units
    uses: Mapping[str, int]
    fixed: int

    def macs(self, kept: Kept) -> int:
        """MACs of what is kept."""
        return self.fixed + sum(
            uses * int(np.prod([*self._left(name, kept).values()]))
            for name, uses in self.uses.items()
        )

    def savings(self, kept: Kept) -> Scores:
        """MACs that dropping one more unit would save, first-order for tied axes."""
        saved = np.zeros(self.units.count)
        for name, uses in self.uses.items():
            left = self._left(name, kept)
            for axis, labels in enumerate(self.units.axes[name]):
                if labels is not None:
                    others = np.prod([n for a, n in left.items() if a != axis])
                    np.add.at(saved, labels, uses * others)
        return saved

    def _left(self, name: str, kept: Kept) -> dict[int, int]:
        axes = self.units.axes[name]
        return {
            axis: int(kept[labels].sum()) if labels is not None else self._size(name, axis)
            for axis, labels in enumerate(axes)
        }

    def _size(self, name: str, axis: int) -> int:
        return self.sizes[name][axis]

    sizes: Mapping[str, tuple[int, ...]] = None  # type: ignore[assignment]
