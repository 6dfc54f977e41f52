"""Stems: what every case pays for before any routing."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minspnet.spec import StemSpec


class Standardise(nn.Module):
    """Shift and scale each feature or channel by training statistics kept with the weights."""

    mean: Tensor
    scale: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    @torch.no_grad()
    def fit(self, inputs: Float[Tensor, "case feature *pixels"]) -> None:
        """Take mean and standard deviation from training cases; constants keep scale 1."""
        axes = [axis for axis in range(inputs.ndim) if axis != 1]
        deviation = inputs.std(dim=axes, correction=0)
        self.mean.copy_(inputs.mean(dim=axes))
        self.scale.copy_(torch.where(deviation > 0, deviation, torch.ones_like(deviation)))

    def forward(
        self, inputs: Float[Tensor, "case feature *pixels"]
    ) -> Float[Tensor, "case feature *pixels"]:
        shape = (1, -1) + (1,) * (inputs.ndim - 2)
        return (inputs - self.mean.view(shape)) / self.scale.view(shape)


class TabularStem(nn.Module):
    """Standardised columns, widened by one dense layer if the spec names a width."""

    def __init__(self, spec: StemSpec, input_shape: tuple[int, ...]) -> None:
        super().__init__()
        (features,) = input_shape
        self.standardise = Standardise(features)
        self.widen = (
            nn.Sequential(nn.Linear(features, spec.width), nn.SiLU())
            if spec.width
            else nn.Identity()
        )
        self.output_shape = (spec.width or features,)

    def forward(self, inputs: Float[Tensor, "case feature"]) -> Float[Tensor, "case hidden"]:
        return self.widen(self.standardise(inputs))


class ImageStem(nn.Module):
    """A 3x3 convolution and a depthwise-separable block, each halving the picture.

    Source: Howard et al. 2017, MobileNets (depthwise-separable convolution).
    """

    def __init__(self, spec: StemSpec, input_shape: tuple[int, ...]) -> None:
        super().__init__()
        channels, height, width = input_shape
        inner = max(4, spec.width // 2)
        self.standardise = Standardise(channels)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, inner, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 3, stride=2, padding=1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, spec.width, 1, bias=False),
            nn.BatchNorm2d(spec.width),
            nn.ReLU(),
        )
        self.output_shape = (spec.width, -(-height // 4), -(-width // 4))

    def forward(
        self, inputs: Float[Tensor, "case channel height width"]
    ) -> Float[Tensor, "case hidden rows columns"]:
        return self.layers(self.standardise(inputs))


def build_stem(spec: StemSpec, input_shape: tuple[int, ...]) -> TabularStem | ImageStem:
    """Pick the stem for the modality."""
    return (TabularStem if spec.kind == "tabular" else ImageStem)(spec, input_shape)
