"""What a model card says of sets of answers, of withheld answers and of unusual cases."""

import math
from collections.abc import Mapping

from minspnet.artifact import Model
from minspnet.background import UNKNOWN
from minspnet.conformal import (
    Held,
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
from minspnet.factsheet import Section, Table
from minspnet.metrics import wilson_interval
from minspnet.policy import Policy
from minspnet.trace import replay
from minspnet.traits import traits
from minspnet.unusual import Familiar, familiarise

COVERAGES = (0.8, 0.9, 0.95)


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
    rows, withheld = [], []
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
            found = measure(inside, test.labels)
            rows.append(_row(rule, "all", found.everything, f"{found.mean_size:.2f}"))
            rows += [
                _row(rule, name, held, "")
                for name, held in zip(domain.classes, found.classes, strict=True)
            ]
        rule = usual_rule(given, validation, coverage)
        inside = rule.members(chances["test"].probabilities, test.ids)
        predicted = chances["test"].predicted
        told = abstention(answers(inside, predicted, flagged), predicted, test.labels)
        withheld.append(
            (
                f"{coverage:.0%}",
                f"{told.referred:,} of {told.cases:,}",
                _share(told.referred, told.cases),
                f"{told.right:,} of {told.answered:,}",
                _share(told.right, told.answered),
            )
        )
    return Section(
        "Sets of answers",
        (
            ("Made from", _made_from(domain, validation)),
            (
                "Unlike the training cases",
                _flagged(familiar, int(flagged.sum()), len(flagged)),
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
        "not the decision alone or the case is unlike training. Intervals are Wilson's, 95 %, and "
        "take cases as independent; the temperature and the operating point were chosen on the "
        "validation cases too, which test cases had no part in.",
    )


def _row(rule: Rule, name: str, held: Held, size: str) -> tuple[str, ...]:
    kind = "each" if rule.by_class else "together"
    share = f"{held.held:,} of {held.cases:,}: {_share(held.held, held.cases)}"
    asked = f"{rule.coverage:.0%}, {kind}"
    enough = "" if rule.enough else f"; too few to set it, {rule.needed:,} are needed"
    return (asked, name, f"{held.cases:,}", f"{share}{enough}", size)


def _flagged(familiar: Familiar, count: int, cases: int) -> str:
    if familiar.limit == math.inf:
        least = needed(1 - familiar.share)
        return f"{UNKNOWN}: {familiar.draws:,} validation cases set no limit, {least:,} would"
    return (
        f"{count:,} of {cases:,} test cases ({_share(count, cases)}); the limit is set so that at "
        f"most {familiar.share:.0%} of cases like those of validation are flagged"
    )


def _share(count: int, cases: int) -> str:
    if not cases:
        return "none"
    low, high = wilson_interval(count, cases)
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
