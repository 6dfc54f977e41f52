"""What a reader has typed on a case but not decided: kept over reloads, restarts and devices."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from minspnet.errors import UserError, requirement
from minspnet.record.checks import check_line, now
from minspnet.record.database import Database
from minspnet.record.schema import DRAFTS

LONGEST_DRAFT = 50_000
"""Characters of a draft as JSON."""


class Drafts:
    """One draft for each reader, model and case; the newest takes the place of the one before."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, reader: str, model: str, case: str, content: Mapping[str, object]) -> None:
        """Keep what is typed, as plain data that JSON can hold.

        Raises:
            UserError: If it is no such data or too long, or the database does not confirm it.
        """
        check_line("reader", reader)
        check_line("model", model, 64)
        check_line("case", case)
        try:
            text = json.dumps(dict(content), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise requirement(
                "draft", "be plain data that JSON can hold", repr(content), "say it in text"
            ) from error
        if len(text) > LONGEST_DRAFT:
            must = f"have at most {LONGEST_DRAFT:,} characters as JSON"
            raise requirement("draft", must, f"{len(text):,}", "shorten it")
        values = {"saved_at": now(), "content": text}
        with self._database.writing() as connection:
            changed = connection.execute(
                DRAFTS.update().where(*_key(reader, model, case)).values(values)
            )
            if not changed.rowcount:
                key = {"reader": reader, "model_digest": model, "case_id": case}
                connection.execute(DRAFTS.insert(), values | key)

    def load(self, reader: str, model: str, case: str) -> dict[str, Any] | None:
        """What was typed last, if it was neither decided nor discarded."""
        query = sa.select(DRAFTS.c.content).where(*_key(reader, model, case))
        with self._database.reading() as connection:
            text = connection.scalar(query)
        if text is None:
            return None
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise UserError("The draft of this case cannot be read; discard it and begin anew.")
        return content

    def discard(self, reader: str, model: str, case: str) -> None:
        """Forget what was typed.

        Raises:
            UserError: If the database does not confirm it.
        """
        with self._database.writing() as connection:
            connection.execute(DRAFTS.delete().where(*_key(reader, model, case)))

    def readers(self) -> tuple[str, ...]:
        """Everybody who has something typed and not decided, by name."""
        query = sa.select(DRAFTS.c.reader).distinct().order_by(DRAFTS.c.reader)
        with self._database.reading() as connection:
            return tuple(connection.scalars(query))

    def cases(self, reader: str, model: str) -> tuple[str, ...]:
        """Cases that a reader has begun and not decided, the one typed on last first."""
        mine = (DRAFTS.c.reader == reader, DRAFTS.c.model_digest == model)
        query = sa.select(DRAFTS.c.case_id).where(*mine).order_by(DRAFTS.c.saved_at.desc())
        with self._database.reading() as connection:
            return tuple(connection.scalars(query))


def _key(reader: str, model: str, case: str) -> tuple[sa.ColumnElement[bool], ...]:
    columns = DRAFTS.c
    return columns.reader == reader, columns.model_digest == model, columns.case_id == case
