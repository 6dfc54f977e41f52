"""What units cost: MACs as a function of which of them are kept."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from minspnet.layers.pooling import AttentionPool
from minspnet.network import Network
from minspnet.sparsity.units import Kept, Labels, Units

_Term = tuple[int, tuple[Labels, ...]]


@dataclass(frozen=True)
class Price:
    """MACs of a case that visits every expert.

    Attributes:
        terms: For each weight tensor, a factor and the units along those axes that have any: it
            costs the factor times how many of each are kept.
        fixed: MACs that no unit saves: class head and doubt.
    """

    terms: tuple[_Term, ...]
    fixed: int

    def macs(self, kept: Kept) -> int:
        """MACs of what is kept."""
        left = [factor * np.prod([kept[a].sum() for a in axes]) for factor, axes in self.terms]
        return self.fixed + int(sum(left))

    def savings(self, kept: Kept) -> Float[np.ndarray, " unit"]:
        """MACs that dropping each unit alone would save, more or less.

        Where a unit is on both sides of a tensor, the corner is counted twice.
        """
        saved = np.zeros(len(kept))
        for factor, axes in self.terms:
            counts = [kept[labels].sum() for labels in axes]
            for axis, labels in enumerate(axes):
                rest = np.prod([count for a, count in enumerate(counts) if a != axis])
                np.add.at(saved, labels, factor * rest)
        return saved


@torch.no_grad()
def price_of(network: Network, units: Units) -> Price:
    """Watch one case pass, and count how often it is multiplied by each weight."""
    network.eval()
    uses: dict[str, int] = {}
    names = {module: name for name, module in network.named_modules()}

    def note(module: nn.Module, _: object, out: Tensor) -> None:
        name = f"{names[module]}.weight"
        uses[name] = uses.get(name, 0) + out.numel() // len(module.weight)  # type: ignore[arg-type]

    def note_pooling(module: AttentionPool, given: tuple[Tensor], _: Tensor) -> None:
        positions = given[0][0, 0].numel()
        if positions > 1:  # features are weighted at each, as they are when they are scored
            name = f"{names[module]}.score.weight"
            uses[name] = uses.get(name, 0) + positions

    watched = [m for m in names if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d)]
    pools = [m for m in names if isinstance(m, AttentionPool)]
    hooks = [m.register_forward_hook(note) for m in watched]
    hooks += [m.register_forward_hook(note_pooling) for m in pools]
    try:
        with FlopCounterMode(display=False) as counter:
            found = network.evidence(torch.zeros(1, *network.spec.input_shape))
            network.head(found.base)
    finally:
        for hook in hooks:
            hook.remove()
    parameters = dict(network.named_parameters())
    terms: list[_Term] = []
    for name, times in uses.items():
        axes = units.axes[name]
        sizes = zip(parameters[name].shape, axes, strict=True)
        bare = int(np.prod([size for size, labels in sizes if labels is None]))
        terms.append((times * bare, tuple(labels for labels in axes if labels is not None)))
    everything = np.ones(units.count, dtype=bool)
    total = counter.get_total_flops() // 2
    return Price(tuple(terms), total - Price(tuple(terms), 0).macs(everything))
