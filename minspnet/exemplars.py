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
    """

    rows: Int[np.ndarray, " near"]
    similarity: Float[np.ndarray, " near"]


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
    apart = np.abs(known[:, :read] - concepts[:read])
    distances = (apart * (importance / importance.sum())).sum(axis=1)
    rows = np.argsort(distances, kind="stable")[:count]
    return Exemplars(rows, np.clip(1 - distances[rows], 0, 1))
