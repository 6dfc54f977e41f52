"""Whether a case is unlike all that the network has seen, and what about it is.

A case is as far as the distance of its input's traits to the nearest training cases. Validation
cases set the limit, so that a chosen share of cases like them is flagged. The same distance between
what a network recorded, its evidence, told less on validation cases (``benchmarks.uncertainty``).

Source: Ramaswamy, Rastogi and Shim 2000, Efficient algorithms for mining outliers (the distance
to the k-th neighbour); Sun et al. 2022, Out-of-distribution detection with deep nearest neighbors;
Lee et al. 2018, A simple unified framework for detecting
out-of-distribution samples (Mahalanobis's distance); Bates et al. 2023, Testing for outliers with
conformal p-values (the limit).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Float

from minspnet.conformal import limit_of, needed
from minspnet.errors import requirement
from minspnet.traits import Traits

SHARE = 0.05
"""Of cases like those of validation, so many are flagged unless another share is asked for."""
_MOST = 1000
"""Training cases that are kept to compare with, and again as many to learn the usual distance."""
_NEIGHBOUR = 5
_CHUNK = 256
_AT_ONCE, _CENTRAL = 4096, 64
_SHRUNK = 0.03
"""Part of the correlations between numbers that is given up for independence, so that few cases
do for many numbers; chosen on validation cases of the shipped tasks and PneumoniaMNIST."""
_FLAT = 1e-6
_SHORT = 1e-4
"""Part of a squared distance by which its short numbers may be off."""


@dataclass(frozen=True)
class Neighbourhood:
    """Where training cases lie in some space.

    Attributes:
        centre: Mean of each number.
        spread: Its standard deviation.
        turn: Takes scaled numbers to axes along which training cases vary alike, so that what
            usually goes together must do so: the distance is Mahalanobis's.
        known: Training cases, so taken.
        usual: Distance that 95 % of other training cases keep.
    """

    centre: Float[np.ndarray, " number"]
    spread: Float[np.ndarray, " number"]
    turn: Float[np.ndarray, "number axis"]
    known: Float[np.ndarray, "known axis"]
    usual: float

    @classmethod
    def of(cls, values: Float[np.ndarray, "case number"]) -> Self:
        """Learn from training cases: every other one is compared with, the rest tell what is usual.

        Missing numbers count as the mean.
        """
        present = ~np.isnan(values)
        count = np.maximum(present.sum(axis=0), 1)
        centre = np.where(present, values, 0).sum(axis=0) / count
        apart = np.where(present, values - centre, 0)
        spread = np.sqrt((apart**2).sum(axis=0) / count)
        # What never varies in training is told by any change at all, not by an endless one.
        spread = np.where(spread > _FLAT, spread, np.maximum(_FLAT, 0.01 * np.abs(centre)))
        scaled = apart / spread
        alike = scaled.T @ scaled / len(scaled)
        np.fill_diagonal(alike, 1.0)
        sizes, axes = np.linalg.eigh((1 - _SHRUNK) * alike + _SHRUNK * np.eye(len(alike)))
        turn = axes / np.sqrt(sizes)
        scaled = scaled @ turn
        picked = np.unique(np.linspace(0, len(values) - 1, 2 * _MOST).astype(int))
        known, others = scaled[picked[::2]], scaled[picked[1::2]]
        distance = _nearest(others, known) if len(others) else np.zeros(1)
        return cls(centre, spread, turn, known, max(float(np.quantile(distance, 0.95)), _FLAT))

    def distance(self, values: Float[np.ndarray, "case number"]) -> Float[np.ndarray, " case"]:
        """To the fifth nearest training case, in usual distances."""
        return _nearest(self.scaled(values) @ self.turn, self.known) / self.usual

    def beyond(
        self, values: Float[np.ndarray, "case number"], limit: float
    ) -> Bool[np.ndarray, " case"]:
        """Whether ``distance`` is above a limit; for many cases, as most are told at once.

        Most cases have enough neighbours well within the limit among the most central training
        cases alone: that is seen at once, in short numbers. The others are measured.
        """
        if not math.isfinite(limit):
            return np.zeros(len(values), dtype=bool)
        lengths = (self.known**2).sum(axis=1)
        central = np.argsort(lengths, kind="stable")[:_CENTRAL]
        # |v - k|^2 = |v|^2 + (v, 1) . (-2 k, |k|^2)
        sides = np.column_stack([-2 * self.known[central], lengths[central]])
        sides = np.ascontiguousarray(sides.T, np.float32)
        room = (limit * self.usual) ** 2 * (1 - _SHORT) - _SHORT * float(lengths[central].max())
        least = min(_NEIGHBOUR, len(self.known))
        turned = (self.scaled(values) @ self.turn).astype(np.float32)
        left = np.float32(room) - (turned**2).sum(axis=1)
        turned = np.column_stack([turned, np.ones(len(turned), np.float32)])
        found = np.empty(len(values), dtype=bool)
        for start in range(0, len(values), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            within = turned[part] @ sides <= left[part, None]
            found[part] = np.count_nonzero(within, axis=1) < least
        rows = np.flatnonzero(found)
        found[rows] = self.distance(values[rows]) > limit
        return found

    def scaled(self, values: Float[np.ndarray, "case number"]) -> Float[np.ndarray, "case number"]:
        """In standard deviations from the centre; a missing number is at the centre."""
        return np.where(np.isnan(values), 0, (values - self.centre) / self.spread)


def _nearest(
    values: Float[np.ndarray, "case number"], known: Float[np.ndarray, "known number"]
) -> Float[np.ndarray, " case"]:
    place = min(_NEIGHBOUR, len(known)) - 1
    lengths = (known**2).sum(axis=1)
    found = np.empty(len(values))
    for start in range(0, len(values), _CHUNK):
        part = values[start : start + _CHUNK]
        squares = (part**2).sum(axis=1)[:, None] - 2 * part @ known.T + lengths
        found[start : start + _CHUNK] = np.partition(squares, place, axis=1)[:, place]
    return np.sqrt(np.maximum(found, 0))


@dataclass(frozen=True)
class Strange:
    """A trait of a case, and where the training cases lie.

    Attributes:
        trait: Its number.
        value: Of the case.
        least: Of all training cases.
        most: Of all training cases.
        deviations: Standard deviations from their mean.
    """

    trait: int
    value: float
    least: float
    most: float
    deviations: float

    @property
    def outside(self) -> bool:
        """Whether no training case reaches as far."""
        return not self.least <= self.value <= self.most


@dataclass(frozen=True)
class Unusual:
    """What is said of one case.

    Attributes:
        score: Distance, in those that are usual in training.
        limit: From which a case is flagged.
        flagged: Whether it is reached.
        strange: Traits, those farthest out first: all that lie outside of training, or else the
            one that stands out most.
        missing: Traits that the case lacks.
    """

    score: float
    limit: float
    flagged: bool
    strange: tuple[Strange, ...]
    missing: tuple[int, ...]


@dataclass(frozen=True)
class Familiar:
    """What a network has seen.

    Attributes:
        inputs: Traits of its training cases.
        least: Smallest value of each trait.
        most: Largest.
        limit: Of the score; infinite if there are too few validation cases for the share.
        share: Of cases like those of validation, at most so many are flagged.
        draws: Independent validation cases, or groups, behind the limit.
    """

    inputs: Neighbourhood
    least: Float[np.ndarray, " trait"]
    most: Float[np.ndarray, " trait"]
    limit: float
    share: float
    draws: int

    def scores(self, found: Traits) -> Float[np.ndarray, " case"]:
        """Distance of each case, in usual ones."""
        return self.inputs.distance(found.values)

    def flags(self, found: Traits) -> Bool[np.ndarray, " case"]:
        """Say which cases lie beyond the limit."""
        return self.inputs.beyond(found.values, self.limit)

    def look(self, found: Traits) -> Unusual:
        """Say all of one case."""
        values, score = found.values[0], float(self.scores(found)[0])
        return Unusual(
            score,
            self.limit,
            score > self.limit,
            self._strange(values),
            tuple(map(int, np.flatnonzero(np.isnan(values)))),
        )

    def _strange(self, values: Float[np.ndarray, " trait"]) -> tuple[Strange, ...]:
        deviations = self.inputs.scaled(values[None])[0]
        order = np.argsort(-np.abs(deviations), kind="stable")
        everything = [
            Strange(
                int(k),
                float(values[k]),
                float(self.least[k]),
                float(self.most[k]),
                float(deviations[k]),
            )
            for k in order
            if not np.isnan(values[k])
        ]
        return tuple(one for one in everything if one.outside) or tuple(everything[:1])


def familiarise(
    train: Traits,
    validation: Traits,
    share: float = SHARE,
    groups: Sequence[str] | None = None,
) -> Familiar:
    """Learn what is usual from training cases, and where to draw the line from validation cases.

    Args:
        train: Traits of the training cases.
        validation: Of cases that the network was not trained on.
        share: How many of them to flag, in (0, 1).
        groups: What each validation case belongs to; groups count alike where there are enough.

    Raises:
        UserError: If the share is none, or there are no training cases.
    """
    if not 0 < share < 1:
        raise requirement("share", "lie strictly between 0 and 1", share, "0.05 flags 1 in 20")
    known = train.values
    if not len(known):
        raise requirement("training cases", "number 1 or more", 0, "train on some")
    blank = np.isnan(known)
    fitted = Familiar(
        Neighbourhood.of(known),
        np.where(blank, math.inf, known).min(axis=0),
        np.where(blank, -math.inf, known).max(axis=0),
        math.inf,
        share,
        0,
    )
    scores = fitted.scores(validation)
    drawn, draws = None, len(scores)
    if groups is not None and needed(1 - share) <= len(set(groups)) < len(groups):
        drawn = np.unique(np.array(groups), return_inverse=True)[1]
        draws = len(set(groups))
    return Familiar(
        fitted.inputs,
        fitted.least,
        fitted.most,
        limit_of(scores, 1 - share, drawn),
        share,
        draws,
    )
