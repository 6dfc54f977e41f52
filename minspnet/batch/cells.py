"""From the cells of a column to numbers, all at once: what cannot be read is marked."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int

from minspnet.batch.needs import Answers
from minspnet.data import UNLABELLED
from minspnet.sheets import read_numbers as read_cells
from minspnet.sheets.cells import MISSING
from minspnet.sheets.marks import NO_MARKS, Marks, labels_of, numbers_in, taken_as

STRANGE = UNLABELLED - 1
"""A cell that names no class, and is not empty either."""
_LARGEST = float(np.finfo(np.float32).max)
_NUMBER = {
    ".": r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$",
    ",": r"^[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?$",
}
"""The usual numbers under each decimal sign; the others are looked at one by one."""
_MISSING = pa.array(sorted(MISSING))

Column = tuple[Float[np.ndarray, " case"], Bool[np.ndarray, " case"]]
"""Values, NaN where a cell is missing; and which cells hold something else than a number."""


def read_numbers(column: pa.Array, decimal: str = ".", marks: Marks = NO_MARKS) -> Column:
    """Read numbers written as text, or numbers of any type.

    Args:
        column: Its cells.
        decimal: Sign of a text's numbers.
        marks: What some cells count as.
    """
    if _is_text(column.type):
        values, bad = _from_text(column, decimal, marks)
    else:
        values, bad = _without(_as_floats(column), decimal, marks), np.zeros(len(column), bool)
    # Beyond the range of the network's numbers, infinity included.
    with np.errstate(invalid="ignore"):
        bad |= np.abs(values) > _LARGEST
    values[bad] = np.nan
    return values.astype(np.float32), bad


def read_levels(
    column: pa.Array, levels: tuple[str, ...], missing: tuple[str, ...] = ()
) -> tuple[Float[np.ndarray, " case"], dict[int, str]]:
    """Find each cell's place among the levels; any other cell counts as missing.

    Returns:
        The places, NaN where there is none; and what the cells hold that are neither a level nor
        missing, by their rows.
    """
    found, cells, which = _places(column, levels, missing)
    return np.where(found < 0, np.nan, found).astype(np.float32), _those(found, cells, which)


def read_labels(
    column: pa.Array, answers: Answers
) -> tuple[Int[np.ndarray, " case"], dict[int, str]]:
    """Find the class that each cell names.

    Returns:
        Classes, ``UNLABELLED`` for none and ``STRANGE`` for another answer; and what the cells of
        the latter hold, by their rows.
    """
    found, cells, which = _places(column, answers.cells, answers.missing)
    return found, _those(found, cells, which)


def _those(
    found: Int[np.ndarray, " case"], cells: list[str], which: Int[np.ndarray, " case"]
) -> dict[int, str]:
    """What cells hold that were not found, by their rows."""
    return {row: cells[which[row]] for row in np.flatnonzero(found == STRANGE).tolist()}


def _places(
    column: pa.Array, words: tuple[str, ...], missing: tuple[str, ...]
) -> tuple[Int[np.ndarray, " case"], list[str], Int[np.ndarray, " case"]]:
    """Each cell's place among some words, the different cells, and which of these it is."""
    coded = pc.dictionary_encode(_as_text(column).fill_null(""))
    cells = [shown(coded.dictionary, row).strip() for row in range(len(coded.dictionary))]
    found = labels_of({*cells}, words, missing, UNLABELLED, STRANGE)
    which = np.asarray(coded.indices)
    return np.array([found[cell] for cell in cells], np.intp)[which], cells, which


def shown(column: pa.Array, row: int) -> str:
    """A cell as text; bytes that are none in UTF-8 become question marks."""
    if not _is_text(column.type):
        value = column[row].as_py()
        return "" if value is None else str(value)
    cell = column[row].cast(pa.binary()).as_py()
    return "" if cell is None else cell.decode("utf-8", "replace")


def read_ids(column: pa.Array) -> pa.StringArray:
    """Take ids as they are; bytes that are no UTF-8 become question marks."""
    text = _as_text(column).fill_null("")
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return pa.array([shown(text, row) for row in range(len(text))], pa.string())
    return text


def is_empty(column: pa.Array) -> Bool[np.ndarray, " case"]:
    """Which cells hold nothing at all."""
    empty = pc.is_null(column)
    if _is_text(column.type):
        empty = pc.or_kleene(empty, pc.equal(pc.ascii_trim_whitespace(column), ""))
    return np.asarray(empty.fill_null(True))


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind)


def _from_text(column: pa.Array, decimal: str, marks: Marks) -> Column:
    if decimal == ".":
        try:  # clean columns, by far the most
            values = _as_floats(pc.cast(column, pa.float64()))
        except pa.ArrowInvalid:
            pass
        else:
            if not np.isinf(values).any():  # a word that may be marked as missing
                return _without(values, decimal, marks), np.zeros(len(column), dtype=bool)
    text = pc.ascii_trim_whitespace(column)
    usual = pc.match_substring_regex(text, _NUMBER[decimal]).fill_null(False)
    missing = pc.is_in(pc.ascii_lower(text), value_set=_MISSING)
    missing = pc.or_(missing, pc.is_null(text))
    plain = pc.if_else(usual, text, None)
    if decimal != ".":
        plain = pc.replace_substring(plain, decimal, ".")
    # A limit such as <0.6 is no marker, though the number in it may be one.
    values = _without(_as_floats(pc.cast(plain, pa.float64())), decimal, marks)
    odd = np.flatnonzero(~(np.asarray(usual) | np.asarray(missing)))
    cells = [shown(text, row) for row in odd.tolist()]
    taken = taken_as(set(cells), marks, decimal) if marks != NO_MARKS else {}
    values[odd] = read_cells([taken.get(cell, cell) for cell in cells], decimal)
    return values, np.isinf(values)


def _without(
    values: Float[np.ndarray, " case"], decimal: str, marks: Marks
) -> Float[np.ndarray, " case"]:
    """Numbers that stand for no value become NaN."""
    numbers = numbers_in(marks.missing, decimal)
    if len(numbers):
        with np.errstate(over="ignore"):
            values[np.isin(values.astype(np.float32), numbers)] = np.nan
    return values


def _as_floats(column: pa.Array) -> Float[np.ndarray, " case"]:
    """A copy of its own as 64-bit numbers, NaN where there is none."""
    numbers = pc.cast(column, pa.float64(), safe=False)
    return np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


def _as_text(column: pa.Array) -> pa.StringArray:
    if pa.types.is_floating(column.type):
        # A column of whole numbers in which one is missing comes as 1.0, 2.0 and so on.
        rounded = pc.round(column)
        if pc.all(pc.equal(rounded, column), min_count=0).as_py():
            column = pc.cast(rounded, pa.int64(), safe=False)
    return pc.cast(column, pa.string())
