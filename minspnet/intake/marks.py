"""Cells that likely stand for no value, for a limit, or for a word spelled otherwise too."""

from collections import Counter, defaultdict
from collections.abc import Mapping

import numpy as np

from minspnet.intake.profile import MOST_LEVELS, MOSTLY, Profile, profile
from minspnet.sheets import Table, is_missing, read_numbers
from minspnet.sheets.cells import decimal_of, limit_in
from minspnet.sheets.marks import (
    SHORTEST_WORD,
    Marks,
    count,
    folded,
    settle,
)

WELL_KNOWN = frozenset(
    {
        "n.b.", "n. b.", "n.a.", "n. a.", "n.d.", "n. d.", "n.e.", "n. e.", "k.a.", "k. a.", "k.a",
        "k.w.", "k. w.", "n.v.", "nb", "ka", "nd", ".", "..", "...", "--", "---", "nil", "<na>",
        "missing", "fehlt", "fehlend", "keine angabe", "keine angaben", "nicht bestimmt",
        "nicht bekannt", "nicht erhoben", "nicht verfügbar", "nicht messbar", "not available",
        "not applicable", "not determined", "not done", "not recorded", "no data",
        "#wert!", "#value!", "#ref!", "#bezug!", "#div/0!", "#num!", "#zahl!", "#name?", "#nv",
    }
)  # fmt: skip
"""Cells that say that there is no value, as they fold; ``sheets.cells.MISSING`` are read so
without asking."""
_ONLY_WITH_NUMBERS = frozenset(
    {"nb", "ka", "nd", "nil", ".", "..", "...", "missing", "not done", "not applicable"}
)
"""Too short to say so among words, or a level among them: teeth are missing, tests not done."""
_BELOW = (-9.0, -99.0, -999.0, -9999.0)
_ABOVE = (99.0, 999.0, 9999.0, 99999.0)
_FAR = 3.0
"""How many times their whole range a large number must lie above all others to be a marker."""
_PLAUSIBLE = -9.0
_LEAST_OF_THEM = 2
"""A single one that is large, or not below the plausible, may well be measured."""


def look(table: Table, marks: Mapping[str, Marks] | None = None) -> tuple[Table, Profile]:
    """Take cells for what they stand for, and say what the table holds then.

    Args:
        table: As it was read.
        marks: Of some columns; None takes those that are proposed.

    Returns:
        The table with the cells so written, and its profile, which has the numbers of them.
    """
    chosen = propose_marks(table) if marks is None else marks
    marked = {name: count(table, name, one) for name, one in chosen.items()}
    settled = settle(table, chosen)
    return settled, profile(settled, marked)


def propose_marks(table: Table) -> dict[str, Marks]:
    """Of each column that has some, the cells that likely stand for something else."""
    found = {name: _marks(table, name) for name in table.names}
    return {name: marks for name, marks in found.items() if marks != Marks()}


def _marks(table: Table, name: str) -> Marks:
    cells = table.cells(name)
    counted = Counter(cells)
    different = list(counted)
    known = [c for c, none in zip(different, is_missing(different), strict=True) if not none]
    if len(known) < 2:
        return Marks()
    decimal = decimal_of(cells, table.decimal)
    says_none = [cell for cell in known if folded(cell) in WELL_KNOWN]
    limits = [
        cell
        for cell in known
        if (limit := limit_in(cell)) and np.isfinite(read_numbers([limit], decimal)[0])
    ]
    others = [cell for cell in known if cell not in {*says_none, *limits}]
    values = read_numbers(others, decimal)
    numeric = np.isfinite(values)
    total = sum(counted[cell] for cell in others)
    numbers = sum(counted[cell] for cell, is_one in zip(others, numeric, strict=True) if is_one)
    if numbers and numbers >= MOSTLY * total:
        pairs = zip(others, values.tolist(), numeric, strict=True)
        strange = _sentinels({cell: value for cell, value, is_one in pairs if is_one}, counted)
        return Marks(_commonest([*says_none, *strange], counted), "limit" if limits else None)
    words = [cell for cell in says_none if folded(cell) not in _ONLY_WITH_NUMBERS]
    spellings = _spellings(others, counted) if len(others) <= 2 * MOST_LEVELS else ()
    return Marks(_commonest(words, counted) if len(others) > 1 else (), None, spellings)


def _sentinels(values: dict[str, float], counted: Counter[str]) -> list[str]:
    """Numbers that stand for no value: the only ones below 0, or far above all others."""
    plain = [value for value in values.values() if value not in (*_BELOW, *_ABOVE)]
    if len(set(plain)) < 3:
        return []
    low, high = min(plain), max(plain)
    below = set(_BELOW) if low >= 0 else set()
    above = {value for value in _ABOVE if value - high > _FAR * (high - low)}
    return [
        cell
        for cell, value in values.items()
        if (value in below and (value < _PLAUSIBLE or counted[cell] >= _LEAST_OF_THEM))
        or (value in above and counted[cell] >= _LEAST_OF_THEM)
    ]


def _commonest(cells: list[str], counted: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(cells, key=lambda cell: (-counted[cell], cell)))


def _spellings(cells: list[str], counted: Counter[str]) -> tuple[tuple[str, str], ...]:
    """Cells that differ from a more frequent one by capitals or blanks alone."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for cell in cells:
        alike[folded(cell)].append(cell)
    return tuple(
        (other, first)
        for word, (first, *others) in (
            (word, _commonest(group, counted)) for word, group in alike.items()
        )
        if len(word) >= SHORTEST_WORD
        for other in others
    )
