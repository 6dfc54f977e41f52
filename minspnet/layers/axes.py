"""Layers by the number of axes behind the channels: columns 0, signals 1, pictures 2."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

_CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d}
_NORMS = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d}
_DROPOUTS = {0: nn.Dropout, 1: nn.Dropout1d, 2: nn.Dropout2d}


def axes_of(shape: tuple[int, ...]) -> int:
    """Axes behind the channels of one case's features."""
    return len(shape) - 1


def convolution(
    axes: int, given: int, width: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Module:
    """A convolution without bias that keeps every side, or halves it."""
    return _CONVOLUTIONS[axes](
        given, width, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False
    )


def norm(axes: int, width: int) -> nn.Module:
    """Batch normalisation over channels."""
    return _NORMS[axes](width)


def dropout(axes: int, share: float) -> nn.Module:
    """Leave out whole channels."""
    return _DROPOUTS[axes](share)


def shortened(shape: tuple[int, ...], width: int, stride: int) -> tuple[int, ...]:
    """Shape after a strided layer: sides halved, rounded up."""
    return (width, *(-(-side // stride) for side in shape[1:]))


class GridMean(nn.Module):
    """Mean over a grid of regions, flattened; columns pass as they are."""

    def __init__(self, shape: tuple[int, ...], grid: int = 1) -> None:
        super().__init__()
        axes = axes_of(shape)
        self.sides, self.grid = shape[1:], grid
        self.features = shape[0] * grid**axes
        self.pool = (
            nn.Identity(),
            nn.AdaptiveAvgPool1d(grid) if axes == 1 else nn.Identity(),
            nn.AdaptiveAvgPool2d(grid) if axes == 2 else nn.Identity(),
        )[axes]

    def forward(self, hidden: Float[Tensor, "case hidden *sides"]) -> Float[Tensor, "case pooled"]:
        return torch.flatten(self.pool(hidden), 1)
