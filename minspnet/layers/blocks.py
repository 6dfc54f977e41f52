"""Blocks: what turns a parent's features into an expert's own."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minspnet.errors import requirement
from minspnet.layers.activations import activation, winners
from minspnet.layers.axes import axes_of, convolution, dropout, norm, shortened
from minspnet.spec import ExpertSpec


def pointwise(axes: int, given: int, width: int, rank: int = 0) -> nn.Module:
    """Mix channels at each position; with a rank, through as few channels in between.

    Columns are mixed with a bias; normalisation makes up for it elsewhere.

    Source: Sainath et al. 2013 (low-rank factorisation of a layer).
    """
    if axes == 0:
        if not rank:
            return nn.Linear(given, width)
        return nn.Sequential(nn.Linear(given, rank, bias=False), nn.Linear(rank, width))
    if not rank:
        return convolution(axes, given, width)
    return nn.Sequential(convolution(axes, given, rank), convolution(axes, rank, width))


class SqueezeExcitation(nn.Module):
    """Scale each channel by a gate that has seen the mean of all channels.

    Source: Hu et al. 2018, Squeeze-and-Excitation Networks.
    """

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        inner = max(1, width // reduction)
        self.gate = nn.Sequential(
            nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width), nn.Sigmoid()
        )

    def forward(self, hidden: Float[Tensor, "case hidden *sides"]) -> Tensor:
        scale = self.gate(hidden.flatten(2).mean(dim=2))
        return hidden * scale.view(*scale.shape, *(1,) * (hidden.ndim - 2))


def dense(spec: ExpertSpec, given: tuple[int, ...], share: float) -> list[nn.Module]:
    """One dense layer with its activation."""
    return [
        pointwise(0, given[0], spec.width, spec.rank),
        activation(spec.activation, spec.width),
        winners(spec.winners, spec.width),
        nn.Dropout(share),
    ]


def full_convolution(spec: ExpertSpec, given: tuple[int, ...], share: float) -> list[nn.Module]:
    """One full convolution, which looks at places and channels at once.

    With a rank, through as few channels in between: filters first, then a mixture of them.

    Source: LeCun et al. 1998; Jaderberg et al. 2014 (low rank, here over channels).
    """
    axes, channels = axes_of(given), given[0]
    layers = [
        convolution(axes, channels, spec.rank or spec.width, spec.kernel, _stride(spec, given))
    ]
    if spec.rank:
        layers.append(convolution(axes, spec.rank, spec.width))
    layers += [norm(axes, spec.width), activation(spec.activation, spec.width)]
    if spec.squeeze:
        layers.append(SqueezeExcitation(spec.width, spec.squeeze))
    return [*layers, winners(spec.winners, spec.width), dropout(axes, share)]


def separable(spec: ExpertSpec, given: tuple[int, ...], share: float) -> list[nn.Module]:
    """Filter each channel alone, then mix the channels.

    Source: Howard et al. 2017, MobileNets.
    """
    axes, channels = axes_of(given), given[0]
    layers = [
        convolution(axes, channels, channels, spec.kernel, _stride(spec, given), channels),
        norm(axes, channels),
        activation(spec.activation, channels),
    ]
    if spec.squeeze:
        layers.append(SqueezeExcitation(channels, spec.squeeze))
    return [
        *layers,
        pointwise(axes, channels, spec.width, spec.rank),
        norm(axes, spec.width),
        activation(spec.activation, spec.width),
        winners(spec.winners, spec.width),
        dropout(axes, share),
    ]


def inverted_bottleneck(spec: ExpertSpec, given: tuple[int, ...], share: float) -> list[nn.Module]:
    """Widen, filter each channel alone, project back.

    Source: Sandler et al. 2018, MobileNetV2.
    """
    axes, channels = axes_of(given), given[0]
    inner = spec.inner or channels * spec.expansion
    layers = [
        pointwise(axes, channels, inner, spec.rank),
        norm(axes, inner),
        activation(spec.activation, inner),
        convolution(axes, inner, inner, spec.kernel, _stride(spec, given), inner),
        norm(axes, inner),
        activation(spec.activation, inner),
    ]
    if spec.squeeze:
        layers.append(SqueezeExcitation(inner, spec.squeeze))
    return [
        *layers,
        pointwise(axes, inner, spec.width, spec.rank),
        norm(axes, spec.width),
        winners(spec.winners, spec.width),
        dropout(axes, share),
    ]


def _stride(spec: ExpertSpec, given: tuple[int, ...]) -> int:
    """A side that is down to 1 is not halved any more."""
    return spec.stride if max(given[1:]) > 1 else 1


_LAYERS = {
    "dense": dense,
    "convolution": full_convolution,
    "separable": separable,
    "inverted_bottleneck": inverted_bottleneck,
}


class Layer(nn.Module):
    """Layers of one kind; what they give is added to what they got where shapes agree.

    A dense layer that begins a block adds nothing, so that a narrow one is not tied to its
    input; behind it, every layer does.
    """

    def __init__(self, spec: ExpertSpec, given: tuple[int, ...], share: float, first: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_LAYERS[spec.block](spec, given, share))
        self.output_shape = shortened(given, spec.width, _stride(spec, given) if given[1:] else 1)
        may_add = not first or (spec.adds and spec.block != "dense")
        self.adds = may_add and self.output_shape == tuple(given)

    def forward(self, hidden: Tensor) -> Tensor:
        said = self.layers(hidden)
        return hidden + said if self.adds else said


class Block(nn.Module):
    """An expert's layers one after another; those behind the first may share their weights."""

    reads: Tensor

    def __init__(self, spec: ExpertSpec, given: tuple[int, ...], share: float) -> None:
        super().__init__()
        self.register_buffer("reads", torch.tensor(spec.reads, dtype=torch.long), False)
        if spec.reads:
            if max(spec.reads) >= given[0] or len({*spec.reads}) < len(spec.reads):
                raise requirement(
                    f"reads of {spec.name}",
                    f"be indices below {given[0]}, each once",
                    spec.reads,
                    "correct them",
                )
            given = (len(spec.reads), *given[1:])
        self.steps = nn.ModuleList()
        shape = tuple(given)
        if spec.block != "none":
            again = replace(spec, stride=1 if spec.shared else spec.stride)
            for repeat in range(spec.repeats):
                if repeat < 2 or not spec.shared:
                    step = Layer(again if repeat else spec, shape, share, first=not repeat)
                self.steps.append(step)
                shape = step.output_shape
        self.output_shape: tuple[int, ...] = shape

    def forward(
        self, hidden: Float[Tensor, "case hidden *sides"]
    ) -> Float[Tensor, "case wider *fewer"]:
        if len(self.reads):
            hidden = hidden[:, self.reads]
        for step in self.steps:
            hidden = step(hidden)
        return hidden
