"""All that a printed page says of one case, in numbers: one source for page, HTML and PDF."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from minspnet.counterfactual import Alternatives
from minspnet.exemplars import Exemplars
from minspnet.policy import Policy
from minspnet.reasons import Flip, Reasons
from minspnet.receipt import Receipt
from minspnet.trace import Trace, replay
from minspnet.waterfall import Waterfall


@dataclass(frozen=True)
class Correction:
    """A finding set by the reader.

    Attributes:
        concept: Which one.
        value: As it was set, in [0, 1].
        alone: What the network alone read, in [0, 1].
    """

    concept: int
    value: float
    alone: float


@dataclass(frozen=True)
class Neighbours:
    """Known cases near this one, nearest first.

    Attributes:
        ids: Of training cases.
        labels: Their known classes.
        found: How near, and why.
    """

    ids: tuple[str, ...]
    labels: tuple[int, ...]
    found: Exemplars


@dataclass(frozen=True)
class Cautions:
    """What speaks against an answer.

    Attributes:
        possible: Which answers are left at a coverage, in a sentence; classes stand between ``**``.
        warnings: What belongs above the answer, a sentence each; none if nothing speaks against it.
        given: Of concepts that ask for levels of an input, by their places, the level in the data.
    """

    possible: str
    warnings: tuple[str, ...]
    given: Mapping[int, str]


@dataclass(frozen=True)
class CaseReport:
    """One case under one policy.

    Attributes:
        case: Id.
        part: Of the split that it belongs to.
        label: Known class, or a negative number.
        policy: Under which it is decided, corrections included.
        shipped: Whether the policy, corrections aside, is the one the model came with.
        decided: The class decided for.
        finding: The class whose chance is told: of two, the one looked for.
        chance: Of ``finding``, calibrated.
        confidence: Chance of the class decided for.
        alone: The class decided for without corrections.
        concepts: Graded concepts after corrections.
        typical: Of a typical training case.
        corrections: Findings set by the reader.
        reasons: What pushes where.
        flip: The smallest change of a single finding.
        fall: The log-odds, taken apart.
        alternatives: The smallest changes of several findings.
        neighbours: Known cases like it.
        receipt: What ran and what it cost.
        caution: What speaks against the answer.
    """

    case: str
    part: str
    label: int
    policy: Policy
    shipped: bool
    decided: int
    finding: int
    chance: float
    confidence: float
    alone: int
    concepts: Float[np.ndarray, " output"]
    typical: Float[np.ndarray, " output"]
    corrections: tuple[Correction, ...]
    reasons: Reasons
    flip: Flip | None
    fall: Waterfall
    alternatives: Alternatives
    neighbours: Neighbours
    receipt: Receipt
    caution: Cautions


def assemble(
    case: Trace,
    policy: Policy,
    shipped: Policy,
    place: tuple[str, int],
    typical: Float[np.ndarray, " output"],
    explained: tuple[Reasons, Flip | None],
    fall: Waterfall,
    changes: Alternatives,
    neighbours: Neighbours,
    spent: Receipt,
    caution: Cautions,
) -> CaseReport:
    """Put together what was worked out of one case.

    Args:
        case: A trace of one case.
        policy: Under which it is decided.
        shipped: The operating point that the model came with.
        place: Part of the split, and the known class or a negative number.
        typical: Concepts of a typical training case.
        explained: Reasons and smallest flip.
        fall: The log-odds, taken apart.
        changes: The smallest changes of several findings.
        neighbours: Known cases like it.
        spent: What ran and what it cost.
        caution: What speaks against the answer.
    """
    assert len(case) == 1, "a report is of one case"
    decision = replay(case, policy)
    alone = replay(case, policy.without_interventions())
    decided = int(decision.predicted[0])
    # As the page tells it: of two classes the one looked for, of more the one decided for.
    finding = 1 if decision.probabilities.shape[1] == 2 else decided
    return CaseReport(
        case.case_ids[0],
        *place,
        policy,
        policy.without_interventions() == shipped.without_interventions(),
        decided,
        finding,
        float(decision.probabilities[0, finding]),
        float(decision.probabilities[0, decided]),
        int(alone.predicted[0]),
        decision.concepts[0],
        typical,
        _corrections(case.concept_names, policy, alone.concepts[0]),
        *explained,
        fall,
        changes,
        neighbours,
        spent,
        caution,
    )


def _corrections(
    names: Sequence[str], policy: Policy, alone: Float[np.ndarray, " output"]
) -> tuple[Correction, ...]:
    """What the reader set, beside what the network read."""
    places = [(names.index(name), value) for name, value in policy.interventions]
    return tuple(Correction(k, value, float(alone[k])) for k, value in sorted(places))
