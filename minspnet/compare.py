"""Two or more ways to decide the same cases: how they differ, and how sure that is.

Every contestant is scored on the same redrawn cases, so that differences are paired: what is hard
about a case is hard for all of them, and cancels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from minspnet.cohorts import Cohort
from minspnet.errors import requirement
from minspnet.estimate import FEWEST_UNITS, Estimate, Resampling, from_draws, resampling, share
from minspnet.metrics import mean_auc, sign_test

LEAST_CHANCE = 1e-6
"""A chance of 0 for what came true would make the log loss infinite: it counts as this."""
MEASURES = ("accuracy", "auc", "log_loss", "brier")
"""Of these the first two are better when more, the others when less."""


def more_is_better(measure: str) -> bool:
    """Whether the greater value of a measure wins."""
    return measure in ("accuracy", "auc")


@dataclass(frozen=True)
class Answers:
    """What one contestant says of every case.

    Attributes:
        probabilities: Of every class.
        predicted: Class decided for; it need not be the most probable one.
    """

    probabilities: Float[np.ndarray, "case class"]
    predicted: Int[np.ndarray, " case"]


@dataclass(frozen=True)
class Measured:
    """One measure of one contestant, on the cases and on every draw of them.

    Attributes:
        estimate: The value with its interval.
        draws: On every draw.
    """

    estimate: Estimate
    draws: Float[np.ndarray, " draw"]

    @property
    def value(self) -> float:
        """On the cases as they are."""
        return self.estimate.value

    def minus(self, other: "Measured") -> Estimate:
        """The paired difference; both must have been measured in one go."""
        return from_draws(self.value - other.value, self.draws - other.draws)


def measure(
    contestants: Sequence[Answers], labels: Int[np.ndarray, " case"], how: Resampling
) -> tuple[dict[str, Measured], ...]:
    """Score all contestants in every measure, on the same draws.

    An accuracy has the interval of ``minspnet.estimate.share``; the draws tell how far it is from
    another's.

    Log loss in nats, with chances below ``LEAST_CHANCE`` raised to it. The Brier score is the
    squared error of the second class's chance, or of several classes the sum over all of them.

    Raises:
        UserError: If a contestant answers other cases.
    """
    for answers in contestants:
        if len(answers.predicted) != len(labels):
            raise requirement(
                "contestants",
                f"answer the same {len(labels)} cases",
                len(answers.predicted),
                "take the cases that they share",
            )
    per_case = [_per_case(answers, labels) for answers in contestants]
    drawn: list[list[np.ndarray]] = [[] for _ in contestants]
    for weights in how.weights():
        total = weights.sum(axis=1)[:, None]
        for kept, answers, losses in zip(drawn, contestants, per_case, strict=True):
            areas = _mean_auc(answers.probabilities, labels, weights)
            kept.append(np.column_stack([weights @ losses / total, areas]))
    names = ("log_loss", "brier", "auc")
    found = []
    for kept, answers, losses in zip(drawn, contestants, per_case, strict=True):
        draws = np.concatenate(kept)
        values = (*losses.mean(axis=0)[1:], mean_auc(answers.probabilities, labels))
        right = share(answers.predicted == labels, how.units)
        scores = {"accuracy": Measured(right, draws[:, 0].copy())}
        for k, (name, value) in enumerate(zip(names, values, strict=True), 1):
            scores[name] = Measured(from_draws(value, draws[:, k]), draws[:, k].copy())
        found.append({name: scores[name] for name in MEASURES})
    return tuple(found)


def measure_one(
    probabilities: Float[np.ndarray, "case class"],
    predicted: Int[np.ndarray, " case"],
    labels: Int[np.ndarray, " case"],
    groups: Sequence[str],
) -> dict[str, Estimate]:
    """Score one contestant alone in every measure."""
    (found,) = measure([Answers(probabilities, predicted)], labels, resampling(groups))
    return {name: one.estimate for name, one in found.items()}


def _per_case(
    answers: Answers, labels: Int[np.ndarray, " case"]
) -> Float[np.ndarray, "case measure"]:
    """Right or wrong, log loss and squared error of each case."""
    chances = answers.probabilities.astype(np.float64)
    of_truth = np.maximum(chances[np.arange(len(labels)), labels], LEAST_CHANCE)
    squares = np.square(chances - np.eye(chances.shape[1])[labels]).sum(axis=1)
    if chances.shape[1] == 2:
        squares /= 2
    return np.column_stack([answers.predicted == labels, -np.log(of_truth), squares])


def _mean_auc(
    probabilities: Float[np.ndarray, "case class"],
    labels: Int[np.ndarray, " case"],
    weights: Float[np.ndarray, "draw case"],
) -> Float[np.ndarray, " draw"]:
    """``minspnet.metrics.mean_auc`` of cases that each count several times."""
    classes = range(1, 2) if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    areas = [_auc(probabilities[:, k], labels == k, weights) for k in classes]
    return np.mean(areas, axis=0)


def _auc(
    scores: Float[np.ndarray, " case"],
    positive: np.ndarray,
    weights: Float[np.ndarray, "draw case"],
) -> Float[np.ndarray, " draw"]:
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    ordered = weights[:, order]
    found = np.add.reduceat(ordered * positive[order], starts, axis=1)
    other = np.add.reduceat(ordered * ~positive[order], starts, axis=1)
    beaten = np.cumsum(other, axis=1) - other / 2
    pairs = found.sum(axis=1) * other.sum(axis=1)
    with np.errstate(invalid="ignore"):
        area: np.ndarray = (found * beaten).sum(axis=1) / np.where(pairs, pairs, np.nan)
    return area


@dataclass(frozen=True)
class Discordance:
    """Cases for which only one of two contestants is right.

    Attributes:
        first: Right for the first alone.
        second: Right for the second alone.
        p: Of a sign test over units: the chance of as uneven a split or more if neither were
            better. It needs six units on one side to fall below 0.05. With too few groups to be
            redrawn, it is that of independent cases, which those of one group are not.
    """

    first: int
    second: int
    p: float


def discordance(
    first: Answers, second: Answers, labels: Int[np.ndarray, " case"], how: Resampling
) -> Discordance:
    """Count what a difference in accuracy rests on.

    Source: where each case is its own unit, McNemar's test in its exact form (1947).
    """
    better = (first.predicted == labels).astype(int) - (second.predicted == labels)
    by_unit = np.bincount(how.units, better)
    wins, losses = int((by_unit > 0).sum()), int((by_unit < 0).sum())
    p = sign_test(wins, losses)
    return Discordance(int((better > 0).sum()), int((better < 0).sum()), p)


@dataclass(frozen=True)
class Agreement:
    """How often two contestants decide alike.

    Attributes:
        share: Of the cases decided alike.
        kappa: The same beyond what their shares of classes would bring about by chance: 1 always,
            0 as often as by chance; NaN if both always say the same one class.
    """

    share: Estimate
    kappa: Estimate


def agreement(first: Answers, second: Answers, how: Resampling) -> Agreement:
    """Compare decisions, whatever is true.

    Source: Cohen 1960, A coefficient of agreement for nominal scales.
    """
    classes = first.probabilities.shape[1]
    pairs = np.eye(classes * classes)[first.predicted * classes + second.predicted]
    tables = np.concatenate([w @ pairs for w in how.weights()])
    kappas, kappa = _kappa(tables, classes), _kappa(pairs.sum(axis=0)[None], classes)
    alike = first.predicted == second.predicted
    return Agreement(share(alike, how.units), from_draws(float(kappa[0]), kappas))


def _kappa(tables: Float[np.ndarray, "table pair"], classes: int) -> Float[np.ndarray, " table"]:
    square = tables.reshape(-1, classes, classes)
    square = square / square.sum(axis=(1, 2), keepdims=True)
    alike = np.trace(square, axis1=1, axis2=2)
    chance = (square.sum(axis=1) * square.sum(axis=2)).sum(axis=1)
    rest = np.where(1 - chance > 1e-12, 1 - chance, np.nan)
    kappa: np.ndarray = (alike - chance) / rest
    return kappa


@dataclass(frozen=True)
class CohortDifference:
    """How two contestants differ in accuracy on some of the cases.

    Attributes:
        by: What cohorts are told apart by.
        name: Of the cohort.
        cases: In it.
        first: Accuracy of the first contestant.
        second: Of the second.
        disputed: Cases for which only one of them is right.
        alone: First less second, as if this were the only cohort looked at.
        together: The same with an interval that, of all cohorts at once, misses none in 95 % of
            such data sets; NaN where no draw differs.
    """

    by: str
    name: str
    cases: int
    first: float
    second: float
    disputed: int
    alone: Estimate
    together: Estimate


def cohort_differences(
    cohorts: Sequence[Cohort],
    first: Answers,
    second: Answers,
    labels: Int[np.ndarray, " case"],
    how: Resampling,
) -> tuple[CohortDifference, ...]:
    """Compare accuracies cohort by cohort, the largest difference first.

    Cohorts of fewer than ``FEWEST_UNITS`` units are left out: where all of a handful of cases
    differ alike, every draw of them does, and the interval would be of no width.

    Who looks at many cohorts finds large differences by chance. The wide intervals are as many
    standard errors long as the most deviating cohort of a draw is away from its value in 95 % of
    the draws.

    Source: the largest studentised deviation, as in Westfall and Young 1993, Resampling-based
    multiple testing.
    """
    cohorts = [one for one in cohorts if len(np.unique(how.units[one.members])) >= FEWEST_UNITS]
    if not len(cohorts):
        return ()
    right = [(answers.predicted == labels).astype(np.float64) for answers in (first, second)]
    better = right[0] - right[1]
    members = np.stack([cohort.members for cohort in cohorts], axis=1).astype(np.float64)
    drawn = []
    for weights in how.weights():
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn.append((weights * better) @ members / (weights @ members))
    draws = np.concatenate(drawn)
    sizes = members.sum(axis=0)
    values = better @ members / sizes
    reach = _reach(draws, values)
    found = [
        CohortDifference(
            cohort.by,
            cohort.name,
            int(sizes[k]),
            float(right[0] @ members[:, k] / sizes[k]),
            float(right[1] @ members[:, k] / sizes[k]),
            int(np.abs(better) @ members[:, k]),
            from_draws(float(values[k]), draws[:, k]),
            Estimate(float(values[k]), float(values[k] - reach[k]), float(values[k] + reach[k])),
        )
        for k, cohort in enumerate(cohorts)
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.alone.value)))


def _reach(
    draws: Float[np.ndarray, "draw cohort"], values: Float[np.ndarray, " cohort"]
) -> Float[np.ndarray, " cohort"]:
    """Half-width of the intervals that hold for all cohorts at once."""
    known = np.isfinite(draws)
    errors = np.sqrt(
        np.where(known, np.square(draws - values), 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    )
    varies = errors > 0
    if not varies.any():
        return np.full(len(values), np.nan)
    away = np.where(known, np.abs(draws - values), 0)[:, varies] / errors[varies]
    factor = np.quantile(away.max(axis=1), 0.95)
    return np.where(varies, factor * errors, np.nan)
