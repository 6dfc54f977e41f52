"""Tables as CSV that a spreadsheet opens without running anything in them."""

import csv
import io
from collections.abc import Mapping, Sequence

STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet run a cell, if its text begins so."""


def to_csv(columns: Mapping[str, Sequence[str | int | float]]) -> str:
    """Write columns of equal length; text that a spreadsheet would run gets a ' before it.

    Numbers are written as they are, to six digits.

    Source: OWASP, CSV injection.
    """
    out = io.StringIO()
    # Both characters end a line: then a cell that holds either is quoted, and starts no row.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([harmless(name) for name in columns])
    for row in zip(*columns.values(), strict=True):
        writer.writerow([harmless(cell) for cell in row])
    return out.getvalue()


def harmless(cell: str | int | float) -> str | int:
    """What is written of a cell, so that it is read and not run."""
    if isinstance(cell, float):
        return f"{cell:.6g}"
    if isinstance(cell, str) and cell.startswith(STARTS_A_FORMULA):
        return f"'{cell}"
    return cell
