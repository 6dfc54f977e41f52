"""Cases assigned to a reader, in order; work on them can be stopped and resumed at any time."""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from minspnet.errors import requirement
from minspnet.record.audit import AuditEntry, add_entry
from minspnet.record.chain import append
from minspnet.record.checks import check_line, in_utc, unreadable
from minspnet.record.database import Database
from minspnet.record.schema import QUEUES, REVIEWS
from minspnet.strict import Recipe

MOST_CASES = 10_000


@dataclass(frozen=True)
class ReviewQueue(Recipe):
    """Cases that somebody gave to a reader.

    Attributes:
        name: As people call it.
        reader: Who is to review them.
        model: Digest of the model that is reviewed.
        cases: Their ids, in the order to be reviewed; none to withdraw the queue.
        created_by: Who gave them.
        created_at: When, in ISO 8601 with the time zone.
    """

    name: str
    reader: str
    model: str
    cases: tuple[str, ...]
    created_by: str
    created_at: str

    def __post_init__(self) -> None:
        super().__post_init__()
        for what in ("name", "reader", "created_by"):
            check_line(what, getattr(self, what))
        check_line("model", self.model, 64)
        in_utc("created_at", self.created_at)
        if len(self.cases) > MOST_CASES or len(set(self.cases)) < len(self.cases):
            must = f"name at most {MOST_CASES:,} cases, each once"
            raise requirement("cases", must, f"{len(self.cases):,}", "leave the rest out")
        for case in self.cases:
            check_line("case", case)


class ReviewQueues:
    """The queues of a database: of one reader's queues of one name, the newest holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def assign(self, queue: ReviewQueue, entry: AuditEntry | None = None) -> None:
        """Give a queue to its reader, in place of one of the same name.

        Args:
            queue: What to review.
            entry: Of the audit log, added with the queue or not at all.

        Raises:
            UserError: If the database does not confirm it.
        """
        values = {
            "saved_at": in_utc("created_at", queue.created_at),
            "name": queue.name,
            "reader": queue.reader,
            "model_digest": queue.model,
            "created_by": queue.created_by,
            "cases": json.dumps(queue.cases),
        }
        with self._database.writing() as connection:
            append(connection, QUEUES, values)
            if entry is not None:
                add_entry(connection, entry)

    def of(self, reader: str, model: str | None = None) -> tuple[ReviewQueue, ...]:
        """The queues that a reader has, newest first; those withdrawn are left out.

        Raises:
            UserError: If one cannot be read.
        """
        return self._newest(QUEUES.c.reader == reader, model)

    def all(self, model: str | None = None) -> tuple[ReviewQueue, ...]:
        """The queues of all readers, newest first; those withdrawn are left out.

        Raises:
            UserError: If one cannot be read.
        """
        return self._newest(sa.true(), model)

    def _newest(self, wanted: sa.ColumnElement[bool], model: str | None) -> tuple[ReviewQueue, ...]:
        newest = sa.select(sa.func.max(QUEUES.c.number)).where(wanted)
        newest = newest.group_by(QUEUES.c.reader, QUEUES.c.name)
        query = sa.select(QUEUES).where(QUEUES.c.number.in_(newest))
        if model is not None:
            query = query.where(QUEUES.c.model_digest == model)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(QUEUES.c.number.desc())).all()
        return tuple(queue for queue in (_read(row._asdict()) for row in rows) if queue.cases)

    def open_cases(self, queue: ReviewQueue) -> tuple[str, ...]:
        """Cases of a queue that its reader has not reviewed on its model, in order.

        A review counts whenever it was made, in this queue or outside of it.
        """
        mine = (REVIEWS.c.reader == queue.reader, REVIEWS.c.model_digest == queue.model)
        query = sa.select(REVIEWS.c.case_id).where(*mine).distinct()
        with self._database.reading() as connection:
            done = set(connection.scalars(query))
        return tuple(case for case in queue.cases if case not in done)

    def next_case(self, queue: ReviewQueue) -> str | None:
        """The first case that its reader has not reviewed; None once all are done."""
        return next(iter(self.open_cases(queue)), None)


def _read(said: dict[str, Any]) -> ReviewQueue:
    try:
        cases = tuple(json.loads(said["cases"]))
        return ReviewQueue(
            said["name"],
            said["reader"],
            said["model_digest"],
            cases,
            said["created_by"],
            said["saved_at"],
        )
    except (ValueError, TypeError) as error:
        raise unreadable(f"Queue {said['number']}") from error
