"""Whether chances mean what they say: shares with their uncertainty, and bins of confidence."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from minspnet.metrics import wilson_interval


@dataclass(frozen=True)
class Bin:
    """Cases that an answer is about equally sure of.

    Attributes:
        cases: How many.
        lowest: Least chance given to the most probable class.
        highest: Greatest.
        sure: Mean chance given to the most probable class.
        right: Share for which that class is the true one.
        interval: 95 % of that share; see ``minspnet.metrics.wilson_interval``.
    """

    cases: int
    lowest: float
    highest: float
    sure: float
    right: float
    interval: tuple[float, float]


def reliability(
    probabilities: Float[np.ndarray, "case class"], labels: Int[np.ndarray, " case"], bins: int = 10
) -> tuple[Bin, ...]:
    """Sort cases by confidence into bins of equally many, the least sure first.

    The bins are those of ``minspnet.metrics.calibration_error``: the mean gap between ``sure`` and
    ``right``, weighed by cases, is that error.

    Args:
        probabilities: Of every class.
        labels: Class indices.
        bins: Most bins; fewer cases make as many bins as there are cases.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    order = np.argsort(confidence, kind="stable")
    found = []
    for rows in np.array_split(order, min(bins, max(1, len(order)))):
        if not len(rows):
            continue
        right = int(correct[rows].sum())
        chances = confidence[rows]
        found.append(
            Bin(
                len(rows),
                float(chances[0]),
                float(chances[-1]),
                float(chances.mean()),
                right / len(rows),
                wilson_interval(right, len(rows)),
            )
        )
    return tuple(found)


def gap(bins: tuple[Bin, ...]) -> float:
    """Expected calibration error: the mean distance of ``sure`` from ``right``, by cases."""
    cases = sum(each.cases for each in bins)
    return sum(abs(each.sure - each.right) * each.cases for each in bins) / max(cases, 1)
