"""Text becomes a table: separators, quotes, header and rows, each checked."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float

from minspnet.errors import UserError, requirement
from minspnet.sheets.cells import MISSING, decimal_of, decimal_votes, read_numbers
from minspnet.sheets.text import read_text
from minspnet.wording import check_words

MOST_COLUMNS, MOST_CELLS = 2_000, 10_000_000
LONGEST_CELL, LONGEST_NAME, LONGEST_LINE = 10_000, 200, 2**20
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
UNNAMED = "unnamed"
"""What a first column without a name is called, as programs write that number their rows."""
_SAMPLE_LINES, _SAMPLE_CELLS = 40, 500
_BLOCK_CELLS, _MOST_SHARED = 200_000, 20_000


@dataclass(frozen=True)
class Table:
    """A table of text, just read; nothing in it is trusted.

    Attributes:
        names: Of the columns, each once.
        columns: Their cells, without spaces around them.
        first_row: Number of the first case, as a spreadsheet counts rows.
        encoding: As people call it.
        separator: Between cells.
        notes: What was assumed, in sentences.
        size: Of the file, in bytes.
        decimals: Decimal sign of columns whose cells do not tell it any more.
    """

    names: tuple[str, ...]
    columns: tuple[Sequence[str], ...]
    first_row: int = 2
    encoding: str = "UTF-8"
    separator: str = ","
    notes: tuple[str, ...] = ()
    size: int = 0
    decimals: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns[0])

    def cells(self, name: str) -> Sequence[str]:
        """The cells of a column.

        Raises:
            UserError: If there is none of that name.
        """
        if name not in self.names:
            known = ", ".join(self.names)
            raise requirement("table", f"have a column {name}", known, "add it")
        return self.columns[self.names.index(name)]

    def numbers(self, name: str) -> Float[np.ndarray, " row"]:
        """A column as numbers: a missing cell is NaN, what is no finite number infinite."""
        cells = self.cells(name)
        return read_numbers(cells, self.decimals.get(name) or decimal_of(cells, self.decimal))

    @cached_property
    def decimal(self) -> str:
        """The decimal sign of the table, where a column alone does not tell."""
        votes: Counter[str] = Counter()
        for cells in self.columns:
            votes += decimal_votes(cells[:_SAMPLE_CELLS])
        if votes["."] != votes[","]:
            return max(".,", key=lambda sign: votes[sign])
        # Semicolons stand between cells where the comma is taken.
        return "," if self.separator == ";" and votes["either,"] else "."


def sniff(source: Path | bytes) -> Table:
    """Read a table whose encoding, separator and decimal sign nobody told.

    The first line that is not blank is the header; rows are numbered as a spreadsheet does.

    Args:
        source: The file, or what is in it.

    Raises:
        UserError: In one sentence, with the row, if it is no table or not a sound one.
    """
    text = read_text(source)
    content, skipped = _from_header(text.content)
    separator, content, more = _separator(content)
    records = _records(content, separator, skipped + more)
    first_row, header = next(records)
    header = [name.strip() for name in header]
    notes = list(text.notes)
    if not header[0]:
        header[0] = UNNAMED
        notes.append(f"The first column has no name; it is called {UNNAMED} here.")
    width, empty_end = len(header), not header[-1]
    _check_header(header[: width - empty_end], first_row)
    columns = _columns(_rows(records, width), width)
    if empty_end:
        if any(columns.pop()):
            raise _unnamed(width, first_row)
        header.pop()
        notes.append("Every line ends with a separator; the empty last column was left out.")
    for name, column in zip(header, columns, strict=True):
        longest = max(map(len, column))
        if longest > LONGEST_CELL:
            row = first_row + 1 + next(k for k, c in enumerate(column) if len(c) > LONGEST_CELL)
            must = f"be at most {LONGEST_CELL:,} characters long"
            raise requirement(f"column {name} in row {row}", must, f"{longest:,}", "shorten it")
    return Table(
        tuple(header),
        tuple(columns),
        first_row + 1,
        text.encoding,
        separator,
        tuple(notes),
        text.size,
    )


def _columns(rows: Iterator[list[str]], width: int) -> list[list[str]]:
    """Turn rows into columns, a block at a time: all of both would take several times the memory.

    Cells are stripped, and equal ones of a column kept once, as long as it has few.
    """
    columns: list[list[str]] = [[] for _ in range(width)]
    known: list[dict[str, str] | None] = [{} for _ in range(width)]
    for block in iter(lambda: list(islice(rows, max(1, _BLOCK_CELLS // width))), []):
        for place, cells in enumerate(zip(*block, strict=True)):
            stripped = list(map(str.strip, cells))
            shared = known[place]
            if shared is not None:
                stripped = [shared.setdefault(cell, cell) for cell in stripped]
                if len(shared) > _MOST_SHARED:
                    known[place] = None
            columns[place] += stripped
    return columns


def sample(content: str, most: int = _SAMPLE_CELLS) -> Table:
    """Look at the head of a table, cut off anywhere: its names, form and first sound rows.

    Rows that are malformed are passed over, and names are not judged: that is left to whoever
    reads the whole. There may be one column alone.

    Raises:
        UserError: If it does not begin as a table does.
    """
    body, skipped = _from_header(content)
    separator, body, more = _separator(body, alone=True)
    records = _records(body, separator, skipped + more)
    first_row, header = next(records)
    rows = []
    with suppress(UserError):  # where the head is cut off, or a quote is left open
        for _, row in records:
            if len(row) == len(header):
                rows.append([cell.strip() for cell in row])
            if len(rows) == most:
                break
    columns = tuple(zip(*rows, strict=True)) if rows else ((),) * len(header)
    names = tuple(name.strip() for name in header)
    return Table(names, columns, first_row + 1, separator=separator)


def _from_header(content: str) -> tuple[str, int]:
    """Leave out blank lines at the top; gives how many there were."""
    body = content.lstrip("\r\n \ufeff")
    before = content[: len(content) - len(body)]
    # Tabs may be empty cells of the header.
    return body, len(before.splitlines()) if before.endswith(("\n", "\r")) else before.count("\n")


def _separator(content: str, alone: bool = False) -> tuple[str, str, int]:
    """Find what stands between cells; gives the text below a line of Excel's that says so.

    Where nothing does, there is one column, if that may be.
    """
    first, _, rest = content.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) <= 5:
        told = first.rstrip("\r\n")[4:5] or "\t"
        if told in SEPARATORS:
            return told, rest, 1
    lines = content[:LONGEST_LINE].splitlines(keepends=True)[:_SAMPLE_LINES]
    found = {}
    for separator in SEPARATORS:
        widths: list[int] = []
        with suppress(csv.Error):  # it is told later, with its place
            widths.extend(len(row) for row in csv.reader(lines, delimiter=separator) if row)
        if widths and widths[0] > 1:
            # The last line may be cut off where the sample ends.
            alike = sum(width == widths[0] for width in widths) / len(widths)
            found[separator] = (alike > 0.9, alike * widths[0])
    if not found and alone:
        return ",", content, 0
    if not found:
        one = first.strip()[:40]
        must = "have 2 columns or more, with a comma, semicolon, tab or | between cells"
        raise requirement("table", must, repr(one), "save it as CSV")
    return max(found, key=lambda separator: found[separator]), content, 0


def _records(content: str, separator: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Number the rows, and turn what the parser says into the place where it happened."""
    for number, line in enumerate(io.StringIO(content), start=1 + skipped):
        if len(line) > LONGEST_LINE:
            must = f"be at most {LONGEST_LINE:,} characters long"
            raise requirement(f"line {number}", must, f"{len(line):,}", "save one case a line")
    lines = io.StringIO(content, newline="")
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True)
    number, begun = skipped, 0
    while True:
        number, begun = number + 1, reader.line_num
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            wide = reader.line_num - begun > 1
            got = f"an open one from line {begun + 1 + skipped} on" if wide else str(error)
            must = "have its quotes in pairs"
            raise requirement(
                f"row {number}", must, got, 'close it, or write "" for a quote'
            ) from error


def _rows(records: Iterator[tuple[int, list[str]]], width: int) -> Iterator[list[str]]:
    """The rows below the header, each as long as it."""
    most, count, blank, number = MOST_CELLS // width, 0, 0, 0
    bad: tuple[int, int] | None = None
    for number, row in records:
        if not row:
            blank = blank or number  # fine at the end
            continue
        if blank:
            raise requirement(f"row {blank}", f"have {width} cells", 0, "remove the blank line")
        if bad is not None:
            break
        if len(row) != width:
            bad = number, len(row)
            continue
        count += 1
        if count > most:
            got = f"more than {most:,} rows of {width} columns"
            raise requirement(
                "table", f"have at most {MOST_CELLS:,} cells", got, "take fewer rows or columns"
            )
        yield row
    if bad is not None:
        raise _ragged(*bad, width, last=number == bad[0])
    if not count:
        raise requirement("table", "have rows below its header", "none", "add cases")


def _ragged(number: int, cells: int, width: int, last: bool) -> UserError:
    remedy = "quote cells that hold the separator"
    if cells < width:
        remedy = "the file may be cut off, save it again" if last else "add the missing cells"
    return requirement(f"row {number}", f"have {width} cells", cells, remedy)


def _check_header(header: Sequence[str], row: int) -> None:
    if len(header) > MOST_COLUMNS:
        must = f"have at most {MOST_COLUMNS:,} columns"
        raise requirement("table", must, f"{len(header):,}", "keep those that matter")
    seen: set[str] = set()
    for place, name in enumerate(header, start=1):
        if not name:
            raise _unnamed(place, row)
        if len(name) > LONGEST_NAME or not name.isprintable():
            must = f"be one line of at most {LONGEST_NAME} printable characters"
            raise requirement(f"name of column {place}", must, repr(name), "rename it")
        if name[0] == "=" or name.lstrip("+-@").startswith("="):
            must = "not begin as a formula does"
            raise requirement(f"name of column {place}", must, repr(name), "rename it")
        check_words(f"name of column {place}", [name])
        if name in seen:
            raise requirement("columns", "be named once each", repr(name), "rename one")
        seen.add(name)
    if 2 * sum(map(_is_value, header)) >= len(header):
        shown = ", ".join(header[:4])
        raise requirement(f"row {row}", "name the columns", f"values: {shown}", "add a header line")


def _is_value(name: str) -> bool:
    """Whether a name looks like a cell; counted columns (0, 1, 2, ...) do not."""
    if name.isdecimal() and len(name) <= 4:
        return False
    return name.lower() in MISSING or bool(np.isfinite(read_numbers([name])[0]))


def _unnamed(place: int, row: int) -> UserError:
    return requirement(
        f"column {place}", "have a name", f"an empty cell in row {row}", "name it there"
    )
