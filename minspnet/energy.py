"""A rough price in energy: arithmetic, and fetching the weights of what runs."""

from collections.abc import Mapping

import numpy as np

from minspnet.metrics import CostTable, Price
from minspnet.trace import ExpertTree

PICOJOULES_A_MAC = 4.6
"""One 32-bit multiplication, 3.7 pJ, and one addition, 0.9 pJ."""
PICOJOULES_A_WEIGHT = 640.0
"""One 32-bit word from DRAM."""


def weights_by_part(
    weights: Mapping[str, np.ndarray], tree: ExpertTree
) -> tuple[int, tuple[int, ...]]:
    """Count the stored numbers that the trunk and each expert fetch when they run.

    A gate belongs to the node that it stands behind, as in the cost table.

    Args:
        weights: By the names that the network gives them.
        tree: The experts.
    """
    base, experts = 0, [0] * len(tree.names)
    for name, array in weights.items():
        first, _, rest = name.partition(".")
        place = -1
        if first == "experts":
            number, _, part = rest.partition(".")
            place = int(number)
            if part.startswith("learned_gate"):
                place = tree.parents[place]
        if place < 0:
            base += array.size
        else:
            experts[place] += array.size
    return base, tuple(experts)


def energy(cost: CostTable, base_weights: int, expert_weights: tuple[int, ...]) -> Price:
    """Energy of a case in nanojoules, if each case comes alone and nothing stays in a cache.

    It is a proxy: it ranks policies by arithmetic and memory together, for 45 nm silicon, and
    leaves out activations, control and idling.

    Source: Horowitz 2014, Computing's Energy Problem, figure 1.1.9 (45 nm, 0.9 V).
    """

    def nanojoules(macs: int, weights: int) -> float:
        return (PICOJOULES_A_MAC * macs + PICOJOULES_A_WEIGHT * weights) / 1000

    parts = zip(cost.experts, expert_weights, strict=True)
    return Price("nJ", nanojoules(cost.base, base_weights), tuple(nanojoules(*p) for p in parts))
