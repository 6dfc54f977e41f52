"""How far the concepts of a network can be trusted, with intervals over resampled cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.metrics import wilson_interval

Kind = Literal["present", "rated", "graded"]
"""Of a concept's truth: there or not, one of a few steps, or any grade."""
LEVELS = 25
"""Different true grades up to which a concept counts as rated."""
_LEAST_GROUPS = 10
Interval = tuple[float, float]


@dataclass(frozen=True)
class Association:
    """How concepts go together: as found with their truth, as found, and in truth.

    Attributes:
        trust: Rank correlation of each concept as found with its truth; of a concept that is
            there or not, the AUC.
        trust_draws: The same over resampled cases.
        found: Rank correlation of concepts as found with one another.
        true: Of their truths.
        tied_draws: ``found`` less ``true`` over resampled cases.
    """

    trust: Float[np.ndarray, " concept"]
    trust_draws: Float[np.ndarray, "draw concept"]
    found: Float[np.ndarray, "concept concept"]
    true: Float[np.ndarray, "concept concept"]
    tied_draws: Float[np.ndarray, "draw concept concept"]


@dataclass(frozen=True)
class Pair:
    """Two concepts that go together otherwise than in truth.

    Attributes:
        concepts: Which two.
        found: Rank correlation of what the network found.
        true: Rank correlation in truth.
        interval: 95 % interval of the difference.
    """

    concepts: tuple[int, int]
    found: float
    true: float
    interval: Interval


@dataclass(frozen=True)
class Reliability:
    """Grades given against true grades, in bins of about equally many cases.

    Attributes:
        given: Mean grade given, by bin.
        true: Mean true grade.
        low: Lower end of a 95 % Wilson interval of the mean true grade.
        high: Its upper end.
        cases: In the bin.
        calibration_error: Mean distance of the two means, each bin counted by its cases.
    """

    given: Float[np.ndarray, " bin"]
    true: Float[np.ndarray, " bin"]
    low: Float[np.ndarray, " bin"]
    high: Float[np.ndarray, " bin"]
    cases: Int[np.ndarray, " bin"]
    calibration_error: float


def kind_of(truth: Float[np.ndarray, " case"]) -> Kind:
    """Tell what kind of concept true grades belong to."""
    levels = len(np.unique(truth))
    return "present" if levels <= 2 else "rated" if levels <= LEVELS else "graded"


def resamples(
    groups: Sequence[str], draws: int = 500, seed: int = 0
) -> Int[np.ndarray, "draw case"]:
    """Draw cases with replacement: how often each stands in each draw.

    Cases of one group are drawn together, as a new patient comes with all of theirs; with fewer
    than ten groups, case by case, which makes an interval too narrow.

    Args:
        groups: Of each case.
        draws: How many.
        seed: Of the draws.
    """
    names, member = np.unique(np.array(groups), return_inverse=True)
    units = member if grouped(groups) else np.arange(len(groups))
    count = len(names) if grouped(groups) else len(groups)
    generator = np.random.default_rng(seed)
    drawn = (generator.integers(count, size=count) for _ in range(draws))
    counted = (np.bincount(one, minlength=count)[units] for one in drawn)
    return np.stack([one.astype(np.int16) for one in counted])


def grouped(groups: Sequence[str]) -> bool:
    """Whether there are enough groups to resample them rather than single cases."""
    return _LEAST_GROUPS <= len(set(groups)) < len(groups)


def interval(draws: Float[np.ndarray, " draw"]) -> Interval:
    """95 % percentile interval; draws that leave a score undefined do not count."""
    kept = draws[~np.isnan(draws)]
    if not kept.size:
        return float("nan"), float("nan")
    low, high = np.percentile(kept, [2.5, 97.5])
    return float(low), float(high)


def associations(
    found: Float[np.ndarray, "case concept"],
    truth: Float[np.ndarray, "case concept"],
    weights: Int[np.ndarray, "draw case"],
) -> Association:
    """Rank-correlate concepts as found and in truth, on all cases and on resampled ones.

    Ranks are worked out anew in every draw: with them held fixed, an interval would be that of
    another score.

    Args:
        found: Grades given.
        truth: True grades.
        weights: From ``resamples``.
    """
    concepts = found.shape[1]
    columns = np.concatenate([found, truth], axis=1)
    places = [np.unique(column, return_inverse=True)[1] for column in columns.T]
    binary = [kind_of(column) == "present" for column in truth.T]
    positive = truth > truth.min(axis=0)
    every = np.ones((1, len(found)), dtype=weights.dtype)
    trusts, tables = [], []
    for weight in np.concatenate([every, weights]):
        ranks = np.stack([_ranks(place, weight) for place in places])
        table = _correlations(ranks, weight)
        trust = table[np.arange(concepts), concepts + np.arange(concepts)]
        for k in np.flatnonzero(binary):
            trust[k] = _auc(ranks[k], positive[:, k], weight)
        trusts.append(trust)
        tables.append((table[:concepts, :concepts], table[concepts:, concepts:]))
    tied = np.stack([a - b for a, b in tables[1:]])
    return Association(trusts[0], np.stack(trusts[1:]), *tables[0], tied)


def untrue_pairs(known: Association) -> tuple[Pair, ...]:
    """Pairs of concepts, those first whose tie differs most from the true one."""
    rows, columns = np.triu_indices(len(known.trust), 1)
    apart = np.abs(known.found - known.true)[rows, columns]
    defined = np.flatnonzero(~np.isnan(apart))
    return tuple(
        Pair(
            (int(rows[n]), int(columns[n])),
            float(known.found[rows[n], columns[n]]),
            float(known.true[rows[n], columns[n]]),
            interval(known.tied_draws[:, rows[n], columns[n]]),
        )
        for n in defined[np.argsort(-apart[defined], kind="stable")]
    )


def reliability(
    found: Float[np.ndarray, " case"], truth: Float[np.ndarray, " case"], bins: int = 10
) -> Reliability:
    """Compare grades given with true ones; equal grades always share a bin.

    Intervals are Wilson's, and take cases as independent. Their width rests on the mean and not on
    the spread seen, which is 0 where the few cases of a bin happen to share one true grade.

    Args:
        found: Grades given, in [0, 1].
        truth: True grades, in [0, 1].
        bins: At most so many.
    """
    edges = np.unique(np.quantile(found, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.unique(np.searchsorted(edges, found, "right"), return_inverse=True)[1]
    cases = np.bincount(place)
    given, true = (np.bincount(place, column) / cases for column in (found, truth))
    sums = np.bincount(place, truth)
    ends = [wilson_interval(float(s), int(n)) for s, n in zip(sums, cases, strict=True)]
    low, high = np.array(ends).T
    error = float((np.abs(given - true) * cases).sum() / cases.sum())
    return Reliability(given, true, low, high, cases, error)


def weighted_means(
    values: Float[np.ndarray, "case *any"], weights: Int[np.ndarray, "draw case"]
) -> Float[np.ndarray, "draw *any"]:
    """Mean over resampled cases."""
    sums: np.ndarray = weights @ values / weights.sum(axis=1).reshape(-1, *(1,) * (values.ndim - 1))
    return sums


def _ranks(
    place: Int[np.ndarray, " case"], weight: Int[np.ndarray, " case"]
) -> Float[np.ndarray, " case"]:
    """Cases below, and half of those that are equal, where a case counts as often as drawn."""
    held = np.bincount(place, weight)
    ranks: np.ndarray = (np.cumsum(held) - held / 2)[place]
    return ranks


def _correlations(
    ranks: Float[np.ndarray, "column case"], weight: Int[np.ndarray, " case"]
) -> Float[np.ndarray, "column column"]:
    """Pearson's, of ranks: NaN where a column never varies."""
    centred = ranks - (ranks @ weight / weight.sum())[:, None]
    covariance = (centred * weight) @ centred.T
    size = np.sqrt(np.diag(covariance))
    size = np.where(size > 1e-9 * weight.sum() ** 1.5, size, np.nan)
    table: np.ndarray = covariance / np.outer(size, size)
    return np.clip(table, -1, 1)


def _auc(
    ranks: Float[np.ndarray, " case"],
    positive: Bool[np.ndarray, " case"],
    weight: Int[np.ndarray, " case"],
) -> float:
    """How often a case with the concept is graded above one without; NaN if one is missing."""
    there = float(weight[positive].sum())
    absent = float(weight.sum()) - there
    if not there or not absent:
        return float("nan")
    return float((weight[positive] @ ranks[positive] - there**2 / 2) / (there * absent))
