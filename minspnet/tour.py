"""Which real cases show in five stops what a network of this kind is like."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.data import UNLABELLED
from minspnet.policy import CLOSED, Policy
from minspnet.trace import Trace, predicted_class, replay


@dataclass(frozen=True)
class Stop:
    """A case and what it is there to show.

    Attributes:
        kind: ``easy``, ``hard``, ``wrong``, ``mended`` or ``disputed``.
        case: Its id.
        changed: At a hard one, whether the base exit alone would have answered otherwise.
        correction: At a mended one, the concept that was misread and its true value in [0, 1].
    """

    kind: str
    case: str
    changed: bool = False
    correction: tuple[str, float] | None = None


def find_stops(
    trace: Trace,
    policy: Policy,
    labels: Int[np.ndarray, " case"],
    truth: Float[np.ndarray, "case concept"],
    seen: Bool[np.ndarray, " concept"],
) -> tuple[Stop, ...]:
    """Choose by rule, so that nobody picks the cases that flatter.

    Easy: right, with the fewest experts, and of those the surest. Hard: right, with the most
    experts; rather one that the base exit alone gets wrong; of those the surest. Wrong: the
    surest error. Mended: another error that one true concept puts right, and of those the one
    that comes out surest; rather by a concept that can be seen. A stop that no case is fit for is
    left out.

    Args:
        trace: Evidence on cases that were not trained on.
        policy: Under which they are decided; what-if edits are left out.
        labels: Class indices, or ``UNLABELLED``.
        truth: True graded concepts; NaN where unknown.
        seen: Which concepts a person can see in the input.
    """
    policy = policy.without_interventions()
    decision = replay(trace, policy)
    known = labels != UNLABELLED
    right = known & (decision.predicted == labels)
    wrong = known & ~right
    sure = decision.probabilities.max(axis=1)
    ran = decision.active.sum(axis=1)
    closed = Policy((CLOSED,) * len(trace.tree.names), policy.decision_threshold)
    changed = replay(trace, closed).predicted != decision.predicted
    stops = []
    easy = _first(right, -ran, sure)
    if easy is not None:
        stops.append(Stop("easy", trace.case_ids[easy]))
        hard = _first(right & (ran > ran[easy]), ran, changed, sure)
        if hard is not None:
            stops.append(Stop("hard", trace.case_ids[hard], bool(changed[hard])))
    error = _first(wrong, sure)
    if error is not None:
        stops.append(Stop("wrong", trace.case_ids[error]))
        others = wrong & (np.arange(len(wrong)) != error)
        found = _mended(trace, policy, labels, np.where(seen, truth, np.nan), others)
        found = found or _mended(trace, policy, labels, truth, others)
        if found is not None:
            row, concept = found
            correction = trace.concept_names[concept], float(truth[row, concept])
            stops.append(Stop("mended", trace.case_ids[row], correction=correction))
    return tuple(stops)


def _first(fit: np.ndarray, *ranks: np.ndarray) -> int | None:
    """Row of the fit case that ranks highest, by the first rank, then the next."""
    rows = np.flatnonzero(fit)
    if not rows.size:
        return None
    return int(rows[np.lexsort([-rank[rows].astype(float) for rank in reversed(ranks)])[0]])


def _mended(
    trace: Trace, policy: Policy, labels: np.ndarray, truth: np.ndarray, fit: np.ndarray
) -> tuple[int, int] | None:
    """Row and concept of the error that its true value puts right most surely."""
    rows = np.flatnonzero(fit)
    concepts = replay(trace[rows], policy).concepts if rows.size else np.empty((0, 0))
    best: tuple[float, int, int] | None = None
    for concept in range(truth.shape[1] if rows.size else 0):
        corrected = concepts.copy()
        value = truth[rows, concept]
        corrected[:, concept] = trace.head.read(truth)[rows, concept]
        probabilities = trace.head.probabilities(trace.head.class_logits(corrected))
        mended = predicted_class(probabilities, policy) == labels[rows]
        mended &= np.isfinite(value)
        for place in np.flatnonzero(mended):
            sure = float(probabilities[place].max())
            if best is None or sure > best[0]:
                best = sure, int(rows[place]), concept
    return best and best[1:]
