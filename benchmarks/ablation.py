"""Each part earns its place, or does not: ways that differ in one thing, on the same splits.

    python -m benchmarks.ablation parts wrist_exercise
    python -m benchmarks.ablation heads breast_cytology --variant mean_and_se
    python -m benchmarks.ablation routers wrist_exercise
    python -m benchmarks.ablation parts pneumonia --data pneumoniamnist.npz --repeats 2
    python -m benchmarks.ablation pictures lung_nodules
    python -m benchmarks.ablation --show benchmarks/results/parts-*.json

``parts`` switches one part of the network or of its training on or off, ``pictures`` only those
that pictures alone have; ``heads`` compares what lies between concepts and classes; ``routers``
puts gates of every kind before the same experts. Every way is trained with the same seeds on the
same training cases; validation cases set the temperature and choose gate thresholds; test cases
are scored once. Differences are to the first way and paired. A run that was stopped goes on where
it was.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.pneumonia import presets
from benchmarks.records import Records
from benchmarks.studies import STUDIES
from benchmarks.tables import header, paired, row, spread
from benchmarks.tasks import PneumoniaTask, ShippedTask, Task
from benchmarks.ways import measure
from minspnet.study import BUDGET


def main() -> None:
    """Run what is still missing and print the table, or print tables of finished runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", nargs="?", choices=list(STUDIES))
    parser.add_argument("task", nargs="?", help="a domain, or pneumonia")
    parser.add_argument("--variant")
    parser.add_argument("--data", type=Path, help="the file of PneumoniaMNIST at 28 pixels")
    parser.add_argument("--repeats", type=int, default=1, help="seeds 0, 1, ...")
    parser.add_argument("--show", type=Path, nargs="+", metavar="FILE")
    options = parser.parse_args()
    if options.show:
        for path in options.show:
            print(table(json.loads(path.read_text())))
        return
    torch.set_num_threads(1)
    task: Task = (
        PneumoniaTask(options.data, presets()["large"])
        if options.task == "pneumonia"
        else ShippedTask(options.task, options.variant)
    )
    print(table(compare(options.study, task, options.repeats)))


def compare(study: str, task: Task, repeats: int) -> dict[str, Any]:
    """Collect one record a way and split."""
    recipe = task.preset
    about = {
        "study": study,
        "task": task.title,
        "recipe": {"model": recipe.model.to_dict(), "training": recipe.training.to_dict()},
    }
    records = Records(f"{study}-{task.title}", about)
    ways = STUDIES[study](recipe)
    for seed in range(repeats):
        for fold, parts in enumerate(task.splits(seed)):
            for name in tqdm(ways, desc=f"{study} {task.title} {seed}.{fold}", disable=None):
                key = {"way": name, "seed": seed, "fold": fold}
                if not records.has(**key):
                    records.add(key | measure(ways[name], parts, seed))
    return records.result


def table(result: dict[str, Any]) -> str:
    """Write the table of one run in Markdown."""
    ways: dict[str, list[dict[str, Any]]] = {}
    for record in result["records"]:
        ways.setdefault(record["way"], []).append(record)
    # A run under way has splits that not every way has met.
    met = [{(run["seed"], run["fold"]) for run in runs} for runs in ways.values()]
    shared = set.intersection(*met)
    ways = {
        name: sorted(
            (run for run in runs if (run["seed"], run["fold"]) in shared),
            key=lambda run: (run["seed"], run["fold"]),
        )
        for name, runs in ways.items()
    }
    folded = any(fold for _, fold in shared)
    title = (
        f"### {result['task']}, {result['study']}: {len(shared)} {'folds' if folded else 'seeds'}"
    )
    body = {"heads": _heads, "routers": _routers}.get(result["study"], _parts)
    return "\n".join([title, "", *body(ways, 0.2 / 0.64 if folded else 0.0), ""])


Ways = dict[str, list[dict[str, Any]]]


def _difference(ways: Ways, name: str, overlap: float, *path: str) -> str:
    """Of one figure, to the first way, on the same splits."""
    first = next(iter(ways))
    if name == first:
        return ""
    pairs = zip(ways[name], ways[first], strict=True)
    values = [(_at(one, path), _at(other, path)) for one, other in pairs]
    found = [a - b for a, b in values if a is not None and b is not None]
    return paired(found, overlap) if found else ""


def _at(record: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = record
    for key in path:
        value = value[key]
    return value


def _parts(ways: Ways, overlap: float) -> list[str]:
    routed = ("routed", str(BUDGET))
    lines = header(
        "way", "parameters", "kMACs", "accuracy", "AUC", "concepts", f"accuracy, routed at {BUDGET}"
    )
    for name, runs in ways.items():
        figures = [("all_on", key) for key in ("accuracy", "auc", "concepts")]
        figures.append((*routed, "accuracy"))
        if name == next(iter(ways)):
            cells = [spread(v) if (v := _known(runs, p)) else "" for p in figures]
        else:
            cells = [_difference(ways, name, overlap, *path) for path in figures]
        size = f"{np.mean([r['parameters'] for r in runs]):,.0f}"
        macs = f"{np.mean([r['macs'] for r in runs]) / 1000:,.1f}"
        lines.append(row(name, size, macs, *cells))
    return lines


def _known(runs: list[dict[str, Any]], path: tuple[str, ...]) -> list[float]:
    return [value for run in runs if (value := _at(run, path)) is not None]


def _heads(ways: Ways, overlap: float) -> list[str]:
    lines = header(
        "way",
        "accuracy",
        "less the first",
        "AUC",
        "least while correcting",
        "all corrected",
        "leakage",
    )
    for name, runs in ways.items():
        curve = np.mean([run["corrected"] for run in runs], axis=0)
        leaks = _known(runs, ("leakage",))
        lines.append(
            row(
                name,
                spread([run["all_on"]["accuracy"] for run in runs]),
                _difference(ways, name, overlap, "all_on", "accuracy"),
                f"{np.mean([run['all_on']['auc'] for run in runs]):.4f}",
                f"{curve.min():.4f}",
                f"{curve[-1]:.4f}",
                f"{np.mean(leaks):.3f}" if leaks else "",
            )
        )
    return lines


_SHOWN = ("0.2", "0.3", "0.4", "0.6", "0.8", "1.0")


def _routers(ways: Ways, overlap: float) -> list[str]:
    lines = [
        "Accuracy as routed within a share of a way's own MACs (of the base alone where that costs "
        "more), and its mean over all shares from .1 to 1.",
        "",
        *header("way", *(share[1:] if share != "1.0" else "1" for share in _SHOWN), "mean",
                "less the first"),
    ]  # fmt: skip
    for runs in ways.values():
        for run in runs:
            run["mean"] = float(np.mean([one["accuracy"] for one in run["routed"].values()]))
    for name, runs in ways.items():
        cells = [
            f"{np.mean([run['routed'][share]['accuracy'] for run in runs]):.4f}" for share in _SHOWN
        ]
        mean = f"{np.mean([run['mean'] for run in runs]):.4f}"
        lines.append(row(name, *cells, mean, _difference(ways, name, overlap, "mean")))
    return lines


if __name__ == "__main__":
    main()
