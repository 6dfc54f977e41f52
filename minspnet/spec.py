"""Recipes: what a network is built from and how it is trained. Data only."""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from minspnet.errors import UserError, requirement

SCHEMA_VERSION = 1

BlockKind = Literal["dense", "inverted_bottleneck", "none"]
ConceptTraining = Literal["anchored", "independent", "joint"]


class _FromMapping:
    """Strict reading of nested frozen dataclasses: unknown keys are refused."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build the recipe from plain data.

        Raises:
            UserError: On a missing, unknown or mistyped key.
        """
        return typing.cast(Self, _build(cls, values, cls.__name__))

    def to_dict(self) -> dict[str, Any]:
        """Say the recipe in plain data that JSON can hold."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))  # type: ignore[call-overload]
        return plain


@dataclass(frozen=True)
class StemSpec(_FromMapping):
    """The first layers, which every case pays for.

    Attributes:
        kind: ``tabular`` standardises the columns (and, with a width, adds one dense layer);
            ``image`` standardises, then halves the picture twice: a 3x3 convolution and a
            depthwise-separable block.
        width: Features or channels that the stem gives out; 0 passes tabular columns on.
    """

    kind: Literal["tabular", "image"]
    width: int = 0


@dataclass(frozen=True)
class ExpertSpec(_FromMapping):
    """One node of the forest of additive experts.

    Attributes:
        name: Shown to people; unique within the network.
        parent: The expert that must have run first, or None for one on the stem.
        block: What turns the parent's features into the expert's own.
        width: Features or channels of the block.
        expansion: Inner widening of an inverted bottleneck.
        stride: 2 halves the picture.
        reading: ``replace`` makes the expert a stage of the spine: its exit's concept logits
            stand in for those before it, so that the contribution is their difference.
            ``add`` adds the exit's logits to what its path said so far.
        gate: ``doubt`` opens where the decision before the expert is uncertain; ``learned``
            is a router trained to open where the expert helps.
        concepts: Indices of the concepts the expert may change; empty means all of them.
    """

    name: str
    block: BlockKind
    width: int
    parent: str | None = None
    expansion: int = 2
    stride: int = 1
    reading: Literal["replace", "add"] = "replace"
    gate: Literal["doubt", "learned"] = "doubt"
    concepts: tuple[int, ...] = ()


@dataclass(frozen=True)
class ModelSpec(_FromMapping):
    """The architecture and nothing else.

    Attributes:
        input_shape: One case without the batch axis: (feature,) or (channel, height, width).
        concepts: Number of concepts in the bottleneck.
        classes: Number of classes, 2 or more.
        stem: The first layers.
        experts: Parents before children.
        base_grid: Side of the grid an image is pooled to before the base exit reads it.
        residual: Add an explicit side channel past the concepts, one per class but the first.
        schema_version: Version of this recipe's form.
    """

    input_shape: tuple[int, ...]
    concepts: int
    classes: int
    stem: StemSpec
    experts: tuple[ExpertSpec, ...] = ()
    base_grid: int = 3
    residual: bool = False
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
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
        self._check_shapes()
        seen: list[str] = []
        for expert in self.experts:
            if expert.name in seen:
                raise requirement("expert names", "be unique", expert.name, "rename one")
            if expert.parent is not None and expert.parent not in seen:
                raise requirement(
                    f"parent of {expert.name}",
                    "be an expert listed before it",
                    expert.parent,
                    "reorder the experts",
                )
            allowed = set(range(self.concepts))
            if len({*expert.concepts} & allowed) != len(expert.concepts):
                raise requirement(
                    f"concepts of {expert.name}",
                    f"be indices below {self.concepts}, each once",
                    expert.concepts,
                    "correct them",
                )
            seen.append(expert.name)

    def _check_shapes(self) -> None:
        """Refuse sizes and kinds that cannot be built on one another."""
        image = self.stem.kind == "image"
        if len(self.input_shape) != (3 if image else 1) or min(self.input_shape) < 1:
            raise requirement(
                "input_shape",
                f"be {'(channel, height, width)' if image else '(feature,)'}, each 1 or more, "
                f"for a stem of kind {self.stem.kind}",
                self.input_shape,
                "correct the one or the other",
            )
        if self.base_grid < 1:
            raise requirement("base_grid", "be 1 or more", self.base_grid, "3 is usual")
        if self.stem.width < int(image):
            raise requirement("stem.width", "be 1 or more", self.stem.width, "8 is small")
        wrong = "dense" if image else "inverted_bottleneck"
        for expert in self.experts:
            if expert.block == wrong:
                raise requirement(
                    f"block of {expert.name}",
                    f"fit a stem of kind {self.stem.kind}",
                    expert.block,
                    f"use {'inverted_bottleneck' if image else 'dense'}",
                )
            if min(expert.width, expert.expansion, expert.stride) < 1:
                raise requirement(
                    f"width, expansion and stride of {expert.name}",
                    "be 1 or more",
                    (expert.width, expert.expansion, expert.stride),
                    "correct them",
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


@dataclass(frozen=True)
class TrainSpec(_FromMapping):
    """How a network is trained; with a seed and a split it gives the same weights.

    Attributes:
        epochs: Passes over the training cases.
        batch_size: Cases per step.
        learning_rate: Peak of the warm-up and cosine schedule of AdamW.
        weight_decay: Decoupled weight decay.
        concept_training: ``anchored`` fits the class head on true concepts, freezes it and
            trains concepts and decision through it under random corrections; ``independent``
            leaves the decision out of that training; ``joint`` trains the head along (leaks).
        concept_weight: Weight of the concept loss.
        task_weight: Weight of the class loss (0 under ``independent``).
        correction_rate: Share of concepts replaced by their true value in the class loss, on
            average, so that the network learns to live with corrections.
        head_strength: Inverse L2 penalty of the class head's logistic regression.
        router_cost: Price of an open learned gate, as loss per share of all MACs.
        path_weight: Weight of every partial path and random subset, beside 1 for all experts
            on; 0 trains a static net.
        augment: Turn and mirror pictures at random.
        dropout: Share of a block's features left out in training.
    """

    epochs: int = 120
    batch_size: int = 64
    learning_rate: float = 0.01
    weight_decay: float = 1e-3
    concept_training: ConceptTraining = "anchored"
    concept_weight: float = 2.0
    task_weight: float = 1.0
    correction_rate: float = 0.25
    head_strength: float = 10.0
    router_cost: float = 0.02
    path_weight: float = 0.5
    augment: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "head_strength"):
            if not getattr(self, name) > 0:
                raise requirement(name, "be more than 0", getattr(self, name), "correct it")
        for name in (
            "learning_rate",
            "weight_decay",
            "concept_weight",
            "task_weight",
            "router_cost",
            "path_weight",
        ):
            if not getattr(self, name) >= 0:
                raise requirement(name, "be 0 or more", getattr(self, name), "correct it")
        for name, most in (("correction_rate", 1), ("dropout", 0.99)):
            if not 0 <= getattr(self, name) <= most:
                raise requirement(
                    name, f"lie between 0 and {most}", getattr(self, name), "correct it"
                )


def _build(kind: Any, value: Any, where: str) -> Any:
    """Read plain data as ``kind``: a dataclass, a tuple, an optional or a scalar."""
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, value, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise requirement(where, "be a list", value, "correct the file")
        item = typing.get_args(kind)[0]
        return tuple(_build(item, entry, f"{where}[{i}]") for i, entry in enumerate(value))
    if origin is Literal:
        if value not in typing.get_args(kind):
            raise requirement(
                where, f"be one of {typing.get_args(kind)}", value, "correct the file"
            )
        return value
    if origin in (types.UnionType, typing.Union):
        inner = next(k for k in typing.get_args(kind) if k is not type(None))
        return None if value is None else _build(inner, value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise requirement(where, f"be of type {kind.__name__}", repr(value), "correct the file")
    return value


def _build_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise requirement(where, "be a table of keys", value, "correct the file")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(value) - set(fields))
    if unknown:
        raise requirement(
            where, f"hold only {', '.join(fields)}", ", ".join(map(str, unknown)), "remove the rest"
        )
    try:
        return kind(**{k: _build(hints[k], v, f"{where}.{k}") for k, v in value.items()})
    except TypeError as error:
        raise UserError(f"{where} lacks a key: {error}; add it to the file.") from error
