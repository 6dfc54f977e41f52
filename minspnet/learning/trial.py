"""What an update is measured by: readers held out, accuracy kept, and updates nobody disputes.

Three questions, none of which the reviewed cases that a network was fitted to can answer:

* Did it learn what readers meant? It is fitted on all parts of the reviewed cases but one and asked
  about that one, in turn.
* Did it forget? Test cases of which nothing was learned, old and new, paired.
* Did reasons move further than any update moves them? As many cases that nobody reviewed, with as
  many findings (where the network is furthest off) and answers set to what is *known* of them, of
  which as many differ from the network's own, are learned by the same adapter. That is done
  ``UNDISPUTED`` times, and the largest shift is the limit. Were all else alike, readers who judge
  as the labels do would exceed it in one case of twenty; how often they do is measured by
  ``benchmarks.learning``. (Test cases are among those drawn, for validation parts are small: these
  networks are thrown away, and only what they move is kept. Where few cases are decided wrongly,
  those stand in for many.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from minspnet.compare import LEAST_CHANCE
from minspnet.data import UNLABELLED, Cases, ConceptScale
from minspnet.estimate import resampling
from minspnet.learned import AdapterSpec, Difference
from minspnet.learning.adapter import Taught, fit, readings
from minspnet.learning.lessons import Lessons
from minspnet.learning.shift import Reasons, reasons
from minspnet.metrics import CostTable
from minspnet.network import Network, run
from minspnet.policy import Policy
from minspnet.recipe import TrainSpec
from minspnet.trace import Trace, replay
from minspnet.training.losses import null_deviance
from minspnet.waterfall import typical_concepts

WEIGHTS = (0.3, 1.0, 3.0, 10.0)
"""How much replayed cases may count, from the one that lets most be learned on."""
FOLDS = 5
UNDISPUTED = 19


@dataclass(frozen=True)
class Ground:
    """A model as it is, and the cases that its update is measured on.

    Attributes:
        network: Stays as it is.
        policy: In force.
        recipe: That it was trained by.
        scale: How columns become true findings.
        concepts: Names.
        train: Cases that it learned from.
        validation: Cases of which nothing was learned; they choose.
        test: Likewise; they report.
    """

    network: Network
    policy: Policy
    recipe: TrainSpec
    scale: ConceptScale
    concepts: tuple[str, ...]
    train: Cases
    validation: Cases
    test: Cases

    def trace(self, network: Network, part: Cases) -> Trace:
        """The evidence of the old or a new network."""
        return run(network, part.ids, part.inputs, self.concepts)

    def unexplained(self) -> Float[Tensor, " concept"]:
        """Null deviance of each finding over the training cases."""
        return null_deviance(torch.as_tensor(self.scale.truth(self.train.columns)))

    def sample(self, spec: AdapterSpec) -> Cases:
        """Draw the training cases that are replayed."""
        drawn = np.random.default_rng(spec.seed).permutation(len(self.train))[: spec.replay]
        return self.train.take(drawn)


class Teacher:
    """Fit adapters on the same ground, with the same replayed cases."""

    def __init__(self, ground: Ground, spec: AdapterSpec) -> None:
        self.ground, self.spec = ground, spec
        self.sample = ground.sample(spec)
        self.replayed = readings(ground.network, self.sample.inputs)
        self.unexplained = ground.unexplained()
        self.fitted = 0
        trace = ground.trace(ground.network, ground.validation)
        self._before = _log_losses(trace, ground.policy, ground.validation)
        self._explained = replay(ground.trace(ground.network, ground.test), ground.policy)

    def reasons(self, network: Network) -> Reasons:
        """The reasons of the test cases, told against the mean of the replayed cases."""
        ground = self.ground
        typical = typical_concepts(ground.trace(network, self.sample), ground.policy)
        trace = ground.trace(network, ground.test)
        return reasons(trace, ground.policy, typical, self._explained)

    def teach(self, taught: Taught, weight: float) -> Network:
        """Fit at a given weight of the replayed cases."""
        ground = self.ground
        network, self.fitted = fit(
            ground.network,
            taught,
            self.replayed,
            weight,
            self.unexplained,
            ground.recipe,
            self.spec,
        )
        return network

    def choose(self, taught: Taught) -> tuple[Network, float]:
        """Fit at the least weight that costs validation cases no log loss beyond its error.

        The first of ``WEIGHTS`` whose mean rise is at most one standard error; if none is, the
        last one.

        Source: Breiman et al. 1984, Classification and Regression Trees, 3.4.3 (the rule of one
        standard error).
        """
        for weight in WEIGHTS:
            network = self.teach(taught, weight)
            trace = self.ground.trace(network, self.ground.validation)
            after = _log_losses(trace, self.ground.policy, self.ground.validation)
            mean, error = _mean_and_error(after - self._before, self.ground.validation.groups)
            if mean <= error:
                break
        return network, weight


def difference(
    before: Float[np.ndarray, " item"], after: Float[np.ndarray, " item"], groups: Sequence[str]
) -> Difference:
    """Compare the means of a measure before and after, groups redrawn together."""
    how = resampling(groups)
    apart = after.astype(np.float64) - before
    draws = np.concatenate([w @ apart / w.sum(axis=1) for w in how.weights()])
    low, high = np.percentile(draws, [2.5, 97.5])
    means = float(before.mean()), float(after.mean())
    return Difference(*means, float(low), float(high), len(apart), how.count)


def held_out(teacher: Teacher, taught: Taught) -> tuple[Difference | None, Difference | None]:
    """Teach all reviewed cases but some, and ask about those.

    Returns:
        Mean distance to what readers set findings to, and share of their answers met; None where
        they set none or gave none.
    """
    lessons, ground = taught.lessons, teacher.ground
    old = _decided(ground, lessons.inputs, ground.network)
    new = tuple(np.array(part) for part in old)
    for rows in _folds(lessons.groups, teacher.spec.seed):
        rest = np.setdiff1d(np.arange(len(lessons)), rows)
        network, _ = teacher.choose(taught.take(rest))
        for part, said in zip(new, _decided(ground, lessons.inputs[rows], network), strict=True):
            part[rows] = said
    corrected, groups = lessons.corrected, np.array(lessons.groups)
    answered = lessons.labels != UNLABELLED
    findings = answers = None
    if corrected.any():
        wanted = lessons.findings[corrected]
        apart = [np.abs(one[0][corrected] - wanted) for one in (old, new)]
        of = np.broadcast_to(groups[:, None], corrected.shape)[corrected]
        findings = difference(apart[0], apart[1], of.tolist())
    if answered.any():
        met = [(one[1] == lessons.labels)[answered].astype(float) for one in (old, new)]
        answers = difference(met[0], met[1], groups[answered].tolist())
    return findings, answers


def undisputed_shifts(
    teacher: Teacher, lessons: Lessons, weight: float, count: int = UNDISPUTED
) -> tuple[float, ...]:
    """Mean shift of the test cases' reasons by updates of the same size that nobody disputes.

    Args:
        teacher: Of the update that is to be judged.
        lessons: What that one learned.
        weight: Of its replayed cases.
        count: How many such updates.
    """
    ground = teacher.ground
    parts = (ground.validation, ground.test)
    inputs = np.concatenate([part.inputs for part in parts])
    found = readings(ground.network, inputs)
    truth = np.concatenate([ground.scale.truth(part.columns) for part in parts])
    known = np.concatenate([part.labels for part in parts])
    said, predicted = _decided(ground, inputs, ground.network)
    wrong = predicted != known
    _, answers = _decided(ground, lessons.inputs, ground.network)
    answered = int((lessons.labels != UNLABELLED).sum())
    differing = int(lessons.differing(answers).sum())
    before = teacher.reasons(ground.network)
    generator = np.random.default_rng(teacher.spec.seed + 1)
    shifts = []
    for _ in range(count):
        rows = _as_many(generator, wrong, differing, answered, len(lessons))
        # Readers set right what is most wrong.
        findings = np.full((len(rows), truth.shape[1]), np.nan, dtype=np.float32)
        for concept, times in enumerate(lessons.corrected.sum(axis=0)):
            off = np.abs(truth - said)[rows, concept]
            chosen = np.argsort(-off, kind="stable")[:times]
            findings[chosen, concept] = truth[rows[chosen], concept]
        labels = np.full(len(rows), UNLABELLED, dtype=np.intp)
        labels[:answered] = known[rows[:answered]]
        ids = _numbers(len(rows))
        as_known = Lessons(ids, inputs[rows], findings, labels, ids)
        network = teacher.teach(Taught(found.take(rows), as_known), weight)
        shifts.append(float(before.shift(teacher.reasons(network)).distance.mean()))
    return tuple(shifts)


def _as_many(
    generator: np.random.Generator,
    wrong: Bool[np.ndarray, " row"],
    differing: int,
    answered: int,
    count: int,
) -> Int[np.ndarray, " drawn"]:
    """Draw rows with replacement, first those to be answered otherwise, then as decided, then any.

    Twice, for the cases to draw from are themselves a sample. Where no case is decided wrongly,
    any case stands for one.
    """
    pool = generator.choice(len(wrong), len(wrong))

    def some(which: Bool[np.ndarray, " row"], many: int) -> Int[np.ndarray, " drawn"]:
        choices = (pool[which[pool]], np.flatnonzero(which), pool)
        return generator.choice(next(rows for rows in choices if len(rows)), many)

    anything = np.ones_like(wrong)
    parts = ((wrong, differing), (~wrong, answered - differing), (anything, count - answered))
    return np.concatenate([some(which, many) for which, many in parts])


def scores(ground: Ground, network: Network) -> tuple[Difference, Difference, Difference]:
    """Accuracy, log loss and distance to the known findings on test cases, old and new."""
    test = ground.test
    traces = [ground.trace(one, test) for one in (ground.network, network)]
    met = [(replay(t, ground.policy).predicted == test.labels).astype(float) for t in traces]
    losses = [_log_losses(trace, ground.policy, test) for trace in traces]
    truth = ground.scale.truth(test.columns)
    apart = [np.abs(_said(ground, trace) - truth).mean(axis=1) for trace in traces]
    return (
        difference(met[0], met[1], test.groups),
        difference(losses[0], losses[1], test.groups),
        difference(apart[0], apart[1], test.groups),
    )


def compute(ground: Ground, network: Network, cost: CostTable) -> Difference:
    """MACs of the test cases, old and new: gates read findings, and may open and close."""
    traces = [ground.trace(one, ground.test) for one in (ground.network, network)]
    spent = [cost.macs(replay(trace, ground.policy).active) for trace in traces]
    return difference(spent[0], spent[1], ground.test.groups)


def _decided(
    ground: Ground, inputs: Float[np.ndarray, "case *input"], network: Network
) -> tuple[Float[np.ndarray, "case concept"], Int[np.ndarray, " case"]]:
    trace = run(network, _numbers(len(inputs)), inputs, ground.concepts)
    return _said(ground, trace), replay(trace, ground.policy).predicted


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def _said(ground: Ground, trace: Trace) -> Float[np.ndarray, "case concept"]:
    concepts: np.ndarray = replay(trace, ground.policy).concepts[:, : len(ground.concepts)]
    return concepts


def _log_losses(trace: Trace, policy: Policy, part: Cases) -> Float[np.ndarray, " case"]:
    chances = replay(trace, policy).probabilities.astype(np.float64)
    of_truth = chances[np.arange(len(part)), part.labels]
    losses: np.ndarray = -np.log(np.maximum(of_truth, LEAST_CHANCE))
    return losses


def _mean_and_error(
    values: Float[np.ndarray, " case"], groups: Sequence[str]
) -> tuple[float, float]:
    """Mean, and its standard error with cases of one group going together."""
    units = resampling(groups).units
    mean = float(values.mean())
    sums = np.bincount(units, values - mean)
    return mean, float(np.sqrt(np.square(sums).sum()) / len(values))


def _folds(groups: Sequence[str], seed: int) -> list[Int[np.ndarray, " row"]]:
    """Rows of each part; no group is in two."""
    names, units = np.unique(np.array(groups), return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    place = order[units] % min(FOLDS, len(names))
    return [np.flatnonzero(place == fold) for fold in range(min(FOLDS, len(names)))]
