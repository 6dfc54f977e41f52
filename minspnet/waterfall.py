"""The explanation that is the computation: from experts through concepts to the logit."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from minspnet.domain import Domain
from minspnet.policy import Policy
from minspnet.trace import Decision, Head, Prototypes, Trace, replay

LIKENESS = "likeness to prototypes"
RESIDUAL = "residual "
"""Before the index of the class that a residual channel speaks for."""


@dataclass(frozen=True)
class Waterfall:
    """One case's log-odds of one class against another, taken apart, exact to float precision.

    With ``o`` running over concepts and residual channels and ``e`` over experts:

        logit = start + sum_o (base_o + sum_e shares_eo + edit_o)

    Attributes:
        start: The logit of a case whose concepts are all at the reference.
        base: What each concept said by the base exit adds, against the reference.
        shares: What each expert adds to the logit through each concept; 0 if it did not run.
        edits: What setting a concept by hand adds.
        logit: Log-odds of the class told against the other one.
        experts: Names of the rows of ``shares``.
        outputs: Names of the columns: concepts, residual channels, likeness to prototypes.
    """

    start: float
    base: Float[np.ndarray, " output"]
    shares: Float[np.ndarray, "expert output"]
    edits: Float[np.ndarray, " output"]
    logit: float
    experts: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def by_output(self) -> Float[np.ndarray, " output"]:
        """What each concept adds to the logit, all experts and edits together."""
        total: np.ndarray = self.base + self.shares.sum(axis=0) + self.edits
        return total

    @property
    def by_expert(self) -> Float[np.ndarray, " expert"]:
        """What each expert adds to the logit, through all concepts."""
        total: np.ndarray = self.shares.sum(axis=1)
        return total


def typical_concepts(known: Trace, policy: Policy) -> Float[np.ndarray, " output"]:
    """Mean of each concept over known cases: the reference that a waterfall starts from."""
    mean: np.ndarray = replay(known, policy.without_interventions()).concepts.mean(axis=0)
    return mean


def contrast(decision: Decision) -> tuple[int, int]:
    """The class that an explanation of one case tells of, and the one it is told against.

    With two classes that is the finding looked for, against the first class; with more, the
    class decided for, against its nearest rival.
    """
    if decision.class_logits.shape[1] == 2:
        return 1, 0
    return int(decision.predicted[0]), nearest_rival(decision)


def nearest_rival(decision: Decision) -> int:
    """The likeliest class that one case was not decided for."""
    logits = np.array(decision.class_logits[0])
    logits[decision.predicted[0]] = -np.inf
    return int(logits.argmax())


def waterfall(
    case: Trace,
    policy: Policy,
    reference: Float[np.ndarray, " output"],
    told: int = 1,
    against: int = 0,
) -> Waterfall:
    """Take one case's log-odds of one class against another apart.

    A concept is a curved function of its logit, so what an expert's contribution is worth
    depends on where the others have brought it. The change of the concept from base to end
    is shared among the experts in proportion to their contributions to its logit: the order
    of the experts plays no part, and the shares sum to the change exactly. What the likeness
    to prototypes adds depends on all concepts together; it is shared in proportion to how much
    each expert moved their logits.

    Args:
        case: A trace of one case.
        policy: Under which it is decided.
        reference: Concepts of the case that the explanation starts from; see
            ``typical_concepts``.
        told: Class to explain.
        against: Class it is compared with, another one.
    """
    assert len(case) == 1, "a waterfall explains one case"
    assert told != against, "the log-odds of a class against itself are always 0"
    decision = replay(case, policy)
    untouched = replay(case, policy.without_interventions()).concepts[0].astype(np.float64)
    weights = between(case.head.weights, told, against)
    before = case.head.activate(case.base)[0].astype(np.float64)
    ran = decision.active[0][:, None] * case.contributions[0].astype(np.float64)
    base = weights * (before - reference)
    shares = weights * ran * slope(case.head, ran.sum(axis=0), before, untouched)
    edits = weights * (decision.concepts[0] - untouched)
    (bias,) = between(case.head.bias[:, None], told, against)
    start = float(bias + weights @ reference)
    if case.head.prototypes is not None:
        concepts = (reference, before, untouched, decision.concepts[0])
        worth = between(case.head.prototypes.weights, told, against)
        likeness = [_likeness(case.head.prototypes, each, worth) for each in concepts]
        start += likeness[0]
        steps = np.diff(likeness)
        effort = np.abs(ran[:, : case.head.concepts]).sum(axis=1)
        parts = effort / effort.sum() if effort.sum() > 0 else effort
        base = np.append(base, steps[0])
        shares = np.column_stack([shares, parts * steps[1]])
        edits = np.append(edits, steps[2])
    logit = float(decision.class_logits[0, told] - decision.class_logits[0, against])
    return Waterfall(start, base, shares, edits, logit, case.tree.names, output_names(case))


def between(
    others: Float[np.ndarray, "other_class part"],
    told: int | Int[np.ndarray, " case"],
    against: int | Int[np.ndarray, " case"],
) -> Float[np.ndarray, "*case part"]:
    """How much more one class weighs something than another; the first class weighs nothing.

    Classes may differ from case to case; then so do the weights.
    """
    classes = np.concatenate([np.zeros_like(others[:1]), others]).astype(np.float64)
    difference: np.ndarray = classes[told] - classes[against]
    return difference


def _likeness(
    prototypes: Prototypes,
    concepts: Float[np.ndarray, " output"],
    worth: Float[np.ndarray, " prototype"],
) -> float:
    """What the similarity to all prototypes adds to the log-odds."""
    count = prototypes.concepts.shape[1]
    return float(prototypes.similarity(concepts[None, :count])[0] @ worth)


def output_names(trace: Trace) -> tuple[str, ...]:
    """Names of concepts, of residual channels, and of the likeness to prototypes."""
    residual = trace.base.shape[1] - len(trace.concept_names)
    names = trace.concept_names + tuple(f"{RESIDUAL}{k + 1}" for k in range(residual))
    return names if trace.head.prototypes is None else (*names, LIKENESS)


def is_silent(name: str, value: float) -> bool:
    """Whether a part of a waterfall says nothing of the two classes that it is about.

    Of several residual channels, each speaks for a class of its own.
    """
    return name.startswith(RESIDUAL) and value == 0


def slope(
    head: Head,
    climb: Float[np.ndarray, "*case output"],
    before: Float[np.ndarray, "*case output"],
    after: Float[np.ndarray, "*case output"],
) -> Float[np.ndarray, "*case output"]:
    """Mean change of a concept per unit of its logit, between base and end."""
    graded = np.arange(climb.shape[-1]) < head.concepts
    flat = np.where(graded, before * (1 - before), 1.0)
    # Below that, float32 noise in the concepts would drown their difference.
    moved = np.abs(climb) > (0 if head.binary else 1e-4)
    return np.where(moved, (after - before) / np.where(moved, climb, 1.0), flat)


def output_title(domain: Domain, name: str) -> str:
    """Name a column of a waterfall: a finding, what lies beyond the findings, or a likeness.

    A residual channel says what the findings leave out; of several, each speaks for a class.
    """
    for concept in domain.concepts:
        if concept.name == name:
            return concept.title
    if not name.startswith(RESIDUAL):
        return name
    if len(domain.classes) == 2:
        return "what no finding names"
    return f"what no finding names: {domain.classes[int(name.removeprefix(RESIDUAL))]}"
