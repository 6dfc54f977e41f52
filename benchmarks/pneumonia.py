"""PneumoniaMNIST, 28 pixels: small networks against the published ones, gated and not.

    python -m benchmarks.pneumonia --data pneumoniamnist.npz --seeds 5
    python -m benchmarks.pneumonia --show benchmarks/results/pneumonia.json

The published protocol: train on the official training part, choose on the official validation
part, score the official test part once, at a decision threshold of one half; here with several
seeds. Its one concept is the label, taught as a concept is; class head and concept are trained
together, for a bottleneck of one says nothing of its own. Recipes were chosen on the validation
part. The file is read from a path: it does not ship.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.plain_cnn import plain_cnn_scores
from benchmarks.records import Records
from benchmarks.static import static_macs, static_presets
from benchmarks.tables import header, row, spread
from benchmarks.tasks import Parts, PneumoniaTask
from benchmarks.ways import Way, measure
from minspnet.baselines import score_baselines
from minspnet.cost import cost_table
from minspnet.network import Network
from minspnet.presets import Preset
from minspnet.recipe import TrainSpec
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec

MOST_MACS = 150_000
"""What a case may cost on average where gates are asked to save."""
PUBLISHED = {
    "ResNet-18, 28 px (11 million parameters)": (0.854, 0.944),
    "ResNet-18, 224 px": (0.864, 0.956),
    "ResNet-50, 28 px (24 million parameters)": (0.854, 0.948),
    "ResNet-50, 224 px": (0.884, 0.962),
    "auto-sklearn": (0.855, 0.942),
    "AutoKeras": (0.878, 0.947),
    "Google AutoML Vision": (0.946, 0.991),
}
"""Accuracy and AUC. Source: Yang et al. 2023, MedMNIST v2, benchmark of the 2D data sets."""


def presets() -> dict[str, Preset]:
    """A spine of three full convolutions in two sizes, with a channel past the one concept."""
    recipe = TrainSpec(
        epochs=30,
        learning_rate=0.01,
        weight_decay=0.1,
        concept_training="joint",
        concept_weight=1.0,
        correction_rate=0.0,
        class_weights="balanced",
        shift=2,
        label_smoothing=0.1,
    )
    return {
        "large": Preset(_spine(16, 24, 36), recipe),
        "small": Preset(_spine(12, 16, 20), recipe),
    }


def _spine(stem: int, width: int, wider: int) -> ModelSpec:
    experts = (
        ExpertSpec("second look", "convolution", width, stride=2),
        ExpertSpec("third look", "convolution", wider, parent="second look"),
        ExpertSpec("fourth look", "convolution", wider, parent="third look", stride=2),
    )
    stem_spec = StemSpec("image", stem, downsample=2)
    return ModelSpec((1, 28, 28), 1, 2, stem_spec, experts, residual=True)


def main() -> None:
    """Run what is still missing and print the table, or print that of a finished run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="the file of PneumoniaMNIST at 28 pixels")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--show", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.show:
        print(table(json.loads(options.show.read_text())))
        return
    torch.set_num_threads(1)
    print(table(compare(PneumoniaTask(options.data, presets()["large"]), options.seeds)))


def compare(task: PneumoniaTask, seeds: int) -> dict[str, Any]:
    """Collect one record a network and seed."""
    ours = presets()
    about = {
        "recipes": {
            name: {"model": one.model.to_dict(), "training": one.training.to_dict()}
            for name, one in ours.items()
        }
    }
    records = Records("pneumonia", about)
    parts = next(task.splits(0))
    for seed in tqdm(range(seeds), desc=task.title, disable=None):
        for name, one in ours.items():
            if not records.has(model=name, seed=seed):
                total = cost_table(Network(one.model)).total
                scores = measure(Way(one), parts, seed, (MOST_MACS / total,))
                records.add({"model": name, "seed": seed} | scores)
        for name, static in static_presets(ours["large"], MOST_MACS).items():
            if not records.has(model=name, seed=seed):
                scores = measure(Way(static), parts, seed, (1.0,))
                scores["macs"] = static_macs(static.model)
                records.add({"model": name, "seed": seed} | scores)
        if not records.has(model="plain CNN", seed=seed):
            scores = plain_cnn_scores(parts, ours["large"].training, seed)
            records.add({"model": "plain CNN", "seed": seed} | scores)
        if not records.has(model="usual", seed=seed):
            records.add({"model": "usual", "seed": seed, "scores": _usual(parts, seed)})
    return records.result


def _usual(parts: Parts, seed: int) -> dict[str, dict[str, Any]]:
    """Logistic regression, trees, boosting and dense nets on the pixels."""
    train, test = parts["train"], parts["test"]
    size = Network(presets()["large"].model).parameters_count
    scores = score_baselines(train.inputs, train.labels, test.inputs, test.labels, size, seed)
    return {
        name: {"accuracy": one.accuracy, "auc": one.auc, "parameters": one.parameters}
        for name, one in scores.items()
    }


def table(result: dict[str, Any]) -> str:
    """Write the table in Markdown."""
    records: dict[str, list[dict[str, Any]]] = {}
    for record in result["records"]:
        records.setdefault(record["model"], []).append(record)
    usual = records.pop("usual", [])
    lines = [
        f"### PneumoniaMNIST, official test part: {len(records['large'])} seeds",
        "",
        *header("model", "parameters", "mean kMACs", "accuracy", "AUC"),
    ]
    for name, runs in records.items():
        title = f"MINSPNET, {name}" if name in result["recipes"] else name
        lines.append(_row(title, runs, [run["all_on"] for run in runs], [r["macs"] for r in runs]))
        if name in result["recipes"]:
            routed = [next(iter(run["routed"].values())) for run in runs]
            macs = [one["share"] * run["macs"] for one, run in zip(routed, runs, strict=True)]
            lines.append(_row(f"{title}, gated", runs, routed, macs))
    for name in usual[0]["scores"] if usual else ():
        scores = [run["scores"][name] for run in usual]
        size = f"{scores[0]['parameters']:,}" if scores[0]["parameters"] else ""
        cells = [spread([one[key] for one in scores]) for key in ("accuracy", "auc")]
        lines.append(row(f"{name}, pixels", size, "", *cells))
    for name, (right, area) in PUBLISHED.items():
        lines.append(row(f"published: {name}", "", "", f"{right}", f"{area}"))
    return "\n".join([*lines, ""])


def _row(
    name: str, runs: list[dict[str, Any]], scores: list[dict[str, float]], macs: list[float]
) -> str:
    cells = [spread([one[key] for one in scores]) for key in ("accuracy", "auc")]
    return row(name, f"{runs[0]['parameters']:,}", f"{np.mean(macs) / 1000:,.0f}", *cells)


if __name__ == "__main__":
    main()
