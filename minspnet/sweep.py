"""Score many policies from one trace, exactly, without deciding the same thing twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from minspnet.errors import requirement
from minspnet.metrics import CostTable, mean_auc
from minspnet.policy import Policy
from minspnet.tally import Tally, popcount, tally
from minspnet.trace import Trace, replay

STEPS = (*(round(0.01 * step, 2) for step in range(101)), 1.01)
"""Shared gate thresholds in equal steps, from all experts on to none."""


@dataclass(frozen=True)
class Score:
    """What a policy is worth on labelled cases.

    Attributes:
        gate_thresholds: Of the policy.
        accuracy: Share of cases decided as labelled.
        mean_macs: Per case; FLOPs are twice as many.
        recalls: Share of each class found.
        depth_shares: Share of cases by number of active experts, from 0 on.
        expert_shares: Share of cases for which each expert ran.
        stop_shares: Share of cases that end at the base exit, then at each expert: it ran, and
            no expert behind it did. An expert without any behind it counts no stop.
        set_shares: Share of cases that ran exactly each set of experts, in the order of
            ``minspnet.tally.reachable_sets``.
    """

    gate_thresholds: tuple[float, ...]
    accuracy: float
    mean_macs: float
    recalls: tuple[float, ...]
    depth_shares: tuple[float, ...]
    expert_shares: tuple[float, ...]
    stop_shares: tuple[float, ...]
    set_shares: tuple[float, ...]


@dataclass(frozen=True)
class Outcomes:
    """Every decision a trace can lead to, and what each costs.

    Attributes:
        trace: The evidence.
        labels: True classes.
        cost: MACs per part.
    """

    trace: Trace
    labels: Int[np.ndarray, " case"]
    cost: CostTable

    @cached_property
    def _kept(self) -> dict[str, tuple[float, Tally]]:
        return {}

    def tally(self, decision_threshold: float = 0.5) -> Tally:
        """Which cases are right under which experts; the last decision threshold is kept.

        Raises:
            UserError: If labels do not fit or are unknown, or the forest reaches too many sets.
        """
        kept = self._kept.get("last")
        if kept is None or kept[0] != decision_threshold:
            kept = decision_threshold, tally(self.trace, self.labels, decision_threshold)
            # Sessions share it: one assignment, and nothing is looked up again after it.
            self._kept["last"] = kept
        return kept[1]

    def score(self, policy: Policy) -> Score:
        """Score one policy over all cases."""
        policy.check(self.trace.tree.names, self.trace.concept_names)
        counted = self.tally(policy.decision_threshold)
        by_set = counted.by_set(policy.gate_thresholds)
        right = counted.right_among(by_set)
        use = np.array([popcount(cases) for cases in by_set]) / len(self.trace)
        found = np.array([popcount(right & members) for members in counted.members])
        present = counted.present
        depths = counted.sets.sum(axis=1)
        return Score(
            policy.gate_thresholds,
            float(found.sum() / len(self.trace)),
            float(use @ self.cost.macs(counted.sets)),
            tuple(map(float, np.where(present, found / np.maximum(present, 1), np.nan))),
            tuple(map(float, np.bincount(depths, use, minlength=counted.sets.shape[1] + 1))),
            tuple(map(float, use @ counted.sets)),
            tuple(map(float, use @ counted.stops)),
            tuple(map(float, use)),
        )

    def auc(self, policy: Policy) -> float:
        """Area under the ROC curve under one policy; see ``minspnet.metrics.mean_auc``."""
        return mean_auc(replay(self.trace, policy).probabilities, self.labels)

    def curve(
        self, gate_thresholds: Sequence[float] = STEPS, decision_threshold: float = 0.5
    ) -> tuple[Score, ...]:
        """Score gate thresholds that all experts share.

        Raises:
            UserError: If there are none.
        """
        if not len(gate_thresholds):
            raise requirement("gate_thresholds", "be one or more", "none", "STEPS is usual")
        experts = len(self.trace.tree.names)
        return tuple(
            self.score(Policy.shared(threshold, experts).with_cut(decision_threshold))
            for threshold in gate_thresholds
        )


def effective_gates(trace: Trace) -> Float[np.ndarray, "expert case"]:
    """The lowest gate on the way to each expert: the shared threshold up to which it runs."""
    lowest = np.array(trace.gates.T)
    for expert, parent in enumerate(trace.tree.parents):
        if parent >= 0:
            np.minimum(lowest[expert], lowest[parent], out=lowest[expert])
    return lowest


def breakpoints(trace: Trace, most: int = 201) -> tuple[float, ...]:
    """Shared gate thresholds that act differently, from all experts on to none.

    Any other threshold acts as one of these. If there are more than ``most``, those are kept that
    leave equally many changes between them.
    """
    lowest = effective_gates(trace)
    between = thresholds_between(lowest, most) if lowest.size else [0]
    return tuple(map(float, (*between, 1.01)))


def thresholds_between(
    gates: Float[np.ndarray, "*any"],
    most: int,
    deciding: Float[np.ndarray, "*some"] | None = None,
) -> Float[np.ndarray, " threshold"]:
    """Thresholds below each gate, halfway to its next lower neighbour; 0 below the lowest.

    Never on a gate itself: another implementation of the same network, whose gates differ in the
    last digit, would route the case that stands there by chance.

    Args:
        gates: Scores of many cases.
        most: More than so many thresholds are thinned out, to leave equally many gates between.
        deciding: Only thresholds below these of the gates; all by default.
    """
    ordered = np.sort(gates, axis=None)
    values = distinct = _distinct(ordered)
    if deciding is not None:
        ordered = np.sort(deciding, axis=None)
        values = _distinct(ordered)
    if len(values) > most:
        quantiles = ordered[np.linspace(0, len(ordered) - 1, most).round().astype(np.intp)]
        kept = np.unique(np.searchsorted(values, quantiles))
        # Where many gates are alike, quantiles fall together: others take the room that is left.
        others = np.setdiff1d(np.arange(len(values)), kept)
        spare = np.linspace(0, len(others) - 1, min(most - len(kept), len(others)))
        values = values[np.union1d(kept, others[spare.round().astype(np.intp)])]
    places = np.searchsorted(distinct, values)
    below = distinct[places - 1]
    halfway = below + (values - below) / 2
    # Neighbours in floats have nothing between them.
    return np.where(places == 0, np.float32(0), np.where(halfway > below, halfway, values))


def _distinct(ordered: Float[np.ndarray, " gate"]) -> Float[np.ndarray, " value"]:
    return ordered[np.flatnonzero(np.diff(ordered, prepend=-1))]


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
    most = budget * total_macs * (1 + 1e-9)  # a share of the total need not come back exactly
    affordable = [point for point in curve if point.mean_macs <= most]
    if not affordable:
        raise requirement(
            "budget", f"be at least {cheapest:.3f}, what the base alone costs", budget, "raise it"
        )
    return max(affordable, key=lambda point: point.mean_macs)


def cheapest_alike(outcomes: Outcomes, drift: float) -> Score:
    """Find the cheapest shared gate threshold that hardly changes what is said.

    Measured against every expert on: the mean over cases of how much probability moves from some
    classes to others (total variation). No label is looked at, and every case says something, so
    that a few dozen cases can choose, which counted errors could not.

    Args:
        outcomes: Of the cases to choose by, never of the test cases.
        drift: Most probability that may move on average, from 0 to 1.
    """
    experts = len(outcomes.trace.tree.names)
    whole = replay(outcomes.trace, Policy.shared(0, experts)).probabilities

    def moved(threshold: float) -> float:
        said = replay(outcomes.trace, Policy.shared(threshold, experts)).probabilities
        return float(np.abs(said - whole).sum(axis=1).mean() / 2)

    alike = [threshold for threshold in STEPS if moved(threshold) <= drift]
    points = outcomes.curve(alike)
    return min(points, key=lambda point: point.mean_macs)


def cheapest_reaching(
    points: Sequence[Score], prices: Sequence[float], least_accuracy: float
) -> Score:
    """Find the cheapest point that is accurate enough; among equally cheap ones the best.

    Args:
        points: Policies scored on the cases to choose by, never on the test cases.
        prices: Of each point, per case, in any unit.
        least_accuracy: On those cases.

    Raises:
        UserError: If no point is.
    """
    slack = 1e-9  # a difference of two shares need not come back exactly
    enough = [
        (price, -point.accuracy, place)
        for place, (point, price) in enumerate(zip(points, prices, strict=True))
        if point.accuracy >= least_accuracy - slack
    ]
    if not enough:
        best = max(point.accuracy for point in points)
        raise requirement("least_accuracy", f"be at most {best:.3f}", least_accuracy, "lower it")
    return points[min(enough)[-1]]
