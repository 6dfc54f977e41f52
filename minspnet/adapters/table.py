"""A user's own table: a CSV file, read as its card says."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from minspnet.adapters.card import Card
from minspnet.data import UNLABELLED, Cases
from minspnet.domain import Feature
from minspnet.errors import requirement

_MISSING = ("", "na", "nan")
"""What an empty cell may hold, whatever the case of its letters."""
_LARGEST = float(np.finfo(np.float32).max)

Value = TypeVar("Value")


def read_cases(card: Card, path: Path, variant: str | None = None) -> Cases:
    """Read a table with a header line, in UTF-8, with commas between cells.

    A missing number (an empty cell, ``NA`` or ``NaN``) is NaN in the inputs. A category is the
    index of its level on the card; a level that the card does not list is NaN too, as a missing
    one is. Columns that a concept is graded from must be complete. Columns that the card does
    not name are not read. Rows are numbered as a spreadsheet does: the header is row 1.

    Args:
        card: What the columns mean.
        path: The CSV file.
        variant: Choice of inputs; None gives the card's first.

    Raises:
        UserError: In one sentence, naming row, column and value of the first bad cell.
    """
    inputs = card.domain().variant(variant).inputs
    header, rows = _read_rows(path)
    features = {feature.name: feature for feature in card.features}
    graded = {column: concept for concept in card.concepts for column in concept.columns}
    named = [card.target, *features, *graded, *filter(None, (card.id, card.group))]
    for name in named:
        if name not in header:
            raise requirement("table", f"have a column {name}", ", ".join(header), "add it")
    cells = {name: [row[header.index(name)].strip() for row in rows] for name in named}

    columns = {}
    for name in dict.fromkeys((*features, *graded)):
        read = _reader(features.get(name), complete=name in graded)
        columns[name] = np.array(_column(name, cells[name], read), np.float32)
    ids = _ids(card.id, cells[card.id]) if card.id else _numbered(len(rows))
    groups = _column(card.group, cells[card.group], _text) if card.group else ids
    labels = np.array(_column(card.target, cells[card.target], _label_reader(card)), np.intp)
    for label, title in enumerate(card.classes):
        if label not in labels:
            raise requirement(
                f"column {card.target}", f"hold the class {title}", "no such case", "add some"
            )
    return Cases(
        ids=tuple(ids),
        inputs=np.stack([columns[name] for name in inputs], axis=1),
        labels=labels,
        columns=columns,
        groups=tuple(groups),
    )


def _read_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """Give the header and the rows below it, each as long as the header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file, strict=True)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise requirement("table", "be a CSV file in UTF-8", error, "save it as one") from error
    except ValueError as error:
        raise requirement("table", "have a header line", "an empty file", "add one") from error
    header = [name.strip() for name in header]
    for name in header:
        if header.count(name) > 1:
            raise requirement("columns", "be named once each", repr(name), "rename one")
    while rows and not rows[-1]:
        rows.pop()  # blank lines at the end
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise requirement(
                f"row {number}", f"have {len(header)} cells", len(row), "quote cells with commas"
            )
    if not rows:
        raise requirement("table", "have rows below its header", "none", "add cases")
    return header, rows


def _column(name: str, cells: Sequence[str], read: Callable[[str], Value]) -> list[Value]:
    """Read a column; a cell that cannot be read raises a ``_BadCell``, told with its place."""
    values = []
    for number, cell in enumerate(cells, start=2):
        try:
            values.append(read(cell))
        except _BadCell as bad:
            raise requirement(
                f"column {name} in row {number}", bad.must, repr(cell), bad.remedy
            ) from None
    return values


class _BadCell(Exception):
    def __init__(self, must: str, remedy: str) -> None:
        super().__init__(must)
        self.must, self.remedy = must, remedy


def _reader(feature: Feature | None, complete: bool) -> Callable[[str], float]:
    if feature is not None and feature.levels:
        places = {level: float(place) for place, level in enumerate(feature.levels)}
        return lambda cell: places.get(cell, float("nan"))
    return _complete_number if complete else _number


def _number(cell: str) -> float:
    if cell.lower() in _MISSING:
        return float("nan")
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    # Python reads 1_000 as a number; in a table it is more likely a slip.
    if not abs(value) <= _LARGEST or "_" in cell:
        raise _BadCell("be a finite number or empty", "write it with a point, or empty the cell")
    return value


def _complete_number(cell: str) -> float:
    value = _number(cell)
    if value != value:
        raise _BadCell(
            "be a number, as a concept is graded from it", "fill the cell or remove the row"
        )
    return value


def _text(cell: str) -> str:
    if not cell:
        raise _BadCell("not be empty", "fill the cell or remove the row")
    return cell


def _label_reader(card: Card) -> Callable[[str], int]:
    places = {cell: label for label, cell in enumerate(card.cells)} | {"": UNLABELLED}

    def read(cell: str) -> int:
        if cell not in places:
            raise _BadCell(
                f"be one of {', '.join(card.cells)}, or empty", "correct it, or add the class"
            )
        return places[cell]

    return read


def _ids(name: str, cells: Sequence[str]) -> list[str]:
    seen: set[str] = set()

    def read(cell: str) -> str:
        if _text(cell) in seen:
            raise _BadCell("not occur above", "give each case an id of its own")
        seen.add(cell)
        return cell

    return _column(name, cells, read)


def _numbered(count: int) -> list[str]:
    return [f"case-{number:0{len(str(count))}d}" for number in range(1, count + 1)]
