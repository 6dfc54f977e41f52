"""New cases decided and explained, many at once; see ``minspnet.waterfall`` for one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.metrics import CostTable
from minspnet.policy import Policy
from minspnet.trace import Decision, Head, decide
from minspnet.waterfall import between, slope

if TYPE_CHECKING:
    from minspnet.network import Network


@dataclass(frozen=True)
class Explained:
    """What a network says of some cases, and because of what.

        log_odds = start + sum over outputs of what each adds

    Attributes:
        decision: Under the policy.
        doubt: One minus the confidence, scaled so that a mere guess is 1.
        told: Class that the explanation tells of; see ``waterfall.contrast``.
        against: Class it is compared with.
        start: The log-odds of a case whose concepts are all at the reference.
        adds: What each concept, residual channel and the likeness to prototypes adds.
        log_odds: Of the class told against the other one, before the temperature.
        macs: What each case cost.
    """

    decision: Decision
    doubt: Float[np.ndarray, " case"]
    told: Int[np.ndarray, " case"]
    against: Int[np.ndarray, " case"]
    start: Float[np.ndarray, " case"]
    adds: Float[np.ndarray, "case part"]
    log_odds: Float[np.ndarray, " case"]
    macs: Float[np.ndarray, " case"]


def explain_cases(
    network: "Network",
    inputs: Float[np.ndarray, "case *input"],
    policy: Policy,
    reference: Float[np.ndarray, " output"],
    cost: CostTable,
) -> Explained:
    """Run only the experts whose gates open, decide, and take each decision apart.

    Args:
        network: To run.
        inputs: As the domain gives them.
        policy: Without interventions: those belong to one case.
        reference: Concepts that explanations start from; see ``waterfall.typical_concepts``.
        cost: What each part of the network costs.

    Raises:
        UserError: If the inputs or the policy do not fit the network.
    """
    from minspnet.dispatch import run_live

    assert not policy.interventions, "a file of cases is decided without what-if edits"
    policy.check(network.tree.names, ())
    live = run_live(network, inputs, policy)
    head = network.frozen_head()
    decision = decide(head, policy, live.active, live.outputs, head.activate(live.outputs))
    return take_apart(head, live.base, decision, reference, cost)


def take_apart(
    head: Head,
    base: Float[np.ndarray, "case output"],
    decision: Decision,
    reference: Float[np.ndarray, " output"],
    cost: CostTable,
) -> Explained:
    """Explain decisions made without interventions; ``base`` is what the base exit said."""
    told, against = contrasts(decision)
    start, adds = _parts(head, base, decision, reference, told, against)
    rows = np.arange(len(told))
    logits = decision.class_logits.astype(np.float64)
    classes = logits.shape[1]
    sure = decision.probabilities.max(axis=1, initial=1 / classes)
    return Explained(
        decision,
        np.maximum(1 - sure, 0) * np.float32(classes / (classes - 1)),
        told,
        against,
        start,
        adds,
        logits[rows, told] - logits[rows, against],
        cost.macs(decision.active),
    )


def contrasts(decision: Decision) -> tuple[Int[np.ndarray, " case"], Int[np.ndarray, " case"]]:
    """Of each case, the class told of and the one it is told against: ``waterfall.contrast``."""
    told = np.array(decision.predicted)
    if decision.class_logits.shape[1] == 2:
        return np.ones_like(told), np.zeros_like(told)
    logits = np.array(decision.class_logits)
    np.put_along_axis(logits, told[:, None], -np.inf, axis=1)
    return told, logits.argmax(axis=1)


def residual_share(
    adds: Float[np.ndarray, "case part"], residual: Bool[np.ndarray, " part"]
) -> Float[np.ndarray, " case"]:
    """How much of all that moves the log-odds, up or down, goes past the concepts."""
    moved = np.abs(adds)
    whole = moved.sum(axis=1)
    share: np.ndarray = moved[:, residual].sum(axis=1) / np.where(whole > 0, whole, 1)
    return share


def _parts(
    head: Head,
    base: Float[np.ndarray, "case output"],
    decision: Decision,
    reference: Float[np.ndarray, " output"],
    told: Int[np.ndarray, " case"],
    against: Int[np.ndarray, " case"],
) -> tuple[Float[np.ndarray, " case"], Float[np.ndarray, "case part"]]:
    """Start and additions, as ``waterfall`` sums them over base exit and experts."""
    weights = between(head.weights, told, against)
    before = head.activate(base).astype(np.float64)
    after = decision.concepts.astype(np.float64)
    climb = decision.outputs.astype(np.float64) - base
    adds = weights * (before - reference + climb * slope(head, climb, before, after))
    start = between(head.bias[:, None], told, against)[:, 0] + weights @ reference
    if head.prototypes is not None:
        worth = between(head.prototypes.weights, told, against)
        likeness = [
            (head.prototypes.similarity(each[:, : head.concepts]) * worth).sum(axis=1)
            for each in (reference[None], after)
        ]
        start = start + likeness[0]
        adds = np.column_stack([adds, likeness[1] - likeness[0]])
    return start, adds
