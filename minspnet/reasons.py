"""Why a case is decided as it is: which findings push where, and what would change it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from minspnet.policy import Policy
from minspnet.trace import Trace, predicted_class, replay
from minspnet.waterfall import nearest_rival, waterfall

LEAST = 0.25
"""A push smaller than this share of the largest one is not worth a word."""


@dataclass(frozen=True)
class Reasons:
    """How far a case is from being decided otherwise, and what brought it there.

    The lead is the log-odds of the class decided for against its rival, counted from where the
    decision would change sides:

        lead = start + sum of pushes,   lead >= 0

    Attributes:
        decided: The class decided for.
        rival: The class it would otherwise be: the other one, or the runner-up of several.
        start: Lead of a case whose concepts are all at the reference; below 0, that case is
            decided for the rival.
        pushes: What each concept, then whatever else the waterfall names, adds to the lead.
        outputs: Their names.
    """

    decided: int
    rival: int
    start: float
    pushes: Float[np.ndarray, " output"]
    outputs: tuple[str, ...]

    @property
    def lead(self) -> float:
        """Log-odds from the boundary."""
        return self.start + float(self.pushes.sum())

    def speaking_for(self, most: int = 3) -> tuple[int, ...]:
        """Outputs that push to the decision, the strongest first, weak ones left out."""
        return self._strongest(self.pushes, LEAST * float(self.pushes.max()), most)

    def speaking_against(self, most: int = 2) -> tuple[int, ...]:
        """Outputs that push away from it; weak ones, against all pushes, left out."""
        return self._strongest(-self.pushes, LEAST * float(np.abs(self.pushes).max()), most)

    @staticmethod
    def _strongest(
        pushes: Float[np.ndarray, " output"], least: float, most: int
    ) -> tuple[int, ...]:
        order = np.argsort(-pushes, kind="stable")[:most]
        return tuple(int(k) for k in order if pushes[k] > 0 and pushes[k] >= least)


def reasons(case: Trace, policy: Policy, reference: Float[np.ndarray, " output"]) -> Reasons:
    """Take one decision apart, against a reference case: the waterfall, seen from the boundary.

    Args:
        case: A trace of one case.
        policy: Under which it is decided.
        reference: Concepts of the case compared with; see ``waterfall.typical_concepts``.
    """
    assert len(case) == 1, "reasons are given for one case"
    decision = replay(case, policy)
    decided = int(decision.predicted[0])
    rival = nearest_rival(decision)
    fall = waterfall(case, policy, reference, decided, rival)
    start = fall.start
    if decision.class_logits.shape[1] == 2:
        cut = policy.decision_threshold
        boundary = case.head.temperature * math.log(cut / (1 - cut))
        start += -boundary if decided else boundary
    return Reasons(decided, rival, start, fall.by_output, fall.outputs)


@dataclass(frozen=True)
class Flip:
    """A change of one concept that changes the decision.

    Attributes:
        concept: Which one.
        value: The nearest of the values tried that does, in [0, 1].
        decided: The class decided for then.
        beyond: Whether all values further out leave the present class too; prototypes may bring
            it back.
    """

    concept: int
    value: float
    decided: int
    beyond: bool


def smallest_flip(case: Trace, policy: Policy, grades: Sequence[Sequence[float]]) -> Flip | None:
    """Find the smallest change of a single concept that changes the decision.

    Every value is tried, by the same arithmetic that decides: a gate never looks at a concept,
    so setting one leaves the routing as it is.

    Args:
        case: A trace of one case.
        policy: Under which it is decided; its other interventions stay.
        grades: Values in [0, 1] that each concept can be set to.

    Returns:
        None if no single concept changes the decision.
    """
    assert len(case) == 1, "one case at a time"
    decision = replay(case, policy)
    concepts = np.repeat(np.arange(len(grades)), [len(values) for values in grades])
    values = np.concatenate([np.asarray(values, np.float32) for values in grades])
    tried = np.repeat(decision.concepts, len(values), axis=0)
    tried[np.arange(len(values)), concepts] = values
    chances = case.head.probabilities(case.head.class_logits(tried))
    found = predicted_class(chances, policy)
    flips = found != decision.predicted[0]
    if not flips.any():
        return None
    change = values - decision.concepts[0, concepts]
    best = int(np.argmin(np.where(flips, np.abs(change), np.inf)))
    concept = int(concepts[best])
    further = (concepts == concept) & (change / change[best] >= 1)
    value = grades[concept][best - int(np.searchsorted(concepts, concept))]
    return Flip(concept, value, int(found[best]), bool(flips[further].all()))
