"""Cases that are alike: of one class, in one third of a finding, or of one group."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.domain import Concept, Domain

KNOWN_ANSWER = "Known answer"
"""What classes tell cases apart by."""
_THIRDS = ("low third", "middle third", "high third")
_MOST_GROUPS, _FEWEST_CASES = 12, 10
"""Groups are cohorts only if they are few and large; a hundred patients are not."""


@dataclass(frozen=True)
class Cohort:
    """Some of the cases.

    Attributes:
        by: What they are told apart by, as a title.
        name: What they have in common.
        members: Which cases belong to it; at least one.
    """

    by: str
    name: str
    members: Bool[np.ndarray, " case"]


def cohorts(
    domain: Domain,
    labels: Int[np.ndarray, " case"],
    truth: Float[np.ndarray, "case concept"],
    groups: Sequence[str],
) -> tuple[Cohort, ...]:
    """Tell labelled cases apart in every way that the domain knows; empty cohorts are left out.

    Args:
        domain: The task.
        labels: Class indices.
        truth: True graded concepts, in [0, 1].
        groups: Of each case, such as its patient.
    """
    found = [Cohort(KNOWN_ANSWER, name, labels == k) for k, name in enumerate(domain.classes)]
    for column, concept in zip(truth.T, domain.concepts, strict=True):
        found += _thirds(concept, column)
    sizes = Counter(groups)
    few = 1 < len(sizes) <= _MOST_GROUPS and min(sizes.values()) >= _FEWEST_CASES
    if domain.group_noun and few:
        named = np.array(groups)
        by = domain.group_noun.capitalize()
        found += [Cohort(by, name, named == name) for name in sorted(sizes)]
    return tuple(cohort for cohort in found if cohort.members.any())


def _thirds(concept: Concept, column: Float[np.ndarray, " case"]) -> list[Cohort]:
    """Cut at the terciles; equal values stay together, so that thirds may be uneven."""
    if not len(column) or column.min() == column.max():
        return []
    low, high = np.quantile(column, [1 / 3, 2 / 3])
    third = (column > low).astype(int) + (column > high).astype(int)
    found = []
    for k, name in enumerate(_THIRDS):
        members = third == k
        if members.any():
            inside = column[members]
            ends = [_said(concept, float(end)) for end in (inside.min(), inside.max())]
            span = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
            found.append(Cohort(concept.title, f"{name}: {span} {concept.unit}".rstrip(), members))
    return found


def _said(concept: Concept, value: float) -> str:
    return f"{concept.shown(value):.{max(0, concept.digits)}f}"
