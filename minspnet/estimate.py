"""A number taken from some cases, and between what bounds it would lie on others like them.

Intervals of the scores of models are made here. A share, such as an accuracy, has that of Wilson
on its effective number of cases; every other score is worked out anew on redrawn cases.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.errors import requirement
from minspnet.metrics import wilson_interval

FEWEST_UNITS = 10
"""Fewer groups than this say too little about further groups to redraw them; so do fewer units of
a cohort about further cases of it."""
_NUMBERS_AT_ONCE = 1_000_000
_ALIKE = 1e-9
"""What rounding may set apart."""


@dataclass(frozen=True)
class Resampling:
    """A bootstrap: units are redrawn with replacement, all cases of a unit together.

    Attributes:
        units: Unit of each case, from 0 on; each case its own where cases stand alone, or come
            from too few groups to redraw these.
        grouped: Whether units are groups of cases.
        draws: How often.
        seed: Equal seeds redraw equally.
    """

    units: Int[np.ndarray, " case"]
    grouped: bool
    draws: int = 1000
    seed: int = 0

    @property
    def count(self) -> int:
        """Number of units."""
        return int(self.units.max()) + 1 if len(self.units) else 0

    def weights(self) -> Iterator[Float[np.ndarray, "draw case"]]:
        """How often each case is drawn, some draws at a time; every call gives the same."""
        generator = np.random.default_rng(self.seed)
        at_once = max(1, _NUMBERS_AT_ONCE // max(1, len(self.units)))
        for start in range(0, self.draws, at_once):
            rows = min(at_once, self.draws - start)
            drawn = generator.integers(self.count, size=(rows, self.count))
            places = drawn + self.count * np.arange(rows)[:, None]
            times = np.bincount(places.ravel(), minlength=rows * self.count)
            yield times.reshape(rows, self.count)[:, self.units].astype(np.float64)


def resampling(groups: Sequence[str], draws: int = 1000, seed: int = 0) -> Resampling:
    """Redraw groups where there are enough of them, else cases.

    Fewer than ``FEWEST_UNITS`` groups cannot tell how much groups differ. Their cases are redrawn
    instead: the interval is then about further cases of these same groups, and of no others.

    Raises:
        UserError: If there are no cases.
    """
    if not len(groups):
        raise requirement("cases", "number 1 or more", 0, "pick contestants that share some")
    names, units = np.unique(np.array(groups), return_inverse=True)
    if len(names) == len(groups) or len(names) < FEWEST_UNITS:
        return Resampling(np.arange(len(groups)), False, draws, seed)
    return Resampling(units.astype(np.intp), True, draws, seed)


def what_it_is_about(how: Resampling, groups: Sequence[str], case: str, group: str) -> str:
    """Say in a sentence for whom intervals hold; nothing where cases stand alone.

    Args:
        how: From ``resampling``.
        groups: Of each case.
        case: What a case is called.
        group: What a group is called; empty where there are none.
    """
    many, cases = len(set(groups)), len(groups)
    if how.grouped:
        return (
            f"{case.capitalize()}s of one {group or 'group'} may count for less than as "
            f"many of others: {cases:,} {case}s of {many:,} {group or 'group'}s."
        )
    if group and many < cases:
        return (
            f"All {case}s come from only {many} {group}s: the interval says nothing about further "
            f"{group}s, for whom expect it wider by far."
        )
    return ""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes:
        value: On the cases as they are; NaN where it is not defined.
        low: Lower end; NaN where there is no interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether all of the interval lies on one side of 0."""
        return self.low > 0 or self.high < 0

    @property
    def bounded(self) -> bool:
        """Whether there is an interval."""
        return not np.isnan(self.low)

    @property
    def bounds(self) -> str:
        """The interval to three digits; empty if there is none."""
        return f"{self.low:.3f} to {self.high:.3f}" if self.bounded else ""


def from_draws(value: float, draws: Float[np.ndarray, " draw"]) -> Estimate:
    """Take percentiles 2.5 and 97.5 of the draws that have a value.

    Where all of them are alike, as those of an AUC of 1 are, they cannot say how far off it may
    be: there is no interval, rather than one of no width, which would claim certainty.
    """
    known = draws[~np.isnan(draws)]
    if not len(known) or np.ptp(known) <= _ALIKE * max(1.0, abs(value)):
        return Estimate(float(value), float("nan"), float("nan"))
    low, high = np.percentile(known, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high))


def effective_cases(hits: Bool[np.ndarray, " case"], units: Int[np.ndarray, " case"]) -> float:
    """Say how many independent cases tell as much about a share as these do.

    Their number over the design effect: the variance of the share, taken between units, over that
    of as many independent cases. It is 1 where each case is its own unit, and at least 1 anyway.
    Where all of a unit are alike, only units count. It is worked out with two units more, of mean
    size, one with and one without: else it could not be told where all cases are right, and would
    be trusted too much where few are wrong.

    Source: Kish 1965, Survey Sampling (design effect); Korn and Graubard 1998, Confidence intervals
    for proportions with small expected number of positive counts estimated from survey data
    (intervals on the effective number). The two units are ours, after the cases that Agresti and
    Coull 1998 add (Approximate is better than "exact" for interval estimation of proportions).
    """
    _, place, counts = np.unique(units, return_inverse=True, return_counts=True)
    usual = len(hits) / len(counts)
    sizes = np.append(counts, [usual, usual])
    held = np.append(np.bincount(place, hits), [usual, 0])
    cases, many, value = sizes.sum(), len(sizes), held.sum() / sizes.sum()
    between = np.square(held - value * sizes).sum() * many / (many - 1)
    alone = cases * value * (1 - value) * cases / (cases - 1)
    return len(hits) / max(1.0, float(between / alone))


def share(hits: Bool[np.ndarray, " case"], units: Int[np.ndarray, " case"]) -> Estimate:
    """Estimate a share of cases, such as an accuracy; its interval is never a point.

    Args:
        hits: Which cases have what the share is of.
        units: What cases belong together; ``Resampling.units``.

    Source: Wilson 1927 on ``effective_cases``; Dean and Pagano 2015 compare such intervals
    (Evaluating confidence interval methods for binomial proportions in clustered surveys).
    """
    if not len(hits):
        return Estimate(float("nan"), 0.0, 1.0)
    cases, value = effective_cases(hits, units), float(hits.mean())
    return Estimate(value, *wilson_interval(value * cases, cases))
