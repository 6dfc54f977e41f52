"""Accuracy, concepts, corrections and routing over repeated cross-validation.

    python -m benchmarks.quality breast_cytology --repeats 5
    python -m benchmarks.quality breast_cytology --variant mean_and_se --repeats 5
    python -m benchmarks.quality lung_nodules --repeats 3 --budgets 0.2 0.4
    python -m benchmarks.quality --show benchmarks/results/quality-*.json

Each fold trains the shipped recipe, static nets of several budgets, a jointly trained bottleneck,
and the usual models, all on the same training cases. For each budget the gate threshold is chosen
on validation cases; the test cases are scored once. A run that was stopped goes on where it was,
unless the recipe has changed since.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier
from tqdm import tqdm

from benchmarks.ceiling import window_statistics
from benchmarks.records import Records
from benchmarks.static import static_macs, static_presets
from benchmarks.tables import header, paired, row, spread
from benchmarks.ways import agreement
from minspnet.data import PARTS, UNLABELLED, Cases, ConceptScale, Split, folds
from minspnet.domain import Domain, Variant
from minspnet.domains import find_domain, load_cases
from minspnet.intervention import intervention_curve
from minspnet.metrics import accuracy, auc, mean_auc
from minspnet.network import run
from minspnet.policy import Policy
from minspnet.presets import Preset, preset
from minspnet.study import BUDGET, Study, conduct, fit
from minspnet.sweep import Outcomes, most_within
from minspnet.trace import replay


def main() -> None:
    """Run the folds and print the table, or print tables of finished runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("domain", nargs="?")
    parser.add_argument("--variant")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--budgets", type=float, nargs="+", default=[0.2, 0.3, BUDGET, 0.5])
    parser.add_argument("--show", type=Path, nargs="+", metavar="FILE")
    options = parser.parse_args()
    if options.show:
        for path in options.show:
            print(table(json.loads(path.read_text())))
        return
    domain = find_domain(options.domain)
    variant = domain.variant(options.variant)
    print(table(measure(domain, variant, options.repeats, {*options.budgets, BUDGET})))


def measure(domain: Domain, variant: Variant, repeats: int, budgets: set[float]) -> dict[str, Any]:
    """Collect one record a fold."""
    cases = load_cases(domain, variant.name)
    recipe = preset(domain, variant)
    about = {
        "domain": domain.key,
        "variant": variant.name,
        "cases": len(cases),
        "recipe": {"model": recipe.model.to_dict(), "training": recipe.training.to_dict()},
        "budgets": sorted(budgets),
    }
    records = Records(f"quality-{domain.key}-{variant.name}", about)
    with tqdm(total=5 * repeats, desc=f"{domain.key} {variant.name}", disable=None) as bar:
        for seed in range(repeats):
            for fold, split in enumerate(folds(cases, seed)):
                key = {"seed": seed, "fold": fold}
                if not records.has(**key):
                    record = one_fold(domain, variant, recipe, cases, split, seed, sorted(budgets))
                    records.add(key | record)
                bar.update()
    return records.result


def one_fold(
    domain: Domain,
    variant: Variant,
    recipe: Preset,
    cases: Cases,
    split: Split,
    seed: int,
    budgets: list[float],
) -> dict[str, Any]:
    """Everything that is measured on one split."""
    study = conduct(domain, variant, recipe, cases, split, seed)
    record: dict[str, Any] = {"ours": dict(study.metrics)}
    parts = {name: cases.take(getattr(split, name)) for name in PARTS}
    train, test = parts["train"], parts["test"]
    record["routed"] = {str(budget): routed_score(study, parts, budget) for budget in budgets}
    for budget in budgets:
        for name, static in static_presets(recipe, budget * study.cost.total).items():
            score = static_score(static, train, test, study.scale, domain, seed)
            record.setdefault(name, {})[str(budget)] = score
    record["joint"] = joint_scores(recipe, train, test, study.scale, domain, seed)
    record["extra trees concepts"] = tree_concepts(train, test, study.scale, domain, seed)
    if domain.modality == "signal":
        forest = window_forest(train, test, seed)
        record["ours"]["baselines"]["random forest, window statistics"] = forest
    if "diameter_mm" in cases.columns:
        positive = test.labels == 1
        record["size alone"] = {"auc": auc(test.columns["diameter_mm"], positive)}
    return record


def routed_score(study: Study, parts: dict[str, Cases], budget: float) -> dict[str, float]:
    """Spend a budget, threshold chosen on validation, and score the test cases."""
    validation = Outcomes(study.traces["validation"], parts["validation"].labels, study.cost)
    chosen = most_within(validation.curve(), budget, study.cost.total)
    policy = Policy(chosen.gate_thresholds)
    test = Outcomes(study.traces["test"], parts["test"].labels, study.cost)
    score = test.score(policy)
    decision = replay(study.traces["test"], policy)
    truth = study.scale.truth(parts["test"].columns)
    return {
        "accuracy": score.accuracy,
        "auc": test.auc(policy),
        "macs": score.mean_macs,
        "concepts": agreement(decision.concepts, truth),
    }


def static_score(
    static: Preset, train: Cases, test: Cases, scale: ConceptScale, domain: Domain, seed: int
) -> dict[str, float]:
    """Train a static net as ours is trained and score it."""
    network, _ = fit(static, train, scale, seed)
    trace = run(network, test.ids, test.inputs, domain.concept_names)
    decision = replay(trace, Policy.shared(0, len(trace.tree.names)))
    return {
        "accuracy": accuracy(decision.predicted, test.labels),
        "auc": mean_auc(decision.probabilities, test.labels),
        "macs": static_macs(static.model),
        "concepts": agreement(decision.concepts, scale.truth(test.columns)),
    }


def joint_scores(
    recipe: Preset, train: Cases, test: Cases, scale: ConceptScale, domain: Domain, seed: int
) -> dict[str, Any]:
    """The same network with head and concepts trained together and a weak concept loss."""
    training = replace(
        recipe.training, concept_training="joint", concept_weight=0.02, correction_rate=0.0
    )
    network, _ = fit(Preset(recipe.model, training), train, scale, seed)
    trace = run(network, test.ids, test.inputs, domain.concept_names)
    policy = Policy.shared(0, len(trace.tree.names))
    curve = intervention_curve(trace, policy, scale.truth(test.columns), test.labels, orders=5)
    return {"accuracies": list(curve.accuracies)}


def window_forest(train: Cases, test: Cases, seed: int) -> dict[str, float]:
    """The usual first try on signals: a forest on statistics of each channel."""
    model = RandomForestClassifier(300, random_state=seed)
    model.fit(window_statistics(train.inputs), train.labels)
    probabilities = model.predict_proba(window_statistics(test.inputs))
    return {
        "accuracy": accuracy(probabilities.argmax(axis=1), test.labels),
        "auc": mean_auc(probabilities, test.labels),
    }


def tree_concepts(
    train: Cases, test: Cases, scale: ConceptScale, domain: Domain, seed: int
) -> dict[str, dict[str, float]]:
    """Rank correlation of extra trees' concepts, from all rated and from labelled cases."""
    truth = scale.truth(test.columns)
    scores = {}
    for name, rows in (
        ("all rated", np.arange(len(train))),
        ("labelled only", np.flatnonzero(train.labels != UNLABELLED)),
    ):
        model = ExtraTreesRegressor(200, min_samples_leaf=2, max_features="sqrt", random_state=seed)
        known = train.take(rows)
        model.fit(known.inputs.reshape(len(known), -1), scale.truth(known.columns))
        guess = model.predict(test.inputs.reshape(len(test), -1))
        scores[name] = {
            concept: float(spearmanr(guess[:, k], truth[:, k]).statistic)
            for k, concept in enumerate(domain.concept_names)
        }
    return scores


def table(result: dict[str, Any]) -> str:
    """Write the tables of one run in Markdown."""
    records = result["records"]
    size = f"{records[0]['ours']['parameters']:,} parameters"
    title = f"{result['domain']}, {result['variant']}: {len(records)} folds, {size}"
    lines = [
        f"### {title}",
        "",
        *header("model", "accuracy", "AUC", "mean FLOPs"),
    ]
    for name, way in (
        ("MINSPNET, all experts on", "all_on"),
        ("MINSPNET, as routed", "gated"),
        ("MINSPNET, base alone", "base_only"),
    ):
        lines.append(_row(name, [record["ours"][way] for record in records], "mean_macs"))
    for name in _STATIC:
        scores = [record[name][str(BUDGET)] for record in records]
        lines.append(_row(f"{name}, same mean MACs", scores, "macs"))
    for name in records[0]["ours"]["baselines"]:
        lines.append(_row(name, [record["ours"]["baselines"][name] for record in records], None))
    if "size alone" in records[0]:
        lines.append(_row("size alone", [record["size alone"] for record in records], None))
    lines += ["", *_routing_lines(records), "", *_correction_lines(records)]
    return "\n".join([*lines, "", *_concept_lines(records), ""])


def _row(name: str, scores: list[dict[str, float]], macs: str | None) -> str:
    cells = [spread([s[key] for s in scores]) if key in scores[0] else "" for key in _KEYS]
    cells.append(f"{2 * np.mean([s[macs] for s in scores]):,.0f}" if macs else "")
    return row(name, *cells)


_KEYS = ("accuracy", "auc")
_STATIC = ("static shallow", "static deep")


def _routing_lines(records: list[dict[str, Any]]) -> list[str]:
    total = np.array([r["ours"]["total_macs"] for r in records])
    lines = [
        "As routed, less all experts on, and less a static net that costs as much; differences "
        "are paired, with their standard error. Concepts: mean rank correlation with the truth.",
        "",
        *header("budget", "MACs used", "against", "accuracy", "AUC", "concepts"),
    ]
    for budget in records[0]["routed"]:
        routed = [r["routed"][budget] for r in records]
        used = np.mean([score["macs"] for score in routed] / total)
        others = {name: [r[name][budget] for r in records] for name in _STATIC}
        everything = [
            r["ours"]["all_on"]
            | {"concepts": _mean_known(r["ours"]["concept_rank_correlation"].values())}
            for r in records
        ]
        for name, scores in ({"all experts on": everything} | others).items():
            cells = [
                paired([a[key] - b[key] for a, b in zip(routed, scores, strict=True)])
                for key in (*_KEYS, "concepts")
            ]
            lines.append(row(budget, f"{used:.2f}", name, *cells))
    return lines


def _correction_lines(records: list[dict[str, Any]]) -> list[str]:
    ours = np.mean([r["ours"]["intervention"]["accuracies"] for r in records], axis=0)
    aucs = np.mean([r["ours"]["intervention"]["aucs"] for r in records], axis=0)
    joint = np.mean([r["joint"]["accuracies"] for r in records], axis=0)
    curves = {
        "MINSPNET": ours,
        "MINSPNET, AUC": aucs,
        "jointly trained, weak concept loss": joint,
    }
    return [
        "Accuracy after correcting that many concepts, in random order, all experts on:",
        "",
        *header("", *map(str, range(len(ours)))),
        *(row(name, *(f"{value:.4f}" for value in curve)) for name, curve in curves.items()),
    ]


def _mean_known(values: Iterable[float | None]) -> float:
    """Mean over what could be measured; a constant concept has no rank correlation."""
    return float(np.mean([value for value in values if value is not None]))


def _concept_lines(records: list[dict[str, Any]]) -> list[str]:
    names = list(records[0]["ours"]["concept_rank_correlation"])
    lines = ["Rank correlation of concepts with the truth, all experts on:", ""]
    lines += header("", *names)
    rows = {"MINSPNET": [r["ours"]["concept_rank_correlation"] for r in records]}
    for way in ("all rated", "labelled only"):
        rows[f"extra trees, {way}"] = [r["extra trees concepts"][way] for r in records]
    for title, scores in rows.items():
        cells = [f"{_mean_known(s[name] for s in scores):.3f}" for name in names]
        lines.append(row(title, *cells))
    return lines


if __name__ == "__main__":
    main()
