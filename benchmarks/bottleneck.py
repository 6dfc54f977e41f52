"""Ways to train the same concept bottleneck: what is decided, what leaks, what corrections do.

    python -m benchmarks.bottleneck breast_cytology --variant mean_and_se --repeats 2
    python -m benchmarks.bottleneck --show benchmarks/results/bottleneck-*.json

The network, its training cases and its seeds are the same; only the head and its training differ.
All experts are on, and nothing is chosen. Leakage is the oracle impurity score of the test cases'
predicted concepts: 0 for what true concepts themselves say of one another.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from minspnet.data import Cases, ConceptScale, Split, folds
from minspnet.domain import Domain
from minspnet.domains import find_domain, load_cases
from minspnet.intervention import intervention_curve
from minspnet.leakage import impurity
from minspnet.network import run
from minspnet.policy import Policy
from minspnet.presets import Preset, preset
from minspnet.study import fit
from minspnet.trace import replay

RESULTS = Path(__file__).parent / "results"


def ways(shipped: Preset) -> dict[str, Preset]:
    """The shipped recipe, and what else a bottleneck may be."""

    def trained(**changes: Any) -> Preset:
        return Preset(shipped.model, replace(shipped.training, **changes))

    def headed(**changes: Any) -> Preset:
        return Preset(replace(shipped.model, **changes), shipped.training)

    return {
        "anchored (shipped)": shipped,
        "independent": trained(concept_training="independent"),
        "sequential": trained(concept_training="sequential"),
        "joint, same losses": trained(concept_training="joint"),
        "joint, weak concept loss": trained(
            concept_training="joint", concept_weight=0.02, correction_rate=0.0
        ),
        "anchored, residual channel": headed(residual=True),
        "anchored, binary concepts": headed(binary=True),
        "prototypes, 3 per class": headed(head="prototypes", prototypes=3),
        "concepts and prototypes": headed(head="both", prototypes=3),
    }


def main() -> None:
    """Run the folds and print the table, or print tables of finished runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("domain", nargs="?")
    parser.add_argument("--variant")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--show", type=Path, nargs="+", metavar="FILE")
    options = parser.parse_args()
    if options.show:
        for path in options.show:
            print(table(json.loads(path.read_text())))
        return
    domain = find_domain(options.domain)
    variant = domain.variant(options.variant)
    cases, recipe = load_cases(domain, variant.name), preset(domain, variant)
    title = f"{domain.key}, {variant.name}"
    result: dict[str, Any] = {"title": title, "records": {name: [] for name in ways(recipe)}}
    path = RESULTS / f"bottleneck-{domain.key}-{variant.name}.json"
    for seed in range(options.repeats):
        for split in tqdm(folds(cases, seed), total=5, desc=f"{title} seed {seed}", disable=None):
            for name, way in ways(recipe).items():
                result["records"][name].append(score(domain, way, cases, split, seed))
            path.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))


def score(domain: Domain, way: Preset, cases: Cases, split: Split, seed: int) -> dict[str, Any]:
    """Train one way and score its test cases before and after corrections."""
    train, test = cases.take(split.train), cases.take(split.test)
    scale = ConceptScale.fit(domain.concepts, train)
    network, _ = fit(way, train, scale, seed)
    trace = run(network, test.ids, test.inputs, domain.concept_names)
    everything = Policy.shared(0, len(trace.tree.names))
    truth = scale.truth(test.columns)
    curve = intervention_curve(trace, everything, truth, test.labels, seed=seed)
    said = replay(trace, everything).concepts[:, : len(domain.concepts)]
    return {
        "accuracies": list(curve.accuracies),
        "aucs": list(curve.aucs),
        "impurity": impurity(said, truth, seed),
        "parameters": network.parameters_count,
    }


def table(result: dict[str, Any]) -> str:
    """Write the table of one run in Markdown."""
    count = len(next(iter(result["records"].values())))
    lines = [
        f"### {result['title']}: {count} folds",
        "",
        "| way | accuracy | AUC | least while correcting | all corrected | leakage |",
        "|---|---|---|---|---|---|",
    ]
    for name, records in result["records"].items():
        curve = np.array([record["accuracies"] for record in records])
        aucs = np.array([record["aucs"] for record in records])[:, 0]
        leaks = np.array([record["impurity"] for record in records])
        lines.append(
            f"| {name} | {curve[:, 0].mean():.4f} ± {curve[:, 0].std(ddof=1):.4f} "
            f"| {aucs.mean():.4f} | {curve.mean(axis=0).min():.4f} "
            f"| {curve[:, -1].mean():.4f} | {leaks.mean():.3f} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
