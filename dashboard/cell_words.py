"""How a cell of a table is said: a number with its unit, a level by its name, or as missing."""

import math

import numpy as np

from dashboard.format import brief, measured
from minspnet.domain import Feature

_USUAL = 0.9
"""Of the cases, the share that counts as usual."""


def cell(column: Feature, value: float, digits: int = 4, unit: bool = True) -> str:
    """Say one value of a column."""
    if math.isnan(value):
        return "missing"
    if column.levels:
        return _level(column, value)
    return measured(f"{value:.{digits}g}", column.unit if unit else "")


def usual(column: Feature, known: np.ndarray, value: float) -> tuple[str, str]:
    """Say where 9 in 10 known cases lie, and on which side of it a value is, if outside.

    Args:
        column: Of a table.
        known: Its values; a missing one is left out.
        value: Of the case on screen.
    """
    found = known[~np.isnan(known)]
    if not len(found):
        return "unknown", ""
    if column.levels:
        levels, counts = np.unique(found, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        enough = int(np.searchsorted(np.cumsum(counts[order]), _USUAL * len(found) - 1e-9)) + 1
        common = levels[order[:enough]]
        rare = not math.isnan(value) and value not in common
        return ", ".join(_level(column, level) for level in common), "rare" if rare else ""
    low, high = np.quantile(found, [(1 - _USUAL) / 2, (1 + _USUAL) / 2])
    side = "low" if value < low else "high" if value > high else ""
    return f"{brief(low)} to {brief(high)}", side


def _level(column: Feature, value: float) -> str:
    place = int(value)
    return column.levels[place] if 0 <= place < len(column.levels) else "another"
