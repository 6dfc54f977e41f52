"""Tables of new cases: CSV and Parquet."""

from pathlib import Path

from minspnet.batch.csv_table import CsvTable
from minspnet.batch.form import form_of
from minspnet.batch.needs import Answers, Need
from minspnet.batch.parquet_table import ParquetTable, footer


def open_table(
    path: Path, needed: tuple[Need, ...], id_name: str, answers: Answers
) -> CsvTable | ParquetTable:
    """Look at a table, and find in it what a model reads.

    Args:
        path: ``.parquet``, or text whatever its name.
        needed: Columns to read, in the order of the model's inputs.
        id_name: Column whose cells are passed through, if there is one.
        answers: Where the true answers may stand.

    Raises:
        UserError: If it is no table, or lacks a column.
    """
    kind = ParquetTable if path.suffix.lower() == ".parquet" else CsvTable
    return kind(path, needed, id_name, answers)


def column_names(path: Path) -> tuple[str, ...]:
    """What the columns of a table are called.

    Raises:
        UserError: If it is no table.
    """
    if path.suffix.lower() == ".parquet":
        return tuple(footer(path)[0].names)
    return form_of(path).header
