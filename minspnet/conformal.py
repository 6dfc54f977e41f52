"""Sets of answers that hold the true one in a chosen share of new cases.

A score says how badly an answer fits a case. On calibration cases it is taken of the true answer;
a new case's set holds every answer whose score is no worse than the limit that the chosen share
of them, rounded up for their finite number, keeps. This holds for any network, however wrong its
probabilities, if calibration cases and new ones are drawn alike.

Source: Vovk, Gammerman and Shafer 2005, Algorithmic learning in a random world; Lei et al. 2018,
Distribution-free predictive inference for regression (the split form).
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.data import Cases
from minspnet.errors import requirement
from minspnet.estimate import share

Score = Literal["lac", "aps"]
_CLOSE = 1e-9
"""Rounding that a sum of weights may be off by."""


def lac_scores(
    probabilities: Float[np.ndarray, "case class"],
) -> Float[np.ndarray, "case class"]:
    """Chance of all other classes: sets are the smallest on average, and may be empty.

    Summed over the others, because one less a chance near 1 would round many cases to a tie.

    Source: Sadinle, Lei and Wasserman 2019, Least ambiguous set-valued classifiers with bounded
    error levels.
    """
    chances = probabilities.astype(np.float64)
    others = [np.delete(chances, k, axis=1).sum(axis=1) for k in range(chances.shape[1])]
    return np.stack(others, axis=1)


def aps_scores(
    probabilities: Float[np.ndarray, "case class"],
    tickets: Float[np.ndarray, " case"] | None = None,
) -> Float[np.ndarray, "case class"]:
    """Chance of all more probable classes, and a part of the class's own.

    Args:
        probabilities: Of every class.
        tickets: The part, from 0 to 1; see ``tickets_of``. Without one it is 1: no chance
            enters, but the least probable class always scores 1. Where the network errs less often
            than the sets may, the surest cases then get empty sets; else every set holds every
            class.

    Source: Romano, Sesia and Candès 2020, Classification with valid and adaptive coverage.
    """
    chances = probabilities.astype(np.float64)
    order = np.argsort(-chances, axis=1, kind="stable")
    sorted_down = np.take_along_axis(chances, order, axis=1)
    part = np.ones(len(chances)) if tickets is None else tickets
    before = np.cumsum(sorted_down, axis=1) - sorted_down
    scores = np.empty_like(chances)
    np.put_along_axis(scores, order, before + part[:, None] * sorted_down, axis=1)
    return scores


def tickets_of(case_ids: Sequence[str]) -> Float[np.ndarray, " case"]:
    """A number in [0, 1) from each case's id: as good as drawn, and the same at every look."""
    digests = (hashlib.sha256(one.encode()).digest()[:8] for one in case_ids)
    return np.array([int.from_bytes(one, "big") / 2**64 for one in digests], dtype=np.float64)


def needed(coverage: float) -> int:
    """The least number of independent draws with which a set can leave anything out."""
    return math.ceil(coverage / (1 - coverage) - _CLOSE)


def limit_of(
    scores: Float[np.ndarray, " case"],
    coverage: float,
    groups: Int[np.ndarray, " case"] | None = None,
) -> float:
    """Find the limit that a further score keeps with a probability of ``coverage`` or more.

    Without groups it is the score of rank ``ceil((n + 1) coverage)``. With groups, each counts
    alike, however many cases it has: the promise is for a case of a further group.

    Args:
        scores: Of the true answers of calibration cases.
        coverage: In (0, 1).
        groups: Number of each case's group; None where cases are drawn one by one.

    Returns:
        Infinity if there are too few draws.

    Source: Lee, Barber and Willett 2023, Distribution-free inference with hierarchical data
    (groups; one case a group is the case without).
    """
    if groups is None:
        weights, draws = np.ones(len(scores)), len(scores)
    else:
        _, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        weights, draws = 1 / sizes[place], len(sizes)
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order])
    first = int(np.searchsorted(reached, (draws + 1) * coverage - _CLOSE))
    return float(scores[order[first]]) if first < len(scores) else math.inf


@dataclass(frozen=True)
class Rule:
    """How sets are made.

    Attributes:
        coverage: Asked for.
        score: ``lac`` or ``aps``.
        by_class: Whether each class is covered by itself, else all cases together.
        limits: Of the score, one a class, all alike unless ``by_class``; infinite where there are
            too few draws: then the class is in every set.
        draws: Independent calibration draws behind each limit.
        groups: Groups that the calibration cases come from; None if each stands alone.
        grouped: Whether groups are the draws. If there are too few of them, cases are: the
            promise then is for further cases of the same groups only.
    """

    coverage: float
    score: Score
    by_class: bool
    limits: tuple[float, ...]
    draws: tuple[int, ...]
    groups: int | None
    grouped: bool

    @property
    def needed(self) -> int:
        """Draws without which nothing can be left out."""
        return needed(self.coverage)

    @property
    def enough(self) -> bool:
        """Whether every limit rests on enough draws."""
        return min(self.draws) >= self.needed

    def members(
        self, probabilities: Float[np.ndarray, "case class"], case_ids: Sequence[str]
    ) -> Bool[np.ndarray, "case class"]:
        """Say which answers each case's set holds."""
        members: np.ndarray = _scores(self.score, probabilities, case_ids) <= np.array(self.limits)
        return members


def calibrate(
    probabilities: Float[np.ndarray, "case class"],
    labels: Int[np.ndarray, " case"],
    case_ids: Sequence[str],
    coverage: float = 0.9,
    score: Score = "lac",
    by_class: bool = False,
    groups: Sequence[str] | None = None,
) -> Rule:
    """Fit the limits on labelled cases that the network was not trained on.

    Args:
        probabilities: Under the policy that will decide.
        labels: Class indices; cases below 0 have none and are left out.
        case_ids: One a case.
        coverage: Share of new cases whose set is to hold the true class.
        score: ``lac`` takes no chance and makes the smallest sets on average; ``aps`` makes larger
            ones for harder cases, and draws lots by the case's id to keep the coverage exact.
        by_class: Cover each class by itself (Mondrian).
        groups: What each case belongs to, such as the patient.

    Raises:
        UserError: If the coverage is none, or the values do not fit together.
    """
    if not 0 < coverage < 1:
        raise requirement("coverage", "lie strictly between 0 and 1", coverage, "0.9 is usual")
    for name, given in (("labels", labels), ("case_ids", case_ids), ("groups", groups)):
        if given is not None and len(given) != len(probabilities):
            raise requirement(name, f"have {len(probabilities)} values", len(given), "match cases")
    known = np.flatnonzero(labels >= 0)
    classes = probabilities.shape[1]
    scores = _scores(score, probabilities, case_ids)[known, labels[known]]
    of_class = [labels[known] == k for k in range(classes)]
    parts = of_class if by_class else [np.ones(len(known), dtype=bool)]
    drawn = None
    if groups is not None and len(set(groups)) < len(groups):
        drawn = np.unique(np.array(groups), return_inverse=True)[1][known]
    many = None if drawn is None else [len(np.unique(drawn[part])) for part in parts]
    grouped = many is not None and min(many) >= needed(coverage)
    limits, draws = [], []
    for place, part in enumerate(parts):
        limits.append(
            limit_of(scores[part], coverage, drawn[part] if grouped and drawn is not None else None)
        )
        draws.append(many[place] if grouped and many is not None else int(part.sum()))
    times = 1 if by_class else classes
    return Rule(
        coverage,
        score,
        by_class,
        tuple(limits * times),
        tuple(draws * times),
        None if drawn is None else len(np.unique(drawn)),
        grouped,
    )


def usual_rule(
    probabilities: Float[np.ndarray, "case class"], cases: Cases, coverage: float
) -> Rule:
    """Fit the rule that pages use: LAC, each class by itself unless one has too few cases.

    Args:
        probabilities: Of calibration cases under the policy that will decide.
        cases: The same cases.
        coverage: Asked for.
    """
    labels, ids, groups = cases.labels, cases.ids, cases.groups
    apart = calibrate(probabilities, labels, ids, coverage, by_class=True, groups=groups)
    return apart if apart.enough else calibrate(probabilities, labels, ids, coverage, groups=groups)


def _scores(
    score: Score, probabilities: Float[np.ndarray, "case class"], case_ids: Sequence[str]
) -> Float[np.ndarray, "case class"]:
    if score == "lac":
        return lac_scores(probabilities)
    return aps_scores(probabilities, tickets_of(case_ids))


@dataclass(frozen=True)
class Held:
    """How often sets held the truth.

    Attributes:
        cases: How many were looked at.
        held: Of those, sets that held the true class.
        interval: 95 % of that share; see ``minspnet.estimate.share``.
    """

    cases: int
    held: int
    interval: tuple[float, float]

    @classmethod
    def of(cls, held: Bool[np.ndarray, " case"], units: Int[np.ndarray, " case"]) -> "Held":
        """Count, given what cases belong together."""
        found = share(held, units)
        return cls(len(held), int(held.sum()), (found.low, found.high))

    @property
    def share(self) -> float:
        """NaN without cases."""
        return self.held / self.cases if self.cases else math.nan


@dataclass(frozen=True)
class Measured:
    """What sets did on cases that had no part in their making.

    Attributes:
        everything: All cases.
        classes: The cases of each class.
        sizes: Number of sets with no class, one, two and so on.
    """

    everything: Held
    classes: tuple[Held, ...]
    sizes: tuple[int, ...]

    @property
    def mean_size(self) -> float:
        """Mean number of classes in a set."""
        return sum(k * many for k, many in enumerate(self.sizes)) / max(1, sum(self.sizes))


def measure(
    members: Bool[np.ndarray, "case class"],
    labels: Int[np.ndarray, " case"],
    units: Int[np.ndarray, " case"] | None = None,
) -> Measured:
    """Count how often the sets of labelled cases hold the truth.

    Args:
        members: Of each case, the classes in its set.
        labels: Class indices; cases below 0 are left out.
        units: What cases belong together; None where each stands alone.
    """
    known = np.flatnonzero(labels >= 0)
    units = (np.arange(len(labels)) if units is None else units)[known]
    members, labels = members[known], labels[known]
    held = members[np.arange(len(labels)), labels]
    classes = members.shape[1]
    return Measured(
        Held.of(held, units),
        tuple(Held.of(held[labels == k], units[labels == k]) for k in range(classes)),
        tuple(int(n) for n in np.bincount(members.sum(axis=1), minlength=classes + 1)),
    )


def alike(
    members: Bool[np.ndarray, "case class"],
    labels: Int[np.ndarray, " case"],
    one: Bool[np.ndarray, " class"],
    units: Int[np.ndarray, " case"] | None = None,
) -> Held:
    """Count how often the sets that hold the same classes as one set held the truth."""
    rows = np.flatnonzero((members == one).all(axis=1) & (labels >= 0))
    return Held.of(members[rows, labels[rows]], rows if units is None else units[rows])


@dataclass(frozen=True)
class Abstention:
    """What is gained by not answering where it is not sure enough.

    Attributes:
        cases: All.
        answered: Those that get an answer.
        right: Of those.
        right_of_all: Right if all were answered.
        referred_interval: 95 % of the share referred; see ``minspnet.estimate.share``.
        right_interval: Likewise, of the share right among those answered.
    """

    cases: int
    answered: int
    right: int
    right_of_all: int
    referred_interval: tuple[float, float]
    right_interval: tuple[float, float]

    @property
    def referred(self) -> int:
        """Cases that somebody else must decide."""
        return self.cases - self.answered


def answers(
    members: Bool[np.ndarray, "case class"],
    predicted: Int[np.ndarray, " case"],
    flagged: Bool[np.ndarray, " case"],
) -> Bool[np.ndarray, " case"]:
    """Say which cases are answered: the set holds the decision alone, and nothing is unusual."""
    own = members[np.arange(len(predicted)), predicted]
    given: np.ndarray = own & (members.sum(axis=1) == 1) & ~flagged
    return given


def abstention(
    answered: Bool[np.ndarray, " case"],
    predicted: Int[np.ndarray, " case"],
    labels: Int[np.ndarray, " case"],
    units: Int[np.ndarray, " case"] | None = None,
) -> Abstention:
    """Count what is answered, and how often rightly; cases without a label are left out.

    Args:
        answered: Which cases are.
        predicted: Class indices.
        labels: Class indices, below 0 where unknown.
        units: What cases belong together; None where each stands alone.
    """
    units = np.arange(len(labels)) if units is None else units
    known = labels >= 0
    given, right = answered & known, predicted == labels
    referred, kept = share(~given[known], units[known]), share(right[given], units[given])
    return Abstention(
        int(known.sum()),
        int(given.sum()),
        int(right[given].sum()),
        int(right[known].sum()),
        (referred.low, referred.high),
        (kept.low, kept.high),
    )
