"""Where to cut a chance in two, when one kind of error is worse than the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from minspnet.errors import requirement


@dataclass(frozen=True)
class ErrorCurve:
    """What every decision threshold gets wrong.

    Attributes:
        chances: The different chances of the second class among the cases, rising.
        missed: Cases of the second class decided for the first. Step k is that of the thresholds
            above k of the chances.
        alarms: Cases of the first class decided for the second.
        cases: Of the first and of the second class.
    """

    chances: Float[np.ndarray, " chance"]
    missed: Float[np.ndarray, " step"]
    alarms: Float[np.ndarray, " step"]
    cases: tuple[int, int]

    @property
    def thresholds(self) -> Float[np.ndarray, " step"]:
        """A decision threshold for each step, half way between the chances around it.

        NaN for a step that no threshold strictly between 0 and 1 reaches.
        """
        ends = np.concatenate([[0.0], self.chances, [1.0]])
        # Chances are told from thresholds in single precision, where two may have nothing between.
        middle = ((ends[1:] + ends[:-1]) / 2).astype(np.float32).astype(np.float64)
        middle = np.where(middle > ends[:-1], middle, ends[1:])
        return np.where((middle > 0) & (middle < 1), middle, np.nan)

    def at(self, threshold: float) -> int:
        """Step that a decision threshold belongs to; a chance equal to it is decided for."""
        return int(np.searchsorted(self.chances, np.float32(threshold), side="left"))

    def cost(self, ratio: float) -> Float[np.ndarray, " step"]:
        """Mean cost of a case, where a false alarm costs 1 and a missed case ``ratio``."""
        return (ratio * self.missed + self.alarms) / sum(self.cases)

    def best(self, ratio: float) -> int:
        """Cheapest step; of several the one nearest to the calibrated threshold."""
        wanted = calibrated(ratio)
        ends = np.concatenate([[0.0], self.chances, [1.0]])
        far = np.maximum(np.maximum(ends[:-1] - wanted, wanted - ends[1:]), 0)
        cost = np.where(np.isnan(self.thresholds), np.inf, self.cost(ratio).round(12))
        return int(np.lexsort((far, cost))[0])

    def best_threshold(self, ratio: float) -> float:
        """A decision threshold of the cheapest step: the calibrated one, where it is as cheap."""
        step, wanted = self.best(ratio), calibrated(ratio)
        return wanted if self.at(wanted) == step else float(self.thresholds[step])


def calibrated(ratio: float) -> float:
    """Decision threshold that costs least where chances mean what they say.

    Source: Elkan 2001, The Foundations of Cost-Sensitive Learning, eq. 2.
    """
    return 1 / (1 + ratio)


def error_curve(
    chances: Float[np.ndarray, " case"],
    labels: Int[np.ndarray, " case"],
    weights: Float[np.ndarray, " case"] | None = None,
) -> ErrorCurve:
    """Count both kinds of error at every decision threshold.

    Args:
        chances: Of the second class, in [0, 1].
        labels: 0 or 1.
        weights: How often each case counts; once where not given.

    Raises:
        UserError: If there are no cases, or more than two classes.
    """
    if not len(labels) or not set(np.unique(labels)) <= {0, 1}:
        raise requirement(
            "labels", "be 0 or 1, for one case or more", sorted(set(labels)), "pick another task"
        )
    counted = np.ones(len(labels)) if weights is None else weights
    different, place = np.unique(chances.astype(np.float64), return_inverse=True)
    second = np.bincount(place, counted * (labels == 1), len(different))
    first = np.bincount(place, counted * (labels == 0), len(different))
    missed = np.concatenate([[0.0], np.cumsum(second)])
    alarms = first.sum() - np.concatenate([[0.0], np.cumsum(first)])
    return ErrorCurve(different, missed, alarms, (int((labels == 0).sum()), int(labels.sum())))


def best_range(
    chances: Float[np.ndarray, " case"],
    labels: Int[np.ndarray, " case"],
    groups: Sequence[str],
    ratio: float,
    draws: int = 200,
    seed: int = 0,
) -> tuple[float, float]:
    """Where the cheapest threshold falls in 9 of 10 resamples of the cases (a bootstrap).

    Args:
        chances: Of the second class, in [0, 1].
        labels: 0 or 1.
        groups: Of each case; whole groups are redrawn. Names of the cases where they stand alone.
        ratio: What a missed case costs in false alarms.
        draws: How many resamples.
        seed: Of the resamples.
    """
    generator = np.random.default_rng(seed)
    _, unit = np.unique(np.asarray(groups), return_inverse=True)
    count, found = int(unit.max()) + 1, []
    for _ in range(draws):
        times = np.bincount(generator.integers(count, size=count), minlength=count)
        curve = error_curve(chances, labels, times[unit].astype(np.float64))
        found.append(curve.best_threshold(ratio))
    low, high = np.quantile(found, [0.05, 0.95])
    return float(low), float(high)
