"""How well one column alone tells the class, on cases that the rule was not fitted on."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from minspnet.intake.profile import Column
from minspnet.metrics import wilson_interval
from minspnet.sheets import Table, is_missing

_MOST_CASES = 20_000
_BINS = 32


@dataclass(frozen=True)
class Alone:
    """How often one column's values name the right class.

    Attributes:
        recall: Share of the cases that are told, averaged over the classes.
        surely: What that is at least, from the lower ends of the classes' intervals (95 %).
        chance: What guessing would reach.
        cases: How many it was tried on.
        wrong: How many of them it got wrong.
    """

    recall: float
    surely: float
    chance: float
    cases: int
    wrong: int

    @property
    def skill(self) -> float:
        """What is surely told, past guessing: 0 for none, 1 for all."""
        return (self.surely - self.chance) / (1 - self.chance)


def tells(
    table: Table,
    column: Column,
    labels: Int[np.ndarray, " row"],
    groups: Int[np.ndarray, " row"],
    seed: int = 0,
) -> Alone:
    """Fit the simplest rule on one half of the groups, try it on the other; both ways round.

    The rule looks at a number's bin (32 of equal share) or at a category's level, a missing cell
    being one of its own, and names the class that is most over-represented there.

    Args:
        table: Where the column stands.
        column: What it holds.
        labels: Class of each row; negative for none.
        groups: What must not be on both sides, as numbers.
        seed: Of the halves, and of the cases if there are more than 20,000.
    """
    generator = np.random.default_rng(seed)
    rows = np.flatnonzero(labels >= 0)
    if len(rows) > _MOST_CASES:
        rows = np.sort(generator.choice(rows, _MOST_CASES, replace=False))
    classes = int(labels.max()) + 1
    sides = generator.permutation(int(groups.max()) + 1) % 2
    side, known = sides[groups[rows]], labels[rows]
    hits, held = np.zeros(classes), np.zeros(classes)
    values = _values(table, column, rows)
    for fitted in (0, 1):
        here, there = side == fitted, side != fitted
        codes = _codes(values, here) if column.kind == "number" else values.astype(np.intp)
        table_of = np.zeros((int(codes.max()) + 1, classes))
        np.add.at(table_of, (codes[here], known[here]), 1)
        priors = np.maximum(table_of.sum(axis=0), 1)
        told = np.argmax(table_of / priors, axis=1)[codes[there]]
        held += np.bincount(known[there], minlength=classes)
        hits += np.bincount(known[there][told == known[there]], minlength=classes)
    tried = held > 0
    lows = [wilson_interval(int(h), int(n))[0] for h, n in zip(hits, held, strict=True) if n]
    return Alone(
        float(np.mean(hits[tried] / held[tried])) if tried.any() else 0.0,
        float(np.mean(lows)) if lows else 0.0,
        1 / classes,
        int(held.sum()),
        int(held.sum() - hits.sum()),
    )


def _values(
    table: Table, column: Column, rows: Int[np.ndarray, " chosen"]
) -> Float[np.ndarray, " chosen"]:
    """A number's values, or a word's codes from 0 on."""
    if column.kind == "number":
        return table.numbers(column.name)[rows]
    cells = table.cells(column.name)
    chosen = [cells[row] for row in rows]
    empty = is_missing(chosen)
    places: dict[str, int] = {}
    return np.array(
        [
            0 if none else places.setdefault(cell, len(places) + 1)
            for cell, none in zip(chosen, empty, strict=True)
        ],
        np.float64,
    )


def _codes(values: Float[np.ndarray, " chosen"], here: np.ndarray) -> Int[np.ndarray, " chosen"]:
    """Bins of equal share on one side; what is no finite number is in one of its own.

    So is a value that fills a bin alone, such as a zero that most cases have.
    """
    finite = np.isfinite(values)
    fitted = values[here & finite]
    if not len(fitted):
        return np.zeros(len(values), np.intp)
    edges = np.unique(np.quantile(fitted, np.linspace(0, 1, _BINS + 1)[1:-1]))
    codes = np.searchsorted(edges, values) + np.searchsorted(edges, values, side="right")
    return np.where(finite, 1 + codes, 0)
