"""What correcting concepts does to the decision, over whole sets of cases."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from minspnet.metrics import accuracy, mean_auc
from minspnet.policy import Policy
from minspnet.trace import Trace, predicted_class, replay


@dataclass(frozen=True)
class InterventionCurve:
    """Scores after correcting 0, 1, ... all concepts of every case.

    Attributes:
        accuracies: Mean over random orders of correction.
        aucs: Likewise.
    """

    accuracies: tuple[float, ...]
    aucs: tuple[float, ...]


def intervention_curve(
    trace: Trace,
    policy: Policy,
    truth: Float[np.ndarray, "case concept"],
    labels: Int[np.ndarray, " case"],
    orders: int = 20,
    seed: int = 0,
) -> InterventionCurve:
    """Correct concepts to their true value, one after another, in random order per case.

    Args:
        trace: Evidence on labelled cases.
        policy: Under which they are decided.
        truth: True graded concepts; for a head whose concepts are binary, cut at one half.
        labels: Class indices.
        orders: Random orders to average over.
        seed: Of the orders.
    """
    decision = replay(trace, policy)
    concepts = trace.head.concepts
    if trace.head.binary:
        truth = (truth >= 0.5).astype(truth.dtype)
    generator = np.random.default_rng(seed)
    scores = np.zeros((orders, concepts + 1, 2))
    for order in range(orders):
        rank = generator.random(truth.shape).argsort(axis=1).argsort(axis=1)
        for corrected in range(concepts + 1):
            activations = decision.concepts.copy()
            known = rank < corrected
            activations[:, :concepts][known] = truth[known]
            logits = trace.head.class_logits(activations)
            probabilities = trace.head.probabilities(logits)
            scores[order, corrected] = (
                accuracy(predicted_class(probabilities, policy), labels),
                mean_auc(probabilities, labels),
            )
    accuracies, aucs = scores.mean(axis=0).T
    return InterventionCurve(tuple(map(float, accuracies)), tuple(map(float, aucs)))
