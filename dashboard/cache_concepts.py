"""What the Concepts page keeps between reruns; the rules are those of ``dashboard.cache``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from dashboard import heavy
from dashboard.cache import decision, domain_of, features, model, part, truth
from dashboard.keep import kept
from minspnet.concept_scores import (
    Association,
    Interval,
    Kind,
    Reliability,
    associations,
    grouped,
    interval,
    kind_of,
    reliability,
    resamples,
    weighted_means,
)
from minspnet.concept_weights import ClassWeights, class_weights
from minspnet.errors import UserError
from minspnet.intervention import (
    Corrected,
    Single,
    correct_in_order,
    fixed_ranks,
    greedy_order,
    random_ranks,
    single_corrections,
)
from minspnet.metrics import auc, rank_correlation
from minspnet.policy import Policy
from minspnet.worth_checking import (
    Worth,
    likely_values,
    ranks_by_doubt,
    ranks_by_worth,
    worth,
)

if TYPE_CHECKING:
    from minspnet.leakage import Leakage

CHOICE, REPORT = "validation", "test"
MOST = 2000
"""Cases that the slow parts look at; more are sampled."""
ORDERS = 20
"""Random orders of correction."""


@dataclass(frozen=True)
class Trust:
    """How far one concept can be trusted, grades in [0, 1].

    Attributes:
        kind: Of its true values.
        score: Rank correlation with the truth; AUC of what is there or not.
        interval: 95 %, over resampled cases.
        linear: The score of a plain linear model on the same inputs.
        error: Mean distance to the truth.
        usual_error: The error of always saying the training cases' median.
        off: Mean of the grade less the true one: above 0 it grades too high.
        off_interval: 95 %.
        reliability: Grades against true grades, by bin.
    """

    kind: Kind
    score: float
    interval: Interval
    linear: float
    error: float
    usual_error: float
    off: float
    off_interval: Interval
    reliability: Reliability


@dataclass(frozen=True)
class Curve:
    """One order of correction, over the cases looked at.

    Attributes:
        accuracies: After 0, 1, ... corrections a case.
        aucs: Likewise.
        low: Lowest of the random orders, by score ("accuracy" or "auc"); empty for other orders.
        high: Highest.
        mended: Accuracy above that without corrections, mean over all numbers of corrections but
            none and all.
    """

    accuracies: tuple[float, ...]
    aucs: tuple[float, ...]
    low: dict[str, tuple[float, ...]]
    high: dict[str, tuple[float, ...]]
    mended: float


@dataclass(frozen=True)
class Curves:
    """Accuracy against corrections in several orders.

    Attributes:
        by_order: "random", "doubt", "fixed" and "worth".
        fixed: The fixed order, chosen on validation cases.
        ahead: By how much "worth" is ahead of each other order in ``mended``, and its 95 %
            interval over resampled cases, the same ones for both.
        cases: Looked at.
    """

    by_order: dict[str, Curve]
    fixed: tuple[int, ...]
    ahead: dict[str, tuple[float, Interval]]
    cases: int


def grades(name: str, part_name: str, policy: Policy) -> Float[np.ndarray, "case concept"]:
    """Concepts as the network grades them."""
    count = model(name).traces[part_name].head.concepts
    found: np.ndarray = decision(name, part_name, policy).concepts[:, :count]
    return found


def true_grades(name: str, part_name: str) -> Float[np.ndarray, "case concept"]:
    """Concepts as they are, in the way that the head takes them."""
    return model(name).traces[part_name].head.read(truth(name, part_name))


@kept(24)
def _draws(name: str, part_name: str) -> Int[np.ndarray, "draw case"]:
    return resamples(part(name, part_name).groups)


def resampled(name: str, part_name: str) -> str:
    """What is drawn for an interval: cases, or groups of them."""
    whole = grouped(part(name, part_name).groups)
    return domain_of(name).group_noun if whole else domain_of(name).case_noun


def few_groups(name: str, part_name: str) -> int:
    """Number of groups where cases come in too few of them to be resampled; 0 where not."""
    groups = part(name, part_name).groups
    count = len(set(groups))
    return count if count < len(groups) and not grouped(groups) else 0


@kept(64)
def association(name: str, part_name: str, policy: Policy) -> Association:
    """How concepts go with their truth and with one another."""
    found, true = grades(name, part_name, policy), true_grades(name, part_name)
    return associations(found, true, _draws(name, part_name))


@kept()
def linear(name: str, part_name: str) -> Float[np.ndarray, "case concept"]:
    """Concepts as a plain linear model grades them; imports scikit-learn."""
    heavy.load()
    from minspnet.baselines import linear_concepts

    table = domain_of(name).modality == "tabular"
    levels = tuple(len(column.levels) for column in features(name)) if table else ()
    known = part(name, "train").inputs
    return linear_concepts(known, true_grades(name, "train"), part(name, part_name).inputs, levels)


@kept(64)
def trust(name: str, part_name: str, policy: Policy) -> tuple[Trust, ...]:
    """How far each concept can be trusted."""
    found, true = grades(name, part_name, policy), true_grades(name, part_name)
    known, plain = association(name, part_name, policy), linear(name, part_name)
    middle = np.median(true_grades(name, "train"), axis=0)
    off = weighted_means(found - true, _draws(name, part_name))
    rows = []
    for k in range(found.shape[1]):
        kind, column = kind_of(true[:, k]), true[:, k]
        here = column > column.min()
        rows.append(
            Trust(
                kind,
                float(known.trust[k]),
                interval(known.trust_draws[:, k]),
                auc(plain[:, k], here)
                if kind == "present"
                else rank_correlation(plain[:, k], column),
                float(np.abs(found[:, k] - column).mean()),
                float(np.abs(middle[k] - column).mean()),
                float((found[:, k] - column).mean()),
                interval(off[:, k]),
                reliability(found[:, k], column),
            )
        )
    return tuple(rows)


@kept(64)
def class_effects(name: str, policy: Policy, against: int | None) -> ClassWeights | None:
    """The head's exact weights, and what they come to over the usual range of training cases."""
    known = decision(name, "train", policy).concepts
    return class_weights(model(name).traces["train"].head, known, against)


@kept(24)
def leaks(
    name: str, part_name: str, policy: Policy
) -> tuple["Leakage | None", tuple[int, ...], int]:
    """Leakage, of which concepts, on how many cases; None where it cannot be measured."""
    heavy.load()
    from minspnet.leakage import leakage, varying

    found, true = grades(name, part_name, policy), true_grades(name, part_name)
    rows = _sample(len(true))
    kept = np.flatnonzero(varying(true[rows]))
    try:
        measured = leakage(found[rows][:, kept], true[rows][:, kept]) if len(kept) > 1 else None
    except UserError:
        measured = None
    return measured, tuple(map(int, kept)), len(rows)


@kept(64)
def singles(name: str, part_name: str, policy: Policy) -> tuple[Single, ...]:
    """What correcting each concept alone mends and spoils."""
    trace, labels = model(name).traces[part_name], part(name, part_name).labels
    return single_corrections(trace, policy, true_grades(name, part_name), labels)


def _finds(name: str, part_name: str, policy: Policy) -> Float[np.ndarray, "case concept guess"]:
    """What a check of each concept of each case may find, by errors on validation cases."""
    seen = grades(name, CHOICE, policy)
    given = grades(name, part_name, policy)
    return likely_values(seen, true_grades(name, CHOICE), given, part_name == CHOICE)


@kept(24)
def check_worth(name: str, part_name: str, policy: Policy) -> Worth:
    """What a check of each concept of each case is worth."""
    now = decision(name, part_name, policy).concepts
    head = model(name).traces[part_name].head
    return worth(head, policy, now, _finds(name, part_name, policy))


@kept(24)
def curves(name: str, part_name: str, policy: Policy) -> Curves:
    """Correct concepts in several orders."""
    whole, labels = model(name).traces[part_name], part(name, part_name).labels
    rows = _sample(len(whole))
    trace, true = whole[rows], true_grades(name, part_name)[rows]
    finds, now = _finds(name, part_name, policy)[rows], decision(name, part_name, policy).concepts
    chosen_on = model(name).traces[CHOICE]
    chosen = part(name, CHOICE).labels
    fixed = greedy_order(chosen_on, policy, true_grades(name, CHOICE), chosen)
    generator = np.random.default_rng(0)
    ranks = {
        "random": [random_ranks(true.shape, generator) for _ in range(ORDERS)],
        "doubt": [ranks_by_doubt(finds)],
        "fixed": [fixed_ranks(fixed, len(rows))],
        "worth": [ranks_by_worth(trace.head, policy, now[rows], true, finds)],
    }
    followed = {
        order: [correct_in_order(trace, policy, true, labels[rows], one) for one in each]
        for order, each in ranks.items()
    }
    draws = resamples([part(name, part_name).groups[row] for row in rows])
    between = {order: _between(each) for order, each in followed.items()}
    ahead = {}
    for order in ("random", "doubt", "fixed"):
        gain = between["worth"] - between[order]
        ahead[order] = float(gain.mean()), interval(weighted_means(gain, draws))
    by_order = {order: _curve(each, between[order]) for order, each in followed.items()}
    return Curves(by_order, fixed, ahead, len(rows))


def _between(followed: list[Corrected]) -> Float[np.ndarray, " case"]:
    """How often a case is right between no correction and all of them, above that without."""
    right = np.mean([one.right for one in followed], axis=0)
    middle: np.ndarray = right[1:-1] if len(right) > 2 else right[1:]
    return middle.mean(axis=0) - right[0]


def _curve(followed: list[Corrected], between: Float[np.ndarray, " case"]) -> Curve:
    scores = {
        "accuracy": np.array([one.accuracies for one in followed]),
        "auc": np.array([one.aucs for one in followed]),
    }
    several = len(followed) > 1
    means = [tuple(map(float, values.mean(axis=0))) for values in scores.values()]
    low, high = (
        {key: tuple(map(float, end(values, axis=0))) for key, values in scores.items() if several}
        for end in (np.min, np.max)
    )
    return Curve(means[0], means[1], low, high, float(between.mean()))


def _sample(cases: int) -> Int[np.ndarray, " row"]:
    """All cases, or as many as can be looked at, in their order."""
    drawn = np.random.default_rng(0).permutation(cases)[:MOST]
    return np.sort(drawn)
