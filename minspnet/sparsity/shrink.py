"""Leave out units: smaller tensors that compute what was left, to float precision."""

import copy
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from minspnet.network import Network
from minspnet.sparsity.units import Kept, Labels, Place, Units
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec


def shrunk(network: Network, units: Units, kept: Kept) -> Network:
    """Leave out the units that are not kept: a smaller spec with smaller tensors.

    What a spec cannot say goes too, see ``settled``.

    Args:
        network: Stays as it is.
        units: Of this network, or of one with the same spec.
        kept: Which of them stay.

    Raises:
        UserError: If the choice empties a place or drops what must stay.
    """
    kept = settled(network, units, kept)
    smaller = Network(narrower(network.spec, network, units, kept))
    state = {}
    for name, tensor in network.state_dict().items():
        for axis, labels in enumerate(units.axes.get(name, ())):
            if labels is not None:
                tensor = tensor.index_select(axis, torch.from_numpy(np.flatnonzero(kept[labels])))
        state[name] = tensor
    smaller.load_state_dict(state)
    return smaller.eval()


def masked(network: Network, units: Units, kept: Kept) -> Network:
    """Keep every shape, and set to 0 each weight, scale and bias of what ``shrunk`` leaves out."""
    kept = settled(network, units, kept)
    same = copy.deepcopy(network)
    with torch.no_grad():
        for name, parameter in same.named_parameters():
            for axis, labels in enumerate(units.axes.get(name, ())):
                if labels is not None:
                    parameter.mul_(along(axis, kept[labels], parameter))
    return same.eval()


def along(axis: int, values: np.ndarray, tensor: Tensor) -> Tensor:
    """Values of one axis in the tensor's type, shaped to be multiplied with all of it."""
    shape = [-1 if a == axis else 1 for a in range(tensor.ndim)]
    return torch.from_numpy(values).to(tensor.dtype).view(shape)


def settled(network: Network, units: Units, kept: Kept) -> Kept:
    """Drop also what a spec could not say: the weakest, by the norm of their weights.

    What a parent no longer gives is not read. A block has one inner width for all its layers,
    and squeezed widths follow from the widths that they are squeezed from.

    Raises:
        UserError: If the choice empties a place or drops what must stay.
    """
    kept = units.checked(kept).copy()
    for node, parent in enumerate(network.tree.parents):
        reads = units.places.get(Place(node, "reads"))
        if reads is not None:
            given = network.spec.experts[node].reads or range(len(reads))
            kept[reads[~kept[units.places[Place(parent, "out")][list(given)]]]] = False
    units.checked(kept | ~units.free)
    strength = weight_norms(network, units)

    def keep_strongest(labels: Labels, count: int) -> None:
        """Of what is kept; where that is too few, of the rest."""
        kept[labels] = np.isin(
            labels, labels[np.lexsort([-strength[labels], ~kept[labels]])[:count]]
        )

    for node, expert in enumerate(network.spec.experts):
        inner = _inner_places(units, node)
        counts = [int(kept[labels].sum()) for labels in inner]
        if inner and not _is_expansion(expert, counts, units, kept, node):
            for labels in inner:
                keep_strongest(labels, min(counts))
        for place, labels in units.places.items():
            if place.node == node and place.part == "squeeze":
                squeezed = units.places.get(place._replace(part="inner"))
                if squeezed is None:  # a separable layer squeezes what it was given
                    first = expert.block == "separable" and not place.layer
                    squeezed = units.places[Place(node, "reads" if first else "out")]
                keep_strongest(labels, max(1, int(kept[squeezed].sum()) // expert.squeeze))
    return kept


def weight_norms(network: Network, units: Units, power: int = 2) -> np.ndarray:
    """L1 or L2 norm of all weights of each unit.

    Source: Li et al. 2017, Pruning Filters for Efficient ConvNets (L1 norm of a filter).
    """
    total = np.zeros(units.count)
    for name, parameter in network.named_parameters():
        size = parameter.detach().abs().double().pow(power)
        for axis, labels in enumerate(units.axes.get(name, ())):
            if labels is not None:
                rest = [a for a in range(size.ndim) if a != axis]
                np.add.at(total, labels, (size.sum(dim=rest) if rest else size).numpy())
    return total ** (1 / power)


def _inner_places(units: Units, node: int) -> list[Labels]:
    return [
        labels
        for place, labels in units.places.items()
        if place.node == node and place.part == "inner"
    ]


def _is_expansion(
    expert: ExpertSpec, counts: list[int], units: Units, kept: Kept, node: int
) -> bool:
    """Whether the inner widths still are what the expansion says."""
    given = [int(kept[units.places[Place(node, part)]].sum()) for part in ("reads", "out")]
    widths = [given[min(layer, 1)] * expert.expansion for layer in range(len(counts))]
    return not expert.inner and counts == widths


def narrower(spec: ModelSpec, network: Network, units: Units, kept: Kept) -> ModelSpec:
    """Describe what is left of a network."""
    owners: dict[int, int] = {}
    experts = []
    for node, expert in enumerate(spec.experts):
        owner = owners.setdefault(id(network.experts[node].block), node)
        experts.append(_narrower_expert(expert, owner, node, network, units, kept))
    return replace(spec, stem=_narrower_stem(spec.stem, units, kept), experts=tuple(experts))


def _narrower_stem(stem: StemSpec, units: Units, kept: Kept) -> StemSpec:
    def left(part: Place) -> int:
        return int(kept[units.places[part]].sum())

    if stem.kind == "tabular":
        columns = units.places[Place(-1, "columns")]
        stay = np.flatnonzero(kept[columns])
        read = stem.reads or tuple(range(len(columns)))
        reads = stem.reads if len(stay) == len(columns) else tuple(read[i] for i in stay)
        return replace(stem, width=left(Place(-1, "out")) if stem.width else 0, reads=reads)
    before = [place for place in units.places if place.node == -1 and place.part == "inner"]
    counts = tuple(left(place) for place in before)
    unchanged = all(kept[labels].all() for place, labels in units.places.items() if place.node < 0)
    inner = stem.inner if unchanged else counts
    return replace(stem, width=left(Place(-1, "out")), inner=inner)


def _narrower_expert(
    expert: ExpertSpec, owner: int, node: int, network: Network, units: Units, kept: Kept
) -> ExpertSpec:
    """Describe what is left of one expert; the owner's block is the one that it uses."""
    block = network.experts[node].block
    given, out = kept[units.places[Place(owner, "reads")]], kept[units.places[Place(node, "out")]]
    steps = block.steps
    # The owner of a shared block decides how it is built.
    built = network.spec.experts[owner]
    changes: dict[str, object] = {}
    if len(steps):
        changes["width"] = int(out.sum())
        first = steps[0]
        coincides = given.sum() == out.sum() and given.size != out.size
        changes["adds"] = expert.adds and not (coincides and not first.adds)
        winning = max(1, round(expert.winners * out.size))
        if expert.winners < 1 and not out.all():
            changes["winners"] = min(1.0, winning / int(out.sum()))
    inner = _inner_places(units, owner)
    counts = [int(kept[labels].sum()) for labels in inner]
    if inner and not _is_expansion(built, counts, units, kept, owner):
        changes["inner"] = counts[0]
    hidden = units.places.get(Place(node, "hidden"))
    if hidden is not None:
        changes["hidden"] = int(kept[hidden].sum())
    changes["reads"] = _narrower_reads(built, owner, network, units, kept)
    return replace(expert, **changes)  # type: ignore[arg-type]


def _narrower_reads(
    expert: ExpertSpec, node: int, network: Network, units: Units, kept: Kept
) -> tuple[int, ...]:
    """Places, among the parent features that are left, of those that the block still reads."""
    given = units.places[Place(node, "reads")]
    parent = kept[units.places[Place(network.tree.parents[node], "out")]]
    read = np.array(expert.reads or range(len(parent)))
    stay = read[kept[given]]
    if not expert.reads and len(stay) == parent.sum():
        return ()
    return tuple((np.cumsum(parent) - 1)[stay].tolist())
