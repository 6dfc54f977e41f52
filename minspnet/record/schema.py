"""The tables as this version of the program knows them; how they came about is in migrations."""

from typing import Any

import sqlalchemy as sa

METADATA = sa.MetaData()


def _chained(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """A table whose records are only ever added, each with the digest of the one before."""
    return sa.Table(
        name,
        METADATA,
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        *columns,
        # No two records may follow the same one, whatever the database lets happen at once.
        sa.Column("previous", sa.String(64), nullable=False, unique=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
    )


def _column(name: str, length: int = 200) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=False)


# Numbers stand within JSON texts only: a text comes back from every database as it went in.
OPERATING_POINTS = _chained(
    "named_operating_points",
    _column("saved_at", 40),
    _column("model_digest", 64),
    sa.Column("point", sa.Text, nullable=False),
)
DEVICES = _chained(
    "device_lists", _column("saved_at", 40), sa.Column("devices", sa.Text, nullable=False)
)
REVIEWS = _chained(
    "reviews",
    _column("saved_at", 40),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    _column("reader"),
    _column("model_digest", 64),
    _column("case_id"),
    sa.Column("review", sa.Text, nullable=False),
)
QUEUES = _chained(
    "queues",
    _column("saved_at", 40),
    _column("name"),
    _column("reader"),
    _column("model_digest", 64),
    _column("created_by"),
    sa.Column("cases", sa.Text, nullable=False),
)
AUDIT = _chained(
    "audit_entries",
    _column("saved_at", 40),
    _column("who"),
    _column("role"),
    _column("action", 40),
    _column("object"),
    sa.Column("detail", sa.Text, nullable=False),
)
SETS = _chained(
    "reviewed_sets",
    _column("saved_at", 40),
    _column("task"),
    _column("content", 64),
    _column("saved_by"),
    sa.Column("reviewed_set", sa.Text, nullable=False),
)
ADOPTIONS = _chained(
    "adoptions",
    _column("saved_at", 40),
    _column("task"),
    _column("model_digest", 64),
    sa.Column("adoption", sa.Text, nullable=False),
)
LOGS = (OPERATING_POINTS, DEVICES, REVIEWS, QUEUES, AUDIT, SETS, ADOPTIONS)

JOURNAL = _chained(
    "journal",
    _column("log", 40),
    sa.Column("record", sa.Integer, nullable=False),
    _column("sealed", 64),
)
"""Which record was added to which log, in order; ``sealed`` is the record's digest."""

HEAD = sa.Table(
    "journal_head",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("lines", sa.Integer, nullable=False),
    _column("newest", 64),
    _column("digest", 64),
)
"""One row: how many lines the journal has and the newest one's digest, under a digest of both."""

DRAFTS = sa.Table(
    "drafts",
    METADATA,
    sa.Column("reader", sa.String(200), primary_key=True),
    sa.Column("model_digest", sa.String(64), primary_key=True),
    sa.Column("case_id", sa.String(200), primary_key=True),
    _column("saved_at", 40),
    sa.Column("content", sa.Text, nullable=False),
)
