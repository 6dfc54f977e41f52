"""What a certificate promises and what it does not, in plain words."""

from collections.abc import Sequence

from dashboard.format import percent
from minspnet.guarantee import Certificate, Promise
from minspnet.policy import Policy

COVERS = (
    "The promise is about new cases drawn from the same population as the calibration cases, with "
    "the network and its temperature as they are and exactly these thresholds. It speaks of the "
    "average over many such cases."
)
COVERS_NOT = (
    "It does not cover another hospital, another device, or a population that has changed since: "
    "there the loss may be any. It says nothing about a single case, nor about how good all "
    "experts on are. If the network or its temperature is fitted anew, or a threshold moved, it is "
    "void."
)
INDEPENDENT = (
    "It holds only if the cases it is tested on had no part in training, in fitting the "
    "temperature, in lining up the thresholds or in choosing the decision threshold, and if they "
    "were drawn as new cases will be, not picked. Promises tried one after another until one holds "
    "are weaker than they say."
)
LABELS = (
    "Cases without a known answer help, too: a decision that stays the same cannot lose anything. "
    "Which cases have an answer must then have been left to chance."
)
CASES_ONE_BY_ONE = (
    "Every case was counted as drawn on its own. Where several belong to one patient or one "
    "person, they tell less than as many strangers would, and the promise is weaker than it says."
)


def promised(found: Certificate, classes: Sequence[str]) -> str:
    """Say the promise, or that there is none, in one or two sentences.

    Args:
        found: As certified.
        classes: Titles.
    """
    if found.policy is None:
        return (
            f"Nothing can be promised that is cheaper than running every expert. {_missing(found)}"
        )
    return (
        f"With {100 * found.promise.confidence:g}% confidence, {_loss(found.promise, classes)}. It "
        f"costs {percent(found.share)} of the FLOPs of all experts on{_base_alone(found.policy)}."
    )


def _base_alone(policy: Policy) -> str:
    closed = all(threshold > 1 for threshold in policy.gate_thresholds)
    return ": what the base exit alone costs, for no expert runs" if closed else ""


def grounds(found: Certificate) -> str:
    """Say which cases speak for it."""
    cases = f"{found.cases:,} cases with a known answer"
    if found.class_cases is not None:
        cases += f", {found.class_cases:,} of them of the named class"
    if found.unlabelled:
        cases += f", and {found.unlabelled:,} without, of which only changed decisions count"
    if found.groups is None:
        return f"Tested on {cases}. {CASES_ONE_BY_ONE}"
    return (
        f"Tested on {cases}, from {found.groups:,} groups. A group, such as a patient, counts "
        "once, however many cases it has: the promise is for the mean over groups."
    )


def _loss(promise: Promise, classes: Sequence[str]) -> str:
    said = (
        f"accuracy on new cases of this kind is at most {_points(promise.points_lost)} below that "
        "of all experts on"
    )
    if promise.class_index is None or promise.class_points_lost is None:
        return said
    return (
        f"{said}, and of class {classes[promise.class_index]} at most "
        f"{_points(promise.class_points_lost)} fewer are found"
    )


def _missing(found: Certificate) -> str:
    draws = "groups" if found.groups is not None else "cases"
    have = found.groups if found.groups is not None else found.cases
    if have < found.cases_needed:
        why = (
            f"{found.cases_needed:,} {draws} with a known answer would be enough if not one "
            f"decision changed; there are {have:,}."
        )
    else:
        why = "Too many decisions change for the worse on the calibration cases."
    if found.cases_likely is None or found.share_likely is None:
        return f"{why} Allow a larger loss, or use less confidence."
    return (
        f"{why} With about {found.cases_likely:,} {draws}, {percent(found.share_likely)} of the "
        "FLOPs would likely do, if new ones are like those seen; or allow a larger loss."
    )


def _points(points: float) -> str:
    return f"{points:g} point" if points == 1 else f"{points:g} points"
