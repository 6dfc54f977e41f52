"""What a model card says of sets of answers, of withheld answers and of unusual cases."""

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Int

from minspnet.artifact import Model
from minspnet.background import UNKNOWN
from minspnet.conformal import (
    Held,
    Measured,
    Rule,
    abstention,
    answers,
    calibrate,
    measure,
    needed,
    usual_rule,
)
from minspnet.data import Cases
from minspnet.domain import Domain
from minspnet.estimate import resampling, share, what_it_is_about
from minspnet.factsheet import Section, Table
from minspnet.policy import Policy
from minspnet.trace import replay
from minspnet.traits import traits
from minspnet.unusual import Familiar, familiarise

COVERAGES = (0.8, 0.9, 0.95)
_EMPTY = " A set is empty where no class is probable enough; it counts as one without the truth."


def coverage_section(
    model: Model, domain: Domain, parts: Mapping[str, Cases], policy: Policy
) -> Section:
    """Count on test cases what was calibrated on validation cases.

    Args:
        model: With its evidence.
        domain: Its task.
        parts: The cases of each part, in the order of the model's traces.
        policy: In force.
    """
    chances = {part: replay(model.traces[part], policy) for part in ("validation", "test")}
    validation, test = parts["validation"], parts["test"]
    given = chances["validation"].probabilities
    known = {feature.name: feature for feature in domain.features}
    features = [known[name] for name in domain.variant(model.variant).inputs]
    measured = {part: traits(cases.inputs, features) for part, cases in parts.items()}
    familiar = familiarise(measured["train"], measured["validation"], groups=validation.groups)
    flagged = familiar.flags(measured["test"])
    how = resampling(test.groups)
    about = what_it_is_about(how, test.groups, domain.case_noun, domain.group_noun)
    rows, withheld, empty = [], [], False
    for coverage in COVERAGES:
        for by_class in (False, True):
            rule = calibrate(
                given,
                validation.labels,
                validation.ids,
                coverage,
                by_class=by_class,
                groups=validation.groups,
            )
            inside = rule.members(chances["test"].probabilities, test.ids)
            found = measure(inside, test.labels, how.units)
            empty |= found.sizes[0] > 0
            lacking = "" if rule.enough else "; too few of some class to set it"
            if not by_class and not rule.enough:
                lacking = "; " + _too_few(rule, rule.draws[0], domain)
            rows.append(_row(rule, "all", found.everything, lacking, _sizes(found)))
            for k, held in enumerate(found.classes):
                few = by_class and rule.draws[k] < rule.needed
                lacking = "; " + _too_few(rule, rule.draws[k], domain) if few else ""
                rows.append(_row(rule, domain.classes[k], held, lacking, ""))
        rule = usual_rule(given, validation, coverage)
        inside = rule.members(chances["test"].probabilities, test.ids)
        predicted = chances["test"].predicted
        given_one = answers(inside, predicted, flagged)
        told = abstention(given_one, predicted, test.labels, how.units)
        withheld.append(
            (
                f"{coverage:.0%}",
                f"{told.referred:,} of {told.cases:,}",
                _share(told.referred, told.cases, told.referred_interval),
                f"{told.right:,} of {told.answered:,}",
                _share(told.right, told.answered, told.right_interval),
            )
        )
    return Section(
        "Sets of answers",
        (
            ("Made from", _made_from(domain, validation)),
            (
                "Unlike the training cases",
                _flagged(familiar, flagged, how.units),
            ),
        ),
        (
            Table(
                ("Coverage asked", "Covered", "Test cases", "Truth in the set", "Mean size"),
                tuple(rows),
            ),
            Table(
                ("Coverage asked", "Referred", "Share", "Right of those answered", "Accuracy"),
                tuple(withheld),
            ),
        ),
        "A set holds every class that is probable enough (LAC). Together: one limit for all "
        "classes; each: a limit for each class. Below: the answer is withheld where the set is "
        "not the decision alone or the case is unlike training. Intervals are Wilson's, 95 %; the "
        "temperature and the operating point were chosen on the validation cases too, which test "
        f"cases had no part in.{_EMPTY * empty} {about}".strip(),
    )


def _sizes(found: Measured) -> str:
    said = f"{found.mean_size:.2f}"
    return f"{said}; {found.sizes[0]:,} empty" if found.sizes[0] else said


def _too_few(rule: Rule, draws: int, domain: Domain) -> str:
    """Say that too few validation cases, or groups of them, are there to set a limit."""
    counted = domain.group_noun or "group" if rule.grouped else domain.case_noun
    return (
        f"too few to set it: {draws:,} validation {counted}{'s' * (draws != 1)}, {rule.needed:,} "
        "are needed"
    )


def _row(rule: Rule, name: str, held: Held, lacking: str, size: str) -> tuple[str, ...]:
    kind = "each" if rule.by_class else "together"
    told = f"{held.held:,} of {held.cases:,}: {_share(held.held, held.cases, held.interval)}"
    asked = f"{rule.coverage:.0%}, {kind}"
    return (asked, name, f"{held.cases:,}", f"{told}{lacking}", size)


def _flagged(
    familiar: Familiar, flagged: Bool[np.ndarray, " case"], units: Int[np.ndarray, " case"]
) -> str:
    if familiar.limit == math.inf:
        least = needed(1 - familiar.share)
        return f"{UNKNOWN}: {familiar.draws:,} validation cases set no limit, {least:,} would"
    count, cases, found = int(flagged.sum()), len(flagged), share(flagged, units)
    return (
        f"{count:,} of {cases:,} test cases ({_share(count, cases, (found.low, found.high))}); the "
        f"limit is set so that at most {familiar.share:.0%} of cases like those of validation are "
        "flagged"
    )


def _share(count: int, cases: int, interval: tuple[float, float]) -> str:
    if not cases:
        return "none"
    low, high = interval
    return f"{count / cases:.1%}, {low:.1%} to {high:.1%}"


def _made_from(domain: Domain, validation: Cases) -> str:
    labelled = int((validation.labels >= 0).sum())
    said = f"{labelled:,} validation {domain.case_noun}s"
    if domain.group_noun and len(set(validation.groups)) < len(validation):
        said += (
            f" of {len(set(validation.groups)):,} {domain.group_noun}s; each counts alike where "
            "there are enough, else the sets hold for further cases of the same ones only"
        )
    return said
