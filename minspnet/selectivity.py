"""What a unit stands for: how well it tells classes apart, and which findings it follows."""

import math

import numpy as np
from jaxtyping import Bool, Float, Int

_Z = 1.959964
"""Of a two-sided 95 % interval."""
_LEAST = 4
"""Fewer cases leave no interval for a correlation."""


def unit_auc(
    values: Float[np.ndarray, "case unit"], positive: Bool[np.ndarray, " case"]
) -> Float[np.ndarray, " unit"]:
    """How often a unit is stronger in a positive case than in a negative one; ties count half.

    1 or 0: it tells them apart without error; 0.5: not at all. NaN if one side is missing.
    """
    from scipy.stats import rankdata

    found, missed = int(positive.sum()), int((~positive).sum())
    if not found or not missed:
        return np.full(values.shape[1], np.nan)
    ranks = rankdata(values, axis=0)[positive].sum(axis=0)
    auc: np.ndarray = (ranks - found * (found + 1) / 2) / (found * missed)
    return auc


def auc_interval(auc: float, found: int, missed: int) -> tuple[float, float]:
    """95 % interval of an AUC, never empty: a perfect one among few cases proves little.

    Args:
        auc: In [0, 1].
        found: Positive cases.
        missed: Negative cases.

    Source: Newcombe 2006, Confidence intervals for an effect size measure based on the
    Mann-Whitney statistic, part 2 (method 5: the variance of Hanley and McNeil 1982 with equal
    group sizes, solved for the true AUC).
    """
    if math.isnan(auc):
        return math.nan, math.nan

    def gap(true: float) -> float:
        """Squared distance to what was seen, less what chance allows."""
        spread = 1 + ((found + missed) / 2 - 1) * ((1 - true) / (2 - true) + true / (1 + true))
        return (auc - true) ** 2 - _Z**2 * true * (1 - true) * spread / (found * missed)

    def crossing(outside: float) -> float:
        inside = auc
        for _ in range(50):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if gap(middle) <= 0 else (inside, middle)
        return inside

    return crossing(0.0), crossing(1.0)


def rank_correlation(
    values: Float[np.ndarray, "case unit"], graded: Float[np.ndarray, "case concept"]
) -> Float[np.ndarray, "unit concept"]:
    """Spearman's correlation of each unit with each concept; NaN where one never varies."""
    from scipy.stats import rankdata

    if len(values) < 2:
        return np.full((values.shape[1], graded.shape[1]), np.nan)
    sides = []
    for one in (values, graded):
        ranks = rankdata(one, axis=0)
        ranks -= ranks.mean(axis=0)
        length = np.sqrt(np.square(ranks).sum(axis=0))
        sides.append(ranks / np.where(length > 0, length, np.nan))
    return np.clip(sides[0].T @ sides[1], -1, 1)


def correlation_interval(correlation: float, cases: int) -> tuple[float, float]:
    """95 % interval of Spearman's correlation; NaN with fewer than 4 cases.

    Source: Bonett and Wright 2000, Sample size requirements for estimating Pearson, Kendall and
    Spearman correlations (their variance on Fisher's scale).
    """
    if math.isnan(correlation) or cases < _LEAST:
        return math.nan, math.nan
    # One step short of certainty, which Fisher's scale does not hold.
    middle = math.atanh(max(-1 + 1e-9, min(1 - 1e-9, correlation)))
    reach = _Z * math.sqrt((1 + correlation**2 / 2) / (cases - 3))
    return math.tanh(middle - reach), math.tanh(middle + reach)


def auc_influence(
    probabilities: Float[np.ndarray, "case class"], labels: Int[np.ndarray, " case"]
) -> Float[np.ndarray, " case"]:
    """How far each case pulls ``minspnet.metrics.mean_auc``, up or down; their mean is 0.

    The standard error of an AUC is their root mean square over the root of the number of cases;
    that of the difference of two AUCs on the same cases is the same of the differences.

    Source: DeLong et al. 1988, Comparing the areas under two or more correlated ROC curves (the
    placements of cases, as influences).
    """
    classes = range(1, 2) if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    pulls = [_influence(probabilities[:, k], labels == k) for k in classes]
    return np.mean(pulls, axis=0)


def _influence(
    scores: Float[np.ndarray, " case"], positive: Bool[np.ndarray, " case"]
) -> Float[np.ndarray, " case"]:
    pulls = np.full(len(scores), np.nan)
    if not positive.any() or positive.all():
        return pulls
    above, below = np.sort(scores[positive]), np.sort(scores[~positive])
    for rows, others, higher in ((positive, below, True), (~positive, above, False)):
        beaten = np.searchsorted(others, scores[rows], side="left")
        beaten = (beaten + np.searchsorted(others, scores[rows], side="right")) / 2 / len(others)
        placed = beaten if higher else 1 - beaten
        pulls[rows] = (placed - placed.mean()) * len(scores) / int(rows.sum())
    return pulls


def paired_interval(differences: Float[np.ndarray, " case"]) -> tuple[float, float]:
    """95 % interval of a mean of per-case differences, normal in the number of cases.

    It takes cases as independent, and is too narrow where few of the differences are not 0.
    """
    cases = len(differences)
    if cases < 2:
        return math.nan, math.nan
    reach = _Z * float(differences.std(ddof=1)) / math.sqrt(cases)
    middle = float(differences.mean())
    return middle - reach, middle + reach
