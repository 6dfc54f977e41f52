"""How strong the class head of pictures should be, on validation cases alone.

    python -m benchmarks.class_head --pneumonia pneumoniamnist.npz

The usual budget for pictures, trained with each inverse penalty of the class head's logistic
regression, all experts on. No test case is looked at: ``minspnet.budgets`` takes what loses least
here, and ``benchmarks.own_data`` reports it once.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.own_data import splits
from benchmarks.own_files import OwnFile, own_files
from benchmarks.records import Records
from benchmarks.tables import header, row, spread
from minspnet.budgets import USUAL, budget_preset
from minspnet.metrics import accuracy, mean_auc
from minspnet.policy import Policy
from minspnet.study import conduct
from minspnet.trace import replay

FILES = ("digits", "PneumoniaMNIST")
STRENGTHS = (10.0, 1.0, 0.1)


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pneumonia", type=Path, required=True, metavar="FILE")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    brought = own_files(options.pneumonia, None)
    records = Records("class_head", {"budget": USUAL})
    for name in FILES:
        for seed in range(options.seeds):
            for strength in STRENGTHS:
                key = {"file": name, "seed": seed, "strength": strength}
                if not records.has(**key):
                    records.add(key | validated(brought[name], seed, strength))
    print(table(records.result))


def validated(one: OwnFile, seed: int, strength: float) -> dict[str, float]:
    """Train once; what the validation cases say."""
    usual = budget_preset(one.domain, one.variant, one.cases, USUAL)
    preset = replace(usual, training=replace(usual.training, head_strength=strength))
    _, split = next(iter(splits(one, seed)))
    given = (one.domain, one.variant, preset, one.cases, split, seed)
    trace = conduct(*given, baselines=False).traces["validation"]
    labels = one.cases.labels[split.validation]
    chances = replay(trace, Policy.shared(0, len(trace.tree.names))).probabilities
    taken = chances[np.arange(len(labels)), labels].clip(1e-9)
    return {
        "accuracy": accuracy(chances.argmax(axis=1), labels),
        "log_loss": float(-np.log(taken).mean()),
        "auc": mean_auc(chances, labels),
    }


def table(result: dict[str, Any]) -> str:
    """Write the table in Markdown."""
    lines = header("file", "strength", "trainings", "log loss", "accuracy", "AUC")
    for name in FILES:
        for strength in STRENGTHS:
            found = [
                one
                for one in result["records"]
                if (one["file"], one["strength"]) == (name, strength)
            ]
            if found:
                columns = ([one[key] for one in found] for key in ("log_loss", "accuracy", "auc"))
                lines.append(row(name, f"{strength:g}", str(len(found)), *map(spread, columns)))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
