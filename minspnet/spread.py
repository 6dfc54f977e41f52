"""Scores over several runs: their mean, and how far they lie apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def summarise(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over runs of every score that all of them have."""
    flat = [_flatten(one) for one in runs]
    names = set(flat[0]).intersection(*flat[1:])
    table = {name: np.array([one[name] for one in flat]) for name in sorted(names)}
    return {
        name: {"mean": float(values.mean()), "sd": float(values.std(ddof=min(1, len(values) - 1)))}
        for name, values in table.items()
    }


def _flatten(metrics: Mapping[str, Any]) -> dict[str, float]:
    flat = {
        f"{way}.{name}": metrics[way][name]
        for way in ("gated", "all_on", "base_only")
        for name in ("accuracy", "auc", "mean_macs")
    }
    for name, scores in metrics.get("baselines", {}).items():
        flat |= {f"{name}.accuracy": scores["accuracy"], f"{name}.auc": scores["auc"]}
    return flat
