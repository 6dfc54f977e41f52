"""Cohorts in words, on the scales that people read."""

import math

from dashboard import text
from dashboard.format import measured
from dashboard.format import number as decimal
from minspnet.cohort import (
    CASE,
    CHANCE,
    EXPERTS,
    FOUND,
    GATE,
    GROUP,
    KNOWN,
    PART,
    RAN,
    SAID,
    SHARE,
    SURE,
    TRUE,
    VERDICT,
    YES,
    Cohort,
    Condition,
    OneOf,
)
from minspnet.domain import Concept, Domain
from minspnet.titles import in_sentence


def sentence(domain: Domain, cohort: Cohort) -> str:
    """Say a cohort, its conditions joined; plain words, not yet safe as markup."""
    said = [condition(domain, one) for one in cohort.conditions]
    return text.listed(said) if said else "all cases"


def condition(domain: Domain, one: Condition) -> str:
    """Say one condition."""
    return _named(domain, one) if isinstance(one, OneOf) else _ranged(domain, one)


def _named(domain: Domain, one: OneOf) -> str:
    names = " or ".join(one.names)
    if one.what.startswith(RAN):
        expert = one.what.removeprefix(RAN)
        return f"{expert} {'ran' if one.names == (YES,) else 'did not run'}"
    if one.what == CASE:
        count = len(one.names)
        return names if count == 1 else f"{count} {domain.case_noun}s picked"
    if one.what == GROUP:
        return names if len(one.names) < 4 else f"{len(one.names)} {domain.group_noun}s"
    said = {PART: "{} cases", KNOWN: "known to be {}", SAID: "answer {}", VERDICT: "{} answer"}
    return said[one.what].format(names)


def _ranged(domain: Domain, one: Condition) -> str:
    assert not isinstance(one, OneOf), "words are said by _named"
    if one.what == EXPERTS:
        return _experts(one.low, one.high)
    name = number(domain, one.what)
    low, high = (_shown(domain, one.what, end) for end in (one.low, one.high))
    found = _concept(domain, one.what)
    if found is not None and low and high:
        low = low.removesuffix(measured("", found.unit))
    # On a scale that is read backwards, the graded low end is the one shown as high.
    backwards = found is not None and found.shown_low > found.shown_high
    start, end = ("up to", "above") if backwards else ("from", "below")
    if low and high:
        return (
            f"{name} {end} {high} and {start} {low}"
            if backwards
            else (f"{name} {start} {low} to {end} {high}")
        )
    return f"{name} {start} {low}{'' if backwards else ' on'}" if low else f"{name} {end} {high}"


def _experts(low: float, high: float) -> str:
    least = max(0, math.ceil(low)) if math.isfinite(low) else 0
    if math.isinf(high):
        return f"{least} or more experts ran"
    most = math.ceil(high) - 1
    count = f"{most}" if least == most else f"{least} to {most}"
    return f"{count} expert{'' if count == '1' else 's'} ran"


def number(domain: Domain, what: str) -> str:
    """Name a number that a condition can be about."""
    concept = _concept(domain, what)
    if concept is not None:
        return f"{'true ' if what.startswith(TRUE) else ''}{in_sentence(concept.title)}"
    if what.startswith(GATE):
        return f"gate of {what.removeprefix(GATE)}"
    names = {
        CHANCE: f"chance of {domain.classes[-1]}",
        SURE: "chance of its own answer",
        SHARE: "share of FLOPs",
        EXPERTS: "experts that ran",
    }
    return names[what]


def _shown(domain: Domain, what: str, end: float) -> str:
    """An end of a range on its own scale; nothing if it is open."""
    if math.isinf(end):
        return ""
    concept = _concept(domain, what)
    if concept is not None:
        return measured(_said(concept.shown(end), max(0, concept.digits)), concept.unit)
    if what in (CHANCE, SURE, SHARE):
        return f"{_said(100 * end, 0)}%"
    return _said(end, 2)


def _said(value: float, digits: int) -> str:
    """A number with the digits of its scale, or up to two more where it lies between the steps."""
    near = 10.0 ** -(digits + 3)
    exact = (d for d in range(digits, digits + 2) if abs(round(value, d) - value) < near)
    return decimal(value, next(exact, digits + 2))


def _concept(domain: Domain, what: str) -> Concept | None:
    for start in (FOUND, TRUE):
        if what.startswith(start):
            return domain.concepts[domain.concept_names.index(what.removeprefix(start))]
    return None
