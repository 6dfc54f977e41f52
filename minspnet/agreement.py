"""How far readers agree with each other and with the model, and what made them change.

What a reader thinks of a case is in the newest review of it; earlier ones are history. An answer
is a class by its name, and a case on which somebody gave none is left out of their pairs.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from minspnet.errors import requirement
from minspnet.metrics import Z_95, wilson_interval
from minspnet.record.reviews import Review

Which = Literal["before", "end"]
"""A reader's answer before the model's was shown, or in the end."""
MODEL = ""
"""Stands for the model among readers; none of them has an empty name."""


@dataclass(frozen=True)
class Agreement:
    """How far two agree on the cases that both answered.

    Attributes:
        first: A reader.
        second: Another, or ``MODEL``.
        cases: That both answered.
        agreed: Of them, with the same answer.
        kappa: Cohen's; NaN where chance alone would make them agree on every case.
        low: Lower end of its 95 % interval; NaN where it cannot be told.
        high: Upper end.
    """

    first: str
    second: str
    cases: int
    agreed: int
    kappa: float
    low: float
    high: float

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the share agreed upon."""
        return wilson_interval(self.agreed, self.cases)


def cohens_kappa(first: Sequence[str], second: Sequence[str]) -> tuple[float, float, float]:
    """Agreement beyond chance, with its 95 % interval.

    The interval is that of large samples, cut at 1. It cannot be told (NaN) where all agree, for
    then the formula says that nothing is left to chance, nor with a single case.

    Args:
        first: Answers of one, case by case.
        second: Answers of the other, to the same cases.

    Returns:
        Kappa and the ends of its interval.

    Raises:
        UserError: If they did not answer equally many cases.

    Source: Cohen 1960, A coefficient of agreement for nominal scales; Fleiss, Cohen and Everitt
    1969, Large sample standard errors of kappa and weighted kappa, equation 13.
    """
    if len(first) != len(second):
        raise requirement("answers", "be to the same cases", len(second), "pair them")
    classes = sorted({*first, *second})
    count = len(first)
    if not count:
        return math.nan, math.nan, math.nan
    table = np.zeros((len(classes), len(classes)))
    for one, two in zip(first, second, strict=True):
        table[classes.index(one), classes.index(two)] += 1 / count
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    seen, by_chance = float(np.trace(table)), float(rows @ columns)
    # With one class alone, agreement says nothing.
    if len(classes) < 2 or by_chance > 1 - 1e-12:
        return math.nan, math.nan, math.nan
    kappa = (seen - by_chance) / (1 - by_chance)
    agreed = sum(int(one == two) for one, two in zip(first, second, strict=True))
    if agreed == count or count < 2:
        return kappa, math.nan, math.nan
    diagonal = np.diag(table) @ (1 - (rows + columns) * (1 - kappa)) ** 2
    crossed = table * (columns[:, None] + rows[None, :]) ** 2
    beside = (1 - kappa) ** 2 * (crossed.sum() - np.trace(crossed))
    spread = float(diagonal + beside - (kappa - by_chance * (1 - kappa)) ** 2)
    reach = Z_95 * math.sqrt(max(spread, 0.0) / count) / (1 - by_chance)
    return kappa, max(-1.0, kappa - reach), min(1.0, kappa + reach)


def newest(reviews: Iterable[Review]) -> tuple[Review, ...]:
    """What each reader thinks now of each case on each model.

    Args:
        reviews: Newest first, as ``Reviews.find`` gives them.
    """
    found: dict[tuple[str, str, str], Review] = {}
    for review in reviews:
        found.setdefault((review.reader, review.model, review.case_id), review)
    return tuple(found.values())


def agreements(reviews: Sequence[Review], which: Which) -> tuple[Agreement, ...]:
    """Each reader with the model, then each pair of readers who share cases.

    Args:
        reviews: Of one model, newest first.
        which: Which answer of a reader counts. The one before the model's was shown is the only
            one that does not lean on it.
    """
    answers: dict[str, dict[str, str]] = {}
    said: dict[str, dict[str, str]] = {}
    for review in newest(reviews):
        answer = review.own_opinion if which == "before" else review.opinion
        if answer is not None:
            answers.setdefault(review.reader, {})[review.case_id] = answer
            # What the model said to this reader: its thresholds may differ from time to time.
            said.setdefault(review.reader, {})[review.case_id] = review.predicted
    readers = sorted(answers)
    alone = [_between(reader, answers[reader], MODEL, said[reader]) for reader in readers]
    pairs = [_between(a, answers[a], b, answers[b]) for a, b in combinations(readers, 2)]
    return tuple(one for one in (*alone, *pairs) if one.cases)


def _between(
    first: str, answers: Mapping[str, str], second: str, others: Mapping[str, str]
) -> Agreement:
    shared = sorted(answers.keys() & others.keys())
    one, two = [answers[case] for case in shared], [others[case] for case in shared]
    agreed = sum(a == b for a, b in zip(one, two, strict=True))
    return Agreement(first, second, len(shared), agreed, *cohens_kappa(one, two))


@dataclass(frozen=True)
class Changes:
    """What seeing the model's answer did to opinions given before.

    Attributes:
        judged: Reviews with an opinion given before.
        towards: Changed to the model's answer.
        away: Changed from the model's answer to another.
        undecided: Changed to no answer at all.
        otherwise: Changed between two answers of which neither was the model's.
    """

    judged: int
    towards: int
    away: int
    undecided: int
    otherwise: int

    @property
    def changed(self) -> int:
        """All that changed."""
        return self.towards + self.away + self.undecided + self.otherwise


def changes(reviews: Iterable[Review]) -> Changes:
    """Count changes of opinion after the model's answer was shown."""
    judged = [review for review in reviews if review.own_opinion is not None]
    kinds = Counter(_kind(review) for review in judged if review.revised)
    return Changes(len(judged), *(kinds[k] for k in ("towards", "away", "undecided", "otherwise")))


def _kind(review: Review) -> str:
    if review.opinion is None:
        return "undecided"
    if review.opinion == review.predicted:
        return "towards"
    return "away" if review.own_opinion == review.predicted else "otherwise"


def corrected(reviews: Iterable[Review]) -> tuple[tuple[str, int], ...]:
    """Concepts that readers set right, the one most often first, with how often."""
    counts = Counter(one.concept for review in reviews for one in review.concepts)
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def seconds_spent(reviews: Sequence[Review]) -> tuple[float, float, float]:
    """Quartiles of the seconds spent on a case: (lower, median, upper); NaN without reviews."""
    if not reviews:
        return math.nan, math.nan, math.nan
    low, middle, high = np.percentile([review.seconds for review in reviews], [25, 50, 75])
    return float(low), float(middle), float(high)


def to_columns(reviews: Sequence[Review]) -> dict[str, list[str | float | None]]:
    """Reviews as the columns of a table, one row each; concepts and text included.

    ``probability`` of a review, which is that of the network's own answer, is so called.
    """
    columns: dict[str, list[str | float | None]] = {}
    for review in reviews:
        row = review.to_dict()
        row["concepts"] = "; ".join(f"{one.concept}={one.value!r}" for one in review.concepts)
        row = {("probability_of_predicted" if k == "probability" else k): row[k] for k in row}
        row["revised"] = {None: "", True: "yes", False: "no"}[review.revised]
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return columns
