"""Record what every unit of a network does in a case, or hold one at 0 while it runs.

A layer is what lies between two mixings of channels (dense layers and convolutions), taken
behind its norm and activation: that is what the next mixing reads. Where a block adds what it
got, its last layer is taken behind the sum. The inside of squeeze-and-excitation, pooling and
gates are not layers of their own.
"""

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from minspnet.activity import STEM, Activations, Layer
from minspnet.errors import requirement
from minspnet.layers.activations import LearnedSiLU, Winners
from minspnet.layers.exits import Exit
from minspnet.layers.stems import TabularStem
from minspnet.network import Network, check_inputs

_KINDS: dict[type[nn.Module], str] = {
    nn.ReLU: "ReLU",
    nn.ReLU6: "ReLU6",
    nn.SiLU: "SiLU",
    LearnedSiLU: "learned SiLU",
}
_MIXING = (nn.Linear, nn.Conv1d, nn.Conv2d)


class _Point(NamedTuple):
    """Where a layer can be seen: at the n-th call of a module within its node."""

    layer: Layer
    module: nn.Module
    call: int


def layers_of(network: Network) -> tuple[Layer, ...]:
    """Every layer of stem, base exit and experts, in the order they run."""
    return tuple(point.layer for point in _points(network))


@torch.no_grad()
def record(
    network: Network,
    case_ids: tuple[str, ...],
    inputs: Float[np.ndarray, "case *input"],
    batch_size: int = 256,
) -> Activations:
    """Run everything once, and keep one number a unit and case.

    Args:
        network: Left as it is: a copy is run.
        case_ids: One per case.
        inputs: As the domain gives them, one case or more.
        batch_size: Bounds the memory of one pass.

    Raises:
        UserError: If inputs and ids do not fit.
    """
    check_inputs(network.spec, inputs)
    if len(case_ids) != len(inputs) or not len(inputs):
        raise requirement("case_ids", "name one case or more", len(case_ids), "give one name each")
    network = copy.deepcopy(network).eval()
    points = _points(network)
    means: list[list[Tensor]] = [[] for _ in points]
    shares: list[list[Tensor]] = [[] for _ in points]
    sides: dict[int, tuple[int, ...]] = {}

    def note(place: int, hidden: Tensor) -> None:
        flat = hidden.flatten(2) if hidden.ndim > 2 else hidden[:, :, None]
        means[place].append(flat.mean(dim=2))
        shares[place].append((flat != 0).float().mean(dim=2))
        sides[place] = tuple(hidden.shape[2:])

    with _watched(network, points, note):
        for start in range(0, len(inputs), batch_size):
            batch = inputs[start : start + batch_size]
            network.evidence(torch.as_tensor(batch, dtype=torch.float32))
    return Activations(
        tuple(replace(point.layer, sides=sides[place]) for place, point in enumerate(points)),
        case_ids,
        torch.cat([torch.cat(parts) for parts in means], dim=1).numpy(),
        torch.cat([torch.cat(parts) for parts in shares], dim=1).numpy(),
    )


@contextmanager
def silenced(network: Network, layer: int, unit: int) -> Iterator[Network]:
    """A copy of a network in which one unit is 0 at every place, whatever the case.

    The copy carries the hooks, since networks are shared. Gates hear of it, as do all layers
    behind. Where an expert uses another's block, only its own use is silenced.

    Raises:
        UserError: If there is no such unit.
    """
    network = copy.deepcopy(network).eval()
    points = _points(network)
    if not 0 <= layer < len(points):
        raise requirement("layer", f"be below {len(points)}", layer, "pick another")
    if not 0 <= unit < points[layer].layer.units:
        raise requirement("unit", f"be below {points[layer].layer.units}", unit, "pick another")

    def hush(place: int, hidden: Tensor) -> Tensor | None:
        if place != layer:
            return None
        hidden = hidden.clone()
        hidden[:, unit] = 0
        return hidden

    with _watched(network, points, hush):
        yield network


@contextmanager
def _watched(
    network: Network, points: list[_Point], seen: Callable[[int, Tensor], Tensor | None]
) -> Iterator[None]:
    """Call ``seen`` with each layer's place and output; what it returns goes on instead."""
    wanted = {(p.layer.node, id(p.module), p.call): n for n, p in enumerate(points)}
    here = STEM
    calls: Counter[int] = Counter()

    def entering(node: int) -> Callable[[nn.Module, object], None]:
        def enter(_: nn.Module, __: object) -> None:
            # A block may belong to several experts: who runs decides whose layer it is.
            nonlocal here
            here = node
            calls.clear()

        return enter

    def leave(module: nn.Module, _: object, output: Tensor) -> Tensor | None:
        place = wanted.get((here, id(module), calls[id(module)]))
        calls[id(module)] += 1
        return None if place is None else seen(place, output)

    nodes = {STEM: network.stem, **dict(enumerate(network.experts))}
    handles = [node.register_forward_pre_hook(entering(e)) for e, node in nodes.items()]
    modules = {id(point.module): point.module for point in points}
    handles += [module.register_forward_hook(leave) for module in modules.values()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _points(network: Network) -> list[_Point]:
    stem, points = network.stem, []
    if isinstance(stem, TabularStem):
        title = "one dense layer" if network.spec.stem.width else "its columns, standardised"
        found = _layer(STEM, "stem", title, [stem.widen], stem.output_shape[0])
        points.append(_Point(found, stem, 0))
    else:
        pieces = _segments(stem.layers)
        for number, piece in enumerate(pieces):
            title = _title(number, len(pieces), piece)
            points.append(_Point(_layer(STEM, "stem", title, piece), piece[-1], 0))
    points += _exit_points(network.base_exit, STEM, "base exit")
    for node, expert in enumerate(network.experts):
        name, steps = network.tree.names[node], [*expert.block.steps]
        pieces = [piece for step in steps for piece in _segments(step.layers)]
        number, used = 0, Counter[int]()
        for step in steps:
            for piece in (mine := _segments(step.layers)):
                last = piece is mine[-1]
                found = _layer(node, name, _title(number, len(pieces), piece), piece)
                if last and step.adds:
                    kind = f"{found.kind} + input"
                    found = replace(found, kind=kind, rests=False, winners=0)
                points.append(_Point(found, step if last else piece[-1], used[id(step)]))
                number += 1
            used[id(step)] += 1
        points += _exit_points(expert.exit, node, name)
    return points


def _exit_points(leaf: Exit, node: int, part: str) -> list[_Point]:
    points = []
    if isinstance(leaf.think, nn.Sequential):
        thinking = _layer(node, part, "hidden layer of its exit", [leaf.think])
        points.append(_Point(thinking, leaf.think, 0))
    says = _layer(node, part, "what its exit says", [leaf.read])
    outputs = tuple(leaf.writes.tolist()) or tuple(range(leaf.outputs))
    return [*points, _Point(replace(says, outputs=outputs), leaf.read, 0)]


def _segments(layers: nn.Sequential) -> list[list[nn.Module]]:
    """Split modules where a mixing begins: each piece is one layer with what follows it."""
    pieces: list[list[nn.Module]] = []
    for module in layers:
        if isinstance(module, (*_MIXING, nn.Sequential)):
            pieces.append([])
        pieces[-1].append(module)
    return pieces


def _layer(
    node: int, part: str, title: str, piece: list[nn.Module], units: int | None = None
) -> Layer:
    inside = [module for top in piece for module in top.modules()]
    # Weights of a squeeze scale channels, and make none.
    mixing = [m for top in piece if not hasattr(top, "gate") for m in _mixing(top)]
    kinds = [_KINDS[type(m)] for top in piece for m in _acting(top)]
    limits = [module.winners for module in inside if isinstance(module, Winners)]
    kind = kinds[-1] if kinds else "linear"
    return Layer(
        node,
        part,
        title,
        kind,
        units or len(mixing[-1].weight),
        rests=kind.startswith("ReLU") or bool(limits),
        winners=limits[-1] if limits else 0,
        weights=sum(m.weight.numel() for m in mixing),
        zeros=sum(int((m.weight == 0).sum()) for m in mixing),
    )


def _mixing(module: nn.Module) -> list[nn.Linear | nn.Conv1d | nn.Conv2d]:
    return [m for m in module.modules() if isinstance(m, _MIXING)]


def _acting(top: nn.Module) -> list[nn.Module]:
    if hasattr(top, "gate"):
        return []
    return [m for m in top.modules() if type(m) in _KINDS]


def _title(number: int, count: int, piece: list[nn.Module]) -> str:
    first = _mixing(piece[0])[0]
    does = "dense"
    if isinstance(first, nn.Conv1d | nn.Conv2d):
        does = "mixes channels" if first.kernel_size[0] == 1 else "convolution"
        does = "filters channels" if first.groups > 1 else does
    return f"layer {number + 1} of {count}, {does}"
