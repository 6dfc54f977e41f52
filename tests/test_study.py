"""The experiment is honest, and what ships is what the recipe gives."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from studies import (
    CYTOLOGY,
    NAMES,
    SHIPPED,
    VARIANT,
    cases_of,
    part_of,
    shipped,
    two_epochs,
    untrained,
)

from minspnet.calibrate import fit_temperature
from minspnet.data import Cases, Split, folds
from minspnet.domains import find_domain
from minspnet.errors import UserError
from minspnet.network import Network, run
from minspnet.policy import Policy
from minspnet.presets import Preset, preset
from minspnet.recipe import Practice
from minspnet.spec import ExpertSpec
from minspnet.spread import summarise
from minspnet.study import BUDGET, Study, calibrate, conduct, report
from minspnet.sweep import Outcomes, most_within
from minspnet.trace import replay

PROMISED_PARAMETERS = {
    "breast_cytology": 2_000,
    "lung_nodules": 25_000,
    "wrist_exercise": 10_000,
    "phishing": 2_000,
    "shuttle": 2_000,
}


@pytest.fixture(scope="module")
def cases() -> Cases:
    return cases_of("breast_cytology")


@pytest.fixture(scope="module")
def split(cases: Cases) -> Split:
    return next(folds(cases, 0))


@pytest.fixture(scope="module")
def study(cases: Cases, split: Split) -> Study:
    return two_epochs(cases, split, seed=0)


def test_too_many_parallel_experts_are_refused_before_the_training(
    cases: Cases, split: Split
) -> None:
    recipe = preset(CYTOLOGY, VARIANT)
    experts = tuple(ExpertSpec(f"expert {k}", "dense", 2) for k in range(9))
    wide = Preset(dataclasses.replace(recipe.model, experts=experts), recipe.training)

    def never(epoch: int, terms: dict[str, float]) -> None:
        raise AssertionError("it was trained")

    with pytest.raises(UserError) as refused:
        conduct(CYTOLOGY, VARIANT, wide, cases, split, 0, on_epoch=never)
    assert str(refused.value) == (
        "the forest must reach at most 256 sets of active experts, got 512; "
        "use fewer parallel experts, or put some behind others."
    )


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_the_temperature_is_fitted_on_the_experts_that_run(cases: Cases, threshold: float) -> None:
    network = untrained(seed=0).network
    validation = cases.take(np.flatnonzero(cases.labels >= 0)[:80])
    trace = run(network, validation.ids, validation.inputs, CYTOLOGY.concept_names)
    decided = replay(trace, Policy.shared(threshold, len(trace.tree.names)))
    assert decided.active.all() == (threshold == 0)
    calibrate(network, validation, CYTOLOGY, threshold)
    expected = fit_temperature(decided.class_logits, validation.labels)
    assert float(network.head.temperature) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("practice", "threshold"), [("paths", 0.0), ("router", 0.5)])
def test_a_router_that_chose_in_training_chooses_in_calibration(
    cases: Cases,
    split: Split,
    practice: Practice,
    threshold: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []
    monkeypatch.setattr("minspnet.study.calibrate", lambda *given: asked.append(given[3]))
    recipe = preset(CYTOLOGY, VARIANT)
    training = dataclasses.replace(recipe.training, epochs=1, practice=practice)
    conduct(CYTOLOGY, VARIANT, Preset(recipe.model, training), cases, split, 0, baselines=False)
    assert asked == [threshold]


def test_watching_changes_nothing_but_what_is_told(
    cases: Cases, split: Split, study: Study
) -> None:
    recipe = preset(CYTOLOGY, VARIANT)
    training = dataclasses.replace(recipe.training, epochs=2, learning_rate=0.03)
    told: list[dict[str, float]] = []
    steps: list[int] = []
    watched = conduct(
        *(CYTOLOGY, VARIANT, Preset(recipe.model, training), cases, split, 0, False),
        on_epoch=lambda _, record: told.append(record),
        watch=True,
        after_step=lambda _, step, steps_in_all: steps.append(steps_in_all),
    )
    assert all(
        torch.equal(one, other)
        for one, other in zip(
            watched.network.state_dict().values(),
            study.network.state_dict().values(),
            strict=True,
        )
    )
    assert watched.metrics == study.metrics
    assert len(told) == 2 and all("validation_loss" in record for record in told)
    assert len(steps) == steps[0]


def test_a_recipe_with_patience_is_watched(cases: Cases, split: Split) -> None:
    recipe = preset(CYTOLOGY, VARIANT)
    training = dataclasses.replace(recipe.training, epochs=2, patience=1)
    told: list[dict[str, float]] = []
    conduct(
        *(CYTOLOGY, VARIANT, Preset(recipe.model, training), cases, split, 0, False),
        on_epoch=lambda _, record: told.append(record),
    )
    assert all("validation_loss" in record for record in told)


# --- Honest -----------------------------------------------------------------------------


def test_the_test_part_decides_nothing(cases: Cases, split: Split, study: Study) -> None:
    """With its labels exchanged and its inputs mixed up, the same model is trained and chosen."""
    labels, inputs = cases.labels.copy(), cases.inputs.copy()
    labels[split.test] = 1 - labels[split.test]
    inputs[split.test] = inputs[split.test][::-1]
    columns = {name: column.copy() for name, column in cases.columns.items()}
    for column in columns.values():
        column[split.test] *= 1.1
    mixed = dataclasses.replace(cases, labels=labels, inputs=inputs, columns=columns)
    again = two_epochs(mixed, split, seed=0)
    for part in ("train", "validation"):
        assert again.traces[part].digest == study.traces[part].digest
    assert again.policy == study.policy
    assert again.traces["test"].digest != study.traces["test"].digest
    assert again.metrics["all_on"]["accuracy"] != study.metrics["all_on"]["accuracy"]


def test_the_temperature_and_the_operating_point_are_of_the_validation_part(
    cases: Cases, split: Split, study: Study
) -> None:
    """No other shared threshold that half of the MACs can pay scores better there."""
    labels = cases.labels[split.validation]
    outcomes = Outcomes(study.traces["validation"], labels, study.cost)
    chosen = outcomes.score(study.policy)
    assert chosen.mean_macs <= BUDGET * study.cost.total
    assert chosen == most_within(outcomes.curve(), BUDGET, study.cost.total)
    assert len(set(study.policy.gate_thresholds)) == 1

    trace = study.traces["validation"]
    everything = dataclasses.replace(study.policy, gate_thresholds=(0.0,) * 5)
    logits = replay(trace, everything).class_logits.astype(np.float64)
    losses = {}
    for factor in (0.8, 1.0, 1.25):
        scaled = logits / (factor * trace.head.temperature)
        chances = np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True)
        losses[factor] = -np.log(chances[np.arange(len(labels)), labels]).mean()
    assert losses[1.0] == min(losses.values())


def test_the_report_is_of_the_test_part(cases: Cases, split: Split, study: Study) -> None:
    """By hand from replay: accuracy and MACs of the three ways, and the ends of the curve."""
    labels, trace, metrics = cases.labels[split.test], study.traces["test"], study.metrics
    ways = {"gated": study.policy.gate_thresholds, "all_on": (0.0,) * 5, "base_only": (2.0,) * 5}
    for way, thresholds in ways.items():
        decision = replay(trace, dataclasses.replace(study.policy, gate_thresholds=thresholds))
        right = decision.predicted == labels
        assert metrics[way]["accuracy"] == pytest.approx(right.mean())
        assert metrics[way]["recalls"] == pytest.approx([right[labels == k].mean() for k in (0, 1)])
        macs = study.cost.macs(decision.active).mean()
        assert metrics[way]["mean_macs"] == pytest.approx(macs)
    assert metrics["base_only"]["mean_macs"] == study.cost.base
    assert metrics["all_on"]["mean_macs"] == metrics["total_macs"] == study.cost.total
    corrected = metrics["intervention"]["accuracies"]
    assert len(corrected) == len(CYTOLOGY.concepts) + 1
    assert corrected[0] == pytest.approx(metrics["all_on"]["accuracy"])
    assert metrics["cases"] == {"train": 364, "validation": 91, "test": 114}
    assert metrics["parameters"] == study.network.parameters_count
    assert set(metrics["concept_rank_correlation"]) == set(CYTOLOGY.concept_names)


def test_rank_correlations_are_those_of_the_concepts(
    cases: Cases, split: Split, study: Study
) -> None:
    """Spearman by hand: Pearson of the places; here no two cases tie."""
    part = cases.take(split.test)
    truth = study.scale.truth(part.columns)[:, 0]
    everything = dataclasses.replace(study.policy, gate_thresholds=(0.0,) * 5)
    found = replay(study.traces["test"], everything).concepts[:, 0]
    fresh = report(study.traces["test"], part, study.scale, study.cost, study.policy)
    unclipped = (truth > 0) & (truth < 1)
    assert unclipped.mean() > 0.8
    places = [np.argsort(np.argsort(values)) for values in (found, truth)]
    by_hand = np.corrcoef(places)[0, 1]
    assert fresh["concept_rank_correlation"]["nuclear_size"] == pytest.approx(by_hand, abs=0.02)


# --- Spread over splits -----------------------------------------------------------------


def run_of(accuracy: float, **baselines: float) -> dict[str, object]:
    way = {"accuracy": accuracy, "auc": 0.5, "mean_macs": 10.0}
    scores = {name: {"accuracy": value, "auc": value / 2} for name, value in baselines.items()}
    return {"gated": way, "all_on": way, "base_only": way, "baselines": scores}


def test_spread_by_hand() -> None:
    """.8, .9 and 1: mean .9, standard deviation sqrt(.02 / 2) = .1."""
    runs = [run_of(a, trees=a / 2, extra=1.0) for a in (0.8, 0.9)] + [run_of(1.0, trees=0.5)]
    found = summarise(runs)
    assert found["gated.accuracy"] == pytest.approx({"mean": 0.9, "sd": 0.1})
    assert found["all_on.mean_macs"] == pytest.approx({"mean": 10, "sd": 0})
    assert found["trees.accuracy"] == pytest.approx({"mean": 0.45, "sd": 0.05})
    assert "extra.accuracy" not in found  # not every run has it


def test_one_run_has_no_spread() -> None:
    assert summarise([run_of(0.8)])["gated.accuracy"] == {"mean": 0.8, "sd": 0.0}


# --- What ships -------------------------------------------------------------------------


@pytest.mark.parametrize("folder", SHIPPED, ids=NAMES)
def test_shipped_models_are_of_the_shipped_recipe(folder: Path) -> None:
    """Else ``make models`` has not been run since a preset changed."""
    model = shipped(folder)
    domain = find_domain(model.domain_key)
    recipe = preset(domain, domain.variant(model.variant))
    assert model.spec == recipe.model
    assert model.training == recipe.training


@pytest.mark.parametrize("folder", SHIPPED, ids=NAMES)
def test_networks_keep_to_the_promised_size(folder: Path) -> None:
    model = shipped(folder)
    domain = find_domain(model.domain_key)
    recipe = preset(domain, domain.variant(model.variant))
    for spec in (model.spec, recipe.model):
        assert Network(spec).parameters_count <= PROMISED_PARAMETERS[model.domain_key]
    assert model.metrics["parameters"] == Network(model.spec).parameters_count


@pytest.mark.parametrize("folder", SHIPPED, ids=NAMES)
def test_what_is_claimed_over_splits_includes_the_shipped_run(folder: Path) -> None:
    """The shipped model is one of the runs: no further from the mean than n runs allow.

    Of n values none is further than (n - 1) / sqrt(n) standard deviations from their mean.
    """
    over_splits = shipped(folder).metrics["over_splits"]
    runs, scores = over_splits["runs"], over_splits["scores"]
    assert runs >= 2
    for way in ("gated", "all_on", "base_only"):
        for name in ("accuracy", "auc", "mean_macs"):
            spread = scores[f"{way}.{name}"]
            reach = (runs - 1) / runs**0.5 * spread["sd"]
            own = shipped(folder).metrics[way][name]
            assert abs(own - spread["mean"]) <= reach + 1e-9


def test_the_recipe_gives_the_shipped_scores() -> None:
    """Train all over: accuracy and AUC with every expert on, within the spread over splits."""
    folder = next(f for f in SHIPPED if f.name == "breast_cytology-all_measurements")
    model = shipped(folder)
    cases = cases_of("breast_cytology", VARIANT.name)
    split = next(folds(cases, model.seed))
    assert cases.take(split.test).ids == part_of(model, "test").ids
    recipe = preset(CYTOLOGY, VARIANT)
    again = conduct(CYTOLOGY, VARIANT, recipe, cases, split, model.seed, baselines=False)
    for name in ("accuracy", "auc"):
        spread = model.metrics["over_splits"]["scores"][f"all_on.{name}"]["sd"]
        kept = model.metrics["all_on"][name]
        assert again.metrics["all_on"][name] == pytest.approx(kept, abs=max(spread, 0.02))
    assert again.metrics["total_macs"] == model.metrics["total_macs"]
