"""How a text file writes a table: looked at in its head, as the whole may be large."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from minspnet.errors import requirement
from minspnet.sheets import sample
from minspnet.sheets.cells import decimal_of
from minspnet.sheets.text import read_text

_HEAD = 2**20
"""Bytes that are looked at."""
_CODECS = {"UTF-8": "utf-8", "UTF-16": "utf-16", "UTF-32": "utf-32", "Windows-1252": "cp1252"}


@dataclass(frozen=True)
class Form:
    """What stands in the header and between cells, and how numbers and letters are written.

    Attributes:
        header: Names of the columns.
        first_row: Number of the first case, as a spreadsheet counts rows.
        encoding: For Python's decoders.
        delimiter: Between cells.
        decimals: Decimal sign of each column.
        decimal: That of the table.
        marked: Whether the file begins with a mark that tells its encoding.
    """

    header: tuple[str, ...]
    first_row: int
    encoding: str
    delimiter: str
    decimals: Mapping[str, str]
    decimal: str = "."
    marked: bool = False


def form_of(path: Path) -> Form:
    """Look at the head of a file.

    Raises:
        UserError: If it does not begin as a table does.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        must = f"be a file that can be read ({error.strerror or error})"
        raise requirement("table", must, path.name, "choose another") from error
    if len(head) == _HEAD:
        # Cut between characters: of UTF-16 and UTF-32 every four bytes, else behind a line.
        wide = head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff"))
        head = head[: len(head) // 4 * 4] if wide else head[: head.rfind(b"\n") + 1] or head
    text = read_text(head)
    seen = sample(text.content)
    decimals = {
        name: decimal_of(cells, seen.decimal)
        for name, cells in zip(seen.names, seen.columns, strict=True)
    }
    codec = _CODECS[text.encoding]
    marked = codec not in ("utf-8", "cp1252") or head.startswith(codecs.BOM_UTF8)
    sign = seen.decimal
    return Form(seen.names, seen.first_row, codec, seen.separator, decimals, sign, marked)
