"""How a database came to its tables: steps in order, each done once, all in one transaction.

A step is never edited after a release, and reads nothing of ``schema``: it must do next year what
it does today. To change a table, add a step and change ``schema``; a test holds the two together.
Programs from before schema_version know no journal: what one of them still adds to a database that
was brought up is found as put in, so stop them first.
"""

from collections.abc import Callable

import sqlalchemy as sa

from minspnet.errors import requirement
from minspnet.record.chain import head, seal
from minspnet.record.checks import now

_CHAIN = (
    "previous VARCHAR(64) NOT NULL, digest VARCHAR(64) NOT NULL, UNIQUE (previous), UNIQUE (digest)"
)
_AT = "number INTEGER NOT NULL PRIMARY KEY, saved_at VARCHAR(40) NOT NULL"


def _points_and_devices(connection: sa.Connection) -> None:
    """The first tables; databases from before schema_version have them, with records."""
    _run(
        connection,
        f"CREATE TABLE IF NOT EXISTS named_operating_points ({_AT}, "
        f"model_digest VARCHAR(64) NOT NULL, point TEXT NOT NULL, {_CHAIN})",
        "CREATE INDEX IF NOT EXISTS ix_named_operating_points_model_digest "
        "ON named_operating_points (model_digest)",
        f"CREATE TABLE IF NOT EXISTS device_lists ({_AT}, devices TEXT NOT NULL, {_CHAIN})",
    )


def _journal(connection: sa.Connection) -> None:
    """The journal, with a line for each record that is there; numbers lose their gaps.

    PostgreSQL used up a number for each attempt that failed. Records are sealed as they are, so
    that one changed by hand before is still found by its own chain.
    """
    _run(
        connection,
        "CREATE TABLE journal (number INTEGER NOT NULL PRIMARY KEY, log VARCHAR(40) NOT NULL, "
        f"record INTEGER NOT NULL, sealed VARCHAR(64) NOT NULL, {_CHAIN})",
        "CREATE INDEX ix_journal_log_record ON journal (log, record)",
        "CREATE TABLE journal_head (number INTEGER NOT NULL PRIMARY KEY, lines INTEGER NOT NULL, "
        "newest VARCHAR(64) NOT NULL, digest VARCHAR(64) NOT NULL)",
    )
    insert = sa.text(
        "INSERT INTO journal (number, log, record, sealed, previous, digest) "
        "VALUES (:number, :log, :record, :sealed, :previous, :digest)"
    )
    line, previous = 0, ""
    for log in ("named_operating_points", "device_lists"):
        rows = connection.execute(sa.text(f"SELECT number, digest FROM {log} ORDER BY number"))
        for number, (old, digest) in enumerate(rows.all(), 1):
            if number != old:
                move = sa.text(f"UPDATE {log} SET number = :number WHERE number = :old")
                connection.execute(move, {"number": number, "old": old})
            line += 1
            said = seal(log, number, digest, previous)
            connection.execute(insert, said | {"number": line})
            previous = said["digest"]
    top = "INSERT INTO journal_head (number, lines, newest, digest) "
    said = head(line, previous) | {"number": 1}
    connection.execute(sa.text(f"{top} VALUES (:number, :lines, :newest, :digest)"), said)


def _reviews(connection: sa.Connection) -> None:
    """Reviews, the queues they come from, drafts, and who did what."""
    _run(
        connection,
        f"CREATE TABLE reviews ({_AT}, id VARCHAR(64) NOT NULL, "
        "reader VARCHAR(200) NOT NULL, model_digest VARCHAR(64) NOT NULL, "
        f"case_id VARCHAR(200) NOT NULL, review TEXT NOT NULL, {_CHAIN}, UNIQUE (id))",
        "CREATE INDEX ix_reviews_reader ON reviews (reader, model_digest, case_id)",
        "CREATE INDEX ix_reviews_case ON reviews (model_digest, case_id)",
        "CREATE INDEX ix_reviews_saved_at ON reviews (saved_at)",
        f"CREATE TABLE queues ({_AT}, name VARCHAR(200) NOT NULL, reader VARCHAR(200) NOT NULL, "
        "model_digest VARCHAR(64) NOT NULL, created_by VARCHAR(200) NOT NULL, "
        f"cases TEXT NOT NULL, {_CHAIN})",
        "CREATE INDEX ix_queues_reader ON queues (reader, name)",
        f"CREATE TABLE audit_entries ({_AT}, who VARCHAR(200) NOT NULL, "
        "role VARCHAR(200) NOT NULL, action VARCHAR(40) NOT NULL, "
        f"object VARCHAR(200) NOT NULL, detail TEXT NOT NULL, {_CHAIN})",
        "CREATE INDEX ix_audit_entries_who ON audit_entries (who)",
        "CREATE INDEX ix_audit_entries_saved_at ON audit_entries (saved_at)",
        "CREATE TABLE drafts (reader VARCHAR(200) NOT NULL, model_digest VARCHAR(64) NOT NULL, "
        "case_id VARCHAR(200) NOT NULL, saved_at VARCHAR(40) NOT NULL, content TEXT NOT NULL, "
        "PRIMARY KEY (reader, model_digest, case_id))",
    )


def _learning(connection: sa.Connection) -> None:
    """What models are to learn from reviews, and which model is in force."""
    _run(
        connection,
        f"CREATE TABLE reviewed_sets ({_AT}, task VARCHAR(200) NOT NULL, "
        "content VARCHAR(64) NOT NULL, saved_by VARCHAR(200) NOT NULL, "
        f"reviewed_set TEXT NOT NULL, {_CHAIN})",
        "CREATE INDEX ix_reviewed_sets_task ON reviewed_sets (task)",
        f"CREATE TABLE adoptions ({_AT}, task VARCHAR(200) NOT NULL, "
        f"model_digest VARCHAR(64) NOT NULL, adoption TEXT NOT NULL, {_CHAIN})",
        "CREATE INDEX ix_adoptions_task ON adoptions (task)",
    )


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (
    _points_and_devices,
    _journal,
    _reviews,
    _learning,
)
LATEST = len(MIGRATIONS)


def version_of(connection: sa.Connection) -> int:
    """Steps that a database has behind it; 0 for an empty one, or from before they were counted.

    Raises:
        UserError: If a newer program has written it.
    """
    version = 0
    if sa.inspect(connection).has_table("schema_version"):
        version = connection.scalar(sa.text("SELECT MAX(version) FROM schema_version")) or 0
    if version > LATEST:
        raise requirement(
            "the database", f"have schema {LATEST} or older", version, "update the program"
        )
    return version


def migrate(connection: sa.Connection) -> None:
    """Do the steps that are missing; the caller holds the one right to write.

    Raises:
        UserError: If a newer program has written the database.
    """
    _run(
        connection,
        "CREATE TABLE IF NOT EXISTS schema_version "
        "(version INTEGER NOT NULL PRIMARY KEY, applied_at VARCHAR(40) NOT NULL)",
    )
    done = sa.text("INSERT INTO schema_version (version, applied_at) VALUES (:version, :at)")
    for version in range(version_of(connection) + 1, LATEST + 1):
        MIGRATIONS[version - 1](connection)
        connection.execute(done, {"version": version, "at": now()})


def _run(connection: sa.Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(sa.text(statement))
