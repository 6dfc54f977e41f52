"""Find the cheapest policy of which a bounded loss can be promised.

Policies are lined up beforehand from safe to cheap, and each is tested on calibration cases that
had no part in training, in the temperature or in the line-up. All that pass keep the promise
together, with at least the confidence asked for; so the cheapest of them may be taken.

Source: Angelopoulos et al. 2021, Learn then Test; Laufer-Goldenberg et al. 2023, Efficiently
controlling multiple risks with Pareto testing (a line-up from other cases).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.data import UNLABELLED
from minspnet.errors import requirement
from minspnet.guarantee import Certificate, Promise, Rung
from minspnet.metrics import CostTable
from minspnet.policy import Policy
from minspnet.sequence import levels, rejected
from minspnet.significance import UNLABELLED_WEIGHT, Counts, betting_p, counts_p
from minspnet.trace import Trace, replay

_GATES = 401


def ladder(
    trace: Trace, cost: CostTable, rungs: int = 20, decision_threshold: float = 0.5
) -> tuple[Policy, ...]:
    """Line up shared gate thresholds in even steps of cost, from safe to cheap.

    Args:
        trace: Of cases other than the calibration cases, such as those of training: a policy
            made from the cases that test it is not the one that was announced. Labels are not
            looked at.
        cost: MACs per part.
        rungs: At most so many; the last one leaves every expert out.
        decision_threshold: Of all of them.
    """
    experts = len(trace.tree.names)
    if not experts:
        return (Policy((), decision_threshold),)
    thresholds = np.append(np.unique(np.quantile(trace.gates, np.linspace(0, 1, _GATES))), 1.01)
    macs = np.array(
        [cost.macs(trace.tree.open(trace.gates, (t,) * experts)).mean() for t in thresholds]
    )
    steps = np.linspace(cost.total, macs[-1], rungs + 1)[1:]
    # From the end: of thresholds that cost these cases the same, the highest.
    places = {int(np.abs(macs[::-1] - step).argmin()) for step in steps}
    return tuple(
        Policy((float(thresholds[::-1][place]),) * experts, decision_threshold)
        for place in sorted(places, reverse=True)
    )


def certify(
    policies: Sequence[Policy],
    trace: Trace,
    labels: Int[np.ndarray, " case"],
    cost: CostTable,
    promise: Promise,
    groups: Sequence[str] | None = None,
) -> Certificate:
    """Find the cheapest policy that keeps a promise.

    Args:
        policies: From safe to cheap, fixed without the calibration cases; see ``ladder``.
        trace: Evidence on the calibration cases, of a network whose weights and temperature they
            had no part in.
        labels: Theirs; ``UNLABELLED`` where not known, which must not depend on the case.
        cost: MACs per part.
        promise: What is to hold.
        groups: What each case belongs to, such as the patient; None if cases were drawn singly.

    Raises:
        UserError: If labels, groups or policies do not fit.
    """
    _check(policies, trace, labels, promise, groups)
    known = np.flatnonzero(labels != UNLABELLED)
    grouped = groups is not None and len(set(groups)) < len(groups)
    drawn = np.unique(np.array(groups), return_inverse=True)[1] if grouped else None
    of_class = None
    if promise.class_index is not None:
        of_class = known[labels[known] == promise.class_index]
    seen = [_Seen.of(policy, trace, labels, cost) for policy in policies]
    parts = [_Part(promise.points_lost / 100, known, np.arange(len(labels)), drawn)]
    if of_class is not None:
        assert promise.class_points_lost is not None
        # Nobody knows of which class an unlabelled case is.
        parts.append(_Part(promise.class_points_lost / 100, of_class, of_class, drawn))
    p_values = np.array([max(part.p_value(one, promise.error) for part in parts) for one in seen])
    fresh = worth_fresh_starts(
        parts[0].draws(parts[0].rows),
        parts[0].draws(known),
        [part.least(promise.error) for part in parts],
    )
    kept = rejected(p_values, levels(len(policies), promise.error, fresh))
    rungs = tuple(
        Rung(
            policy,
            one.macs,
            int((one.loss[known] > 0).sum()),
            int((one.loss[known] < 0).sum()),
            int(one.changed.sum()),
            float(p),
            bool(passed),
        )
        for policy, one, p, passed in zip(policies, seen, p_values, kept, strict=True)
    )
    cheaper = [rung for rung in rungs if rung.kept and rung.macs < cost.total]
    best = min(cheaper, key=lambda rung: rung.macs, default=None)
    share = best.macs / cost.total if best else 1.0
    likely = _likely(parts, seen, promise.error, share * cost.total)
    return Certificate(
        promise,
        best.policy if best else None,
        share,
        len(known),
        len(labels) - len(known),
        len(of_class) if of_class is not None else None,
        len(set(groups)) if grouped and groups is not None else None,
        "betting" if grouped else "exact",
        fresh,
        rungs,
        max(part.in_all(part.least(promise.error), parts[0]) for part in parts),
        likely[0] if likely else None,
        likely[1] / cost.total if likely else None,
    )


def worth_fresh_starts(draws: int, labelled: int, least: Sequence[int]) -> bool:
    """Whether there are enough draws to keep half of the error for later starts.

    Decided by numbers of cases alone: what was seen in them, such as how many are of a class, must
    not decide how they are tested. The named class is taken for a quarter of the cases.

    Args:
        draws: All, labelled or not.
        labelled: Those with a label.
        least: With which no change at all would do: of any class, then of the named class.
    """
    return draws >= 2 * least[0] and all(labelled >= 8 * enough for enough in least[1:])


def _check(
    policies: Sequence[Policy],
    trace: Trace,
    labels: np.ndarray,
    promise: Promise,
    groups: Sequence[str] | None,
) -> None:
    for name, given in (("labels", labels), ("groups", groups)):
        if given is not None and len(given) != len(trace):
            raise requirement(name, f"have {len(trace)} values", len(given), "match the trace")
    if not len(trace):
        raise requirement("calibration cases", "number 1 or more", 0, "add cases")
    if not policies:
        raise requirement("policies", "number 1 or more", 0, "line some up with ladder")
    if len({policy.decision_threshold for policy in policies}) > 1:
        raise requirement(
            "policies", "share one decision threshold", "several", "promise one at a time"
        )
    if any(policy.interventions for policy in policies):
        raise requirement(
            "policies", "hold no interventions", "some", "they are what-if edits of one case"
        )
    classes = len(trace.head.bias) + 1
    if promise.class_index is not None and not 0 <= promise.class_index < classes:
        raise requirement(
            "class_index", f"lie between 0 and {classes - 1}", promise.class_index, "name a class"
        )


@dataclass(frozen=True)
class _Seen:
    """One policy on all calibration cases; the loss means something for labelled ones only."""

    macs: float
    loss: Float[np.ndarray, " case"]
    changed: Bool[np.ndarray, " case"]

    @classmethod
    def of(cls, policy: Policy, trace: Trace, labels: np.ndarray, cost: CostTable) -> Self:
        everything = replace(policy, gate_thresholds=(0.0,) * len(policy.gate_thresholds))
        before, after = replay(trace, everything), replay(trace, policy)
        right, still = before.predicted == labels, after.predicted == labels
        loss = right.astype(float) - still.astype(float)
        macs = float(cost.macs(after.active).mean())
        return cls(macs, loss, before.predicted != after.predicted)


@dataclass(frozen=True)
class _Part:
    """A bound and the cases it is about.

    Attributes:
        bound: On the loss.
        known: Rows with a label.
        rows: All rows.
        drawn: Number of each row's group; None if cases were drawn singly.
    """

    bound: float
    known: Int[np.ndarray, " known"]
    rows: Int[np.ndarray, " row"]
    drawn: Int[np.ndarray, " case"] | None

    def p_value(self, seen: _Seen, error: float) -> float:
        if self.drawn is None:
            loss, changed = seen.loss[self.known], int(seen.changed[self.rows].sum())
            harms, gains = int((loss > 0).sum()), int((loss < 0).sum())
            counts = Counts(harms, gains, len(loss), changed, len(self.rows))
            return counts_p(counts, self.bound, error)
        lost = betting_p(self.means(seen.loss, self.known), self.bound)
        if len(self.rows) == len(self.known):
            return lost
        agreed = betting_p(self.means(seen.changed.astype(float), self.rows), self.bound)
        return min(1.0, lost / (1 - UNLABELLED_WEIGHT), agreed / UNLABELLED_WEIGHT)

    def means(
        self, values: Float[np.ndarray, " case"], rows: Int[np.ndarray, " row"]
    ) -> Float[np.ndarray, " draw"]:
        """Mean of each draw: the case itself, or its group."""
        if self.drawn is None:
            return values[rows]
        _, place = np.unique(self.drawn[rows], return_inverse=True)
        return np.bincount(place, values[rows]) / np.bincount(place)

    def draws(self, rows: Int[np.ndarray, " row"]) -> int:
        """Independent draws behind some rows."""
        return len(rows) if self.drawn is None else len(np.unique(self.drawn[rows]))

    def least(self, error: float) -> int:
        """Labelled draws with which no change at all would do."""
        low, high = 0, 1
        while not self._nothing_seen(high, error):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._nothing_seen(middle, error) else (middle, high)
        return high

    def _nothing_seen(self, draws: int, error: float) -> bool:
        if self.drawn is None:
            return counts_p(Counts(0, 0, draws, 0, draws), self.bound, error) <= error
        return betting_p(np.zeros(draws), self.bound) <= error

    def in_all(self, draws: int, whole: "_Part") -> int:
        """Draws of all kinds that hold so many of this one, at the share seen."""
        if self is whole or not self.draws(self.known):
            return draws
        return math.ceil(draws * whole.draws(whole.known) / self.draws(self.known))

    def likely(self, seen: _Seen, error: float) -> float:
        """Labelled draws with which the rates seen would pass in about four of five draws."""
        from scipy.special import ndtri

        losses = self.means(seen.loss, self.known)
        if not len(losses) or (spare := self.bound - losses.mean()) <= 0:
            return math.inf
        here = float(losses.var())
        # At the bound, what is not seen now would be harms.
        wide = -ndtri(error / 2) * math.sqrt(here + spare) + ndtri(0.8) * math.sqrt(here)
        return max(self.least(error), (wide / spare) ** 2)


def _likely(
    parts: Sequence[_Part], seen: Sequence[_Seen], error: float, macs: float
) -> tuple[int, float] | None:
    """Cases for the cheapest rung that ten times as many would likely settle, and its MACs."""
    for one in sorted((one for one in seen if one.macs < macs), key=lambda one: one.macs):
        draws = max(
            part.in_all(math.ceil(n), parts[0])
            if (n := part.likely(one, error)) < math.inf
            else math.inf
            for part in parts
        )
        if draws <= 10 * parts[0].draws(parts[0].known):
            return int(draws), one.macs
    return None
