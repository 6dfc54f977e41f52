"""What a model is to learn from reviews: sets of cases, in numbered versions that stay readable."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from minspnet.access import Action, Actor
from minspnet.errors import requirement
from minspnet.record.audit import AuditEntry, add_entry
from minspnet.record.chain import append
from minspnet.record.checks import check_id, check_line, in_utc, unreadable
from minspnet.record.database import Database
from minspnet.record.reviews import Correction
from minspnet.record.schema import SETS
from minspnet.strict import Recipe

MOST_CASES = 10_000
ANSWER = "answer"
"""Stands for the answer where a finding could be named; see ``LeftOut``."""


@dataclass(frozen=True)
class ReviewedCase(Recipe):
    """What readers say of one case, taken together.

    Attributes:
        case_id: Which one.
        answer: A class by its name; None if nobody gave one, or readers are tied.
        findings: What they set right, each finding once.
        readers: Who reviewed it, by name.
        reviews: Ids of the reviews behind it, of each reader the newest.
    """

    case_id: str
    answer: str | None
    findings: tuple[Correction, ...]
    readers: tuple[str, ...]
    reviews: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_line("case", self.case_id)
        if self.answer is not None:
            check_line("answer", self.answer)
        for reader in self.readers:
            check_line("reader", reader)
        for one in self.reviews:
            check_id("review", one)


@dataclass(frozen=True)
class LeftOut(Recipe):
    """What readers do not agree on, so that nothing is learned of it.

    Attributes:
        case_id: Of which case.
        what: ``ANSWER``, or the name of a finding.
        why: In words.
    """

    case_id: str
    what: str
    why: str


@dataclass(frozen=True)
class ReviewedSet(Recipe):
    """What is learned from: the reviews of a model, and of those it goes on from, put together.

    Attributes:
        task: Which the models are for.
        models: Digests of the models reviewed, first the one that is to learn.
        cases: By id.
        left_out: By case.
    """

    task: str
    models: tuple[str, ...]
    cases: tuple[ReviewedCase, ...]
    left_out: tuple[LeftOut, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_line("task", self.task)
        for model in self.models:
            check_line("model", model, 64)
        if not self.models:
            raise requirement("models", "name one or more", "none", "say which model is to learn")
        ids = [case.case_id for case in self.cases]
        if len(ids) > MOST_CASES or ids != sorted(set(ids)):
            must = f"hold at most {MOST_CASES:,} cases, each once, by id"
            raise requirement("the reviewed set", must, f"{len(ids):,}", "leave the rest out")

    @property
    def digest(self) -> str:
        """SHA-256 of the whole content."""
        return hashlib.sha256(self.to_text().encode()).hexdigest()

    @property
    def readers(self) -> tuple[str, ...]:
        """Everybody whose reviews are in it, by name."""
        return tuple(sorted({reader for case in self.cases for reader in case.readers}))

    def to_text(self) -> str:
        """The set as JSON, always in the same letters."""
        return json.dumps(self.to_dict(), sort_keys=True, allow_nan=False)


@dataclass(frozen=True)
class SavedSet:
    """A set as it was kept.

    Attributes:
        version: Counted from 1 for each task.
        by: Who kept it.
        at: When, in UTC.
        content: What is in it.
    """

    version: int
    by: str
    at: str
    content: ReviewedSet


class ReviewedSets:
    """All versions of all sets of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, actor: Actor, content: ReviewedSet, at: str) -> SavedSet:
        """Keep a set as the next version; the same content once more is the version it has.

        Args:
            actor: Who keeps it.
            content: What is in it.
            at: When, in ISO 8601 with the time zone.

        Raises:
            NotAllowedError: If their role may not have models learn.
            UserError: If the database does not confirm it.
        """
        actor.must_be_allowed(Action.TRAIN_MODEL)
        check_line("who keeps the set", actor.name)
        text, digest = content.to_text(), content.digest
        known = sa.select(SETS.c.content).where(SETS.c.task == content.task)
        with self._database.writing() as connection:
            digests = list(connection.scalars(known.order_by(SETS.c.number)))
            if digest not in digests:
                values = {
                    "saved_at": in_utc("at", at),
                    "task": content.task,
                    "content": digest,
                    "saved_by": actor.name,
                    "reviewed_set": text,
                }
                append(connection, SETS, values)
                digests.append(digest)
                detail = {"what": "keep set", "version": len(digests)}
                detail |= {"cases": len(content.cases), "content": digest}
                named = f"reviewed set of {content.task}"[:200]
                role = str(actor.role)
                entry = AuditEntry(at, actor.name, role, Action.TRAIN_MODEL, named, detail)
                add_entry(connection, entry)
        return self.version(content.task, digests.index(digest) + 1)

    def version(self, task: str, number: int) -> SavedSet:
        """Read a version again.

        Raises:
            UserError: If the task has no such version, or it cannot be read.
        """
        query = sa.select(SETS).where(SETS.c.task == task).order_by(SETS.c.number)
        with self._database.reading() as connection:
            row = connection.execute(query.limit(1).offset(max(number, 1) - 1)).first()
        if row is None or number < 1:
            raise requirement(
                "version of the reviewed set", "be one that was kept", number, "list them"
            )
        return _read(number, row._asdict())

    def count(self, task: str) -> int:
        """How many versions a task has; the newest has this number."""
        query = sa.select(sa.func.count()).select_from(SETS).where(SETS.c.task == task)
        with self._database.reading() as connection:
            return connection.scalar(query) or 0


def _read(version: int, said: dict[str, Any]) -> SavedSet:
    try:
        content = ReviewedSet.from_dict(json.loads(said["reviewed_set"]))
    except ValueError as error:
        raise unreadable(f"Record {said['number']} of the reviewed sets") from error
    return SavedSet(version, said["saved_by"], said["saved_at"], content)
