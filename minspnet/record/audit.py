"""Who did what, when and in which role."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from minspnet.access import Action
from minspnet.errors import requirement
from minspnet.record.chain import append
from minspnet.record.checks import check_line, in_utc, unreadable
from minspnet.record.database import Database
from minspnet.record.schema import AUDIT

LONGEST_DETAIL = 4_000
"""Characters of the detail as JSON."""


@dataclass(frozen=True)
class AuditEntry:
    """One thing that somebody did, or tried to do.

    Attributes:
        at: When, in ISO 8601 with the time zone.
        who: As signed in.
        role: In which role.
        action: What was done.
        object: What it was done to: a case, a model, a queue; may be empty.
        detail: More of it, as plain data that JSON can hold.
    """

    at: str
    who: str
    role: str
    action: Action
    object: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        in_utc("at", self.at)
        check_line("who", self.who)
        check_line("role", self.role)
        check_line("object", self.object, empty=True)
        if len(self.detail_text) > LONGEST_DETAIL:
            raise requirement(
                "detail",
                f"have at most {LONGEST_DETAIL:,} characters as JSON",
                f"{len(self.detail_text):,}",
                "leave some of it out",
            )

    @property
    def detail_text(self) -> str:
        """The detail as JSON."""
        try:
            return json.dumps(dict(self.detail), sort_keys=True, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise requirement(
                "detail", "be plain data that JSON can hold", repr(self.detail), "say it in text"
            ) from error


def add_entry(connection: sa.Connection, entry: AuditEntry) -> None:
    """Append an entry within a transaction that also does what the entry is about."""
    append(
        connection,
        AUDIT,
        {
            "saved_at": in_utc("at", entry.at),
            "who": entry.who,
            "role": entry.role,
            "action": str(entry.action),
            "object": entry.object,
            "detail": entry.detail_text,
        },
    )


class AuditLog:
    """All entries of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, *entries: AuditEntry) -> None:
        """Add entries, all or none.

        Raises:
            UserError: If the database does not confirm it.
        """
        with self._database.writing() as connection:
            for entry in entries:
                add_entry(connection, entry)

    @contextmanager
    def noting(self, entry: AuditEntry) -> Iterator[None]:
        """Do something short and note it: what fails is not noted.

        What cannot be written to the log is not begun. Others wait for their turn to write
        meanwhile.

        Raises:
            UserError: If the database does not confirm it.
        """
        with self._database.writing() as connection:
            add_entry(connection, entry)
            yield

    def actors(self) -> tuple[str, ...]:
        """Everybody who did anything, by name."""
        query = sa.select(AUDIT.c.who).distinct().order_by(AUDIT.c.who)
        with self._database.reading() as connection:
            return tuple(connection.scalars(query))

    def find(
        self,
        who: str | None = None,
        action: Action | None = None,
        object: str | None = None,
        since: str | None = None,
        most: int | None = 100,
        skip: int = 0,
    ) -> tuple[AuditEntry, ...]:
        """Entries that fit all that is asked for, newest first.

        Raises:
            UserError: If one cannot be read, or ``since`` is no time.
        """
        query = sa.select(AUDIT).order_by(AUDIT.c.number.desc()).limit(most).offset(skip)
        wanted = {AUDIT.c.who: who, AUDIT.c.action: action, AUDIT.c.object: object}
        for column, value in wanted.items():
            if value is not None:
                query = query.where(column == str(value))
        if since is not None:
            query = query.where(AUDIT.c.saved_at >= in_utc("since", since))
        with self._database.reading() as connection:
            return tuple(_read(row._asdict()) for row in connection.execute(query))


def _read(said: dict[str, Any]) -> AuditEntry:
    try:
        action, detail = Action(said["action"]), json.loads(said["detail"])
        return AuditEntry(
            said["saved_at"], said["who"], said["role"], action, said["object"], detail
        )
    except (ValueError, TypeError) as error:
        raise unreadable(f"Audit entry {said['number']}") from error
