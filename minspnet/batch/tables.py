"""Tables of new cases, a piece at a time: CSV and Parquet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
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
from minspnet.batch.form import Form, form_of
from minspnet.batch.needs import ID, Answers, Need, check_header
from minspnet.errors import requirement
from minspnet.sheets.grid import LONGEST_CELL
from minspnet.sheets.marks import folded

_BLOCK = 2 * 2**20
"""Bytes of text read at a time: a row has to fit in."""
_ROWS = 16_384
"""Rows of a Parquet file read at a time."""
_FINITE = "be a finite number or empty"


class CsvTable:
    """A text file with a header line; see ``form_of`` for how it may be written.

    Args:
        path: The file.
        needed: Columns to read, in the order of the model's inputs.
        id_name: Column whose cells are passed through, if there is one.
        answers: Where the true answers may stand.

    Raises:
        UserError: If it is no such file, or a column is missing.
    """

    def __init__(
        self,
        path: Path,
        needed: tuple[Need, ...],
        id_name: str = ID,
        answers: Answers | None = None,
    ) -> None:
        self.form: Form = form_of(path)
        self._names = check_header(needed, self.form.header, id_name, answers)
        self._reader = _Reader(needed, self._names, id_name, answers)
        self.has_ids, self.has_labels = self._reader.has_ids, self._reader.has_labels
        self.passed_over: tuple[str, ...] = ()
        self._path = path
        self._decimals = "".join(self.form.decimals[need.feature.name] for need in needed)

    def chunks(self) -> Iterator[Chunk]:
        """Read block by block; blank rows are passed over, malformed ones rejected."""
        size = max(self._path.stat().st_size, 1)
        malformed: list[Reject] = []
        first = self.form.first_row
        with pa.OSFile(str(self._path)) as file:
            try:
                for batch in self._batches(file, malformed):
                    lines, skipped = _lines(first, batch.num_rows, malformed)
                    first = int(lines[-1]) + 1 if len(lines) else first
                    columns = self._columns(batch)
                    done = min(file.tell() / size, 1.0)
                    yield self._reader.chunk(columns, lines, skipped, done, self._decimals)
            except (pa.ArrowInvalid, UnicodeError) as error:
                raise _broken(error, first, self.form.encoding) from error
        if malformed:
            columns = self._columns(None)
            yield self._reader.chunk(columns, np.arange(0), malformed, 1.0, self._decimals)

    def _batches(self, file: pa.NativeFile, malformed: list[Reject]) -> Iterator[pa.RecordBatch]:
        """Read the columns needed as text; rows of another length are put aside."""
        header = self.form.header
        names = [str(place) for place in range(len(header))]

        def put_aside(row: pa.csv.InvalidRow) -> str:
            must = f"have {row.expected_columns} cells, as the header has"
            got = f"{row.actual_columns} cells: {row.text}"
            remedy = f"quote cells that hold the separator {self.form.delimiter!r}"
            if row.actual_columns < row.expected_columns:
                remedy = "add the missing cells; a quote left open would also do this"
            if row.number < self.form.first_row:
                return "skip"  # lines above the header
            malformed.append(Reject(row.number, WHOLE_ROW, shortened(got), must, remedy))
            return "skip"

        wanted = [str(header.index(name)) for name in self._names]
        reader = pa.csv.open_csv(
            file,
            # With one thread rows are numbered, and no block is read ahead.
            pa.csv.ReadOptions(
                use_threads=False,
                block_size=_BLOCK,
                column_names=names,
                skip_rows_after_names=self.form.first_row - 1,
                encoding=self.form.encoding,
            ),
            pa.csv.ParseOptions(
                delimiter=self.form.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=put_aside,
            ),
            pa.csv.ConvertOptions(
                # Bytes that are no UTF-8 spoil their cell, not the file.
                check_utf8=False,
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=False,
                include_columns=wanted,
            ),
        )
        yield from reader

    def _columns(self, batch: pa.RecordBatch | None) -> list[pa.Array]:
        if batch is None:
            return [pa.array([], pa.string()) for _ in self._names]
        return batch.columns


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
        schema, self._rows = _footer(path)
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
        self._reader = _Reader(needed, self._names, id_name, answers)
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


def _check_length(name: str, column: pa.Array) -> None:
    texts = column.dictionary if pa.types.is_dictionary(column.type) else column
    longest = pc.max(pc.binary_length(pc.cast(texts, pa.string()))).as_py() or 0
    if longest > LONGEST_CELL:
        must = f"hold cells of at most {LONGEST_CELL:,} bytes"
        raise requirement(f"column {name}", must, f"{longest:,}", "shorten them")


def column_names(path: Path) -> tuple[str, ...]:
    """What the columns of a table are called.

    Raises:
        UserError: If it is no table.
    """
    if path.suffix == ".parquet":
        return tuple(_footer(path)[0].names)
    return form_of(path).header


def _footer(path: Path) -> tuple[pa.Schema, int]:
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
        # Classes and levels may be called 0 and 1, or false and true.
        said = {folded(word) for word in words}
        return pa.string() if said & {"false", "true"} or (beside and not words) else pa.int8()
    dated = pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_time(kind)
    if _is_text(kind) or (beside and dated):
        return pa.string()
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return pa.float64()
    return kind if pa.types.is_integer(kind) or pa.types.is_floating(kind) else None


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cells as that type; times without the zeros that say nothing."""
    told = pc.cast(column, kind)
    if pa.types.is_timestamp(_plain(column.type)):
        told = pc.replace_substring_regex(told, r"(\.\d*?)0+(Z?)$", r"\1\2")
        told = pc.replace_substring_regex(told, r"\.(Z?)$", r"\1")
        told = pc.replace_substring_regex(told, r" 00:00:00Z?$", "")
    return told


def _lines(
    first: int, count: int, malformed: list[Reject]
) -> tuple[Int[np.ndarray, " case"], list[Reject]]:
    """Number rows from one on, past those put aside; takes out the latter that lie between."""
    aside = np.array([one.line for one in malformed], dtype=np.intp)
    numbers = np.setdiff1d(np.arange(first, first + count + len(aside)), aside)[:count]
    passed = int((aside <= numbers[-1]).sum()) if count else 0
    skipped, malformed[:] = malformed[:passed], malformed[passed:]
    return numbers, skipped


@dataclass(frozen=True)
class _Reader:
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
        labels = None
        if self.answers is not None and self.has_labels:
            labels = read_labels(self._column(columns, self.answers.column), self.answers)[kept]
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
    return Reject(
        line, need.feature.name, value, _FINITE, "write a plain number, or empty the cell"
    )


def _broken(error: Exception, row: int, encoding: str) -> Exception:
    """Say of a text file what the reader stumbled over."""
    if "straddling" in str(error):
        must = f"have rows of at most {_BLOCK // 2**20} MB each"
        got = f"a longer one at row {row} or later"
        return requirement("table", must, got, 'close the quote that is open there: "')
    must = f"be a CSV file in {encoding.upper()}"
    return requirement("table", must, shortened(str(error)), "save it as one")
