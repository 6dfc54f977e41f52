"""What a network is built from. Data only."""

from dataclasses import dataclass, fields
from typing import Literal

from minspnet.errors import requirement
from minspnet.strict import Recipe

SCHEMA_VERSION = 2
LARGEST, MOST_LAYERS = 100_000, 100
"""No side, width or number of a network may be larger, and no network have more layers."""

StemKind = Literal["tabular", "image", "signal"]
BlockKind = Literal["dense", "convolution", "separable", "inverted_bottleneck", "none"]
Activation = Literal["relu", "relu6", "silu", "learned"]
Gate = Literal["doubt", "learned", "choice", "gain"]
Pooling = Literal["mean", "attention"]
HeadKind = Literal["linear", "prototypes", "both"]

_NAMES = {"name", "parent", "weights_of"}
_BESIDE_THE_BLOCK = _NAMES | {"reading", "gate", "concepts", "pooling", "fuse", "hidden"}
_PARTS = ("stem", "base_exit", "head", "experts")
"""What ``freeze`` calls the parts that are no single expert."""

_AXES = {
    "tabular": "(feature,)",
    "image": "(channel, height, width)",
    "signal": "(channel, time)",
}


@dataclass(frozen=True)
class StemSpec(Recipe):
    """The first layers, which every case pays for.

    Attributes:
        kind: ``tabular`` standardises the columns (and, with a width, adds one dense layer);
            ``image`` and ``signal`` standardise the channels, then shorten every side: a
            convolution and depthwise-separable ones, each with stride 2.
        width: Features or channels that the stem gives out; 0 passes tabular columns on.
        downsample: By how much pictures and signals are shortened: 2, 4, 8, 16 or 32.
        levels: Of each tabular column, how many levels it has (0: it is a number). Empty: all
            columns are numbers. A level is given as its index; other values count as missing.
        missing: Tabular cells may be NaN: numbers are replaced by the training mean and an
            indicator is added for each number.
        reads: Tabular columns that the network reads at all; empty means every one.
        inner: Channels of a convolutional stem's layers before the last; empty for half the
            width (at least 4), then the width.
    """

    kind: StemKind
    width: int = 0
    downsample: int = 4
    levels: tuple[int, ...] = ()
    missing: bool = False
    reads: tuple[int, ...] = ()
    inner: tuple[int, ...] = ()


@dataclass(frozen=True)
class ExpertSpec(Recipe):
    """One node of the forest of additive experts: a block and an exit.

    Attributes:
        name: Shown to people; unique within the network.
        block: What turns the parent's features into the expert's own: ``dense`` for columns;
            ``convolution``, ``separable`` and ``inverted_bottleneck`` for pictures and signals;
            ``none`` reads the parent's features as they are.
        width: Features or channels of the block.
        parent: The expert that must have run first, or None for one on the stem.
        expansion: Inner widening of an inverted bottleneck.
        inner: Inner width of an inverted bottleneck, in place of the expansion; 0 for none.
        stride: 2 halves every side.
        kernel: Side of the filters, odd.
        activation: ``learned`` is a SiLU whose slope is learned per channel.
        squeeze: Reduction of squeeze-and-excitation inside the block; 0 for none.
        rank: Factor dense layers, full and pointwise convolutions, and what the exit reads with,
            into two of this rank; 0 for none.
        repeats: Layers of the block one after another, each with the block's stride; what a
            layer gives is added to what it got where the shapes agree.
        adds: The first layer, too, adds what it got where the shapes agree (a dense one never).
        shared: The layers behind the first are one layer of stride 1, applied again and again.
        weights_of: Another expert, listed before, whose block is used too.
        winners: Share of the block's units that may be active in a case (at each position).
        reads: Parent features that the expert may read; empty means every one.
        reading: ``replace`` makes the expert a stage of the spine: its exit's concept logits
            stand in for those before it, so that the contribution is their difference.
            ``add`` adds the exit's logits to what its path said so far.
        gate: ``doubt`` opens where the decision before the expert is uncertain; ``learned``
            is a router trained to open where the expert helps; ``choice`` lets such experts
            with the same parent compete for the case: their gates sum to 1; ``gain``
            estimates how much the expert would lower the loss.
        concepts: Indices of the concepts the expert may change; empty means all of them.
        pooling: How the exit sums up positions: their mean, or weighted by learned attention.
        fuse: The exit also reads the pooled features of every expert before it and the stem's.
        hidden: Width of a hidden layer in the exit; 0 for none.
    """

    name: str
    block: BlockKind
    width: int
    parent: str | None = None
    expansion: int = 2
    inner: int = 0
    stride: int = 1
    kernel: int = 3
    activation: Activation = "relu"
    squeeze: int = 0
    rank: int = 0
    repeats: int = 1
    adds: bool = True
    shared: bool = False
    weights_of: str | None = None
    winners: float = 1.0
    reads: tuple[int, ...] = ()
    reading: Literal["replace", "add"] = "replace"
    gate: Gate = "doubt"
    concepts: tuple[int, ...] = ()
    pooling: Pooling = "mean"
    fuse: bool = False
    hidden: int = 0

    def block_differences(self, other: "ExpertSpec") -> list[str]:
        """Name the attributes in which its block is built otherwise than another expert's."""
        return [
            field.name
            for field in fields(self)
            if field.name not in _BESIDE_THE_BLOCK
            and getattr(self, field.name) != getattr(other, field.name)
        ]


@dataclass(frozen=True)
class ModelSpec(Recipe):
    """The architecture and nothing else.

    Attributes:
        input_shape: One case without the batch axis: (feature,), (channel, time) or (channel,
            height, width).
        concepts: Number of concepts in the bottleneck.
        classes: Number of classes, 2 or more.
        stem: The first layers.
        experts: Parents before children.
        base_grid: Side of the grid a picture (or signal) is pooled to before the base exit
            reads it.
        base_pooling: As for an expert's exit; attention goes with a grid of 1.
        base_rank: Factor the base exit into two layers of this rank; 0 for none.
        head: From concepts to classes: ``linear``, by similarity to ``prototypes``, or both.
        prototypes: Per class, for a head that has them.
        binary: Concepts are present or absent (their grade is cut at one half) rather than
            graded.
        residual: Add an explicit side channel past the concepts, one per class but the first.
        schema_version: Version of this recipe's form.
    """

    input_shape: tuple[int, ...]
    concepts: int
    classes: int
    stem: StemSpec
    experts: tuple[ExpertSpec, ...] = ()
    base_grid: int = 3
    base_pooling: Pooling = "mean"
    base_rank: int = 0
    head: HeadKind = "linear"
    prototypes: int = 0
    binary: bool = False
    residual: bool = False
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.schema_version != SCHEMA_VERSION:
            raise requirement(
                "schema_version", f"be {SCHEMA_VERSION}", self.schema_version, "retrain the model"
            )
        if self.classes < 2 or self.concepts < 1:
            raise requirement(
                "classes and concepts",
                "be at least 2 and 1",
                (self.classes, self.concepts),
                "check the domain",
            )
        self._check_stem()
        self._check_base_and_head()
        seen: dict[str, ExpertSpec] = {}
        for expert in self.experts:
            if expert.name in seen:
                raise requirement("expert names", "be unique", expert.name, "rename one")
            if expert.name in _PARTS:
                raise requirement(
                    "expert names", "not be those of other parts", expert.name, "rename it"
                )
            self._check_relations(expert, seen)
            self._check_sizes(expert)
            seen[expert.name] = expert
        self._check_limits()

    def _check_limits(self) -> None:
        """Refuse what no machine could build, before anything of it is."""
        layers = sum(expert.repeats for expert in self.experts)
        if max(layers, len(self.experts)) > MOST_LAYERS:
            must = f"have at most {MOST_LAYERS:,} experts and layers"
            raise requirement("the network", must, f"{layers:,}", "lower the repeats")
        stem = {f"stem.{name}": size for name, size in vars(self.stem).items()}
        sizes: list[tuple[str, object]] = [*vars(self).items(), *stem.items()]
        for expert in self.experts:
            sizes += [(f"{name} of {expert.name}", size) for name, size in vars(expert).items()]
        for what, size in sizes:
            for one in size if isinstance(size, tuple) else (size,):
                if isinstance(one, int) and one > LARGEST:
                    raise requirement(what, f"be at most {LARGEST:,}", one, "lower it")

    def _check_stem(self) -> None:
        stem, kind = self.stem, self.stem.kind
        axes = {"tabular": 1, "signal": 2, "image": 3}[kind]
        if len(self.input_shape) != axes or min(self.input_shape) < 1:
            raise requirement(
                "input_shape",
                f"be {_AXES[kind]}, each 1 or more, for a stem of kind {kind}",
                self.input_shape,
                "correct the one or the other",
            )
        if stem.width < int(axes > 1):
            raise requirement("stem.width", "be 1 or more", stem.width, "8 is small")
        if stem.downsample not in (2, 4, 8, 16, 32):
            raise requirement(
                "stem.downsample", "be 2, 4, 8, 16 or 32", stem.downsample, "4 is usual"
            )
        if axes > 1 and (stem.levels or stem.missing or stem.reads):
            raise requirement(
                "stem.levels, missing and reads",
                "be left out unless the stem is tabular",
                kind,
                "remove them",
            )
        if stem.levels and (len(stem.levels) != self.input_shape[0] or min(stem.levels) < 0):
            raise requirement(
                "stem.levels",
                f"have {self.input_shape[0]} values of 0 or more, one per column",
                stem.levels,
                "give 0 for numbers",
            )
        _check_indices("stem.reads", stem.reads, self.input_shape[0])
        before_last = stem.downsample.bit_length() - 2 if axes > 1 else 0
        if stem.inner and (len(stem.inner) != before_last or min(stem.inner) < 1):
            raise requirement(
                "stem.inner",
                f"have {before_last} values of 1 or more, one per layer before the last",
                stem.inner,
                "leave it out for the usual ones",
            )

    def _check_base_and_head(self) -> None:
        if min(self.base_grid, 1 + self.base_rank) < 1:
            raise requirement(
                "base_grid and base_rank",
                "be 1 or more and 0 or more",
                (self.base_grid, self.base_rank),
                "3 and 0 are usual",
            )
        if self.base_pooling == "attention" and self.base_grid != 1:
            raise requirement(
                "base_grid", "be 1 where attention pools", self.base_grid, "set it to 1"
            )
        if (self.prototypes > 0) != (self.head != "linear") or self.prototypes < 0:
            raise requirement(
                "prototypes",
                "be 1 or more for a head that has them, and 0 for a linear one",
                (self.head, self.prototypes),
                "correct the one or the other",
            )

    def _check_relations(self, expert: ExpertSpec, seen: dict[str, ExpertSpec]) -> None:
        """Refuse parents, shared weights and concepts that are not there."""
        for what, name in (("parent", expert.parent), ("weights_of", expert.weights_of)):
            if name is not None and name not in seen:
                raise requirement(
                    f"{what} of {expert.name}",
                    "be an expert listed before it",
                    name,
                    "reorder the experts",
                )
        _check_indices(f"concepts of {expert.name}", expert.concepts, self.concepts)

    def _check_sizes(self, expert: ExpertSpec) -> None:
        flat = self.stem.kind == "tabular"
        if expert.block != "none" and (expert.block == "dense") != flat:
            raise requirement(
                f"block of {expert.name}",
                f"fit a stem of kind {self.stem.kind}",
                expert.block,
                f"use {'dense' if flat else 'inverted_bottleneck'}",
            )
        sizes = (expert.width, expert.expansion, expert.stride, expert.repeats)
        if min(sizes) < 1:
            raise requirement(
                f"width, expansion, stride and repeats of {expert.name}",
                "be 1 or more",
                sizes,
                "correct them",
            )
        optional = (expert.inner, expert.squeeze, expert.rank, expert.hidden)
        if min(optional) < 0:
            raise requirement(
                f"inner, squeeze, rank and hidden of {expert.name}",
                "be 0 or more",
                optional,
                "correct them",
            )
        if expert.kernel < 1 or expert.kernel % 2 == 0:
            raise requirement(f"kernel of {expert.name}", "be odd", expert.kernel, "use 3 or 5")
        if not 0 < expert.winners <= 1:
            raise requirement(
                f"winners of {expert.name}",
                "be more than 0 and at most 1",
                expert.winners,
                "1 lets every unit be active",
            )

    @property
    def outputs(self) -> int:
        """Columns an exit gives: the concepts, then the residual channels."""
        return self.concepts + (self.classes - 1 if self.residual else 0)

    @property
    def parents(self) -> tuple[int, ...]:
        """Index of each expert's parent, -1 on the stem."""
        names = [expert.name for expert in self.experts]
        return tuple(-1 if e.parent is None else names.index(e.parent) for e in self.experts)


def _check_indices(what: str, indices: tuple[int, ...], count: int) -> None:
    if len({one for one in indices if 0 <= one < count}) != len(indices):
        raise requirement(what, f"be indices below {count}, each once", indices, "correct them")
