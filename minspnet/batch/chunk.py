"""What a file of cases gives at a time: cases that could be read, and rows that could not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

WHOLE_ROW = "(the row)"
"""Stands for the column where a row as a whole cannot be read."""


@dataclass(frozen=True)
class Reject:
    """A row that cannot be read, and why.

    Attributes:
        line: Number of the row, as a spreadsheet counts: a header is row 1.
        column: Of its first bad cell.
        value: What the cell holds; long values are shortened.
        must: What it has to be.
        remedy: What to do.
    """

    line: int
    column: str
    value: str
    must: str
    remedy: str

    @property
    def reason(self) -> str:
        """Column and requirement, the same for all rows with that fault."""
        place = "row" if self.column == WHOLE_ROW else self.column
        return f"{place} must {self.must}; {self.remedy}"


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file.

    Attributes:
        lines: Row numbers of the cases, rising.
        ids: What the file calls them, if it says so.
        inputs: Of the cases, as the network reads them.
        rejects: The rows in between that could not be read.
        done: Share of the file that has been read.
        unknown: Of cases with a cell that names no level of its column, what it holds, by their
            places among the cases.
        labels: Known class of each case, ``UNLABELLED`` for none and ``cells.STRANGE`` for an
            answer that is no class; None if the file has no such column.
        strange: Of cases whose answer is no class, what it says, by their places.
    """

    lines: Int[np.ndarray, " case"]
    ids: pa.StringArray | None
    inputs: Float[np.ndarray, "case *input"]
    rejects: tuple[Reject, ...]
    done: float
    unknown: Mapping[int, str] = field(default_factory=dict)
    labels: Int[np.ndarray, " case"] | None = None
    strange: Mapping[int, str] = field(default_factory=dict)


@runtime_checkable
class Source(Protocol):
    """A file that has been looked at and found to hold what the model needs.

    Attributes:
        has_ids: It says what cases are called.
        has_labels: It has a column of answers.
        passed_over: Columns of ids or answers whose cells are neither text nor numbers.
    """

    has_ids: bool
    has_labels: bool
    passed_over: tuple[str, ...]

    def chunks(self) -> Iterator[Chunk]:
        """Read it from start to end, a bounded piece at a time."""
        ...


def shortened(value: str) -> str:
    """A cell as it may be shown."""
    return value if len(value) <= 80 else f"{value[:77]}..."
