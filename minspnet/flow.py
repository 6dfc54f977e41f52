"""How cases flow through the experts, level by level, for drawing."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from minspnet.trace import ExpertTree


@dataclass(frozen=True)
class Flow:
    """Streams of cases between stations; what enters a station leaves it, or is answered there.

    Attributes:
        stations: Per station: its level, and the experts that its cases run on it. Level 0 is
            the base exit, which every case passes; no experts on a later level: answered.
        links: From station, to station, share of all cases.
    """

    stations: tuple[tuple[int, tuple[int, ...]], ...]
    links: tuple[tuple[int, int, float], ...]


def flow(
    tree: ExpertTree, sets: Bool[np.ndarray, "set expert"], set_shares: tuple[float, ...]
) -> Flow:
    """Follow each set of experts down the forest.

    Args:
        tree: The experts.
        sets: What can run together, as ``minspnet.tally.reachable_sets`` lists it.
        set_shares: Share of cases that ran exactly each set.
    """
    depth = [len(tree.path(expert)) for expert in range(len(tree.names))]
    stations: dict[tuple[int, tuple[int, ...]], int] = {(0, ()): 0}
    links: dict[tuple[int, int], float] = {}
    for active, share in zip(sets, set_shares, strict=True):
        here = 0
        for level in range(1, max(depth, default=0) + 1) if share > 0 else ():
            ran = tuple(e for e, d in enumerate(depth) if d == level and active[e])
            there = stations.setdefault((level, ran), len(stations))
            links[here, there] = links.get((here, there), 0.0) + share
            here = there
            if not ran:
                break
    return Flow(tuple(stations), tuple((a, b, share) for (a, b), share in links.items()))
