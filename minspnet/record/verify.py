"""Whether the logs are as the program wrote them, and which record is the first that is not.

Of each log, the digest of every record is computed anew, and it must name the digest of the
record before it; numbers run from 1 without a gap. The journal holds the digest of every record of
every log in the order in which they were added, in a chain of its own, written in the same
transaction, and its head how many lines it has. So a record that is changed, moved, removed, be it
the last one, or put in is found, and so is a line of the journal.

What this does not prove. Digests are no signatures: who may write to the database and knows this
program can change a record, then compute anew all digests after it, in its log and in the journal,
or drop the newest ones from both and mend the head, and nothing in the database tells. The remedy
is a witness outside of it: the *anchor*, the digest of the journal's newest line, stands for all
that was ever saved before it. Note it where that person cannot write, such as on paper or in a
mail; a later check that is given it fails unless that line is still there, and with it all that
went before. What was saved after the newest noted anchor has no such witness. Nor does a check say
who wrote a record, or whether it was true. Drafts are in no log.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from minspnet.errors import UserError, requirement
from minspnet.record.chain import digest_of, head
from minspnet.record.migrations import LATEST, version_of
from minspnet.record.schema import HEAD, JOURNAL, LOGS

_AT_A_TIME = 1_000


@dataclass(frozen=True)
class Finding:
    """The first record of a log that is not as it was written.

    Attributes:
        log: Name of the table.
        number: Of the record; 0 if no one record is at fault.
        problem: What is wrong, as the end of a sentence.
    """

    log: str
    number: int
    problem: str

    def __str__(self) -> str:
        return f"{self.log}, record {self.number}: {self.problem}"


@dataclass(frozen=True)
class Verification:
    """What a check of all logs came to.

    Attributes:
        records: How many each log holds.
        anchor: Digest of the journal's newest line, to be noted elsewhere; empty if there is none.
        findings: The first bad record of each log that has one; none if all is as it was written.
    """

    records: Mapping[str, int]
    anchor: str
    findings: tuple[Finding, ...]


def verify(engine: sa.Engine, anchor: str = "") -> Verification:
    """Check all logs; nothing is changed, and writers need not stop.

    Args:
        engine: Of the database.
        anchor: A digest that an earlier check gave, if one was noted.

    Raises:
        UserError: If the database cannot be read, or is of another version of the program.
    """
    records: dict[str, int] = {}
    findings = []
    with _snapshot(engine) as connection:
        journal = _Journal()
        journal.read(connection)
        if journal.finding is None:
            journal.finding = _check_head(connection, journal)
        if journal.finding is not None:
            findings.append(journal.finding)
        for log in LOGS:
            finding = _check_log(connection, log, journal)
            records[log.name] = _count(connection, log)
            if finding is not None:
                findings.append(finding)
    if anchor and anchor not in journal.digests:
        problem = "no line of the journal has the digest that was noted: its past is another one"
        findings.append(Finding(JOURNAL.name, 0, problem))
    return Verification(records, journal.newest, tuple(findings))


class _Journal:
    """The journal up to its first bad line; past that it cannot speak for other records."""

    def __init__(self) -> None:
        self.sealed: dict[str, list[str]] = {log.name: [] for log in LOGS}
        self.digests: set[str] = set()
        self.newest = ""
        self.finding: Finding | None = None

    @property
    def whole(self) -> bool:
        return self.finding is None

    def read(self, connection: sa.Connection) -> None:
        for expected, (number, record) in enumerate(_records(connection, JOURNAL), 1):
            problem = _broken(number, expected, record, self.newest)
            sealed = self.sealed.get(str(record["log"]))
            if problem is None and (sealed is None or record["record"] != len(sealed) + 1):
                problem = f"it seals {record['log']} {record['record']} out of turn"
            if problem is not None:
                self.finding = Finding(JOURNAL.name, min(number, expected), problem)
                return
            assert sealed is not None
            sealed.append(record["sealed"])
            self.newest = record["digest"]
            self.digests.add(self.newest)


def _check_head(connection: sa.Connection, journal: _Journal) -> Finding | None:
    row = connection.execute(sa.select(HEAD)).first()
    if row is None:
        return Finding(HEAD.name, 1, "it is missing")
    if row.digest != head(row.lines, row.newest)["digest"]:
        return Finding(HEAD.name, 1, "its content and its digest do not belong together")
    lines = len(journal.digests)
    if row.lines > lines:
        problem = f"it is missing, and the head of the journal knows {row.lines}"
        return Finding(JOURNAL.name, lines + 1, problem)
    if row.lines < lines:
        problem = f"it was put in, for the head of the journal knows only {row.lines}"
        return Finding(JOURNAL.name, row.lines + 1, problem)
    if row.newest != journal.newest:
        return Finding(HEAD.name, 1, "it names another line than the newest one")
    return None


def _check_log(connection: sa.Connection, log: sa.Table, journal: _Journal) -> Finding | None:
    sealed, previous, last = journal.sealed[log.name], "", 0
    for expected, (number, record) in enumerate(_records(connection, log), 1):
        problem = _broken(number, expected, record, previous)
        if problem is None and expected <= len(sealed):
            if record["digest"] != sealed[expected - 1]:
                problem = "it is not the record that was added then, says the journal"
        elif problem is None and journal.whole:
            problem = "it was put in, for the journal does not know it"
        if problem is not None:
            return Finding(log.name, min(number, expected), problem)
        previous, last = record["digest"], expected
    if last < len(sealed):
        return Finding(log.name, last + 1, f"it is missing, and the journal knows {len(sealed)}")
    return None


def _broken(number: int, expected: int, record: dict[str, Any], previous: str) -> str | None:
    """What is wrong with a record by itself and after the one before, if anything."""
    if number > expected:
        return "it is missing"
    if number < expected:
        return "it was put in, for records begin with 1"
    said = {name: value for name, value in record.items() if name != "digest"}
    try:
        digest = digest_of(said)
    except TypeError:
        return "it holds what no record holds"
    if record["digest"] != digest:
        return "its content and its digest do not belong together"
    if record["previous"] != previous:
        return "it does not follow the record before it"
    return None


def _records(connection: sa.Connection, log: sa.Table) -> Iterator[tuple[int, dict[str, Any]]]:
    query = sa.select(log).order_by(log.c.number).execution_options(yield_per=_AT_A_TIME)
    rows = connection.execute(query)
    try:
        for row in rows:
            record = dict(row._mapping)
            yield record.pop("number"), record
    finally:  # also where reading ends early: PostgreSQL's cursor stays open else
        rows.close()


def _count(connection: sa.Connection, log: sa.Table) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(log)) or 0


@contextmanager
def _snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One state of the database, whatever is written meanwhile."""
    level = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    try:
        with engine.execution_options(**level).connect() as connection:
            version = version_of(connection)
            if version < LATEST:
                remedy = "open the dashboard once, which brings it up to date"
                raise requirement("the database", f"have schema {LATEST}", version, remedy)
            with _any_bytes(connection):
                yield connection
    except sa.exc.SQLAlchemyError as error:
        said = " ".join(str(getattr(error, "orig", None) or type(error).__name__).split())[:120]
        raise UserError(
            f"The database cannot be read through ({said}); restore it from a backup."
        ) from error


@contextmanager
def _any_bytes(connection: sa.Connection) -> Iterator[None]:
    """Let SQLite hand out texts that are no UTF-8: they are found by their digest."""
    raw = connection.connection.driver_connection
    if connection.dialect.name != "sqlite" or raw is None:
        yield
        return
    usual = raw.text_factory
    raw.text_factory = lambda content: content.decode(errors="surrogateescape")
    try:
        yield
    finally:
        raw.text_factory = usual
