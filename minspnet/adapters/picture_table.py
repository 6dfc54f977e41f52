"""A table beside pictures: which file is of which class, and what else is known of it."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from jaxtyping import Float

from minspnet.adapters.archive import MOST_FILES
from minspnet.errors import UserError, requirement

LARGEST_TABLE = 32 * 2**20
_MOST_COLUMNS = 200
_ROLES: Mapping[str, tuple[str, ...]] = {
    "file": ("file", "filename", "file_name", "image", "picture", "path", "image_path"),
    "class": ("class", "label", "target", "category", "diagnosis", "dx"),
    "id": ("id", "case", "case_id"),
    "group": ("group", "patient", "patient_id", "subject", "subject_id", "person"),
    "part": ("part", "split", "subset"),
}
"""What a column may be called, whatever the case of its letters; the first found counts."""


@dataclass(frozen=True)
class PictureTable:
    """What a table says, a row a picture.

    Attributes:
        name: Of the table's file.
        roles: Cells of the columns that have a part to play; ``file`` is always there.
        others: Cells of all other columns, by their name.
    """

    name: str
    roles: Mapping[str, tuple[str, ...]]
    others: Mapping[str, tuple[str, ...]]

    def rows_of(self, files: Sequence[str]) -> dict[str, int]:
        """Find the row of each file that has one.

        A row may name a file with its folders, without them, or without its ending too, as long
        as no other file is called the same.

        Raises:
            UserError: If two rows name one file.
        """
        places: dict[str, str | None] = {}
        for file in files:
            path = PurePosixPath(file)
            ways = {"/".join(path.parts[start:]) for start in range(len(path.parts))}
            for way in ways | {way.removesuffix(path.suffix) for way in ways}:
                places[way] = None if way in places else file
        # A whole name is never in doubt, whatever else ends in it.
        places |= {file: file for file in files}
        rows: dict[str, int] = {}
        for row, cell in enumerate(self.roles["file"]):
            found = places.get(cell.replace("\\", "/").removeprefix("./"))
            if found in rows:
                raise requirement(
                    f"row {row + 2} of {self.name}",
                    "name a picture that no row above names",
                    repr(cell),
                    "remove one of the two",
                )
            if found is not None:
                rows[found] = row
        return rows

    def numbers(
        self, rows: Sequence[int]
    ) -> tuple[dict[str, Float[np.ndarray, " case"]], list[str]]:
        """Columns that are numbers in all these rows and differ, and the names of the rest."""
        numbers, rest = {}, []
        for name, cells in self.others.items():
            values = np.array([_number(cells[row]) for row in rows], np.float32)
            if np.isfinite(values).all() and len(np.unique(values)) > 1:
                numbers[name] = values
            else:
                rest.append(name)
        return numbers, rest


def read_picture_table(name: str, content: bytes) -> PictureTable | None:
    """Read a CSV file with a header, in UTF-8, its cells parted by commas, semicolons or tabs.

    Returns:
        None if no column names files.

    Raises:
        UserError: If it is no such file.
    """
    header, rows = _read_rows(name, content)
    known = {title.strip().lower().replace(" ", "_"): title for title in reversed(header)}
    roles = {}
    for role, titles in _ROLES.items():
        if found := [known[title] for title in titles if title in known]:
            roles[role] = found[0]
    if "file" not in roles:
        return None
    columns = {
        title: tuple(row[place].strip() for row in rows) for place, title in enumerate(header)
    }
    others = {title: cells for title, cells in columns.items() if title not in roles.values()}
    return PictureTable(name, {role: columns[title] for role, title in roles.items()}, others)


def _read_rows(name: str, content: bytes) -> tuple[list[str], list[list[str]]]:
    try:
        text = content.decode(
            "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        )
    except UnicodeDecodeError as error:
        raise _no_table(name, error) from error
    first = text.partition("\n")[0]
    comma = max(",;\t", key=first.count)
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=comma):
            if len(row) > _MOST_COLUMNS:
                raise requirement(
                    f"columns of {name}", f"be at most {_MOST_COLUMNS}", len(row), "leave some out"
                )
            if len(rows) > MOST_FILES:
                raise requirement(name, f"have at most {MOST_FILES:,} rows", "more", "shorten it")
            if row:
                rows.append(row)
    except csv.Error as error:
        raise _no_table(name, error) from error
    if len(rows) < 2:
        raise requirement(name, "have rows below its header", "none", "add one for each picture")
    header = [title.strip() for title in rows[0]]
    for title in header:
        if header.count(title) > 1:
            raise requirement(f"columns of {name}", "be named once each", repr(title), "rename one")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise requirement(
                f"row {number} of {name}",
                f"have {len(header)} cells",
                len(row),
                "quote cells that hold the separator",
            )
    return header, rows[1:]


def _no_table(name: str, error: Exception) -> UserError:
    return requirement(name, "be a CSV file in UTF-8", error, "save it as one")


def _number(cell: str) -> float:
    try:
        value = float(cell.replace(",", ".") if cell.count(",") == 1 else cell)
    except ValueError:
        return math.nan
    return value if "_" not in cell and abs(value) < 1e30 else math.nan
