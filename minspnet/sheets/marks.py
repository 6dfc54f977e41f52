"""Cells that stand for something else than they hold: no value, a limit, the same word again."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from minspnet.sheets.cells import decimal_of, is_missing, limit_in, read_numbers
from minspnet.sheets.grid import Table

Beyond = Literal["limit", "missing"]
SHORTEST_WORD = 3
"""Letters of a word from which on capitals are mere spelling: alleles A and a are not."""
_INTEGER = re.compile(r"[+-]?\d+")
_WHOLE = re.compile(r"([+-]?\d+)(?:[.,]0+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]000")
"""Whole numbers, with a fraction of 0 or without; and what may be thousands instead."""
_OTHER = {".": ",", ",": "."}


@dataclass(frozen=True)
class Marks:
    """What cells of one column are taken for.

    Attributes:
        missing: Cells that count as missing, whatever the case of their letters; one that is a
            number stands for that number however it is written.
        beyond: What a cell such as ``<0.6`` counts as: the limit in it, or as missing; None reads
            it as it stands, which is no number.
        spellings: Cells and the word that each is another spelling of.
    """

    missing: tuple[str, ...] = ()
    beyond: Beyond | None = None
    spellings: tuple[tuple[str, str], ...] = ()


NO_MARKS = Marks()


def folded(cell: str) -> str:
    """A cell without what tells its spellings apart: the case of letters, and blanks."""
    return " ".join(cell.split()).casefold()


def places_of(levels: Sequence[str]) -> dict[str, int]:
    """Where each level stands, by its spelling and by what its spellings have in common.

    That is the folded word; of whole numbers, where all levels are such, the number without a
    fraction of 0. Short codes (``a``, ``A``) and levels that have it in common with others go by
    their own spelling alone.
    """
    whole = all(map(_INTEGER.fullmatch, levels))
    shared: dict[str, set[int]] = {}
    for place, level in enumerate(levels):
        for key in _spelt(level, whole):
            shared.setdefault(key, set()).add(place)
    spelt = {key: min(places) for key, places in shared.items() if len(places) == 1}
    return spelt | {level: place for place, level in enumerate(levels)}


def place_in(places: Mapping[str, int], cell: str) -> int | None:
    """Find a cell's level among ``places_of`` some; None if it is none of them."""
    keys = (cell, *_spelt(cell, True))
    return next((places[key] for key in keys if key in places), None)


def _spelt(cell: str, whole: bool) -> list[str]:
    """What a cell has in common with its other spellings: nothing, if it is a short code.

    Each begins with a character that no cell holds, so that none is taken for a level.

    Args:
        cell: As it is written.
        whole: Whether a fraction of 0 is mere spelling.
    """
    word = folded(cell)
    found = [f"\0word {word}"] if len(word) >= SHORTEST_WORD else []
    number = _WHOLE.fullmatch(word)
    if whole and number and not _THOUSANDS.fullmatch(word):
        found.append(f"\0number {number[1]}")
    return found


def labels_of(
    cells: Iterable[str],
    classes: Sequence[str],
    missing: Sequence[str],
    none: int,
    unknown: int,
) -> dict[str, int]:
    """Which class each of some different cells of a target names.

    Args:
        cells: Each once.
        classes: What the target holds for each class.
        missing: Cells that are no answer, besides those that always count as missing.
        none: What a cell without an answer gets.
        unknown: What any other cell gets.
    """
    places, given = places_of(classes), list(cells)
    empty = is_missing(given) | _marked(given, missing, ".")
    found = {}
    for cell, is_none in zip(given, empty.tolist(), strict=True):
        place = place_in(places, cell)
        found[cell] = place if place is not None else none if is_none else unknown
    return found


def numbers_in(missing: Sequence[str], decimal: str) -> Float[np.ndarray, " number"]:
    """The numbers among cells that count as missing, with 32 bits as the network reads them.

    Under a table's decimal sign and under the other one: a card says ``-99.9`` of whatever file it
    is about, and the next file may have commas. A cell that is a number under both, as ``-9,000``
    is, stands for both.
    """
    values = np.concatenate([read_numbers(missing, sign) for sign in (decimal, _OTHER[decimal])])
    return np.unique(values[np.isfinite(values)]).astype(np.float32)


def _marked(
    cells: Sequence[str], missing: Sequence[str], decimal: str
) -> Bool[np.ndarray, " cell"]:
    """Whether each cell is among those marked as missing, as it stands or by its number."""
    words = {*map(folded, missing)}
    found = np.fromiter((folded(cell) in words for cell in cells), bool, len(cells))
    numbers = numbers_in(missing, decimal)
    if len(numbers):
        found |= np.isin(read_numbers(cells, decimal).astype(np.float32), numbers)
    return found


def taken_as(cells: Iterable[str], marks: Marks, decimal: str) -> dict[str, str]:
    """Of different cells, what those that are marked are taken for; an empty text for no value."""
    given = list(cells)
    taken = dict(marks.spellings)
    none = _marked(given, marks.missing, decimal).tolist()
    for cell, is_none in zip(given, none, strict=True):
        if is_none:
            taken[cell] = ""
        elif (
            marks.beyond is not None
            and (limit := limit_in(cell)) is not None
            and np.isfinite(read_numbers([limit], decimal)[0])
        ):
            taken[cell] = "" if marks.beyond == "missing" else limit
    return taken


def settle(table: Table, marks: Mapping[str, Marks]) -> Table:
    """Write into a table's cells what they are taken for; other columns stay as they are."""
    columns, decimals = list(table.columns), dict(table.decimals)
    for place, name in enumerate(table.names):
        told = marks.get(name, NO_MARKS)
        if told != NO_MARKS:
            cells = columns[place]
            decimals[name] = decimal_of(cells, table.decimal)
            taken = taken_as(set(cells), told, decimals[name])
            columns[place] = [taken.get(cell, cell) for cell in cells] if taken else cells
    return replace(table, columns=tuple(columns), decimals=decimals)


@dataclass(frozen=True)
class Marked:
    """How many cells of a column are taken for something else.

    Attributes:
        missing: Cells that count as missing, and how many hold each, the most frequent first.
        limits: Cells beyond a limit, and how many hold each.
        beyond: What those count as; None where they are left as they stand.
        joined: Cells that are another spelling of a word, the word, and how many hold each.
    """

    missing: tuple[tuple[str, int], ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    beyond: Beyond | None = None
    joined: tuple[tuple[str, str, int], ...] = ()

    @property
    def marks(self) -> Marks:
        """The same without the numbers."""
        spellings = tuple((cell, word) for cell, word, _ in self.joined)
        return Marks(tuple(cell for cell, _ in self.missing), self.beyond, spellings)


NOT_MARKED = Marked()


def count(table: Table, name: str, marks: Marks) -> Marked:
    """Count the cells of a column that are marked."""
    cells = table.cells(name)
    counted = Counter(cells)
    taken = taken_as(counted, marks, decimal_of(cells, table.decimal))
    spelled = dict(marks.spellings)
    missing, limits, joined = [], [], []
    for cell, many in counted.most_common():
        if cell in spelled:
            joined.append((cell, spelled[cell], many))
        elif cell in taken and limit_in(cell) is not None and cell not in marks.missing:
            limits.append((cell, many))
        elif cell in taken and not is_missing([cell])[0]:
            missing.append((cell, many))
    held = {folded(cell) for cell, _ in missing}
    # A marker that this table does not hold may stand in another one.
    missing += [(cell, 0) for cell in marks.missing if folded(cell) not in held]
    return Marked(tuple(missing), tuple(limits), marks.beyond, tuple(joined))
