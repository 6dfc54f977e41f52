"""Known cases like this one: neighbours in the concepts the decision is made of."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from minspnet.trace import Head


@dataclass(frozen=True)
class Exemplars:
    """The most similar known cases, nearest first.

    Attributes:
        rows: Places among the known cases.
        similarity: In [0, 1]; 1 means the same findings, 0 the opposite end of every scale.
        shares: What each concept adds to the similarity: they sum to it.
        gaps: What each concept takes away from 1: they sum to one less the similarity.
    """

    rows: Int[np.ndarray, " near"]
    similarity: Float[np.ndarray, " near"]
    shares: Float[np.ndarray, "near concept"]
    gaps: Float[np.ndarray, "near concept"]

    def alike(self, near: int, most: int = 2) -> tuple[int, ...]:
        """Concepts that a neighbour shares most with the case, the weightiest first."""
        order = np.argsort(-self.shares[near], kind="stable")[:most]
        # What differs by more than it agrees is not shared, however much it weighs.
        return tuple(int(k) for k in order if self.shares[near, k] > self.gaps[near, k])

    def apart(self, near: int, least: float = 0.005) -> int | None:
        """The concept that sets a neighbour most apart; None if none costs half a per cent."""
        furthest = int(self.gaps[near].argmax())
        return furthest if self.gaps[near, furthest] >= least else None


def nearest(
    concepts: Float[np.ndarray, " output"],
    known: Float[np.ndarray, "case output"],
    head: Head,
    count: int = 5,
) -> Exemplars:
    """Find the known cases whose concepts weigh most alike in the decision.

    Similarity is one less the mean difference of the concepts, each weighed by how much it can
    move the log-odds, so that a concept counts as much as it matters to the class. Where no
    concept has a weight of its own, as with prototypes alone, all count the same. Residual
    channels are no findings: they count for nothing.
    """
    read = head.concepts
    importance = np.abs(head.weights[:, :read]).max(axis=0)
    if not importance.any():
        importance = np.ones_like(importance)
    weights = importance / importance.sum()
    apart = np.abs(known[:, :read] - concepts[:read])
    distances = (apart * weights).sum(axis=1)
    rows = np.argsort(distances, kind="stable")[:count]
    gaps = apart[rows] * weights
    return Exemplars(rows, np.clip(1 - distances[rows], 0, 1), weights - gaps, gaps)
