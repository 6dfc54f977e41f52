"""New cases in a text file, a block at a time."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from jaxtyping import Int

from minspnet.batch.chunk import WHOLE_ROW, Chunk, Reject, shortened
from minspnet.batch.form import Form, form_of
from minspnet.batch.needs import ID, Answers, Need, check_header
from minspnet.batch.rows import RowReader
from minspnet.errors import requirement

_BLOCK = 2 * 2**20
"""Bytes of text read at a time: a row has to fit in."""


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
        self._reader = RowReader(needed, self._names, id_name, answers)
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


def _lines(
    first: int, count: int, malformed: list[Reject]
) -> tuple[Int[np.ndarray, " case"], list[Reject]]:
    """Number rows from one on, past those put aside; takes out the latter that lie between."""
    aside = np.array([one.line for one in malformed], dtype=np.intp)
    numbers = np.setdiff1d(np.arange(first, first + count + len(aside)), aside)[:count]
    passed = int((aside <= numbers[-1]).sum()) if count else 0
    skipped, malformed[:] = malformed[:passed], malformed[passed:]
    return numbers, skipped


def _broken(error: Exception, row: int, encoding: str) -> Exception:
    """Say of a text file what the reader stumbled over."""
    if "straddling" in str(error):
        must = f"have rows of at most {_BLOCK // 2**20} MB each"
        got = f"a longer one at row {row} or later"
        return requirement("table", must, got, 'close the quote that is open there: "')
    must = f"be a CSV file in {encoding.upper()}"
    return requirement("table", must, shortened(str(error)), "save it as one")
