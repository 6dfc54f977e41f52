"""Results and rejected rows go to files: Parquet, or CSV that a spreadsheet opens safely."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TextIO, runtime_checkable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from minspnet.batch.chunk import Reject
from minspnet.batch.form import Form
from minspnet.errors import requirement
from minspnet.spreadsheet import STARTS_A_FORMULA, harmless

SUFFIXES = (".parquet", ".csv")
REJECT_COLUMNS = ("line", "column", "value", "must", "remedy")
_GROUP = 65_536
"""Rows of a Parquet file that lie together."""
_FORMULA = "^[" + "".join(f"\\{sign}" for sign in STARTS_A_FORMULA[:4]) + r"\t\r]"


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Attributes:
        delimiter: Between cells.
        decimal: Sign of numbers.
        marked: Whether it begins with the mark by which Excel knows UTF-8.
    """

    delimiter: str = ","
    decimal: str = "."
    marked: bool = False

    @classmethod
    def of(cls, form: Form) -> "Dialect":
        """The way that another file is written, as far as a ``.csv`` may be.

        A comma between cells leaves none for numbers; tabs and bars are for other endings. A table
        with semicolons, or not in plain UTF-8, came from a spreadsheet, which looks for the mark.
        """
        delimiter = ";" if form.decimal == "," or form.delimiter == ";" else ","
        marked = form.marked or form.encoding != "utf-8" or delimiter == ";"
        return cls(delimiter, form.decimal, marked)

    @property
    def encoding(self) -> str:
        """For Python's encoders."""
        return "utf-8-sig" if self.marked else "utf-8"


PLAIN = Dialect()


@runtime_checkable
class Writer(Protocol):
    """Takes results piece by piece."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Add some cases."""
        ...


def check_names(source: Path, outs: Sequence[Path], rejects: Path | None) -> None:
    """Refuse to write over what is read, or two things into one file.

    Raises:
        UserError: Also on an ending that stands for no known form.
    """
    for out in outs:
        if out.suffix not in SUFFIXES:
            must = f"end in {' or '.join(SUFFIXES)}"
            raise requirement("results file", must, out.name, "rename it")
    if rejects is not None and rejects.suffix != ".csv":
        raise requirement("file of rejects", "end in .csv", rejects.name, "rename it")
    files = [source, *outs, *([] if rejects is None else [rejects])]
    seen: set[Path] = set()
    for file in files:
        place = file.resolve()
        if place in seen:
            must = "be files of their own"
            raise requirement("cases, results and rejects", must, file, "rename one")
        seen.add(place)


@contextmanager
def results_file(path: Path, schema: pa.Schema, dialect: Dialect = PLAIN) -> Iterator[Writer]:
    """Write results as the ending of the file says; one left half done is taken away.

    Args:
        path: Where to.
        schema: Of the results.
        dialect: Of a CSV file.

    Raises:
        UserError: If the file cannot be written.
    """
    with _aside(path) as file:
        if path.suffix == ".parquet":
            with _Parquet(file, schema) as writer:
                yield writer
        else:
            with _csv_file(file, schema, dialect) as writer:
                yield writer


@contextmanager
def rejects_file(path: Path, dialect: Dialect = PLAIN) -> Iterator["RejectsWriter"]:
    """Write rejected rows as CSV; a file left half done is taken away.

    Args:
        path: Where to.
        dialect: Of the file.

    Raises:
        UserError: If the file cannot be written.
    """
    with _aside(path) as aside, aside.open("w", encoding=dialect.encoding, newline="") as file:
        yield RejectsWriter(file, dialect.delimiter)


class RejectsWriter:
    """One row for each row that could not be read."""

    def __init__(self, file: TextIO, delimiter: str = ",") -> None:
        self._writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
        self._writer.writerow(REJECT_COLUMNS)

    def write(self, rejects: Sequence[Reject]) -> None:
        """Add some rows."""
        for one in rejects:
            cells: tuple[int | str, ...] = (one.line, one.column, one.value, one.must, one.remedy)
            self._writer.writerow([harmless(cell) for cell in cells])


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """Give a place beside a file; what was written there takes the file's once it is whole."""
    aside = path.with_name(f".{path.name}.part")
    try:
        try:
            aside.touch()
            yield aside
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        must = f"be a file that can be written ({error.strerror or error})"
        raise requirement("results", must, path.name, "name another, or make room") from error


class _Parquet:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        texts = [field.name for field in schema if pa.types.is_dictionary(field.type)]
        self._writer = pa.parquet.ParquetWriter(
            path, schema, compression="zstd", use_dictionary=texts, write_statistics=texts
        )
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []

    def __enter__(self) -> "_Parquet":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if error is None:
                self._flush()
        finally:
            self._writer.close()

    def write(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        if sum(one.num_rows for one in self._waiting) >= _GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
            self._waiting.clear()


@contextmanager
def _csv_file(path: Path, schema: pa.Schema, dialect: Dialect) -> Iterator["_Csv"]:
    with path.open("wb") as file:
        if dialect.marked:
            file.write(codecs.BOM_UTF8)
        writer = _Csv(file, schema, dialect)
        try:
            yield writer
        finally:
            writer.close()


class _Csv:
    def __init__(self, file: BinaryIO, schema: pa.Schema, dialect: Dialect) -> None:
        self._comma = dialect.decimal == ","
        names = headings(schema)
        if self._comma:  # its numbers are texts that need no quotes, which Arrow would put
            self._file, self._delimiter = file, dialect.delimiter
            file.write(f"{dialect.delimiter.join(map(self._quoted_name, names))}\r\n".encode())
            return
        self._schema = pa.schema(
            [
                pa.field(heading, pa.string() if _is_text(field.type) else field.type)
                for heading, field in zip(names, schema, strict=True)
            ]
        )
        options = pa.csv.WriteOptions(delimiter=dialect.delimiter)
        self._writer = pa.csv.CSVWriter(file, self._schema, write_options=options)

    def close(self) -> None:
        if not self._comma:
            self._writer.close()

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [_harmless(one) if _is_text(one.type) else one for one in batch.columns]
        if not self._comma:
            self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        elif batch.num_rows:
            cells = [_quoted(one) if _is_text(one.type) else _with_comma(one) for one in columns]
            lines = pc.binary_join_element_wise(*cells, self._delimiter)
            self._file.write(("\r\n".join(lines.to_pylist()) + "\r\n").encode())

    @staticmethod
    def _quoted_name(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'


def _with_comma(column: pa.Array) -> pa.StringArray:
    """Numbers as text with a decimal comma; an empty one for none."""
    text = pc.cast(column, pa.string()).fill_null("")
    return pc.replace_substring(text, ".", ",") if pa.types.is_floating(column.type) else text


def _quoted(column: pa.Array) -> pa.StringArray:
    """Texts in quotes; nothing at all for none."""
    inner = pc.replace_substring(column, '"', '""')
    return pc.binary_join_element_wise('"', inner, '"', "").fill_null("")


def headings(schema: pa.Schema) -> tuple[str, ...]:
    """The columns as people call them, with units; by their keys where that is not unique."""
    told = []
    for field in schema:
        title, unit = (field.metadata[key].decode() for key in (b"title", b"unit"))
        told.append(f"{title} ({unit})" if unit else title)
    names = [
        one if told.count(one) == 1 else key for one, key in zip(told, schema.names, strict=True)
    ]
    return tuple(str(harmless(name)) for name in names)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_dictionary(kind)


def _harmless(column: pa.Array) -> pa.StringArray:
    """Put a ' before each text that a spreadsheet would run; see ``spreadsheet``."""
    text = pc.cast(column, pa.string())
    formula = pc.match_substring_regex(text, _FORMULA)
    if not pc.any(formula).as_py():
        return text
    return pc.if_else(formula, pc.binary_join_element_wise("'", text, ""), text)
