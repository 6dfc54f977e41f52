"""What correcting concepts does to the decision, over whole sets of cases.

Gates are evidence: they are scored on what the network found, so that a correction changes the
answer but never which experts ran.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

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


@dataclass(frozen=True)
class Corrected:
    """One order of correction, followed to its end.

    Attributes:
        accuracies: After 0, 1, ... all concepts of every case are corrected.
        aucs: Likewise.
        right: Which cases are decided as labelled then.
    """

    accuracies: tuple[float, ...]
    aucs: tuple[float, ...]
    right: Bool[np.ndarray, "step case"]


@dataclass(frozen=True)
class Single:
    """What it does to correct one concept, and no other, in every case.

    Attributes:
        repaired_rows: Cases decided wrongly before and rightly after.
        broken_rows: Cases decided rightly before and wrongly after.
    """

    repaired_rows: tuple[int, ...]
    broken_rows: tuple[int, ...]

    @property
    def repaired(self) -> int:
        """How many decisions are mended."""
        return len(self.repaired_rows)

    @property
    def broken(self) -> int:
        """How many are spoilt."""
        return len(self.broken_rows)

    @property
    def net(self) -> int:
        """Wrong decisions fewer than before."""
        return self.repaired - self.broken


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
    generator = np.random.default_rng(seed)
    found = [
        correct_in_order(trace, policy, truth, labels, random_ranks(truth.shape, generator))
        for _ in range(orders)
    ]
    scores = np.array([(one.accuracies, one.aucs) for one in found])
    accuracies, aucs = scores.mean(axis=0)
    return InterventionCurve(tuple(map(float, accuracies)), tuple(map(float, aucs)))


def correct_in_order(
    trace: Trace,
    policy: Policy,
    truth: Float[np.ndarray, "case concept"],
    labels: Int[np.ndarray, " case"],
    ranks: Int[np.ndarray, "case concept"],
) -> Corrected:
    """Correct concepts to their true value, one after another, each case in its own order.

    Args:
        trace: Evidence on labelled cases.
        policy: Under which they are decided.
        truth: True graded concepts; for a head whose concepts are binary, cut at one half.
        labels: Class indices.
        ranks: When a case's concept is corrected: 0 is the first.
    """
    found = replay(trace, policy).concepts
    known, concepts = trace.head.read(truth), trace.head.concepts
    scores, right = [], []
    for corrected in range(concepts + 1):
        activations = found.copy()
        now = ranks < corrected
        activations[:, :concepts][now] = known[now]
        probabilities = trace.head.probabilities(trace.head.class_logits(activations))
        predicted = predicted_class(probabilities, policy)
        scores.append((accuracy(predicted, labels), mean_auc(probabilities, labels)))
        right.append(predicted == labels)
    accuracies, aucs = zip(*scores, strict=True)
    return Corrected(accuracies, aucs, np.stack(right))


def random_ranks(
    shape: tuple[int, ...], generator: np.random.Generator
) -> Int[np.ndarray, "case concept"]:
    """Correct in an order drawn anew for each case."""
    return generator.random(shape).argsort(axis=1).argsort(axis=1)


def fixed_ranks(order: Sequence[int], cases: int) -> Int[np.ndarray, "case concept"]:
    """Correct in one order in all cases; ``order`` names the concepts, the first one first."""
    return np.tile(np.argsort(order), (cases, 1))


def greedy_order(
    trace: Trace,
    policy: Policy,
    truth: Float[np.ndarray, "case concept"],
    labels: Int[np.ndarray, " case"],
) -> tuple[int, ...]:
    """One order for all cases: each time the concept whose correction helps these cases most.

    What helps is measured by the mean log of the chance given to the true class, which counts
    every case and not only those whose decision changes.
    """
    activations = np.array(replay(trace, policy).concepts)
    known = trace.head.read(truth)
    left, order = list(range(trace.head.concepts)), []
    while left:
        gains = []
        for concept in left:
            tried = activations.copy()
            tried[:, concept] = known[:, concept]
            chances = trace.head.probabilities(trace.head.class_logits(tried))
            given = np.maximum(chances[np.arange(len(labels)), labels], 1e-9)
            gains.append(float(np.log(given).mean()))
        best = left.pop(int(np.argmax(gains)))
        activations[:, best] = known[:, best]
        order.append(best)
    return tuple(order)


def single_corrections(
    trace: Trace,
    policy: Policy,
    truth: Float[np.ndarray, "case concept"],
    labels: Int[np.ndarray, " case"],
) -> tuple[Single, ...]:
    """Correct each concept alone, in all cases, and find the decisions mended and spoilt."""
    decision = replay(trace, policy)
    right, known = decision.predicted == labels, trace.head.read(truth)
    found = []
    for concept in range(trace.head.concepts):
        activations = np.array(decision.concepts)
        activations[:, concept] = known[:, concept]
        chances = trace.head.probabilities(trace.head.class_logits(activations))
        now = predicted_class(chances, policy) == labels
        rows = (np.flatnonzero(changed) for changed in (now & ~right, right & ~now))
        found.append(Single(*(tuple(map(int, one)) for one in rows)))
    return tuple(found)
