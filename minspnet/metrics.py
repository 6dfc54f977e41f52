"""Scores and costs of decisions, vectorised over policies where a page needs it."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.errors import requirement

Z_95 = 1.959963984540054
"""Standard deviations of the normal distribution that 95 % lies within."""
"""Of a normal distribution, 95 % lie within so many standard deviations."""


@dataclass(frozen=True)
class Price:
    """What a case costs in some unit, if each part that runs adds its own.

    Attributes:
        unit: Such as FLOPs, ms or nJ.
        base: What every case pays.
        experts: What an expert adds when it runs.
    """

    unit: str
    base: float
    experts: tuple[float, ...]

    @property
    def total(self) -> float:
        """Price of a case for which every expert runs."""
        return self.base + sum(self.experts)

    def of(self, active: Bool[np.ndarray, "case expert"]) -> Float[np.ndarray, " case"]:
        """Price of each case, given which experts ran."""
        return self.base + active @ np.asarray(self.experts, dtype=np.float64)


@dataclass(frozen=True)
class CostTable:
    """Multiply-accumulates (MACs) per case; FLOPs are twice as many.

    Attributes:
        base: What every case pays: stem, base exit, the gates on the stem, class head.
        experts: What an expert adds when it runs, its children's gates included.
        parts: The same, finer, for showing: (part, MACs).
    """

    base: int
    experts: tuple[int, ...]
    parts: tuple[tuple[str, int], ...] = ()

    @property
    def total(self) -> int:
        """MACs of a case for which every expert runs."""
        return self.base + sum(self.experts)

    @property
    def price(self) -> Price:
        """The same in MACs, for whoever compares prices."""
        return Price("MACs", float(self.base), tuple(map(float, self.experts)))

    @property
    def flops(self) -> Price:
        """Twice the MACs."""
        return Price("FLOPs", 2.0 * self.base, tuple(2.0 * macs for macs in self.experts))

    def macs(self, active: Bool[np.ndarray, "case expert"]) -> Float[np.ndarray, " case"]:
        """MACs of each case, given which experts ran."""
        return self.price.of(active)


def accuracy(predicted: Int[np.ndarray, " case"], labels: Int[np.ndarray, " case"]) -> float:
    """Share of cases decided as labelled."""
    return float((predicted == labels).mean())


def auc(scores: Float[np.ndarray, " case"], positive: Bool[np.ndarray, " case"]) -> float:
    """Area under the ROC curve: how often a positive case scores above a negative one.

    Ties count half. NaN if one of the two classes is missing.
    """
    found, missed = int(positive.sum()), int((~positive).sum())
    if not found or not missed:
        return float("nan")
    # Both sides sorted: the search then walks through memory in order.
    above, below = np.sort(scores[positive]), np.sort(scores[~positive])
    beaten = np.searchsorted(below, above, side="left").sum(dtype=np.int64)
    matched = np.searchsorted(below, above, side="right").sum(dtype=np.int64)
    return float((beaten + matched) / (2 * found * missed))


def mean_auc(
    probabilities: Float[np.ndarray, "case class"], labels: Int[np.ndarray, " case"]
) -> float:
    """AUC of the second class, or the mean of one-against-rest AUCs with more classes."""
    classes = range(1, 2) if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    return float(np.mean([auc(probabilities[:, k], labels == k) for k in classes]))


def midranks(values: Float[np.ndarray, " case"]) -> Float[np.ndarray, " case"]:
    """Place of each value in order, from 1 on; equal values share the mean of their places."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: np.ndarray = (last - (counts - 1) / 2)[places]
    return shared


def rank_correlation(a: Float[np.ndarray, " case"], b: Float[np.ndarray, " case"]) -> float:
    """Spearman's: 1 if both order the cases alike, -1 if one turns the order of the other round.

    NaN if one of them never varies.
    """
    a, b = midranks(a), midranks(b)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size else float("nan")


def recall(
    predicted: Int[np.ndarray, " case"], labels: Int[np.ndarray, " case"], classes: int
) -> Float[np.ndarray, " class"]:
    """Share of each class's cases that are found."""
    present = np.bincount(labels, minlength=classes)
    found = np.bincount(labels[predicted == labels], minlength=classes)
    return np.where(present > 0, found / np.maximum(present, 1), np.nan)


def wilson_interval(count: float, cases: float) -> tuple[float, float]:
    """95 % interval of a share that was seen to be ``count / cases``; (0, 1) without cases.

    It takes cases as independent: where several belong to one group, it is too narrow. The count
    may be a sum of grades in [0, 1], whose spread is at most that of yes and no with the same mean:
    the interval is then too wide rather than too narrow.

    Raises:
        UserError: If the count does not lie between 0 and the number of cases.

    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference.
    """
    if not 0 <= count <= cases:
        raise requirement("count", f"lie between 0 and {cases}", count, "count the same cases")
    if not cases:
        return 0.0, 1.0
    share, room = count / cases, Z_95 * Z_95 / cases
    middle = (share + room / 2) / (1 + room)
    reach = math.sqrt(share * (1 - share) * room + room * room / 4) / (1 + room)
    # The ends are met exactly, which rounding need not do.
    low = 0.0 if count == 0 else middle - reach
    return low, 1.0 if count == cases else middle + reach


def sign_test(more: int, fewer: int) -> float:
    """The chance of as uneven a split or more if either side were as likely; 1 without any.

    It needs six on one side and none on the other to fall below 0.05.

    Source: the exact two-sided binomial test at one half.
    """
    from scipy.special import bdtr

    both = more + fewer
    return min(1.0, 2 * float(bdtr(min(more, fewer), both, 0.5))) if both else 1.0


def calibration_error(
    probabilities: Float[np.ndarray, "case class"], labels: Int[np.ndarray, " case"], bins: int = 10
) -> float:
    """Mean gap between confidence and accuracy over ``bins`` bins of equally many cases."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    order = np.argsort(confidence, kind="stable")
    gaps = [
        abs(confidence[part].mean() - correct[part].mean()) * len(part) / len(order)
        for part in np.array_split(order, min(bins, len(order)))
    ]
    return float(sum(gaps))
