"""Sets of answers and unusual cases in words."""

from collections.abc import Sequence

from dashboard.format import interval, percent
from dashboard.text import counted, plain
from minspnet import caution
from minspnet.conformal import Abstention, Held, Measured, Rule
from minspnet.domain import Domain, Feature
from minspnet.unusual import SHARE, Familiar, Unusual


def the_set(domain: Domain, inside: Sequence[bool], coverage: float) -> str:
    """Say on a page which answers are left at a coverage."""
    return caution.the_set(domain, inside, coverage, plain)


def how_often(found: Held, many: int, empty: bool) -> str:
    """Say how sets like this one did on test cases."""
    if empty:
        return f"{found.cases:,} of {many:,} test cases end so."
    if not found.cases:
        return f"None of {many:,} test cases has such a set."
    return (
        f"Of {many:,} test cases {found.cases:,} have this set, and {found.held:,} of these "
        f"{found.cases:,} sets hold the truth ({percent(found.share, 1)}; 95%: "
        f"{interval(*found.interval)})."
    )


def falls_short(found: Measured, coverage: float) -> bool:
    """Whether sets of test cases hold the truth too seldom, of all cases or of a class."""
    every = [found.everything, *(one for one in found.classes if one.cases)]
    return min(one.interval[1] for one in every) < coverage


def as_measured(domain: Domain, found: Measured, coverage: float) -> str:
    """Say how often the sets of all test cases hold the truth, and those of the weakest class."""
    whole = found.everything
    said = f"Measured: {whole.held:,} of {whole.cases:,} test sets hold it"
    said += f" ({percent(whole.share, 1)}; 95%: {interval(*whole.interval)})"
    known = [k for k, one in enumerate(found.classes) if one.cases]
    worst = min(known, key=lambda k: found.classes[k].share)
    one = found.classes[worst]
    said += (
        f", of {plain(domain.classes[worst])} {one.held:,} of {one.cases:,} "
        f"({percent(one.share, 1)}; 95%: {interval(*one.interval)})."
    )
    if falls_short(found, coverage):
        said += " **That interval lies below what was asked.**"
    return said


def the_promise(domain: Domain, rule: Rule) -> str:
    """Say what the coverage is of, and what it rests on."""
    group = domain.group_noun or "group"
    unit = group if rule.grouped else domain.case_noun
    draws = min(rule.draws)
    if not rule.enough:
        return (
            f"Sets cannot leave out a class yet: {rule.coverage:.0%} coverage needs "
            f"{rule.needed:,} validation {unit}s, and there are only {draws:,}."
        )
    whose = "each class by itself" if rule.by_class else "all classes together"
    said = (
        f"Set on validation {domain.case_noun}s, {whose} ({counted(draws, unit)}"
        f"{' in the rarest class' * rule.by_class}): of new cases drawn like them, at least "
        f"{rule.coverage:.0%} of sets hold the truth, on average over such draws."
    )
    if rule.grouped:
        said += f" Each {group} counts alike."
    if rule.groups and not rule.grouped:
        said += (
            f" They come from only {counted(rule.groups, group)}: this holds for further "
            f"{domain.case_noun}s of theirs, not for other {group}s."
        )
    return said


def withholding(found: Abstention, part: str) -> str:
    """Say what withholding answers does on a part."""
    low, high = found.referred_interval
    right = found.right / max(1, found.answered)
    said = (
        f"Of {found.cases:,} {part} cases {found.referred:,} are referred "
        f"({percent(found.referred / max(1, found.cases))}; 95%: {interval(low, high)}). "
    )
    if not found.answered:
        return said + "None is answered."
    of_all = found.right_of_all / max(1, found.cases)
    said += (
        f"Of the {found.answered:,} answered, {found.right:,} are right ({percent(right, 1)}; 95%: "
        f"{interval(*found.right_interval)}); answering all, {percent(of_all, 1)} are."
    )
    return said if right > of_all else f"{said} There, withholding made answers no better."


def why_withheld(strange: bool) -> str:
    """Say in a few words why there is no answer: in such as tell nothing of it."""
    return "unlike the training cases" if strange else "no single answer is sure enough"


def contradicted(domain: Domain, predicted: int, inside: Sequence[bool]) -> str:
    """Say on a page where the answer is none of those left; nothing where it is."""
    if inside[predicted] or not any(inside):
        return ""
    return (
        f" The network itself decides for **{plain(domain.classes[predicted])}**, which is not "
        "left at this coverage: take the case as undecided."
    )


def the_unusual(
    domain: Domain,
    found: Unusual,
    titles: Sequence[str],
    familiar: Familiar,
    features: Sequence[Feature] = (),
) -> str:
    """Say on a page of a flagged case what is unusual about it."""
    return caution.the_unusual(domain, found, titles, familiar, features, plain)


def the_missing(found: Unusual, titles: Sequence[str]) -> str:
    """Say on a page which inputs a case lacks; nothing if it lacks none."""
    return caution.the_missing(found, titles, plain)


def the_range(
    domain: Domain, found: Unusual, titles: Sequence[str], features: Sequence[Feature] = ()
) -> str:
    """Say on a page which columns lie outside of training where the case is not flagged."""
    return caution.the_range(domain, found, titles, features, plain)


FLAGGING = f"Unusual cases: at most {SHARE:.0%} of cases like those of validation are flagged."
