"""Cells of text become numbers: decimal commas, thousands, and what counts as missing."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Bool, Float

MISSING = frozenset({"", "na", "nan", "n/a", "#n/a", "?", "-", "null"})
"""What a cell without a value may hold, whatever the case of its letters."""
_LONGEST_MISSING = max(map(len, MISSING))
_LARGEST = float(np.finfo(np.float32).max)
_GROUPS = {".": r"[,'’ \u00a0\u202f]", ",": r"[.'’ \u00a0\u202f]"}
"""Under each decimal sign, what may stand between thousands."""


def _patterns(decimal: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A number with thousands, and one that can be read with this decimal sign alone."""
    sign, group = re.escape(decimal), _GROUPS[decimal]
    other = re.escape({".": ",", ",": "."}[decimal])
    grouped = rf"[+-]?\d{{1,3}}({group})\d{{3}}(?:\1\d{{3}})*(?:{sign}\d*)?"
    sure = (
        rf"[+-]?(?:\d{{1,3}}(?:{group}\d{{3}})+{sign}\d+"  # both signs
        rf"|\d{{1,3}}(?:{other}\d{{3}}){{2,}}"  # the other one twice
        rf"|0?{sign}\d+|\d{{4,}}{sign}\d+|\d+{sign}(?:\d{{1,2}}|\d{{4,}}))"  # no thousands
        r"(?:[eE][+-]?\d+)?"
    )
    return re.compile(grouped), re.compile(sure)


_GROUPED, _SURE = ({sign: _patterns(sign)[k] for sign in ".,"} for k in (0, 1))
_LIMITS = "<>≤≥"
_LIMIT = re.compile(r"(?:<=?|>=?|≤|≥)\s*(.+)")
_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?|[+-]?\d+,")
_EITHER = re.compile(r"[+-]?\d{1,3}([.,])\d{3}")
"""A number with three digits after its only sign: thousands, or not."""


def is_missing(cells: Sequence[str]) -> Bool[np.ndarray, " row"]:
    """Whether each cell holds no value."""
    found = (len(cell) <= _LONGEST_MISSING and cell.lower() in MISSING for cell in cells)
    return np.fromiter(found, bool, len(cells))


def limit_in(cell: str) -> str | None:
    """The number of a cell such as ``<0.6``, as it is written; None if it is no such cell."""
    found = _LIMIT.fullmatch(cell) if cell[:1] in _LIMITS else None
    return found[1].strip() if found else None


def decimal_votes(cells: Iterable[str]) -> Counter[str]:
    """Count the cells that can be read with a decimal point, or a decimal comma, alone.

    Those that could be either count for ``either,`` and ``either.``, after the sign in them.
    """
    votes: Counter[str] = Counter()
    for cell in cells:
        if "," not in cell and "." not in cell:
            continue
        cell = limit_in(cell) or cell
        if either := _EITHER.fullmatch(cell):
            votes[f"either{either[1]}"] += cell[0] != "0"
        for sign, sure in _SURE.items():
            votes[sign] += sure.fullmatch(cell) is not None
    return votes


def decimal_of(cells: Sequence[str], usual: str) -> str:
    """Find the decimal sign of a column, limits included; ``usual`` where cells do not tell."""
    if usual == "." and not any("," in cell for cell in cells):
        return usual
    votes = decimal_votes(set(cells))
    return usual if votes["."] == votes[","] else max(".,", key=lambda sign: votes[sign])


def read_numbers(cells: Sequence[str], decimal: str = ".") -> Float[np.ndarray, " row"]:
    """Read numbers; a missing cell is NaN, and one that holds no finite number infinite."""
    try:
        plain = decimal == "." and not any("_" in cell for cell in cells)
        values = np.array(list(map(float, cells)) if plain else _each(cells, decimal))
    except ValueError:
        values = np.array(_each(cells, decimal))
    values[np.abs(values) > _LARGEST] = np.inf
    return values


def _each(cells: Sequence[str], decimal: str) -> list[float]:
    return [_number(cell, decimal) for cell in cells]


def _number(cell: str, decimal: str) -> float:
    if len(cell) <= _LONGEST_MISSING and cell.lower() in MISSING:
        return np.nan
    # Python reads 1_000 as a number; in a table it is more likely a slip.
    if "_" in cell:
        return np.inf
    if grouped := _GROUPED[decimal].fullmatch(cell):
        cell = cell.replace(grouped[1], "").replace(",", ".")
    elif decimal == ",":
        if "." in cell or ("," in cell and not _COMMA.fullmatch(cell)):
            return np.inf
        cell = cell.replace(",", ".")
    try:
        return float(cell)
    except ValueError:
        return np.inf


_DATES = (
    ("ISO", re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}")),
    ("day or month first", re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})")),
)
_TIME = re.compile(
    r"[T ]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?(?:Z|[+-]\d{2}:?\d{2})?"
)


def date_form(cells: Iterable[str]) -> str | None:
    """Say in which form all cells are dates, with or without a time; None if they are not."""
    forms = {_date_form(cell) for cell in cells}
    return forms.pop() if len(forms) == 1 else None


def _date_form(cell: str) -> str | None:
    for form, date in _DATES:
        day = date.match(cell)
        if day and (day.end() == len(cell) or _TIME.fullmatch(cell, day.end())):
            return form
    return None
