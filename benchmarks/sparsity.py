"""What pruning saves and costs: fewer MACs on pictures, fewer inputs on a table.

    python -m benchmarks.sparsity breast_cytology --repeats 20
    python -m benchmarks.sparsity lung_nodules --seeds 1
    python -m benchmarks.sparsity pneumonia --data pneumoniamnist.npz --seeds 3
    python -m benchmarks.sparsity --show benchmarks/results/sparsity-*.json

Pictures: a roomy network is pruned to 1/2, 1/4 and 1/8 of its MACs, step by step and fine-tuned
at each. Beside it, at the same MACs and for as many epochs in all: the shape that the Taylor
importance left, from random weights; the lottery ticket (pruned once, put back to its first
weights and retrained); and regrowth at a fixed density. Which importance prunes is chosen on
validation cases; test cases are scored once for every row of the table. PneumoniaMNIST has no
concepts: its one concept is the label. A run that was stopped goes on with the seed it was at,
unless the recipe has changed since.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks import few_inputs
from benchmarks.pneumonia import presets
from benchmarks.records import Records
from benchmarks.tasks import PneumoniaTask, ShippedTask
from minspnet.cost import cost_table
from minspnet.data import PARTS, UNLABELLED
from minspnet.metrics import accuracy, mean_auc
from minspnet.network import Network, run
from minspnet.policy import Policy
from minspnet.recipe import TrainSpec
from minspnet.sparsity.compress import (
    cost_shares,
    initial,
    prune_and_tune,
    taylor_of,
    ticket,
)
from minspnet.sparsity.importance import magnitude
from minspnet.sparsity.price import price_of
from minspnet.sparsity.regrowth import Regrowth, random_units
from minspnet.sparsity.shrink import settled, shrunk
from minspnet.sparsity.units import Kept, Units, units_of
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.trace import replay
from minspnet.training.train import TrainingData, train

SHARES = (1 / 2, 1 / 4, 1 / 8)


@dataclass(frozen=True)
class Task:
    """Pictures in three parts, the roomy network for them, and how it is trained."""

    parts: dict[str, TrainingData]
    roomy: ModelSpec
    recipe: TrainSpec
    tuning_epochs: int


def main() -> None:
    """Run what is still missing and print the table, or print tables of finished runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", nargs="?", choices=["breast_cytology", "lung_nodules", "pneumonia"])
    parser.add_argument("--data", type=Path, help="the file of PneumoniaMNIST at 28 pixels")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="of the roomy network; half for fine-tuning")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--show", type=Path, nargs="+", metavar="FILE")
    options = parser.parse_args()
    for path in options.show or ():
        result = json.loads(path.read_text())
        print(few_inputs.table(result) if result["task"] == "breast_cytology" else table(result))
    if options.show:
        return
    if options.task == "breast_cytology":
        print(few_inputs.table(few_inputs.measure(options.repeats)))
    elif options.task == "lung_nodules":
        print(table(measure(options.task, nodules, options.seeds, options.epochs or 12)))
    else:

        def task_of(_: int, epochs: int) -> Task:
            return pneumonia(options.data, epochs)

        print(table(measure(options.task, task_of, options.seeds, options.epochs or 16)))


def roomy_network(shape: tuple[int, ...], concepts: int, width: int) -> ModelSpec:
    """A stem, a repeated block and a narrowing one, all on in every case."""
    block = "inverted_bottleneck"
    experts = (
        ExpertSpec("second look", block, width, repeats=2),
        ExpertSpec("third look", block, width, parent="second look", stride=2),
    )
    return ModelSpec(shape, concepts, 2, StemSpec("image", width), experts)


def pneumonia(path: Path, epochs: int) -> Task:
    """PneumoniaMNIST in its official split, under the recipe of its own benchmark."""
    usual = presets()["large"]
    recipe = replace(usual.training, epochs=epochs, path_weight=0.0)
    parts = next(PneumoniaTask(path, usual).splits(0))
    return Task(parts, roomy_network((1, 28, 28), 1, 32), recipe, epochs // 2)


def nodules(seed: int, epochs: int) -> Task:
    """Outlines of lung nodules, split by patient; the seed names the split."""
    task = ShippedTask("lung_nodules")
    parts = next(task.splits(seed))
    recipe = TrainSpec(
        epochs,
        learning_rate=0.01,
        weight_decay=0.1,
        concept_weight=8.0,
        path_weight=0.0,
        augment=True,
    )
    usual = task.preset.model
    return Task(parts, roomy_network(usual.input_shape, usual.concepts, 32), recipe, epochs // 2)


def measure(
    name: str, task_of: Callable[[int, int], Task], seeds: int, epochs: int
) -> dict[str, Any]:
    """Collect one record a trained network; a seed counts once all of its networks are there."""
    task = task_of(0, epochs)
    about = {"task": name, "model": task.roomy.to_dict(), "training": task.recipe.to_dict()}
    records = Records(f"sparsity-{name}", about)
    for seed in tqdm(range(seeds), desc=name, disable=None):
        if records.has(seed=seed, method="finished"):
            continue
        records.records = [r for r in records.records if r["seed"] != seed]
        for record in _records(task_of(seed, epochs), seed):
            records.add({"seed": seed} | record)
    return records.result


def _records(task: Task, seed: int) -> Iterator[dict[str, Any]]:
    """Train the roomy network and all its smaller rivals."""
    data = task.parts["train"]
    tuning = replace(task.recipe, epochs=task.tuning_epochs)
    roomy = Network(task.roomy)
    network = train(task.roomy, task.recipe, data, cost_shares(roomy), seed)
    yield _score("roomy", 1, network, task)
    taylor = taylor_of(task.recipe, data, task.roomy.classes, seed)
    importances = {"magnitude": magnitude, "Taylor": taylor}
    pruned = dict.fromkeys(importances, network)
    total = cost_table(roomy).total
    for step, share in enumerate(SHARES, 1):
        macs = share * total
        for name, importance in importances.items():
            pruned[name] = prune_and_tune(pruned[name], importance, [macs], tuning, data, seed)
            yield _score(f"pruned by {name}", share, pruned[name], task)
        longer = replace(task.recipe, epochs=task.recipe.epochs + step * tuning.epochs)
        early = ticket(initial(task.roomy, longer, data, seed), network, taylor, macs)
        costs = cost_shares(early)
        scratch = train(pruned["Taylor"].spec, longer, data, costs, seed + 1000)
        yield _score("same shape from scratch", share, scratch, task)
        won = train(early.spec, longer, data, costs, seed, start=early)
        yield _score("lottery ticket", share, won, task)
        yield _score("regrowth", share, _regrown(task.roomy, longer, data, macs, seed), task)
    yield {"method": "finished"}


def _regrown(
    spec: ModelSpec, recipe: TrainSpec, data: TrainingData, macs: float, seed: int
) -> Network:
    """Train a random sparse network whose members change, and make the last choice physical."""
    network = initial(spec, recipe, data, seed)
    units = units_of(network)
    hook = Regrowth(network, _dense_as(network, units, macs, seed))
    hook.silence(network)
    trained = train(spec, recipe, data, cost_shares(network), seed, start=network, after_step=hook)
    return shrunk(trained, units, hook.kept)


def _dense_as(network: Network, units: Units, macs: float, seed: int) -> Kept:
    """Keep as large a share of every width at random as the budget allows."""
    price = price_of(network, units)
    for density in np.arange(1, 0, -0.01):
        kept = settled(network, units, random_units(units, density, seed))
        if price.macs(kept) <= macs:
            return kept
    raise AssertionError("a budget this small leaves nothing")


def _score(method: str, share: float, network: Network, task: Task) -> dict[str, Any]:
    record: dict[str, Any] = {
        "method": method,
        "share": share,
        "macs": cost_table(network).total,
        "parameters": network.parameters_count,
    }
    for name in PARTS[1:]:
        part = task.parts[name]
        known = part.labels != UNLABELLED
        ids = tuple(map(str, range(int(known.sum()))))
        concepts = tuple(f"concept {k}" for k in range(network.spec.concepts))
        trace = run(network, ids, part.inputs[known], concepts)
        decision = replay(trace, Policy.shared(0, len(trace.tree.names)))
        record[name] = {
            "accuracy": accuracy(decision.predicted, part.labels[known]),
            "auc": mean_auc(decision.probabilities, part.labels[known]),
        }
    return record


def table(result: dict[str, Any]) -> str:
    """Write the table of one run in Markdown."""
    done = {r["seed"] for r in result["records"] if r["method"] == "finished"}
    records = [r for r in result["records"] if r["seed"] in done]
    for seed in done:
        records += [_chosen(records, seed, share) | {"seed": seed} for share in SHARES]
    full = {r["seed"]: r["test"] for r in records if r["method"] == "roomy"}
    lines = [
        f"### {result['task']}: {len(done)} seeds, test cases",
        "",
        "| MACs | network | MACs saved | parameters | accuracy | less roomy | AUC | less roomy |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for share in (1, *SHARES):
        rows = [r for r in records if r.get("share") == share]
        for method in dict.fromkeys(r["method"] for r in rows):
            runs = [r for r in rows if r["method"] == method]
            whole = [r["macs"] for s in runs for r in records if _is_roomy(r, s["seed"])]
            saved = np.mean(np.array(whole) / [r["macs"] for r in runs])
            cells = [f"{saved:.1f} x", f"{np.mean([r['parameters'] for r in runs]):,.0f}"]
            for key in ("accuracy", "auc"):
                values = [r["test"][key] for r in runs]
                less = [r["test"][key] - full[r["seed"]][key] for r in runs]
                cells += [_spread(values), _spread(less, over=len(less) ** 0.5)]
            lines.append(f"| {share:g} | {method} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", "± in differences: standard error over seeds.", ""])


def _is_roomy(record: dict[str, Any], seed: int) -> bool:
    return bool(record["method"] == "roomy" and record["seed"] == seed)


def _chosen(records: list[dict[str, Any]], seed: int, share: float) -> dict[str, Any]:
    """The pruned network whose importance did better on validation cases."""
    rivals = [
        r
        for r in records
        if r["seed"] == seed and r.get("share") == share and r["method"].startswith("pruned by")
    ]
    best = max(rivals, key=lambda r: r["validation"]["accuracy"] + r["validation"]["auc"])
    return best | {"method": "pruned, chosen on validation"}


def _spread(values: list[float], over: float = 1.0) -> str:
    """Mean, and the standard deviation over seeds if there are several, divided by ``over``."""
    if len(values) < 2:
        return f"{values[0]:.4f}"
    return f"{np.mean(values):.4f} ± {np.std(values, ddof=1) / over:.4f}"


if __name__ == "__main__":
    main()
