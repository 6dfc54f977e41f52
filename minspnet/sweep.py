"""Score many policies from one trace, exactly, without deciding the same thing twice.

The forest has few sets of experts that can be active together. For each of them every
case's decision is worked out once; a policy then only picks one per case.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.errors import requirement
from minspnet.metrics import CostTable, accuracy, mean_auc, recall
from minspnet.policy import Policy
from minspnet.trace import ExpertTree, Trace, active_experts, decide, predicted_class

MOST_SETS = 256
"""More reachable sets than this would cost more memory than replaying costs time."""


@dataclass(frozen=True)
class Score:
    """What a policy is worth on labelled cases.

    Attributes:
        gate_thresholds: Of the policy.
        accuracy: Share of cases decided as labelled.
        auc: Area under the ROC curve.
        mean_macs: Per case; FLOPs are twice as many.
        recalls: Share of each class found.
        depth_shares: Share of cases by number of active experts, from 0 on.
        expert_shares: Share of cases for which each expert ran.
        stop_shares: Share of cases that end at the base exit, then at each expert: it ran, and
            no expert behind it did. An expert without any behind it counts no stop.
    """

    gate_thresholds: tuple[float, ...]
    accuracy: float
    auc: float
    mean_macs: float
    recalls: tuple[float, ...]
    depth_shares: tuple[float, ...]
    expert_shares: tuple[float, ...]
    stop_shares: tuple[float, ...]


def reachable_sets(tree: ExpertTree) -> Bool[np.ndarray, "set expert"]:
    """List every set of experts in which no expert lacks its parent."""
    sets: list[tuple[bool, ...]] = [()]
    for parent in tree.parents:
        sets = [
            (*done, active)
            for done in sets
            for active in ((False, True) if parent < 0 or done[parent] else (False,))
        ]
    return np.array(sets, dtype=bool).reshape(len(sets), len(tree.names))


def count_sets(tree: ExpertTree) -> int:
    """Count what ``reachable_sets`` lists, without listing it."""
    ways_with = [1] * len(tree.parents)
    total = 1
    for expert in reversed(range(len(tree.parents))):
        parent = tree.parents[expert]
        if parent >= 0:
            ways_with[parent] *= 1 + ways_with[expert]
        else:
            total *= 1 + ways_with[expert]
    return total


@dataclass(frozen=True)
class Outcomes:
    """Every decision a trace can lead to, by set of active experts.

    Attributes:
        trace: The evidence.
        labels: True classes.
        cost: MACs per part.
    """

    trace: Trace
    labels: Int[np.ndarray, " case"]
    cost: CostTable

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.trace):
            raise requirement(
                "labels", f"have {len(self.trace)} values", len(self.labels), "match the trace"
            )
        if (self.labels < 0).any():
            raise requirement("labels", "be known", "unlabelled cases", "leave these cases out")
        if (reachable := count_sets(self.trace.tree)) > MOST_SETS:
            raise requirement(
                "the forest",
                f"reach at most {MOST_SETS} sets of active experts",
                reachable,
                "use replay instead",
            )

    @cached_property
    def sets(self) -> Bool[np.ndarray, "set expert"]:
        """All sets that can be active together."""
        return reachable_sets(self.trace.tree)

    @cached_property
    def _next_place(self) -> list[Int[np.ndarray, " place_and_gate"]]:
        """Per expert: where a set of the experts before it goes, closed (even) or open (odd)."""
        tables = []
        known: dict[tuple[bool, ...], int] = {(): 0}
        for expert in range(self.sets.shape[1]):
            longer = dict.fromkeys(tuple(map(bool, row[: expert + 1])) for row in self.sets)
            places = {done: place for place, done in enumerate(longer)}
            table = np.zeros(2 * len(known), dtype=np.intp)
            for done, place in places.items():
                table[2 * known[done[:-1]] + done[-1]] = place
            tables.append(table)
            known = places
        return tables

    @cached_property
    def _stops(self) -> Bool[np.ndarray, "set node"]:
        """Where each set ends: column 0 is the base exit, then one column an expert."""
        parents = np.array(self.trace.tree.parents)
        ran = np.column_stack([np.ones(len(self.sets), dtype=bool), self.sets])
        stops = []
        for node in range(-1, len(parents)):
            children = self.sets[:, parents == node]
            ends_here = ran[:, node + 1] & ~children.any(axis=1)
            stops.append(ends_here & bool(children.shape[1]))
        return np.stack(stops, axis=1)

    @cached_property
    def probabilities(self) -> Float[np.ndarray, "class set case"]:
        """Class probabilities of every case under every set."""
        rows = []
        for active in self.sets:
            outputs = np.array(self.trace.base)
            for expert in np.flatnonzero(active):  # in the order of replay, to the last bit
                outputs += self.trace.contributions[:, expert]
            concepts = self.trace.head.activate(outputs)
            everywhere = np.broadcast_to(active, self.trace.gates.shape)
            policy = Policy.shared(0, len(active))
            rows.append(
                decide(self.trace.head, policy, everywhere, outputs, concepts).probabilities
            )
        return np.ascontiguousarray(np.moveaxis(np.stack(rows), 2, 0))

    @cached_property
    def _first_rows(self) -> Int[np.ndarray, " set"]:
        return np.arange(len(self.sets)) * len(self.trace)

    def places(self, policy: Policy) -> Int[np.ndarray, " case"]:
        """Where each case's set of active experts stands in ``sets``."""
        active = active_experts(self.trace, policy)
        places = np.zeros(len(self.trace), dtype=np.intp)
        for expert, table in enumerate(self._next_place):
            places = table[2 * places + active[:, expert]]
        return places

    def pick(self, places: Int[np.ndarray, " case"]) -> Float[np.ndarray, "case class"]:
        """Class probabilities of every case under its set."""
        rows = self._first_rows[places] + np.arange(len(places))
        return np.stack([of_class.take(rows) for of_class in self.probabilities]).T

    def decisions(self, policy: Policy) -> tuple[float, float]:
        """Accuracy and mean MACs of one policy: all that a search over policies needs."""
        places = self.places(policy)
        predicted = predicted_class(self.pick(places), policy)
        use = np.bincount(places, minlength=len(self.sets)) / len(places)
        return accuracy(predicted, self.labels), float(use @ self.cost.macs(self.sets))

    def score(self, policy: Policy) -> Score:
        """Score one policy over all cases."""
        places = self.places(policy)
        probabilities = self.pick(places)
        predicted = predicted_class(probabilities, policy)
        use = np.bincount(places, minlength=len(self.sets)) / len(places)
        depths = self.sets.sum(axis=1)
        return Score(
            policy.gate_thresholds,
            accuracy(predicted, self.labels),
            mean_auc(probabilities, self.labels),
            float(use @ self.cost.macs(self.sets)),
            tuple(map(float, recall(predicted, self.labels, len(self.probabilities)))),
            tuple(map(float, np.bincount(depths, use, minlength=self.sets.shape[1] + 1))),
            tuple(map(float, use @ self.sets)),
            tuple(map(float, use @ self._stops)),
        )

    def curve(self, points: int = 101, decision_threshold: float = 0.5) -> tuple[Score, ...]:
        """Score one shared gate threshold from 0 (all experts) to 1, and just above (none).

        Raises:
            UserError: On fewer than two points.
        """
        if points < 2:
            raise requirement("points", "be 2 or more", points, "101 is usual")
        thresholds = [round(float(t), 6) for t in np.linspace(0, 1, points)] + [1.01]
        experts = len(self.trace.tree.names)
        return tuple(self.score(Policy((t,) * experts, decision_threshold)) for t in thresholds)


def most_within(curve: tuple[Score, ...], budget: float, total_macs: float) -> Score:
    """Find the point that spends most of a budget.

    Only gates are looked at, no label: with a hundred cases to choose by, the point that scores
    best among the affordable ones is one that was lucky on them.

    Args:
        curve: Of the cases to choose by, never of the test cases.
        budget: Share of ``total_macs`` that a case may cost on average.
        total_macs: Of a case for which every expert runs.

    Raises:
        UserError: If no point is affordable, though some expert could be left out.
    """
    cheapest = min(point.mean_macs for point in curve) / total_macs
    if cheapest >= 1:
        return curve[0]  # without experts there is nothing to save
    affordable = [point for point in curve if point.mean_macs <= budget * total_macs]
    if not affordable:
        raise requirement(
            "budget", f"be at least {cheapest:.3f}, what the base alone costs", budget, "raise it"
        )
    return max(affordable, key=lambda point: point.mean_macs)
