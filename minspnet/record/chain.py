"""Adding a record to a log and to the journal of all logs."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from minspnet.record.schema import HEAD, JOURNAL


def digest_of(record: Mapping[str, Any]) -> str:
    """SHA-256 of what a record says, with the digest of the record before under ``previous``.

    Raises:
        TypeError: If a value is of no kind that a record holds.
    """
    return hashlib.sha256(json.dumps(dict(record), sort_keys=True).encode()).hexdigest()


def append(connection: sa.Connection, log: sa.Table, values: Mapping[str, Any]) -> int:
    """Add a record; the caller holds the one right to write until the transaction ends.

    Returns:
        The record's number, from 1.
    """
    # No number is given twice, even if its record was removed by hand: the gap is to stay.
    sealed = sa.select(sa.func.max(JOURNAL.c.record)).where(JOURNAL.c.log == log.name)
    found = connection.execute(
        sa.select(
            _newest(log, "number"),
            _newest(log, "digest"),
            _newest(JOURNAL, "number"),
            _newest(JOURNAL, "digest"),
            sealed.scalar_subquery(),
            sa.select(sa.func.max(HEAD.c.lines)).scalar_subquery(),
        )
    ).one()
    number = max(found[0] or 0, found[4] or 0) + 1
    record = dict(values) | {"previous": found[1] or ""}
    digest = digest_of(record)
    connection.execute(log.insert(), record | {"number": number, "digest": digest})
    line = seal(log.name, number, digest, found[3] or "")
    lines = max(found[2] or 0, found[5] or 0) + 1
    connection.execute(JOURNAL.insert(), line | {"number": lines})
    connection.execute(HEAD.update(), head(lines, line["digest"]))
    return number


def seal(log: str, number: int, digest: str, previous: str) -> dict[str, Any]:
    """What the journal says of a record, without the line's own number."""
    line = {"log": log, "record": number, "sealed": digest, "previous": previous}
    return line | {"digest": digest_of(line)}


def head(lines: int, newest: str) -> dict[str, Any]:
    """What stands at the head of a journal of so many lines, the newest of that digest."""
    said = {"lines": lines, "newest": newest}
    return said | {"digest": digest_of(said)}


def _newest(table: sa.Table, column: str) -> sa.ScalarSelect[Any]:
    newest = sa.select(table.c[column]).order_by(table.c.number.desc()).limit(1)
    return newest.scalar_subquery()
