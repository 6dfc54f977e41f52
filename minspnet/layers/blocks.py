"""Blocks: what turns a parent's features into an expert's own."""

from jaxtyping import Float
from torch import Tensor, nn

from minspnet.spec import ExpertSpec


class DenseBlock(nn.Module):
    """One dense layer with SiLU."""

    def __init__(self, spec: ExpertSpec, input_shape: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        (features,) = input_shape
        self.layers = nn.Sequential(nn.Linear(features, spec.width), nn.SiLU(), nn.Dropout(dropout))
        self.output_shape: tuple[int, ...] = (spec.width,)

    def forward(self, hidden: Float[Tensor, "case hidden"]) -> Float[Tensor, "case wider"]:
        return self.layers(hidden)


class InvertedBottleneck(nn.Module):
    """Widen, filter each channel alone, project back; residual where shapes agree.

    Source: Sandler et al. 2018, MobileNetV2.
    """

    def __init__(self, spec: ExpertSpec, input_shape: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        channels, height, width = input_shape
        inner = channels * spec.expansion
        self.layers = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 3, stride=spec.stride, padding=1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, spec.width, 1, bias=False),
            nn.BatchNorm2d(spec.width),
            nn.Dropout2d(dropout),
        )
        self.output_shape: tuple[int, ...] = (
            spec.width,
            -(-height // spec.stride),
            -(-width // spec.stride),
        )
        self.keeps_shape = self.output_shape == tuple(input_shape)

    def forward(
        self, hidden: Float[Tensor, "case hidden rows columns"]
    ) -> Float[Tensor, "case wider fewer_rows fewer_columns"]:
        filtered = self.layers(hidden)
        return hidden + filtered if self.keeps_shape else filtered


class PassOn(nn.Module):
    """No block: the expert's exit reads its parent's features."""

    def __init__(self, spec: ExpertSpec, input_shape: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        self.output_shape: tuple[int, ...] = tuple(input_shape)

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden


_BLOCKS: dict[str, "type[Block]"] = {
    "dense": DenseBlock,
    "inverted_bottleneck": InvertedBottleneck,
    "none": PassOn,
}


Block = DenseBlock | InvertedBottleneck | PassOn


def build_block(spec: ExpertSpec, input_shape: tuple[int, ...], dropout: float) -> Block:
    """Pick the block the spec names."""
    return _BLOCKS[spec.block](spec, input_shape, dropout)
