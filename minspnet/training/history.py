"""What training said after each epoch, as a table."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from minspnet.errors import requirement

Progress = Callable[[int, dict[str, float]], None]
"""Called after each epoch with its number and its record: the mean of each loss term, the
``learning_rate`` of its last step, ``open_share`` (the share of experts that would run at a gate
threshold of one half), and on validation cases each term as ``validation_NAME``, their sum as
``validation_loss``, and ``validation_accuracy`` (all experts on, unless training practised only
its router's choice)."""

SUFFIXES = (".csv", ".parquet")


def save_history(records: Sequence[Mapping[str, float]], path: Path) -> None:
    """Write one row an epoch, as CSV or Parquet by the file's suffix.

    Args:
        records: What each epoch said, first one first.
        path: Replaced if it exists.

    Raises:
        UserError: If the suffix is another one, or the file cannot be written.
    """
    import pandas

    check_suffix(path)
    table = pandas.DataFrame(list(records))
    try:
        if path.suffix == ".csv":
            table.to_csv(path, index=False)
        else:
            table.to_parquet(path, index=False)
    except OSError as error:
        raise requirement(
            "history file", "be writable", f"{path} ({error})", "name another"
        ) from error


def check_suffix(path: Path) -> None:
    """Refuse a file whose suffix names no known form."""
    if path.suffix not in SUFFIXES:
        raise requirement("history file", f"end in {' or '.join(SUFFIXES)}", path.name, "rename it")
