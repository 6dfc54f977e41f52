"""Find the gate thresholds, one an expert, that are worth their compute: the whole Pareto set.

Every vector of a grid is counted at once. Let c(S) say whether a case is right when exactly the
experts in S run, and m its Moebius inverse over the sets that can run together:

    c(A) = sum over T within A of m(T),    m(T) = sum over U in tips(T) of (-1)^|U| c(T - U)

where the tips of T are its experts with no child in T. Whether T lies within the active set asks
of each gate on its own, so that one histogram per T, summed from above along every axis, tells how
many cases are right at every vector of the grid. Nothing is estimated.

Source: the Moebius inversion of order ideals, Rota 1964; summed-area tables, Crow 1984.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.errors import requirement
from minspnet.metrics import Price
from minspnet.policy import CLOSED
from minspnet.sweep import thresholds_between
from minspnet.tally import Tally, flags, popcount
from minspnet.trace import ExpertTree

MOST_VECTORS = 1_000_000
"""As many vectors of thresholds are counted in one grid, at the most."""
_ROUNDS = 4


@dataclass(frozen=True)
class Front:
    """Vectors of gate thresholds of which none is both cheaper and as often right as another.

    Attributes:
        gate_thresholds: One vector a point, the cheapest point first.
        accuracies: On the cases searched over; rising.
        prices: Mean per case, in the unit of the prices given; rising.
        exact: No vector whatever is missed. Otherwise each point is counted exactly, but
            thresholds between those of the grid might do better.
    """

    gate_thresholds: tuple[tuple[float, ...], ...]
    accuracies: tuple[float, ...]
    prices: tuple[float, ...]
    exact: bool

    def within(self, budget: float) -> int:
        """The best point that a budget can pay.

        Raises:
            UserError: If it can pay none.
        """
        if self.prices[0] > budget:
            raise requirement(
                "budget", f"be at least {self.prices[0]:.6g}", f"{budget:.6g}", "raise it"
            )
        return int(np.searchsorted(self.prices, budget, side="right")) - 1


def pareto_front(counted: Tally, price: Price, most: int = MOST_VECTORS) -> Front:
    """Search all vectors of gate thresholds for those worth their price.

    If all gates have few enough different values, every vector that could matter is counted.
    Otherwise a grid of quantiles is, and then finer ones around what was found.

    Args:
        counted: Cases to search over: validation cases, never test cases.
        price: Of a case: FLOPs, milliseconds or joules.
        most: Vectors to count in one round.
    """
    experts = len(counted.gates)
    if not experts:
        right = popcount(counted.right[0]) / counted.cases
        return Front(((),), (right,), (price.base,), True)
    if 2**experts > most:
        raise requirement(
            "the forest", f"have at most {int(math.log2(most))} experts", experts, "use a sweep"
        )
    # Between the gates of two cases that routing decides, the highest threshold is the cheapest.
    deciding = counted.gates[:, flags(counted.varying, counted.cases)]
    pairs = list(zip(counted.gates, deciding, strict=True))
    values = [thresholds_between(gates, counted.cases, some) for gates, some in pairs]
    # The largest whole root: its float may lie just below it.
    share = int(most ** (1 / experts) + 1e-9)
    exact = math.prod(len(v) + 1 for v in values) <= most
    grid = values
    if not exact:
        grid = [thresholds_between(gates, share - 1, some) for gates, some in pairs]
    found = _front(counted, price, grid, exact)
    for _ in range(0 if exact else _ROUNDS):
        used = np.array(found.gate_thresholds, np.float32).T
        finer = [_around(v, u, share - 1) for v, u in zip(values, used, strict=True)]
        better = _front(counted, price, finer, False, found)
        if better == found:
            break
        found = better
    return found


def _around(
    values: Float[np.ndarray, " value"], used: Float[np.ndarray, " point"], count: int
) -> Float[np.ndarray, " threshold"]:
    """The thresholds of the front, and as many of their neighbours as there is room for."""
    places = np.unique(np.searchsorted(values, used[used <= 1]).clip(max=len(values) - 1))
    if not len(places):
        return values[:count]
    reach = max(1, (count - len(places)) // (2 * len(places)))
    near = np.unique((places[:, None] + np.arange(-reach, reach + 1)).clip(0, len(values) - 1))
    if len(near) > count:
        near = near[np.linspace(0, len(near) - 1, count).round().astype(np.intp)]
    return values[near]


def _front(
    counted: Tally,
    price: Price,
    grid: Sequence[Float[np.ndarray, " _"]],
    exact: bool,
    known: Front | None = None,
) -> Front:
    """Count every vector of a grid and keep those that none beats; a front known may go in."""
    # Beyond the last threshold of each axis stands the one that no gate reaches.
    axes = [np.append(thresholds.astype(np.float64), CLOSED) for thresholds in grid]
    bins = [
        np.searchsorted(thresholds, gates, side="right").astype(np.intp) - 1
        for thresholds, gates in zip(grid, counted.gates, strict=True)
    ]
    right = right_at(counted, bins, axes).ravel()
    spent = price_at(counted.tree, price, bins, axes).ravel()
    # Only the cheapest of those as often right can be kept, and the first of equally cheap ones.
    cheapest = np.full(counted.cases + 1, np.inf)
    np.minimum.at(cheapest, right, spent)
    ties = np.flatnonzero(spent == cheapest[right])
    first = np.full(counted.cases + 1, -1)
    first[right[ties][::-1]] = ties[::-1]
    rivals = first[first >= 0]
    accuracies, prices = right[rivals] / counted.cases, spent[rivals] / counted.cases
    order = np.lexsort((-accuracies, prices))
    best = np.maximum.accumulate(accuracies[order])
    kept = order[np.diff(best, prepend=-1) > 0]
    places = np.unravel_index(rivals[kept], tuple(map(len, axes)))
    vectors = np.stack([axis[place] for axis, place in zip(axes, places, strict=True)], axis=1)
    columns = (prices[kept].tolist(), accuracies[kept].tolist(), map(tuple, vectors.tolist()))
    points = list(zip(*columns, strict=True))
    if known is not None:
        points += zip(known.prices, known.accuracies, known.gate_thresholds, strict=True)
    front: list[tuple[float, float, tuple[float, ...]]] = []
    for point in sorted(points, key=lambda point: (point[0], -point[1], point[2])):
        if not front or point[1] > front[-1][1]:
            front.append(point)
    found_prices, found_accuracies, found_vectors = zip(*front, strict=True)
    return Front(found_vectors, found_accuracies, found_prices, exact)


def right_at(
    counted: Tally,
    bins: Sequence[Int[np.ndarray, " case"]],
    axes: Sequence[Float[np.ndarray, " _"]],
) -> Int[np.ndarray, "*grid"]:
    """Count the cases decided as labelled at every vector of a grid.

    Args:
        counted: The cases.
        bins: Per expert, the highest threshold that each case's gate reaches, -1 for none.
        axes: Per expert, its thresholds.
    """
    shape = tuple(map(len, axes))
    always = np.bitwise_and.reduce(counted.right, axis=0)
    total = np.full(shape, popcount(always), np.int32)
    rows = np.flatnonzero(flags(counted.varying, counted.cases))
    if not len(rows):
        return total
    right = np.stack([flags(words, counted.cases)[rows] for words in counted.right])
    for active, change in zip(counted.sets, _inverse(counted, right), strict=True):
        moved = np.flatnonzero(change)
        if len(moved):
            experts = tuple(map(int, np.flatnonzero(active)))
            total += _at_least(
                [bins[e][rows[moved]] for e in experts], experts, shape, change[moved]
            )
    return total


def price_at(
    tree: ExpertTree,
    price: Price,
    bins: Sequence[Int[np.ndarray, " case"]],
    axes: Sequence[Float[np.ndarray, " _"]],
) -> Float[np.ndarray, "*grid"]:
    """Sum the price of all cases at every vector of a grid; arguments as in ``right_at``."""
    shape = tuple(map(len, axes))
    cases = len(bins[0])
    total = np.full(shape, float(price.base * cases))
    for expert, each in enumerate(price.experts):
        path = tree.path(expert)
        ran = _at_least([bins[e] for e in path], path, shape, np.ones(cases, np.int32))
        total += each * ran
    return total


def _inverse(counted: Tally, right: Bool[np.ndarray, "set row"]) -> Int[np.ndarray, "set row"]:
    """The Moebius inverse over sets that can run together: what only the whole set changes."""
    place = {tuple(map(bool, row)): number for number, row in enumerate(counted.sets)}
    change = right.astype(np.int16)
    # Children stand behind their parents: taken first, they are tips when it is their turn.
    for expert in reversed(range(counted.sets.shape[1])):
        children = [e for e, parent in enumerate(counted.tree.parents) if parent == expert]
        for active, number in reversed(place.items()):
            if active[expert] and not any(active[child] for child in children):
                without = (*active[:expert], False, *active[expert + 1 :])
                change[number] -= change[place[without]]
    return change


def _at_least(
    bins: Sequence[Int[np.ndarray, " row"]],
    experts: Sequence[int],
    shape: tuple[int, ...],
    weights: Int[np.ndarray, " row"],
) -> Int[np.ndarray, "*grid"]:
    """Sum the weights of the rows that reach every threshold, at every vector of the grid."""
    sides = [shape[e] for e in experts]
    spread = [shape[e] if e in experts else 1 for e in range(len(shape))]
    reached = np.all([b >= 0 for b in bins], axis=0) if bins else np.ones(len(weights), bool)
    if not bins:
        return np.full(spread, weights.sum(), np.int32)
    flat = np.ravel_multi_index([b[reached] for b in bins], sides)
    found = np.bincount(flat, weights[reached], int(np.prod(sides))).round()
    counts = found.astype(np.int32).reshape(sides)
    for axis in range(len(sides)):
        from_above = np.flip(counts, axis)
        np.cumsum(from_above, axis, out=from_above)
    return counts.reshape(spread)
