"""What a table holds, column by column, before anyone has said what it means."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from minspnet.sheets import Table, is_missing
from minspnet.sheets.cells import date_form
from minspnet.sheets.marks import NOT_MARKED, Marked

Kind = Literal["number", "category", "date", "text", "id", "constant", "empty"]
MOST_LEVELS = 50
"""Different values up to which words are a category, and classes a target."""
_BINS = 20
MOSTLY = 0.9
"""Share of a column's known cells that must be numbers for the others to be slips."""
_SHOWN = 3
_ID_NAME = re.compile(r"(^|[_\W])(id|nr|no|number|index|key|uuid|guid|code)$|^unnamed|Id$|ID$")


@dataclass(frozen=True)
class Column:
    """What one column holds.

    Attributes:
        name: As in the header.
        kind: ``number``; ``category``, words with few different values; ``date``; ``id``, which
            numbers or names the cases; ``text``, words with many values; ``constant``; ``empty``.
        missing: Cells without a value.
        unique: Different values.
        levels: The values and how many cells hold each, the most frequent first, if they are at
            most ``MOST_LEVELS``; what is missing is none.
        edges: Of the bins of a histogram over the middle 98 % of a number's cells, what lies
            beyond counted at the ends.
        counts: Cells in each bin.
        quantiles: Least, 2.5 %, median, 97.5 % and largest of a number.
        strays: Row and cell of the first that are no finite numbers in a column of numbers.
        stray: How many there are.
        marked: Cells that were taken for something else than they hold.
    """

    name: str
    kind: Kind
    missing: int
    unique: int
    levels: tuple[tuple[str, int], ...] = ()
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    quantiles: tuple[float, ...] = ()
    strays: tuple[tuple[int, str], ...] = ()
    stray: int = 0
    marked: Marked = NOT_MARKED


@dataclass(frozen=True)
class Profile:
    """What a table holds.

    Attributes:
        rows: Cases.
        columns: In the order of the file.
        repeated: Rows that are the same as one above, ids aside.
        encoding, separator, decimal, notes, size: As in ``sheets.Table``.
    """

    rows: int
    columns: tuple[Column, ...]
    repeated: int
    encoding: str
    separator: str
    decimal: str
    notes: tuple[str, ...]
    size: int

    def column(self, name: str) -> Column:
        """Find a column by name; it must be there."""
        return next(column for column in self.columns if column.name == name)


def profile(table: Table, marked: Mapping[str, Marked] | None = None) -> Profile:
    """Look at every column of a table.

    Args:
        table: With its cells as they are to be taken; see ``sheets.marks``.
        marked: Of some columns, the cells that were taken for something else.
    """
    told = marked or {}
    columns = tuple(
        replace(_column(table, name), marked=told.get(name, NOT_MARKED)) for name in table.names
    )
    return Profile(
        len(table),
        columns,
        _repeated(table, columns),
        table.encoding,
        table.separator,
        table.decimal,
        table.notes,
        table.size,
    )


def _repeated(table: Table, columns: tuple[Column, ...]) -> int:
    telling = [column for column in columns if column.kind != "id"]
    if not telling or any(column.unique == len(table) for column in telling):
        return 0
    return len(table) - len(set(zip(*(table.cells(c.name) for c in telling), strict=True)))


def _column(table: Table, name: str) -> Column:
    cells = table.cells(name)
    empty = is_missing(cells)
    known = [cell for cell, none in zip(cells, empty.tolist(), strict=True) if not none]
    counted = Counter(known)
    few = len(counted) <= MOST_LEVELS
    levels = tuple(counted.most_common()) if few else ()
    kind: Kind
    if not known:
        return Column(name, "empty", len(cells), 0)
    missing, unique = int(empty.sum()), len(counted)
    if unique == 1:
        return Column(name, "constant", missing, unique, levels)
    values = table.numbers(name)
    finite = values[np.isfinite(values)]
    if len(finite) >= MOSTLY * len(known):
        kind = "id" if _numbers_cases(name, values) else "number"
        rows = np.flatnonzero(np.isinf(values))
        strays = tuple((table.first_row + row, cells[row]) for row in rows[:_SHOWN].tolist())
        return Column(
            name, kind, missing, unique, levels, *_spread(finite), strays=strays, stray=len(rows)
        )
    if date_form(counted) is not None:
        kind = "date"
    elif few and unique <= max(2, len(known) / 2):
        kind = "category"
    else:
        kind = "id" if unique == len(known) and _is_label(known) else "text"
    return Column(name, kind, missing, unique, levels)


def _numbers_cases(name: str, values: Float[np.ndarray, " row"]) -> bool:
    """Whether a column of numbers counts the cases, or is called an id and never repeats."""
    if not np.isfinite(values).all() or (values != np.round(values)).any() or len(values) < 3:
        return False
    if len(np.unique(values)) < len(values):
        return False
    return bool((np.diff(values) == 1).all()) or _ID_NAME.search(name) is not None


def _is_label(known: list[str]) -> bool:
    """Whether cells are single words, as ids are, rather than sentences."""
    return sum(" " in cell for cell in known) < len(known) / 2 and max(map(len, known)) <= 100


def _spread(
    values: Float[np.ndarray, " value"],
) -> tuple[tuple[float, ...], tuple[int, ...], tuple[float, ...]]:
    """Edges and counts of a histogram, and quantiles."""
    quantiles = np.quantile(values, [0, 0.025, 0.5, 0.975, 1])
    low, high = np.quantile(values, [0.01, 0.99])
    if low == high:
        low, high = quantiles[0], quantiles[-1]
    counts, edges = np.histogram(np.clip(values, low, high), _BINS, (low, high))
    return tuple(edges.tolist()), tuple(counts.tolist()), tuple(quantiles.tolist())
