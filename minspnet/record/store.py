"""All that people save, behind one door: decisions, drafts, queues, settings, who did what."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import sqlalchemy as sa

from minspnet.devices import DEVICES, Device, from_text, to_text
from minspnet.errors import UserError
from minspnet.operating import OperatingPoint
from minspnet.record import schema
from minspnet.record.adoptions import Adoptions
from minspnet.record.audit import AuditEntry, AuditLog, add_entry
from minspnet.record.chain import append
from minspnet.record.database import URL, Database, url_from_environment
from minspnet.record.drafts import Drafts
from minspnet.record.queues import ReviewQueues
from minspnet.record.reviews import Reviews
from minspnet.record.sets import ReviewedSets


class Store:
    """A database, SQLite or the one that ``MINSPNET_DATABASE_URL`` names.

    Attributes:
        engine: Of SQLAlchemy.
        reviews: What readers decided.
        drafts: What they have typed and not decided.
        queues: What they are asked to review.
        audit: Who did what.
        sets: What models are to learn from reviews, by version.
        adoptions: Which model is in force for a task, and was before.

    Raises:
        UserError: If it cannot be opened, or a newer program has written it.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self.engine = self._database.engine
        self.reviews = Reviews(self._database)
        self.drafts = Drafts(self._database)
        self.queues = ReviewQueues(self._database)
        self.audit = AuditLog(self._database)
        self.sets = ReviewedSets(self._database)
        self.adoptions = Adoptions(self._database)

    @classmethod
    def from_environment(cls, folder: Path) -> Self:
        """Open the database that the environment names, or a file in ``folder``."""
        url = url_from_environment(folder)
        if not os.environ.get(URL):
            folder.mkdir(parents=True, exist_ok=True)
        return cls(url)

    def save_operating_point(self, point: OperatingPoint, entry: AuditEntry | None = None) -> None:
        """Append an operating point; from now on it is the one in force.

        Args:
            point: A policy with its papers.
            entry: Of the audit log, added with the point or not at all.

        Raises:
            UserError: If the database does not confirm it.
        """
        text = json.dumps(point.to_dict(), sort_keys=True)
        values = {"saved_at": point.saved_at, "model_digest": point.model, "point": text}
        self._append(schema.OPERATING_POINTS, values, entry)

    def _append(self, log: sa.Table, values: dict[str, str], entry: AuditEntry | None) -> None:
        with self._database.writing() as connection:
            append(connection, log, values)
            if entry is not None:
                add_entry(connection, entry)

    def operating_point(self, model_digest: str) -> OperatingPoint | None:
        """The one in force: the newest of a model, if any was ever saved.

        Raises:
            UserError: If it cannot be read, as a newer version of this program may write it.
        """
        found = self._points(model_digest, 1)
        return _read(found[0]) if found else None

    def operating_points(self, model_digest: str, most: int = 50) -> tuple[OperatingPoint, ...]:
        """What was saved of a model, newest first; what cannot be read is left out."""
        points = []
        for text in self._points(model_digest, most):
            try:
                points.append(_read(text))
            except UserError:
                continue
        return tuple(points)

    def _points(self, model_digest: str, most: int) -> Sequence[str]:
        table = schema.OPERATING_POINTS.c
        newest_first = (
            sa.select(table.point)
            .where(table.model_digest == model_digest)
            .order_by(table.number.desc())
            .limit(most)
        )
        with self._database.reading() as connection:
            return connection.scalars(newest_first).all()

    def save_devices(
        self, devices: tuple[Device, ...], saved_at: str, entry: AuditEntry | None = None
    ) -> None:
        """Keep an edited list of devices.

        Raises:
            UserError: If the database does not confirm it.
        """
        values = {"saved_at": saved_at, "devices": to_text(devices)}
        self._append(schema.DEVICES, values, entry)

    def devices(self) -> tuple[Device, ...]:
        """The newest list of devices; before anyone edits it, the one to begin with."""
        table = schema.DEVICES.c
        newest = sa.select(table.devices).order_by(table.number.desc()).limit(1)
        with self._database.reading() as connection:
            text = connection.scalar(newest)
        return DEVICES if text is None else from_text(text)


def _read(text: str) -> OperatingPoint:
    try:
        return OperatingPoint.from_dict(json.loads(text))
    except ValueError as error:
        why = " ".join(str(error).split())[:200].rstrip(".")
        raise UserError(
            f"The operating point saved last cannot be read ({why}); save one anew."
        ) from error
