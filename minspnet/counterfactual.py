"""The smallest changes of findings that change a decision, several at once if need be.

A gate never looks at a corrected concept, so the routing stays, and of a linear head

    lead of the class decided for over another = a weighted sum of the concepts + a constant

Which values of which concepts bring the lead below 0 is then a knapsack with a choice from each
concept, and is solved exactly: fewest concepts first, then the smallest total shift.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float

from minspnet.policy import Policy
from minspnet.trace import Decision, Trace, predicted_class, replay

TOGETHER = 4
"""More findings than these, changed at once, are no answer that a person can use."""
_TOGETHER_CURVED = 2
"""With prototypes every combination is tried one by one."""
_SLACK = 1e-3
"""Log-odds by which the arithmetic of the head, in single precision, may differ."""


@dataclass(frozen=True)
class Counterfactual:
    """Findings that, set to these values together, change the decision; fewer of them do not.

    Attributes:
        concepts: Which ones, in the order of the concept axis.
        values: What each is set to, in [0, 1].
        decided: The class decided for then.
        shift: Sum of the changes, each in standard deviations of the training cases.
    """

    concepts: tuple[int, ...]
    values: tuple[float, ...]
    decided: int
    shift: float

    def apply(self, policy: Policy, names: Sequence[str]) -> Policy:
        """Make the changes as interventions."""
        for concept, value in zip(self.concepts, self.values, strict=True):
            policy = policy.intervene(names[concept], value)
        return policy


@dataclass(frozen=True)
class Alternatives:
    """Different sets of findings that each change the decision, the best first.

    Attributes:
        found: Those with what a person can see first, then the fewest concepts, then the
            smallest shift.
        together: As many concepts at once were tried.
        with_all: Whether changing all of them at once changes the decision; None where that
            was not settled.
    """

    found: tuple[Counterfactual, ...]
    together: int
    with_all: bool | None


def plausible_grades(
    known: Float[np.ndarray, "case concept"],
    groups: Sequence[Bool[np.ndarray, " case"]],
    grades: Sequence[Sequence[float]],
) -> tuple[tuple[float, ...], ...]:
    """Keep the grades that are usual in some class: where 9 in 10 of its training cases lie.

    Taken class by class, so that what is usual in a rare class is not called implausible.

    Args:
        known: True concepts of the training cases.
        groups: Of each class, which cases belong to it; all cases in one, if there are no labels.
        grades: Values in [0, 1] that each concept can be set to.
    """
    spans = [np.quantile(known[group], [0.05, 0.95], axis=0) for group in groups if group.any()]
    low = np.min([span[0] for span in spans], axis=0)
    high = np.max([span[1] for span in spans], axis=0)
    return tuple(
        # Half a step of room: the ends of a range are rarely grades themselves.
        tuple(v for v in values if low[k] - _half(values) <= v <= high[k] + _half(values))
        for k, values in enumerate(grades)
    )


def _half(values: Sequence[float]) -> float:
    return 0.5 / max(len(values) - 1, 1) if len(values) > 2 else 0.0


def alternatives(
    case: Trace,
    policy: Policy,
    grades: Sequence[Sequence[float]],
    spread: Float[np.ndarray, " concept"],
    visible: Sequence[bool],
    count: int = 5,
) -> Alternatives:
    """Find the smallest sets of concept changes that change one decision.

    What was set by hand stays as it was set. Every change returned was tried by the arithmetic
    that decides. A set is left out if a part of it does.

    Args:
        case: A trace of one case.
        policy: Under which it is decided.
        grades: Values in [0, 1] that each concept can be set to.
        spread: Standard deviation of each concept over the training cases.
        visible: Whether a person can see the concept in the input.
        count: Most sets to return.
    """
    assert len(case) == 1, "one case at a time"
    held = {name for name, _ in policy.interventions}
    free = tuple(
        () if name in held else tuple(values)
        for name, values in zip(case.concept_names, grades, strict=True)
    )
    search = _Search(case, policy, free, np.maximum(spread, 1e-6))
    curved = case.head.prototypes is not None
    together = min(_TOGETHER_CURVED if curved else TOGETHER, sum(map(bool, free)))
    found: list[Counterfactual] = []
    for size in range(1, together + 1):
        for chosen in combinations([k for k, values in enumerate(free) if values], size):
            if any(set(one.concepts) <= set(chosen) for one in found):
                continue
            best = search.every_pair(chosen) if curved else search.knapsack(chosen)
            found += [best] if best else []
        if sum(all(visible[k] for k in one.concepts) for one in found) >= count:
            break
    found.sort(key=lambda one: (*_guessed(one, visible), len(one.concepts), one.shift))
    with_all = True if found else None if curved else search.could_ever()
    return Alternatives(tuple(found[:count]), together, with_all)


def _guessed(one: Counterfactual, visible: Sequence[bool]) -> tuple[bool]:
    return (not all(visible[k] for k in one.concepts),)


class _Search:
    """One case, seen from each class that it might be decided for instead."""

    def __init__(
        self,
        case: Trace,
        policy: Policy,
        grades: tuple[tuple[float, ...], ...],
        spread: Float[np.ndarray, " concept"],
    ) -> None:
        self.head, self.policy, self.grades, self.spread = case.head, policy, grades, spread
        decision = replay(case, policy)
        self.decided = int(decision.predicted[0])
        self.now = decision.concepts[0]
        self.leads, self.slopes = _rivals(case, policy, decision)

    def _gains(self, rival: int, concept: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Values of a concept that help a rival, nearest first: (cost, gain, value)."""
        values = np.asarray(self.grades[concept], np.float32).astype(np.float64)
        change = values - float(self.now[concept])
        gain = self.slopes[rival, concept] * change
        order = np.argsort(np.abs(change), kind="stable")
        order = order[gain[order] > 0]
        return np.abs(change[order]) / self.spread[concept], gain[order], order

    def could_ever(self) -> bool:
        """Whether any rival wins if every concept helps it as much as it may."""
        for rival, lead in enumerate(self.leads):
            gains = [self._gains(rival, k)[1] for k in range(len(self.grades))]
            if sum(gain.max() for gain in gains if gain.size) >= lead:
                return True
        return False

    def knapsack(self, chosen: tuple[int, ...]) -> Counterfactual | None:
        """The cheapest values of these concepts, all of them moved, by which any rival wins."""
        ways = [way for rival in range(len(self.leads)) for way in self._cheapest(rival, chosen)]
        return min(ways, key=lambda one: one.shift, default=None)

    def _cheapest(self, rival: int, chosen: tuple[int, ...]) -> Iterator[Counterfactual]:
        options = [self._gains(rival, concept) for concept in chosen]
        lead = self.leads[rival]
        if not all(gain.size for _, gain, _ in options):
            return
        most = [float(gain.max()) for _, gain, _ in options]
        if sum(most) < lead - _SLACK:
            return
        cost, gained = np.zeros(1), np.zeros(1)
        picks = np.zeros((1, 0), dtype=np.intp)
        for place, (price, gain, value) in enumerate(options):
            rows, columns = (axis.ravel() for axis in np.indices((len(cost), len(price))))
            cost, gained = cost[rows] + price[columns], gained[rows] + gain[columns]
            picks = np.column_stack([picks[rows], value[columns]])
            hopeful = gained + sum(most[place + 1 :]) >= lead - _SLACK
            keep = np.flatnonzero(hopeful)
            keep = keep[_worth_keeping(cost[keep], gained[keep], lead + _SLACK)]
            cost, gained, picks = cost[keep], gained[keep], picks[keep]
        for row in np.argsort(cost, kind="stable"):
            values = tuple(
                self.grades[k][place] for k, place in zip(chosen, picks[row], strict=True)
            )
            decided = self.try_out(chosen, np.array([values]))[0]
            if decided != self.decided:
                yield Counterfactual(chosen, values, int(decided), float(cost[row]))
                return

    def every_pair(self, chosen: tuple[int, ...]) -> Counterfactual | None:
        """The cheapest values of these concepts that change the decision: all are tried."""
        grids = np.meshgrid(*(self.grades[k] for k in chosen), indexing="ij")
        values = np.stack([grid.ravel() for grid in grids], axis=1)
        decided = self.try_out(chosen, values)
        change = np.abs(values.astype(np.float32) - self.now[list(chosen)])
        cost = (change / self.spread[list(chosen)]).sum(axis=1)
        flips = decided != self.decided
        if not flips.any():
            return None
        best = int(np.argmin(np.where(flips, cost, np.inf)))
        picked = tuple(map(float, values[best]))
        return Counterfactual(chosen, picked, int(decided[best]), float(cost[best]))

    def try_out(
        self, chosen: tuple[int, ...], values: Float[np.ndarray, "case chosen"]
    ) -> np.ndarray:
        """Decide with some concepts set, by the arithmetic that decides."""
        tried = np.repeat(self.now[None], len(values), axis=0)
        tried[:, list(chosen)] = values
        return predicted_class(self.head.probabilities(self.head.class_logits(tried)), self.policy)


def _rivals(
    case: Trace, policy: Policy, decision: Decision
) -> tuple[Float[np.ndarray, " rival"], Float[np.ndarray, "rival concept"]]:
    """How far each other class is behind, in log-odds, and what it gains with each concept."""
    head = case.head
    decided = int(decision.predicted[0])
    others = [k for k in range(decision.class_logits.shape[1]) if k != decided]
    logits = decision.class_logits[0].astype(np.float64)
    weights = np.concatenate([np.zeros_like(head.weights[:1]), head.weights]).astype(np.float64)
    leads = logits[decided] - logits[others]
    if len(logits) == 2:
        cut = policy.decision_threshold
        boundary = head.temperature * np.log(cut / (1 - cut))
        leads = leads + (-boundary if decided else boundary)
    slopes: np.ndarray = (weights[others] - weights[decided])[:, : head.concepts]
    return leads, slopes


def _worth_keeping(
    cost: Float[np.ndarray, " way"], gained: Float[np.ndarray, " way"], enough: float
) -> np.ndarray:
    """Ways that no other one beats on both counts; gains beyond enough count the same."""
    order = np.lexsort((-gained, cost))
    capped = np.minimum(gained[order], enough)
    best_before = np.maximum.accumulate(np.concatenate([[-np.inf], capped[:-1]]))
    return order[capped > best_before]
