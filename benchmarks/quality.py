"""Accuracy, concepts, corrections and routing over repeated cross-validation.

    python -m benchmarks.quality breast_cytology --repeats 5
    python -m benchmarks.quality breast_cytology --variant mean_and_se --repeats 5
    python -m benchmarks.quality lung_nodules --repeats 1
    python -m benchmarks.quality --show benchmarks/results/quality-*.json

Each fold trains the shipped recipe, two static nets of the same mean MACs, a jointly trained
bottleneck, and the usual models, all on the same training cases. The operating point is chosen
on validation cases; the test cases are scored once.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.ensemble import ExtraTreesRegressor
from tqdm import tqdm

from benchmarks.static import static_macs, static_presets
from minspnet.data import UNLABELLED, Cases, ConceptScale, Split, folds
from minspnet.domain import Domain, Variant
from minspnet.domains import find_domain, load_cases
from minspnet.intervention import intervention_curve
from minspnet.metrics import accuracy, auc, mean_auc
from minspnet.network import run
from minspnet.policy import Policy
from minspnet.presets import Preset, preset
from minspnet.study import conduct, fit
from minspnet.trace import replay

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run the folds and print the table, or print tables of finished runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("domain", nargs="?")
    parser.add_argument("--variant")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--show", type=Path, nargs="+", metavar="FILE")
    options = parser.parse_args()
    if options.show:
        for path in options.show:
            print(table(json.loads(path.read_text())))
        return
    domain = find_domain(options.domain)
    variant = domain.variant(options.variant)
    result = measure(domain, variant, options.repeats)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"quality-{domain.key}-{variant.name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))


def measure(domain: Domain, variant: Variant, repeats: int) -> dict[str, Any]:
    """Collect one record a fold."""
    cases = load_cases(domain, variant.name)
    recipe = preset(domain, variant)
    records = []
    with tqdm(total=5 * repeats, desc=f"{domain.key} {variant.name}", disable=None) as bar:
        for seed in range(repeats):
            for split in folds(cases, seed):
                records.append(one_fold(domain, variant, recipe, cases, split, seed))
                bar.update()
    return {
        "domain": domain.key,
        "variant": variant.name,
        "repeats": repeats,
        "cases": len(cases),
        "records": records,
    }


def one_fold(
    domain: Domain, variant: Variant, recipe: Preset, cases: Cases, split: Split, seed: int
) -> dict[str, Any]:
    """Everything that is measured on one split."""
    study = conduct(domain, variant, recipe, cases, split, seed)
    record: dict[str, Any] = {"seed": seed, "ours": dict(study.metrics)}
    train, test = cases.take(split.train), cases.take(split.test)
    mean_macs = study.metrics["gated"]["mean_macs"]
    for name, static in static_presets(recipe, mean_macs).items():
        record[name] = static_score(static, train, test, study.scale, domain, seed)
    record["joint"] = joint_scores(recipe, train, test, study.scale, domain, seed)
    record["extra trees concepts"] = tree_concepts(train, test, study.scale, domain, seed)
    if "diameter_mm" in cases.columns:
        positive = test.labels == 1
        record["size alone"] = {"auc": auc(test.columns["diameter_mm"], positive)}
    return record


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
    title = f"{result['domain']}, {result['variant']}: 5-fold x {result['repeats']}, {size}"
    lines = [
        f"### {title}",
        "",
        "| model | accuracy | AUC | mean FLOPs |",
        "|---|---|---|---|",
    ]
    for name, way in (
        ("MINSPNET, all experts on", "all_on"),
        ("MINSPNET, as routed", "gated"),
        ("MINSPNET, base alone", "base_only"),
    ):
        lines.append(_row(name, [record["ours"][way] for record in records], "mean_macs"))
    for name in ("static shallow", "static deep"):
        lines.append(_row(f"{name}, same mean MACs", [record[name] for record in records], "macs"))
    for name in records[0]["ours"]["baselines"]:
        lines.append(_row(name, [record["ours"]["baselines"][name] for record in records], None))
    if "size alone" in records[0]:
        lines.append(_row("size alone", [record["size alone"] for record in records], None))
    lines += ["", *_routing_lines(records), "", *_correction_lines(records)]
    return "\n".join([*lines, "", *_concept_lines(records), ""])


def _row(name: str, scores: list[dict[str, float]], macs: str | None) -> str:
    cells = [_spread([s[key] for s in scores]) if key in scores[0] else "" for key in _KEYS]
    cells.append(f"{2 * np.mean([s[macs] for s in scores]):,.0f}" if macs else "")
    return f"| {name} | {' | '.join(cells)} |"


_KEYS = ("accuracy", "auc")


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.4f} ± {np.std(values, ddof=min(1, len(values) - 1)):.4f}"


def _routing_lines(records: list[dict[str, Any]]) -> list[str]:
    share = [r["ours"]["gated"]["mean_macs"] / r["ours"]["total_macs"] for r in records]
    lines = [
        f"Routing: {_spread(share)} of the MACs of all experts on. Paired differences, with "
        "their standard error:",
        "",
    ]
    lines += ["| as routed, less | accuracy | AUC |", "|---|---|---|"]
    others = {"all experts on": [r["ours"]["all_on"] for r in records]}
    others |= {name: [r[name] for r in records] for name in ("static shallow", "static deep")}
    for name, scores in others.items():
        cells = [
            _paired([r["ours"]["gated"][k] - s[k] for r, s in zip(records, scores, strict=True)])
            for k in _KEYS
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _paired(differences: list[float]) -> str:
    """Mean difference and its standard error, corrected for overlapping training sets.

    Source: Nadeau & Bengio 2003; each fold tests .2 and trains on .64 of the cases.
    """
    variance = np.var(differences, ddof=1) * (1 / len(differences) + 0.2 / 0.64)
    return f"{np.mean(differences):+.4f} ± {np.sqrt(variance):.4f}"


def _correction_lines(records: list[dict[str, Any]]) -> list[str]:
    ours = np.mean([r["ours"]["intervention"]["accuracies"] for r in records], axis=0)
    aucs = np.mean([r["ours"]["intervention"]["aucs"] for r in records], axis=0)
    joint = np.mean([r["joint"]["accuracies"] for r in records], axis=0)
    steps = range(len(ours))
    return [
        "Accuracy after correcting that many concepts, in random order, all experts on:",
        "",
        f"| | {' | '.join(map(str, steps))} |",
        "|---" * (len(ours) + 1) + "|",
        f"| MINSPNET | {' | '.join(f'{value:.4f}' for value in ours)} |",
        f"| MINSPNET, AUC | {' | '.join(f'{value:.4f}' for value in aucs)} |",
        f"| jointly trained, weak concept loss | {' | '.join(f'{value:.4f}' for value in joint)} |",
    ]


def _concept_lines(records: list[dict[str, Any]]) -> list[str]:
    names = list(records[0]["ours"]["concept_rank_correlation"])
    lines = ["Rank correlation of concepts with the truth, all experts on:", ""]
    lines += [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    rows = {"MINSPNET": [r["ours"]["concept_rank_correlation"] for r in records]}
    for way in ("all rated", "labelled only"):
        rows[f"extra trees, {way}"] = [r["extra trees concepts"][way] for r in records]
    for title, scores in rows.items():
        cells = [f"{np.mean([s[name] for s in scores]):.3f}" for name in names]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
