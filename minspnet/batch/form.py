"""How a text file writes a table."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from minspnet.errors import requirement

_HEAD = 2**20
"""Bytes in which the header line has to end."""


@dataclass(frozen=True)
class Form:
    """What stands in the header and between cells, and how numbers and letters are written."""

    header: tuple[str, ...]
    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: str = "."


def form_of(path: Path) -> Form:
    """Look at the head of a file.

    Raises:
        UserError: If it does not begin as a table does.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        text = head.decode("utf-8-sig", "ignore")
        if "\0" in text:
            raise requirement("table", "be text", "a binary file", "save it as CSV in UTF-8")
        header = next(csv.reader(io.StringIO(text, newline=""), strict=True), [])
    except (OSError, csv.Error) as error:
        raise requirement("table", "be a CSV file in UTF-8", error, "save it as one") from error
    if not any(name.strip() for name in header):
        raise requirement("table", "have a header line", "an empty first line", "add one")
    return Form(tuple(name.strip() for name in header))
