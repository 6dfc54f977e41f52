"""Rows of a table become cases, or are put aside with the reason."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int

from minspnet.batch.cells import (
    is_empty,
    read_ids,
    read_labels,
    read_levels,
    read_numbers,
    shown,
)
from minspnet.batch.chunk import WHOLE_ROW, Chunk, Reject, shortened
from minspnet.batch.needs import Answers, Need
from minspnet.intake.marks import WELL_KNOWN
from minspnet.sheets.marks import folded

_FINITE = "be a finite number or empty"


@dataclass(frozen=True)
class RowReader:
    """Turns the cells of a table's columns into cases.

    Attributes:
        needed: Columns of the inputs.
        names: Those that are read, the inputs first.
        id_name: What that of ids is called.
        answers: Where the true answers may stand.
    """

    needed: tuple[Need, ...]
    names: tuple[str, ...]
    id_name: str
    answers: Answers | None

    @property
    def has_ids(self) -> bool:
        return self.id_name in self.names[len(self.needed) :]

    @property
    def has_labels(self) -> bool:
        return self.answers is not None and self.answers.column in self.names

    def chunk(
        self,
        columns: list[pa.Array],
        lines: Int[np.ndarray, " row"],
        malformed: list[Reject],
        done: float,
        decimals: str,
    ) -> Chunk:
        """Turn cells into inputs, and put the rows aside where that is not possible."""
        needed = self.needed
        inputs = np.empty((len(lines), len(needed)), np.float32)
        bad = np.zeros(inputs.shape, dtype=bool)
        strange: dict[int, list[str]] = {}
        for place, need in enumerate(needed):
            feature, column = need.feature, columns[place]
            if feature.levels:
                levels, unknown = read_levels(column, feature.levels, feature.missing)
                inputs[:, place] = levels
                for row, cell in unknown.items():
                    words = f"{feature.title} {shortened(cell)!r} is none of its levels"
                    strange.setdefault(row, []).append(words)
            else:
                values, wrong_here = read_numbers(column, decimals[place], need.marks)
                inputs[:, place], bad[:, place] = values, wrong_here
        hollow = np.asarray(np.isnan(inputs).all(axis=1))
        wrong = hollow | np.asarray(bad.any(axis=1))
        blank = _blank(columns, hollow)
        rejects = [
            _reject(needed, columns, int(lines[row]), row, bad[row])
            for row in np.flatnonzero(wrong & ~blank).tolist()
        ]
        kept = ~wrong
        where = np.cumsum(kept) - 1
        labels, odd = None, dict[int, str]()
        if self.answers is not None and self.has_labels:
            told, odd = read_labels(self._column(columns, self.answers.column), self.answers)
            labels = told[kept]
        ids = None
        if self.has_ids:
            ids = read_ids(self._column(columns, self.id_name).filter(pa.array(kept)))
        return Chunk(
            lines[kept],
            ids,
            inputs[kept],
            tuple(sorted([*malformed, *rejects], key=lambda one: one.line)),
            done,
            {int(where[row]): "; ".join(words) for row, words in strange.items() if kept[row]},
            labels,
            {int(where[row]): cell for row, cell in odd.items() if kept[row]},
        )

    def _column(self, columns: list[pa.Array], name: str) -> pa.Array:
        return columns[self.names.index(name)]


def _blank(columns: list[pa.Array], hollow: Bool[np.ndarray, " row"]) -> Bool[np.ndarray, " row"]:
    """Which rows hold nothing in any column: the end of a sheet, most often."""
    blank = hollow.copy()
    for column in columns:
        if not blank.any():
            break
        blank &= is_empty(column)
    return blank


def _reject(
    needed: tuple[Need, ...],
    columns: list[pa.Array],
    line: int,
    row: int,
    bad: Bool[np.ndarray, " feature"],
) -> Reject:
    if not bad.any():
        must = "hold a value in at least one of the columns that the model reads"
        return Reject(line, WHOLE_ROW, "", must, "fill its cells, or remove it")
    place = int(bad.argmax())
    need, value = needed[place], shortened(shown(columns[place], row))
    remedy = "write a plain number, or empty the cell"
    if folded(value) in WELL_KNOWN:
        remedy += f"; or let the card of the model count {value} as missing in this column"
    return Reject(line, need.feature.name, value, _FINITE, remedy)
