"""Stems: what every case pays for before any routing."""

import math
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from minspnet.layers.axes import axes_of, convolution, norm, shortened
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
    def fit(self, inputs: Float[Tensor, "case feature *sides"]) -> None:
        """Take mean and standard deviation from training cases, missing cells left out.

        Constants keep scale 1; a feature that is always missing keeps mean 0 and scale 1.
        """
        axes = [axis for axis in range(inputs.ndim) if axis != 1]
        mean = inputs.nanmean(dim=axes).nan_to_num(0.0)
        centred = inputs - mean.view(1, -1, *(1,) * (inputs.ndim - 2))
        deviation = centred.square().nanmean(dim=axes).sqrt().nan_to_num(0.0)
        self.mean.copy_(mean)
        # Asked of the values: a float32 mean of equal ones may differ from them.
        lowest = inputs.nan_to_num(math.inf).amin(dim=axes)
        highest = inputs.nan_to_num(-math.inf).amax(dim=axes)
        varies = (lowest < highest) & (deviation > 0)
        self.scale.copy_(torch.where(varies, deviation, torch.ones_like(deviation)))

    def forward(
        self, inputs: Float[Tensor, "case feature *sides"]
    ) -> Float[Tensor, "case feature *sides"]:
        shape = (1, -1) + (1,) * (inputs.ndim - 2)
        return (inputs - self.mean.view(shape)) / self.scale.view(shape)


class TabularStem(nn.Module):
    """Standardised numbers and one-hot levels, widened by a dense layer if a width is named.

    The columns given out stand in this order: numbers, then (if cells may be missing) one
    indicator a number, then the levels of each categorical column.
    """

    numbers: Tensor
    categories: Tensor

    def __init__(self, spec: StemSpec, input_shape: tuple[int, ...]) -> None:
        super().__init__()
        (columns,) = input_shape
        levels = spec.levels or (0,) * columns
        read = spec.reads or tuple(range(columns))
        numbers = [c for c in read if not levels[c]]
        self.levels = [levels[c] for c in read if levels[c]]
        categories = [c for c in read if levels[c]]
        self.register_buffer("numbers", torch.tensor(numbers, dtype=torch.long), False)
        self.register_buffer("categories", torch.tensor(categories, dtype=torch.long), False)
        self.missing = spec.missing
        self.standardise = Standardise(columns)
        features = len(numbers) * (2 if spec.missing else 1) + sum(self.levels)
        self.widen = (
            nn.Sequential(nn.Linear(features, spec.width), nn.SiLU())
            if spec.width
            else nn.Identity()
        )
        self.output_shape: tuple[int, ...] = (spec.width or features,)

    @property
    def columns(self) -> Int[Tensor, " feature"]:
        """Of each encoded feature, the column it tells of."""
        levels = torch.tensor(self.levels, dtype=torch.long, device=self.categories.device)
        numbers = [self.numbers] * (2 if self.missing else 1)
        return torch.cat([*numbers, self.categories.repeat_interleave(levels)])

    def unfold(self, inputs: Float[Tensor, "case column"]) -> Float[Tensor, "case feature"]:
        """Encode all but the scale: numbers keep their units, missing ones are at the mean."""
        numbers = inputs[:, self.numbers]
        parts = [numbers]
        if self.missing:
            lacking = numbers.isnan()
            mean = self.standardise.mean[self.numbers]
            parts = [torch.where(lacking, mean, numbers), lacking.to(inputs.dtype)]
        for place, count in zip(self.categories, self.levels, strict=True):
            level = torch.arange(count, dtype=inputs.dtype, device=inputs.device)
            parts.append((inputs[:, place, None] == level).to(inputs.dtype))
        return torch.cat(parts, dim=1)

    def scaled(self, unfolded: Float[Tensor, "case feature"]) -> Float[Tensor, "case feature"]:
        """Standardise the numbers among unfolded columns."""
        count = len(self.numbers)
        mean, scale = (
            statistic[self.numbers] for statistic in (self.standardise.mean, self.standardise.scale)
        )
        return torch.cat([(unfolded[:, :count] - mean) / scale, unfolded[:, count:]], dim=1)

    def encode(self, inputs: Float[Tensor, "case column"]) -> Float[Tensor, "case feature"]:
        """Columns as the network reads them, before any dense layer."""
        return self.scaled(self.unfold(inputs))

    def forward(self, inputs: Float[Tensor, "case column"]) -> Float[Tensor, "case hidden"]:
        return self.widen(self.encode(inputs))


class ConvolutionalStem(nn.Module):
    """A 3-wide convolution, then depthwise-separable ones, each halving every side.

    Source: Howard et al. 2017, MobileNets (depthwise-separable convolution).
    """

    def __init__(self, spec: StemSpec, input_shape: tuple[int, ...]) -> None:
        super().__init__()
        axes, channels = axes_of(input_shape), input_shape[0]
        before_last = spec.downsample.bit_length() - 2
        usual = (max(4, spec.width // 2), *[spec.width] * before_last)[:before_last]
        widths = (*(spec.inner or usual), spec.width)
        self.standardise = Standardise(channels)
        layers = [
            convolution(axes, channels, widths[0], 3, stride=2),
            norm(axes, widths[0]),
            nn.ReLU(),
        ]
        for given, width in pairwise(widths):
            layers += [
                convolution(axes, given, given, 3, stride=2, groups=given),
                norm(axes, given),
                nn.ReLU(),
                convolution(axes, given, width),
                norm(axes, width),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers)
        self.output_shape: tuple[int, ...] = shortened(input_shape, spec.width, spec.downsample)

    def forward(
        self, inputs: Float[Tensor, "case channel *sides"]
    ) -> Float[Tensor, "case hidden *fewer"]:
        return self.layers(self.standardise(inputs))


Stem = TabularStem | ConvolutionalStem


def build_stem(spec: StemSpec, input_shape: tuple[int, ...]) -> Stem:
    """Pick the stem for the modality."""
    return (TabularStem if spec.kind == "tabular" else ConvolutionalStem)(spec, input_shape)
