"""Whether chances mean what they say: shares with their uncertainty, and bins of confidence."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from minspnet.errors import requirement

_Z = 1.959963984540054
"""Of a normal distribution, 95 % lie within so many standard deviations."""


def wilson(count: int, cases: int) -> tuple[float, float]:
    """95 % interval of a share that was seen to be ``count / cases``; (0, 1) without cases.

    It takes cases as independent: where several belong to one group, it is too narrow.

    Raises:
        UserError: If the count does not lie between 0 and the number of cases.

    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference.
    """
    if not 0 <= count <= cases:
        raise requirement("count", f"lie between 0 and {cases}", count, "count the same cases")
    if not cases:
        return 0.0, 1.0
    share, room = count / cases, _Z * _Z / cases
    middle = (share + room / 2) / (1 + room)
    reach = math.sqrt(share * (1 - share) * room + room * room / 4) / (1 + room)
    # The ends are met exactly, which rounding need not do.
    low = 0.0 if count == 0 else middle - reach
    return low, 1.0 if count == cases else middle + reach


@dataclass(frozen=True)
class Bin:
    """Cases that an answer is about equally sure of.

    Attributes:
        cases: How many.
        lowest: Least chance given to the most probable class.
        highest: Greatest.
        sure: Mean chance given to the most probable class.
        right: Share for which that class is the true one.
        interval: 95 % of that share; see ``wilson``.
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
                wilson(right, len(rows)),
            )
        )
    return tuple(found)


def gap(bins: tuple[Bin, ...]) -> float:
    """Expected calibration error: the mean distance of ``sure`` from ``right``, by cases."""
    cases = sum(each.cases for each in bins)
    return sum(abs(each.sure - each.right) * each.cases for each in bins) / max(cases, 1)
