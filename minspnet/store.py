"""What people write, kept in a database: append-only, each record chained to the last.

SQLite by default, or the database that ``MINSPNET_DATABASE_URL`` names.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from minspnet.devices import DEVICES, Device, from_text, to_text
from minspnet.errors import UserError, requirement
from minspnet.operating import OperatingPoint

_METADATA = sa.MetaData()
_ATTEMPTS = 50


def _log(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """A table whose records are only ever added, each with the digest of the one before."""
    return sa.Table(
        name,
        _METADATA,
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("saved_at", sa.String(40), nullable=False),
        *columns,
        # No two records may follow the same one, whatever the database lets happen at once.
        sa.Column("previous", sa.String(64), nullable=False, unique=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
    )


_OPERATING_POINTS = _log(
    "named_operating_points",
    sa.Column("model_digest", sa.String(64), nullable=False, index=True),
    sa.Column("point", sa.Text, nullable=False),
)
_DEVICES = _log("device_lists", sa.Column("devices", sa.Text, nullable=False))


class Store:
    """Operating points by model, and devices; nothing is ever changed or removed."""

    def __init__(self, url: str) -> None:
        try:
            self.engine = sa.create_engine(url)
            if self.engine.dialect.name == "sqlite":
                sa.event.listen(self.engine, "connect", _prepare_sqlite)
                sa.event.listen(self.engine, "begin", _begin)
            with self.engine.execution_options(writes=True).begin() as connection:
                _METADATA.create_all(connection)
        except (sa.exc.SQLAlchemyError, ImportError) as error:
            # The URL may hold a password: only what went wrong is said.
            raise requirement(
                "MINSPNET_DATABASE_URL",
                "name a database that can be opened, such as sqlite:////folder/file.sqlite",
                f"a {type(error).__name__}",
                "correct it, or unset it to use a file in var/",
            ) from error

    @classmethod
    def from_environment(cls, folder: Path) -> Self:
        """Open the database that the environment names, or a file in ``folder``."""
        url = os.environ.get("MINSPNET_DATABASE_URL")
        if not url:
            folder.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{folder / 'minspnet.sqlite'}"
        return cls(url)

    def save_operating_point(self, point: OperatingPoint) -> None:
        """Append an operating point; from now on it is the one in force."""
        text = json.dumps(point.to_dict(), sort_keys=True)
        self._append(
            _OPERATING_POINTS,
            {"saved_at": point.saved_at, "model_digest": point.model, "point": text},
        )

    def _append(self, table: sa.Table, record: dict[str, Any]) -> None:
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._try_to_append(table, dict(record))
            except sa.exc.IntegrityError:
                continue  # another writer was faster: follow its record
        return self._try_to_append(table, dict(record))

    def _try_to_append(self, table: sa.Table, record: dict[str, Any]) -> None:
        with self.engine.execution_options(writes=True).begin() as connection:
            newest = sa.select(table.c.digest).order_by(table.c.number.desc()).limit(1)
            record["previous"] = connection.scalar(newest) or ""
            content = json.dumps(record, sort_keys=True)
            record["digest"] = hashlib.sha256(content.encode()).hexdigest()
            connection.execute(table.insert().values(record))

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
        table = _OPERATING_POINTS.c
        newest_first = (
            sa.select(table.point)
            .where(table.model_digest == model_digest)
            .order_by(table.number.desc())
            .limit(most)
        )
        with self.engine.connect() as connection:
            return connection.scalars(newest_first).all()

    def save_devices(self, devices: tuple[Device, ...], saved_at: str) -> None:
        """Keep an edited list of devices."""
        self._append(_DEVICES, {"saved_at": saved_at, "devices": to_text(devices)})

    def devices(self) -> tuple[Device, ...]:
        """The newest list of devices; before anyone edits it, the one to begin with."""
        newest = sa.select(_DEVICES.c.devices).order_by(_DEVICES.c.number.desc()).limit(1)
        with self.engine.connect() as connection:
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


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transactions start too late for a read that decides what is written.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Any) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
