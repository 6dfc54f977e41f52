"""Giving up a little accuracy for less compute, and how sure the loss is."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from minspnet.errors import requirement
from minspnet.sweep import Score


@dataclass(frozen=True)
class Loss:
    """What one way of deciding costs against another on the same cases.

    Attributes:
        cases: How many were compared.
        newly_wrong: Decided as labelled before, and not any more.
        newly_right: The other way round.
    """

    cases: int
    newly_wrong: int
    newly_right: int

    @property
    def share(self) -> float:
        """Accuracy lost on these cases; below 0 it is gained."""
        return (self.newly_wrong - self.newly_right) / self.cases

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Bounds of the accuracy lost on cases of the same kind, for a choice made beforehand.

        The two shares of cases that change sides each get an exact binomial interval, and the
        extremes are taken: at least as sure as said, however few the cases, and with no change
        seen it is still not of width zero. It is wide where a bootstrap would be too narrow.

        Source: Clopper and Pearson (1934), with the error split evenly over the four ends.
        """
        tail = (1 - confidence) / 4
        wrong = _share(self.newly_wrong, self.cases, tail)
        right = _share(self.newly_right, self.cases, tail)
        return wrong[0] - right[1], wrong[1] - right[0]


def _share(count: int, cases: int, tail: float) -> tuple[float, float]:
    """Bounds of a binomial share, each missed with a probability of at most ``tail``."""
    # Here, because it takes longer to import than a page to draw.
    from scipy.special import betaincinv

    low = float(betaincinv(count, cases - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, cases - count, 1 - tail)) if count < cases else 1.0
    return low, high


def compare(
    before: Int[np.ndarray, " case"],
    after: Int[np.ndarray, " case"],
    labels: Int[np.ndarray, " case"],
) -> Loss:
    """Count the cases that one way of deciding gets wrong and another does not."""
    was, is_now = before == labels, after == labels
    return Loss(len(labels), int((was & ~is_now).sum()), int((~was & is_now).sum()))


def cheapest_within(curve: tuple[Score, ...], points_lost: float) -> Score | None:
    """Find the cheapest point that loses at most so much accuracy against all experts on.

    Args:
        curve: As ``Outcomes.curve`` gives it: its first point has every expert on.
        points_lost: In percentage points, 0 or more.

    Returns:
        None if no such point is cheaper than having every expert on.

    Raises:
        UserError: On a loss below 0.
    """
    if points_lost < 0:
        raise requirement("points_lost", "be 0 or more", points_lost, "0 gives nothing up")
    everything = curve[0]
    # Accuracies are fractions of whole cases; the margin is for floats only.
    least = everything.accuracy - points_lost / 100 - 1e-9
    kept = [
        point
        for point in curve
        if point.accuracy >= least and point.mean_macs < everything.mean_macs
    ]
    return min(kept, key=lambda point: (point.mean_macs, -point.accuracy), default=None)
