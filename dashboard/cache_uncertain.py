"""What is kept of sets of answers and of unusual cases; the rules are those of ``cache``."""

import numpy as np

from dashboard.cache import case_place, decision, domain_of, features, model, one_case, part
from dashboard.keep import kept
from minspnet import conformal
from minspnet.conformal import Abstention, Held, Measured, Rule
from minspnet.domain import Feature
from minspnet.estimate import resampling, share
from minspnet.policy import Policy
from minspnet.trace import replay
from minspnet.traits import Traits, traits
from minspnet.unusual import Familiar, Unusual, familiarise


@kept(64)
def rule(name: str, policy: Policy, coverage: float) -> Rule:
    """How sets are made from validation cases: each class by itself, if all have enough cases."""
    return conformal.usual_rule(
        decision(name, "validation", policy.without_interventions()).probabilities,
        part(name, "validation"),
        coverage,
    )


@kept(64)
def sets(name: str, part_name: str, policy: Policy, coverage: float) -> np.ndarray:
    """The set of each case of a part: [case, class]."""
    plain = policy.without_interventions()
    chances = decision(name, part_name, plain).probabilities
    return rule(name, plain, coverage).members(chances, part(name, part_name).ids)


def set_of(name: str, case_id: str, policy: Policy, coverage: float) -> np.ndarray:
    """The classes in the set of one case, its findings as they are set on the screen."""
    chances = replay(one_case(name, case_id), policy).probabilities
    found = rule(name, policy.without_interventions(), coverage)
    inside: np.ndarray = found.members(chances, (case_id,))[0]
    return inside


def measured(name: str, part_name: str, policy: Policy, coverage: float) -> Measured:
    """How often the sets of a part hold the truth."""
    known = part(name, part_name)
    inside = sets(name, part_name, policy, coverage)
    return conformal.measure(inside, known.labels, resampling(known.groups).units)


def alike(name: str, case_id: str, policy: Policy, coverage: float) -> Held:
    """How often test cases with the same set as a case have the truth in it."""
    known = part(name, "test")
    return conformal.alike(
        sets(name, "test", policy.without_interventions(), coverage),
        known.labels,
        set_of(name, case_id, policy, coverage),
        resampling(known.groups).units,
    )


@kept()
def measured_traits(name: str, part_name: str) -> Traits:
    """What was measured of the inputs of a part."""
    return traits(part(name, part_name).inputs, features_of(name))


def features_of(name: str) -> list[Feature]:
    """Columns or channels; none of pictures."""
    return [] if domain_of(name).modality == "image" else features(name)


@kept()
def familiar(name: str) -> Familiar:
    """What a model has seen, and from where on a case is unlike it."""
    return familiarise(
        measured_traits(name, "train"),
        measured_traits(name, "validation"),
        groups=part(name, "validation").groups,
    )


@kept()
def flagged(name: str, part_name: str) -> np.ndarray:
    """Which cases of a part are unlike all that the model has seen."""
    return familiar(name).flags(measured_traits(name, part_name))


@kept(256)
def unusual(name: str, case_id: str) -> Unusual:
    """What is unusual about one case."""
    part_name, row = case_place(name, case_id) or ("test", 0)
    found = measured_traits(name, part_name)
    alone = Traits(found.titles, found.values[row : row + 1])
    return familiar(name).look(alone)


def withheld(name: str, case_id: str, policy: Policy, coverage: float) -> bool:
    """Whether one case gets no answer, if answers are withheld where the model is not sure."""
    inside = set_of(name, case_id, policy, coverage)
    decided = replay(one_case(name, case_id), policy).predicted
    strange = np.array([unusual(name, case_id).flagged])
    return not conformal.answers(inside[None], decided, strange)[0]


@kept(64)
def abstention(name: str, part_name: str, policy: Policy, coverage: float) -> Abstention:
    """What withholding answers does on a part."""
    plain = policy.without_interventions()
    decided = decision(name, part_name, plain).predicted
    given = conformal.answers(
        sets(name, part_name, plain, coverage), decided, flagged(name, part_name)
    )
    known = part(name, part_name)
    return conformal.abstention(given, decided, known.labels, resampling(known.groups).units)


@kept()
def no_better_than_guessing(name: str) -> str:
    """A sentence, if test cases do not show that a model beats always giving one answer."""
    decided = decision(name, "test", model(name).policy)
    labels = part(name, "test").labels
    right, counts = decided.predicted == labels, np.bincount(labels)
    often = int(counts.argmax())
    found = share(right, resampling(part(name, "test").groups).units)
    if found.low > counts[often] / len(labels):
        return ""
    return (
        f"Not shown to be better than always saying {domain_of(name).classes[often]}: right in "
        f"{right.sum():,} of {len(labels):,} test cases (95%: {found.low:.1%} to "
        f"{found.high:.1%}), where that would "
        f"be right in {counts[often]:,}."
    )
