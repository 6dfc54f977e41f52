"""One way to build and train a network, and what is measured of it on one split.

Training cases train, validation cases choose (temperature and gate threshold), test cases are
scored once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from benchmarks.tasks import Parts
from minspnet.calibrate import fit_temperature
from minspnet.cost import cost_table
from minspnet.data import UNLABELLED
from minspnet.errors import UserError
from minspnet.intervention import intervention_curve
from minspnet.leakage import impurity
from minspnet.metrics import accuracy, mean_auc
from minspnet.network import Network, run
from minspnet.policy import Policy
from minspnet.presets import Preset
from minspnet.recipe import TrainSpec
from minspnet.sparsity.compress import cost_shares
from minspnet.sweep import Outcomes, most_within
from minspnet.trace import Trace, replay
from minspnet.training.train import TrainingData, train

BUDGETS = tuple(round(0.05 * step, 2) for step in range(2, 21))
"""Shares of its own MACs at which a way is scored as routed; the base alone where it costs more."""

Help = Callable[[Preset, Parts, int], dict[str, Any]]
"""Further arguments for ``train``: a teacher, a start, validation cases."""
Change = Callable[[Parts, int], Parts]
After = Callable[[Network, Parts, int], Network]


@dataclass(frozen=True)
class Way:
    """How to get a network.

    Attributes:
        preset: Architecture and recipe.
        help: What its training gets beside cases.
        change: Of the cases, before anything else.
        after: Done with the trained network.
    """

    preset: Preset
    help: Help = lambda preset, parts, seed: {}
    change: Change = lambda parts, seed: parts
    after: After = lambda network, parts, seed: network

    def network(self, parts: Parts, seed: int) -> Network:
        """Train and calibrate."""
        shares = cost_shares(Network(self.preset.model))
        recipe = self.preset.training
        extra = self.help(self.preset, parts, seed)
        trained = train(self.preset.model, recipe, parts["train"], shares, seed, **extra)
        # Gates may hear the doubt, which the temperature scales.
        _calibrate(trained, parts, recipe)
        network = self.after(trained, parts, seed)
        _calibrate(network, parts, recipe)
        return network


def measure(
    way: Way, given: Parts, seed: int, budgets: tuple[float, ...] = BUDGETS
) -> dict[str, Any]:
    """Train one way on one split and score its test cases."""
    parts = {name: _labelled(name, part) for name, part in way.change(given, seed).items()}
    network = way.network(parts, seed)
    traces = {
        name: run(network, _ids(parts[name]), parts[name].inputs, _names(network))
        for name in ("validation", "test")
    }
    test, cost = parts["test"], cost_table(network)
    everything = Policy.shared(0, len(network.tree.names))
    curve = intervention_curve(
        traces["test"], everything, test.concepts, test.labels, orders=5, seed=seed
    )
    held = Outcomes(traces["validation"], parts["validation"].labels, cost)
    thresholds = held.curve()
    routed = {}
    for budget in budgets:
        affordable = max(budget, cost.base / cost.total)
        policy = Policy(most_within(thresholds, affordable, cost.total).gate_thresholds)
        routed[str(budget)] = _score(traces["test"], test, policy) | {
            "share": Outcomes(traces["test"], test.labels, cost).score(policy).mean_macs
            / cost.total
        }
    return {
        "all_on": _score(traces["test"], test, everything),
        "validation": _score(traces["validation"], parts["validation"], everything),
        "routed": routed,
        "macs": cost.total,
        "parameters": network.parameters_count,
        "corrected": list(curve.accuracies),
        "leakage": _leakage(traces["test"], test, everything, seed),
    }


def _calibrate(network: Network, parts: Parts, recipe: TrainSpec) -> None:
    held = parts["validation"]
    trace = run(network, _ids(held), held.inputs, _names(network))
    practised = 0.5 if recipe.practice == "router" else 0.0
    decision = replay(trace, Policy.shared(practised, len(trace.tree.names)))
    network.head.temperature.fill_(fit_temperature(decision.class_logits, held.labels))


def _labelled(name: str, part: TrainingData) -> TrainingData:
    """Cases without a label teach concepts; they cannot be scored."""
    if name == "train" or (part.labels != UNLABELLED).all():
        return part
    rows = np.flatnonzero(part.labels != UNLABELLED)
    masks = None if part.masks is None else part.masks[rows]
    return TrainingData(part.inputs[rows], part.concepts[rows], part.labels[rows], masks)


def _score(trace: Trace, part: TrainingData, policy: Policy) -> dict[str, float]:
    decision = replay(trace, policy)
    return {
        "accuracy": accuracy(decision.predicted, part.labels),
        "auc": mean_auc(decision.probabilities, part.labels),
        "concepts": agreement(decision.concepts, part.concepts),
    }


def agreement(concepts: np.ndarray, truth: np.ndarray) -> float | None:
    """Rank correlation with the truth, mean over the concepts that truly vary; None if none does.

    What is said alike of all cases says nothing: 0.
    """
    found = [
        float(spearmanr(concepts[:, k], t).statistic) if np.ptp(concepts[:, k]) else 0.0
        for k, t in enumerate(truth.T)
        if np.ptp(t)
    ]
    return float(np.mean(found)) if found else None


def _leakage(trace: Trace, part: TrainingData, policy: Policy, seed: int) -> float | None:
    """Oracle impurity; None where there is one concept, or one that never varies."""
    concepts = part.concepts.shape[1]
    if concepts < 2:
        return None
    try:
        return impurity(replay(trace, policy).concepts[:, :concepts], part.concepts, seed)
    except UserError:
        return None


def _ids(part: TrainingData) -> tuple[str, ...]:
    return tuple(map(str, range(len(part.labels))))


def _names(network: Network) -> tuple[str, ...]:
    return tuple(f"concept {k}" for k in range(network.spec.concepts))
