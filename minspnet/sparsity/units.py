"""Units: what a network can lose and still be described by a spec.

A unit is a set of channels that only make sense together: a channel that is added to another,
or filtered into another, is the same unit. Every axis of every tensor is labelled by units, and
that table is all that masking, pruning, pricing and growing need. It is made by hand rather than
with torch-pruning (Fang et al. 2023, DepGraph, whose grouping by dependency it shares), since
the result must be a ``ModelSpec``, whose rules no traced graph knows: one inner width a block,
squeezed widths that follow from a reduction, columns that are read or not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

import numpy as np
from jaxtyping import Bool, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn

from minspnet.errors import requirement
from minspnet.layers.activations import LearnedSiLU
from minspnet.layers.blocks import Block, Layer, SqueezeExcitation
from minspnet.layers.exits import Exit
from minspnet.layers.pooling import AttentionPool, Pool
from minspnet.layers.stems import TabularStem
from minspnet.network import Network
from minspnet.spec import ModelSpec

Labels = Int[np.ndarray, " _"]
Kept = Bool[np.ndarray, " unit"]
Mixing = nn.Linear | nn.Conv1d | nn.Conv2d

Part = Literal["columns", "out", "reads", "inner", "squeeze", "hidden"]


class Place(NamedTuple):
    """Where a spec names a number of channels.

    Attributes:
        node: An expert's index, or -1 for the stem.
        part: ``columns`` that the stem reads, what a node gives ``out``, what an expert's block
            ``reads``, the ``inner`` channels of a layer, its ``squeeze`` and the exit's
            ``hidden`` units.
        layer: Of the stem or block, for ``inner`` and ``squeeze``.
    """

    node: int
    part: Part
    layer: int = 0


@dataclass(frozen=True)
class Units:
    """The units of one network.

    Attributes:
        places: Unit of each channel at each place.
        axes: Unit of each index of each axis of each named tensor, None where an axis has none.
        free: Units that may be dropped. Squeezed units may not: their number follows.
    """

    places: Mapping[Place, Labels]
    axes: Mapping[str, tuple[Labels | None, ...]]
    free: Kept

    @property
    def count(self) -> int:
        """How many units there are."""
        return len(self.free)

    def keep(self, channels: Mapping[Place, tuple[int, ...]]) -> Kept:
        """Say which units stay, given the channels to keep at some places.

        Raises:
            UserError: If a place or channel is not there or not free to go.
        """
        dropped = np.zeros(self.count, dtype=bool)
        for place, stay in channels.items():
            labels = self.places.get(place, np.arange(0))
            if not {*stay} <= {*range(len(labels))}:
                raise requirement(
                    f"channels kept at {tuple(place)}",
                    f"be among the {len(labels)} that it has",
                    stay,
                    "look up the places",
                )
            dropped[np.delete(labels, list(stay))] = True
        return self.checked(~dropped)

    def checked(self, kept: Kept) -> Kept:
        """Refuse a choice that drops what must stay, or all of a place."""
        may_go = self.free.copy()
        for place, labels in self.places.items():
            may_go[labels] |= place.part == "squeeze"
        if (~kept & ~may_go).any():
            raise requirement(
                "dropped units",
                "be free to go",
                np.flatnonzero(~kept & ~may_go).tolist(),
                "keep inputs, outputs and what attention weighs",
            )
        for place, labels in self.places.items():
            if len(labels) and not kept[labels].any():
                raise requirement(
                    "kept channels",
                    "leave one or more at every place",
                    f"none at {tuple(place)}",
                    "drop the whole layer or expert",
                )
        return kept

    @property
    def groups(self) -> tuple[Labels, ...]:
        """Free units by the places they live at: any swap within a group leaves all widths."""
        seen = np.zeros((self.count, len(self.places)), dtype=np.intp)
        for column, labels in enumerate(self.places.values()):
            np.add.at(seen[:, column], labels, 1)
        _, group = np.unique(seen, axis=0, return_inverse=True)
        group = group.reshape(-1)
        parts = (np.flatnonzero((group == g) & self.free) for g in range(group.max(initial=-1) + 1))
        return tuple(part for part in parts if len(part))


def units_of(network: Network, reads_apart: bool = False) -> Units:
    """Label every channel of a network.

    Args:
        network: Of any spec.
        reads_apart: What an expert's block reads is a unit of its own, so that one expert may
            stop reading a channel that others go on reading; only those units are free then.
    """
    return _Walk(network.spec, reads_apart).through_network(network)


class _Walk:
    """Go through the modules as a case does, labelling and tying as they mix or keep channels."""

    def __init__(self, spec: ModelSpec, reads_apart: bool) -> None:
        self.spec = spec
        self.apart = reads_apart
        self.labels = 0
        self.ties: list[tuple[Labels, Labels]] = []
        self.fixed: list[Labels] = []
        self.read_from: list[tuple[Labels, Labels]] = []
        self.places: dict[Place, Labels] = {}
        self.axes: dict[int, tuple[Labels | None, ...]] = {}
        self.passed: dict[int, tuple[Labels, Labels]] = {}

    def fresh(self, count: int) -> Labels:
        self.labels += count
        return np.arange(self.labels - count, self.labels)

    def through_network(self, network: Network) -> Units:
        out = {-1: self.stem(network)}
        earlier = {-1: out[-1]}
        self.exit(network.base_exit, out[-1], earlier[-1], -1)
        for node, (expert, parent) in enumerate(
            zip(network.experts, network.tree.parents, strict=True)
        ):
            out[node] = self.block(expert.block, out[parent], node)
            earlier[node] = np.concatenate([earlier[parent], out[node]])
            self.exit(expert.exit, out[node], earlier[parent], node)
            if expert.learned_gate is not None:
                gate = expert.learned_gate
                known = self.pool(gate.pool, out[parent])
                said = self.fresh(gate.read.in_features - len(known))
                self.fixed += [said, self.mix(gate.read, np.concatenate([known, said]))]
        return self.units(network)

    def units(self, network: Network) -> Units:
        """Give tied labels one number, and tensors their names."""
        ones = np.concatenate([np.arange(0), *(one for one, _ in self.ties)])
        twos = np.concatenate([np.arange(0), *(other for _, other in self.ties)])
        links = coo_array((np.ones(len(ones)), (ones, twos)), shape=(self.labels, self.labels))
        count, unit = connected_components(links, directed=False)
        unit = unit.astype(np.intp)
        choosable = ("reads",) if self.apart else ("columns", "out", "inner", "hidden")
        free = np.zeros(count, dtype=bool)
        for place, labels in self.places.items():
            free[unit[labels]] |= place.part in choosable
        for labels in self.fixed:
            free[unit[labels]] = False
        # What must be read must be there; children come after their parents.
        for given, parent in reversed(self.read_from):
            free[unit[parent[~free[unit[given]]]]] = False
        tensors = network.state_dict(keep_vars=True)
        return Units(
            {place: unit[labels] for place, labels in self.places.items()},
            {
                name: tuple(None if axis is None else unit[axis] for axis in self.axes[id(tensor)])
                for name, tensor in tensors.items()
                if id(tensor) in self.axes
            },
            free,
        )

    def stem(self, network: Network) -> Labels:
        stem, spec = network.stem, self.spec.stem
        if isinstance(stem, TabularStem):
            read = spec.reads or tuple(range(self.spec.input_shape[0]))
            column = dict(zip(read, self.fresh(len(read)), strict=True))
            self.places[Place(-1, "columns")] = np.array(list(column.values()))
            numbers = np.array([column[int(c)] for c in stem.numbers], dtype=np.intp)
            levels = [
                np.full(count, column[int(c)])
                for c, count in zip(stem.categories, stem.levels, strict=True)
            ]
            given = np.concatenate([numbers, numbers[: len(numbers) * stem.missing], *levels])
            self.places[Place(-1, "out")] = out = self.through(stem.widen, given)
            return out
        ids = self.fresh(self.spec.input_shape[0])
        self.fixed.append(ids)
        for index, layer in enumerate(stem.layers):
            # Each sixth layer mixes channels; with one channel it looks like a filter of its own.
            ids = self.through(layer, ids) if index % 6 else self.mix(cast(Mixing, layer), ids)
            self.places[Place(-1, "inner", index // 6)] = ids
        self.places[Place(-1, "out")] = self.places.pop(Place(-1, "inner", index // 6))
        return ids

    def block(self, block: Block, parent: Labels, node: int) -> Labels:
        """Label a block; one that several experts share is met with the same labels again."""
        if id(block) in self.passed:
            before, out = self.passed[id(block)]
            self.ties.append((before, parent))
        else:
            given = ids = parent[block.reads.numpy()] if len(block.reads) else parent
            if self.apart:
                self.read_from.append((ids := self.fresh(len(given)), given))
                given = ids
            for place, step in enumerate(block.steps):
                before, ids = ids, self.layer(cast(Layer, step), ids, node, place)
                if place:
                    self.one_width(before, ids)
                    inner = [self.places.get(Place(node, "inner", p)) for p in (place - 1, place)]
                    self.one_width(*inner)
            out = ids
            self.places[Place(node, "reads")] = given
            self.passed[id(block)] = parent, out
        self.places[Place(node, "out")] = out
        return out

    def one_width(self, one: Labels | None, other: Labels | None) -> None:
        """Tie by position what a spec gives one number for."""
        if one is not None and other is not None and len(one) == len(other):
            self.ties.append((one, other))

    def layer(self, layer: Layer, given: Labels, node: int, place: int) -> Labels:
        if id(layer) in self.passed:
            before, out = self.passed[id(layer)]
            self.ties.append((before, given))
            return out
        ids = given
        for step in layer.layers:
            if isinstance(step, SqueezeExcitation):
                hidden = self.through(step.gate[0], ids)
                self.ties.append((self.through(step.gate[2], hidden), ids))
                self.places[Place(node, "squeeze", place)] = hidden
            else:
                ids = self.through(step, ids)
            if step is layer.layers[0] and self.spec.experts[node].block == "inverted_bottleneck":
                self.places[Place(node, "inner", place)] = ids
        if layer.adds:
            self.ties.append((given, ids))
        self.passed[id(layer)] = given, ids
        return ids

    def exit(self, leaf: Exit, given: Labels, earlier: Labels, node: int) -> None:
        read = np.concatenate([self.pool(leaf.pool, given), earlier[: leaf.fuses * len(earlier)]])
        if isinstance(leaf.think, nn.Sequential):
            read = self.places[Place(node, "hidden")] = self.through(leaf.think, read)
        self.fixed.append(self.through(leaf.read, read))

    def pool(self, pool: Pool, given: Labels) -> Labels:
        collect = pool.collect
        if isinstance(collect, AttentionPool):
            self.mix(collect.score, given)
            if collect.flat:  # a softmax over fewer columns would not be the same function
                self.fixed.append(given)
            return self.through(pool.norm, given)
        return self.through(pool.norm, np.repeat(given, collect.features // len(given)))

    def through(self, module: nn.Module, given: Labels) -> Labels:
        """Label one module's tensors and return the labels of what it gives."""
        if isinstance(module, nn.Sequential):
            for step in module:
                given = self.through(step, given)
        elif isinstance(module, nn.Linear):
            return self.mix(module, given)
        elif isinstance(module, nn.Conv1d | nn.Conv2d):
            if module.groups == module.in_channels == module.out_channels:
                self.label(module.weight, given)
            else:
                return self.mix(module, given)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                self.label(tensor, given)
        elif isinstance(module, LearnedSiLU):
            self.label(module.slope, given)
        return given

    def mix(self, module: Mixing, given: Labels) -> Labels:
        out = self.fresh(len(module.weight))
        self.label(module.weight, out, given)
        self.label(module.bias, out)
        return out

    def label(self, tensor: Tensor | None, *axes: Labels) -> None:
        if tensor is not None:
            self.axes[id(tensor)] = (*axes, *(None,) * (tensor.ndim - len(axes)))
