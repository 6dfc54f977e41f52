"""One honest experiment: train on one part, choose on the second, report the third once."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from minspnet.baselines import NAMES, bearable, score_baselines
from minspnet.calibrate import fit_temperature
from minspnet.cost import cost_table
from minspnet.data import PARTS, UNLABELLED, Cases, ConceptScale, Split
from minspnet.domain import Domain, Variant
from minspnet.errors import requirement
from minspnet.intervention import intervention_curve
from minspnet.metrics import CostTable, calibration_error
from minspnet.network import Network, run
from minspnet.policy import CLOSED, Policy
from minspnet.presets import Preset
from minspnet.spec import ModelSpec
from minspnet.sweep import Outcomes, cheapest_alike, most_within
from minspnet.tally import MOST_SETS, count_sets
from minspnet.trace import Trace, replay
from minspnet.training.train import Progress, StepHook, TrainingData, train

BUDGET = 0.4
"""Share of all MACs that the operating point may cost on average over validation cases.

A tenth below the half that routing is asked to save, so that harder test cases stay under it.
"""

DRIFT = 0.005
"""Most probability that routing may move on average, where what it costs in accuracy is unknown.

What two fifths of the MACs lose differs from task to task: next to nothing on the shipped ones,
which were looked at, but a point of accuracy on penguins, which were not (validation cases). This
much lost nothing on the test cases of four tasks that it was chosen on.
"""


@dataclass(frozen=True)
class Study:
    """A trained network with everything its split says about it.

    Attributes:
        domain: The task.
        variant: The choice of inputs.
        preset: Architecture and training recipe.
        seed: Of the split and of the training.
        network: Trained and calibrated.
        scale: How columns become true concepts, fitted on the training part.
        cost: MACs per part.
        policy: The operating point, chosen on the validation part.
        traces: Evidence on the three parts.
        metrics: Scores on the test part, ready for JSON.
    """

    domain: Domain
    variant: Variant
    preset: Preset
    seed: int
    network: Network
    scale: ConceptScale
    cost: CostTable
    policy: Policy
    traces: Mapping[str, Trace]
    metrics: Mapping[str, Any]


def conduct(
    domain: Domain,
    variant: Variant,
    preset: Preset,
    cases: Cases,
    split: Split,
    seed: int,
    baselines: bool = True,
    on_epoch: Progress | None = None,
    checkpoint: Path | None = None,
    watch: bool = False,
    after_step: StepHook | None = None,
    on_baseline: Callable[[str], None] | None = None,
    hurry: bool = False,
    drift: float | None = None,
) -> Study:
    """Train, calibrate, choose the operating point and report.

    Args:
        domain: The task.
        variant: The choice of inputs that ``cases`` were read with.
        preset: Architecture and training recipe.
        cases: All cases of the domain.
        split: Which of them are for what.
        seed: Of the training.
        baselines: Score the usual models on the same split too.
        on_epoch: Told the loss terms after each epoch.
        checkpoint: Folder to keep each epoch in; an interrupted training goes on from there.
        watch: Weigh the validation cases after each epoch too, as a recipe with ``patience``
            does in any case; the weights stay the same.
        after_step: Called after each step of the optimiser; what it raises ends the training.
        on_baseline: Told the name of each of the usual models before it is fitted.
        hurry: Leave out those of the usual models that would take longer than some minutes.
        drift: Choose the cheapest operating point that moves no more probability than this, on
            average over validation cases; see ``DRIFT``. None spends ``BUDGET`` instead.
    """
    check_forest(preset.model)
    parts = {name: cases.take(getattr(split, name)) for name in PARTS}
    scale = ConceptScale.fit(domain.concepts, parts["train"])
    watched = parts["validation"] if watch or preset.training.patience else None
    network, cost = fit(
        preset, parts["train"], scale, seed, on_epoch, checkpoint, watched, after_step
    )
    practised = 0.5 if preset.training.practice == "router" else 0.0
    calibrate(network, parts["validation"], domain, practised)
    traces = {name: _run(network, part, domain) for name, part in parts.items()}
    validation = Outcomes(traces["validation"], parts["validation"].labels, cost)
    point = (
        most_within(validation.curve(), BUDGET, cost.total)
        if drift is None
        else cheapest_alike(validation, drift)
    )
    policy = Policy(point.gate_thresholds)
    metrics = report(traces["test"], parts["test"], scale, cost, policy, seed)
    metrics["parameters"] = network.parameters_count
    metrics["cases"] = {name: len(part) for name, part in parts.items()}
    if baselines:
        metrics["baselines"] = _baselines(
            parts, network.parameters_count, seed, preset.model.stem.levels, on_baseline, hurry
        )
    return Study(domain, variant, preset, seed, network, scale, cost, policy, traces, metrics)


def check_forest(spec: ModelSpec) -> None:
    """Refuse an architecture whose routings are too many to be told apart.

    Raises:
        UserError: If more sets of experts can run than are counted.
    """
    reachable = count_sets(Network(spec).tree)
    if reachable > MOST_SETS:
        raise requirement(
            "the forest",
            f"reach at most {MOST_SETS} sets of active experts",
            reachable,
            "use fewer parallel experts, or put some behind others",
        )


def fit(
    preset: Preset,
    part: Cases,
    scale: ConceptScale,
    seed: int,
    on_epoch: Progress | None = None,
    checkpoint: Path | None = None,
    validation: Cases | None = None,
    after_step: StepHook | None = None,
) -> tuple[Network, CostTable]:
    """Train the preset on the training part and count its cost; see ``train`` for the hooks."""
    cost = cost_table(Network(preset.model))
    shares = np.asarray(cost.experts, dtype=np.float64) / cost.total
    network = train(
        preset.model,
        preset.training,
        _with_truth(part, scale),
        shares,
        seed,
        on_epoch,
        after_step=after_step,
        validation=None if validation is None else _with_truth(validation, scale),
        checkpoint=checkpoint,
    )
    return network, cost


def _with_truth(part: Cases, scale: ConceptScale) -> TrainingData:
    return TrainingData(part.inputs, scale.truth(part.columns), part.labels)


def calibrate(
    network: Network, validation: Cases, domain: Domain, gate_threshold: float = 0.0
) -> None:
    """Set the head's temperature from validation cases.

    Args:
        network: Its head is changed in place.
        validation: Cases that were not trained on.
        domain: Their task.
        gate_threshold: Shared by all gates: 0 runs every expert, which a network that practised
            only its router's choices never learned to do.
    """
    trace = _run(network, validation, domain)
    decision = replay(trace, Policy.shared(gate_threshold, len(trace.tree.names)))
    temperature = fit_temperature(decision.class_logits, validation.labels)
    network.head.temperature.fill_(temperature)


def report(
    trace: Trace,
    cases: Cases,
    scale: ConceptScale,
    cost: CostTable,
    policy: Policy,
    seed: int = 0,
) -> dict[str, Any]:
    """Score labelled cases under the operating point and with every expert on.

    Intervals are made where scores are shown: see ``minspnet.estimate``.
    """
    outcomes = Outcomes(trace, cases.labels, cost)
    everything = Policy.shared(0, len(trace.tree.names))
    decision = replay(trace, policy)
    truth = scale.truth(cases.columns)
    curve = intervention_curve(trace, everything, truth, cases.labels, seed=seed)
    gated = _score(outcomes, policy)
    gated["calibration_error_10_bins"] = calibration_error(decision.probabilities, cases.labels)
    return {
        "gated": gated,
        "all_on": _score(outcomes, everything),
        "base_only": _score(outcomes, Policy.shared(CLOSED, len(trace.tree.names))),
        "total_macs": cost.total,
        "concept_rank_correlation": _rank_correlations(trace, everything, truth),
        "intervention": dataclasses.asdict(curve),
    }


def _run(network: Network, cases: Cases, domain: Domain) -> Trace:
    return run(network, cases.ids, cases.inputs, domain.concept_names)


def _score(outcomes: Outcomes, policy: Policy) -> dict[str, Any]:
    score = outcomes.score(policy)
    return {
        "accuracy": score.accuracy,
        "auc": outcomes.auc(policy),
        "mean_macs": score.mean_macs,
        "recalls": list(score.recalls),
    }


def _rank_correlations(trace: Trace, policy: Policy, truth: np.ndarray) -> dict[str, float | None]:
    """Spearman's correlation of each concept with the truth; None where either never varies."""
    concepts = replay(trace, policy).concepts
    return {
        name: float(spearmanr(concepts[:, k], truth[:, k]).statistic)
        if np.ptp(concepts[:, k]) and np.ptp(truth[:, k])
        else None
        for k, name in enumerate(trace.concept_names)
    }


def _baselines(
    parts: Mapping[str, Cases],
    parameters: int,
    seed: int,
    levels: tuple[int, ...],
    on_start: Callable[[str], None] | None,
    hurry: bool,
) -> dict[str, Any]:
    train_part, test = parts["train"], parts["test"]
    known = train_part.labels != UNLABELLED
    columns, classes = train_part.inputs[0].size, len(np.unique(train_part.labels[known]))
    names = bearable(int(known.sum()), columns, classes, parameters) if hurry else NAMES
    scores = score_baselines(
        train_part.inputs[known],
        train_part.labels[known],
        test.inputs,
        test.labels,
        parameters,
        seed,
        levels,
        on_start,
        names,
    )
    return {name: dataclasses.asdict(score) for name, score in scores.items()}
