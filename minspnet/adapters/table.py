"""A user's own table becomes cases, as its card says."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.adapters.card import Card
from minspnet.data import UNLABELLED, Cases
from minspnet.domain import Feature
from minspnet.errors import requirement
from minspnet.sheets import Table, sniff
from minspnet.sheets.marks import Marks, labels_of, settle

_MOST_NAMED = 3
"""Bad cells of a column that a refusal names."""


def read_cases(card: Card, source: Path | bytes | Table, variant: str | None = None) -> Cases:
    """Read a table with a header line; see ``sheets.sniff`` for what it may look like.

    A missing number (an empty cell, ``NA``, ``?`` and the like, or what the card counts as
    missing) is NaN in the inputs. A category is the index of its level on the card, whatever its
    capitals and blanks unless two levels differ by these alone; a level that the card does not
    list is NaN too, as a missing one is. Columns that the card does not name are not read. Rows
    are numbered as a spreadsheet does: the header is row 1.

    Args:
        card: What the columns mean.
        source: The file, what is in it, or the table if it was sniffed before.
        variant: Choice of inputs; None gives the card's first.

    Raises:
        UserError: In one sentence, naming column, rows and values of the first bad cells.
    """
    inputs = card.domain().variant(variant).inputs
    table = source if isinstance(source, Table) else sniff(source)
    numbers = [one for one in card.features if not one.levels]
    table = settle(table, {one.name: Marks(one.missing, one.beyond) for one in numbers})
    graded = [column for concept in card.concepts for column in concept.columns]
    features = {feature.name: feature for feature in card.features}
    for name in (card.target, *features, *graded, *filter(None, (card.id, card.group))):
        table.cells(name)

    columns = {
        name: _levels(table.cells(name), one) if one and one.levels else _numbers(table, name)
        for name, one in {**dict.fromkeys(graded), **features}.items()
    }
    ids = _ids(table, card.id) if card.id else _numbered(len(table))
    return Cases(
        ids=ids,
        inputs=np.stack([columns[name] for name in inputs], axis=1),
        labels=_labels(card, table),
        columns=columns,
        groups=_texts(table, card.group) if card.group else ids,
    )


def _levels(cells: Sequence[str], feature: Feature) -> Float[np.ndarray, " row"]:
    found = labels_of(set(cells), feature.levels, feature.missing, UNLABELLED, UNLABELLED)
    places = np.array([found[cell] for cell in cells], np.float32)
    places[places < 0] = np.nan
    return places


def _numbers(table: Table, name: str) -> Float[np.ndarray, " row"]:
    values = table.numbers(name)
    remedy = "write it with a point or a comma, or empty the cell"
    _refuse(table, name, np.isinf(values), "be a finite number or empty", remedy)
    return values.astype(np.float32)


def _labels(card: Card, table: Table) -> Int[np.ndarray, " row"]:
    unknown = UNLABELLED - 1
    cells = table.cells(card.target)
    places = labels_of(set(cells), card.cells, card.target_missing, UNLABELLED, unknown)
    labels = np.array([places[cell] for cell in cells], np.intp)
    must = f"be one of {', '.join(card.cells)}, or empty"
    _refuse(table, card.target, labels == unknown, must, "correct it, or add the class")
    for label, title in enumerate(card.classes):
        if label not in labels:
            raise requirement(
                f"column {card.target}", f"hold the class {title}", "no such case", "add some"
            )
    return labels


def _texts(table: Table, name: str) -> tuple[str, ...]:
    cells = table.cells(name)
    empty = np.array([not cell for cell in cells])
    _refuse(table, name, empty, "not be empty", "fill the cell or remove the row")
    return tuple(cells)


def _ids(table: Table, name: str) -> tuple[str, ...]:
    ids = _texts(table, name)
    first = {cell: row for row, cell in reversed([*enumerate(ids)])}
    again = np.array([first[cell] != row for row, cell in enumerate(ids)])
    _refuse(table, name, again, "not occur above", "give each case an id of its own")
    return ids


def _refuse(table: Table, name: str, bad: Bool[np.ndarray, " row"], must: str, remedy: str) -> None:
    """Name the first bad cells of a column, if there are any.

    Raises:
        UserError: If there are.
    """
    rows = np.flatnonzero(bad)
    if not len(rows):
        return
    cells = table.cells(name)
    named = rows[:_MOST_NAMED].tolist()
    numbers = ", ".join(str(table.first_row + row) for row in named)
    more = f" and {len(rows) - len(named):,} more" if len(rows) > len(named) else ""
    where = f"column {name} in row{'s' if len(rows) > 1 else ''} {numbers}{more}"
    raise requirement(where, must, ", ".join(repr(cells[row][:30]) for row in named), remedy)


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"case-{number:0{len(str(count))}d}" for number in range(1, count + 1))
