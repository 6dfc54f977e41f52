"""Pooling: from features at many positions to one vector a case."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minspnet.layers.axes import GridMean, axes_of


class AttentionPool(nn.Module):
    """Mean over positions, weighted by what the network attends to.

    For columns the positions are the features themselves, and each is scaled by its weight
    (times their number, so that even attention changes nothing).

    Source: Ilse et al. 2018, Attention-based Deep Multiple Instance Learning (eq. 8, with one
    linear score instead of a tanh layer).
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.flat = axes_of(shape) == 0
        self.features = shape[0]
        self.score = nn.Linear(shape[0], shape[0] if self.flat else 1)

    def weights(
        self, hidden: Float[Tensor, "case hidden *sides"]
    ) -> Float[Tensor, "case position"]:
        """How much each position (or feature) counts; they sum to 1."""
        if self.flat:
            return torch.softmax(self.score(hidden), dim=1)
        return torch.softmax(self.score(hidden.flatten(2).transpose(1, 2)).squeeze(2), dim=1)

    def forward(self, hidden: Float[Tensor, "case hidden *sides"]) -> Float[Tensor, "case pooled"]:
        weights = self.weights(hidden)
        if self.flat:
            return hidden * weights * self.features
        return torch.einsum("nhp,np->nh", hidden.flatten(2), weights)


class Pool(nn.Module):
    """Pool by mean or by attention, then normalise without learned scale.

    Columns that are pooled by their mean pass as they are.
    """

    def __init__(self, shape: tuple[int, ...], kind: str = "mean", grid: int = 1) -> None:
        super().__init__()
        self.collect = AttentionPool(shape) if kind == "attention" else GridMean(shape, grid)
        self.features = self.collect.features
        flat = axes_of(shape) == 0
        self.norm = nn.Identity() if flat else nn.BatchNorm1d(self.features, affine=False)

    def forward(self, hidden: Float[Tensor, "case hidden *sides"]) -> Float[Tensor, "case pooled"]:
        return self.norm(self.collect(hidden))
