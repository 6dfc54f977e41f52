"""How far an update moves the reasons of cases, whether or not it moves their answers.

The reasons of a case are what each finding adds to the log-odds of the class that is explained,
against a typical training case: the bars of the waterfall on Case, all experts together. Each
model's own typical case is its reference, as on that page. They are compared as shares,

    share_k = r_k / sum_j |r_j|,      distance = 1/2 sum_k |share_k - share'_k|,

which is 0 if all findings speak as before and 1 if other findings speak, or all speak the other
way. Both models tell of the classes that the old one tells of.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from minspnet.policy import Policy
from minspnet.trace import Decision, Trace, replay
from minspnet.waterfall import between, output_names


@dataclass(frozen=True)
class Shift:
    """Two models' reasons for the same cases.

    Attributes:
        parts: Names of what speaks: findings, and what else the head reads.
        distance: Of each case's reasons, from 0 to 1.
        by_part: How far each part's share moved.
        leading: Whether the part that says most is another one.
    """

    parts: tuple[str, ...]
    distance: Float[np.ndarray, " case"]
    by_part: Float[np.ndarray, "case part"]
    leading: Bool[np.ndarray, " case"]


@dataclass(frozen=True)
class Reasons:
    """Shares of all reasons of each case."""

    parts: tuple[str, ...]
    shares: Float[np.ndarray, "case part"]

    def shift(self, other: "Reasons") -> Shift:
        """How far they are from those of another model on the same cases."""
        apart = np.abs(self.shares - other.shares) / 2
        first, second = (np.abs(one.shares).argmax(axis=1) for one in (self, other))
        return Shift(self.parts, apart.sum(axis=1), apart, first != second)


def reasons(
    trace: Trace,
    policy: Policy,
    typical: Float[np.ndarray, " output"],
    explained: Decision,
) -> Reasons:
    """Take the reasons of cases apart.

    Args:
        trace: Evidence on the cases.
        policy: Under which they are decided.
        typical: Concepts of the case that reasons are told against; see
            ``minspnet.waterfall.typical_concepts``.
        explained: Whose answers on these cases say which classes are told of.
    """
    concepts = replay(trace, policy).concepts.astype(np.float64)
    told, against = _contrasts(explained)
    head = trace.head
    added = between(head.weights, told, against) * (concepts - typical)
    if head.prototypes is not None:
        count = head.concepts
        alike = head.prototypes.similarity(concepts[:, :count].astype(np.float32))
        usual = head.prototypes.similarity(typical[None, :count].astype(np.float32))
        worth = between(head.prototypes.weights, told, against)
        added = np.column_stack([added, ((alike - usual) * worth).sum(axis=1)])
    total = np.abs(added).sum(axis=1, keepdims=True)
    shares = np.divide(added, total, out=np.zeros_like(added), where=total > 0)
    return Reasons(output_names(trace), shares)


def _contrasts(decision: Decision) -> tuple[np.ndarray, np.ndarray]:
    """Of each case, what ``minspnet.waterfall.contrast`` says of one."""
    logits = np.array(decision.class_logits)
    rows = np.arange(len(logits))
    if logits.shape[1] == 2:
        return np.ones_like(rows), np.zeros_like(rows)
    logits[rows, decision.predicted] = -np.inf
    return decision.predicted, logits.argmax(axis=1)
