"""New cases in a Parquet file, some rows at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from minspnet.batch.chunk import Chunk, shortened
from minspnet.batch.needs import ID, Answers, Need, check_header
from minspnet.batch.rows import RowReader
from minspnet.errors import requirement
from minspnet.sheets.grid import LONGEST_CELL
from minspnet.sheets.marks import folded

_ZONE = r"Z|[+-]\d\d:?\d\d|"
_ROWS = 16_384
"""Rows of a file read at a time."""


class ParquetTable:
    """A Parquet file.

    Args:
        path: The file.
        needed: Columns to read, in the order of the model's inputs.
        id_name: Column whose cells are passed through, if there is one.
        answers: Where the true answers may stand.

    Raises:
        UserError: If it is no such file, or a column is missing or holds no numbers.
    """

    def __init__(
        self,
        path: Path,
        needed: tuple[Need, ...],
        id_name: str = ID,
        answers: Answers | None = None,
    ) -> None:
        schema, self._rows = footer(path)
        inputs = {need.feature.name: need.feature.levels for need in needed}
        words = {answers.column: answers.cells} if answers else {}
        kinds = {
            name: _kind(schema.field(name).type, (words | inputs).get(name, ()), name not in inputs)
            for name in check_header(needed, schema.names, id_name, answers)
        }
        for name in inputs:
            if kinds[name] is None:
                kind, remedy = schema.field(name).type, "convert it, or save the table as CSV"
                raise requirement(f"column {name}", "hold numbers or text", kind, remedy)
        # Ids and answers are told beside the results, which can do without.
        self.passed_over = tuple(name for name, kind in kinds.items() if kind is None)
        self._kinds = {name: kind for name, kind in kinds.items() if kind is not None}
        self._names = tuple(self._kinds)
        self._reader = RowReader(needed, self._names, id_name, answers)
        self.has_ids, self.has_labels = self._reader.has_ids, self._reader.has_labels
        self._path = path
        self._texts = [name for name in self._names if _is_text(schema.field(name).type)]

    def chunks(self) -> Iterator[Chunk]:
        """Read some rows at a time; they are numbered from 1, as there is no header line."""
        first, decimals = 1, "." * len(self._names)
        try:
            # Texts that repeat are kept once: a long one could fill the memory else.
            with pa.parquet.ParquetFile(
                self._path, pre_buffer=False, read_dictionary=self._texts
            ) as file:
                for batch in file.iter_batches(_ROWS, columns=self._names):
                    for name in self._texts:
                        _check_length(name, batch.column(name))
                    columns = [
                        _cast(batch.column(name), kind) for name, kind in self._kinds.items()
                    ]
                    lines = np.arange(first, first + batch.num_rows)
                    first += batch.num_rows
                    done = (first - 1) / max(self._rows, 1)
                    yield self._reader.chunk(columns, lines, [], done, decimals)
        except (OSError, pa.ArrowException) as error:
            must = "be a Parquet file that can be read to its end"
            got = f"a fault behind row {first - 1} ({shortened(str(error))})"
            raise requirement("table", must, got, "save it anew") from error


def footer(path: Path) -> tuple[pa.Schema, int]:
    """Columns and number of rows of a Parquet file."""
    try:
        with pa.parquet.ParquetFile(path) as file:
            return file.schema_arrow, file.metadata.num_rows
    except (OSError, pa.ArrowException) as error:
        raise requirement(
            "table", "be a Parquet file", shortened(str(error)), "save it anew"
        ) from error


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_text(kind: pa.DataType) -> bool:
    kind = _plain(kind)
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_null(kind)
    )


def _kind(kind: pa.DataType, words: Sequence[str], beside: bool) -> pa.DataType | None:
    """The type that a column is read as: text, or numbers as they are; None if it is neither.

    Args:
        kind: As it is stored.
        words: Levels or classes that its cells are looked up among.
        beside: Whether it is told beside the results, as ids and answers are: days and times are
            good for that.
    """
    kind = _plain(kind)
    if pa.types.is_boolean(kind):
        # Classes and levels may be called 0 and 1, or false and true; a number is 0 or 1.
        coded = {folded(word) for word in words} <= {"0", "1"} if words else not beside
        return pa.int8() if coded else pa.string()
    dated = pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_time(kind)
    if _is_text(kind) or (beside and dated):
        return pa.string()
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return pa.float64()
    return kind if pa.types.is_integer(kind) or pa.types.is_floating(kind) else None


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cells as that type; times without the zeros that say nothing."""
    told = pc.cast(column, kind)
    stored = _plain(column.type)
    if pa.types.is_timestamp(stored) or pa.types.is_time(stored):
        told = pc.replace_substring_regex(told, rf"(\.\d*?)0+({_ZONE})$", r"\1\2")
        told = pc.replace_substring_regex(told, rf"\.({_ZONE})$", r"\1")
        told = pc.replace_substring_regex(told, r" 00:00:00$", "")
    return told


def _check_length(name: str, column: pa.Array) -> None:
    texts = column.dictionary if pa.types.is_dictionary(column.type) else column
    longest = pc.max(pc.binary_length(pc.cast(texts, pa.string()))).as_py() or 0
    if longest > LONGEST_CELL:
        must = f"hold cells of at most {LONGEST_CELL:,} bytes"
        raise requirement(f"column {name}", must, f"{longest:,}", "shorten them")
