"""What people write, kept in a database: append-only, each record chained to the last.

SQLite by default, or the database that ``MINSPNET_DATABASE_URL`` names.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from minspnet.devices import DEVICES, Device, from_text, to_text
from minspnet.errors import requirement
from minspnet.operating import OperatingPoint

_METADATA = sa.MetaData()


def _log(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """A table whose records are only ever added, each with the digest of the one before."""
    return sa.Table(
        name,
        _METADATA,
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("saved_at", sa.String(40), nullable=False),
        *columns,
        sa.Column("previous", sa.String(64), nullable=False),
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
        with self.engine.execution_options(writes=True).begin() as connection:
            newest = sa.select(table.c.digest).order_by(table.c.number.desc()).limit(1)
            record["previous"] = connection.scalar(newest) or ""
            content = json.dumps(record, sort_keys=True)
            record["digest"] = hashlib.sha256(content.encode()).hexdigest()
            connection.execute(table.insert().values(record))

    def operating_points(self, model_digest: str) -> tuple[OperatingPoint, ...]:
        """All that were ever saved of a model, the one in force first."""
        table = _OPERATING_POINTS.c
        newest_first = (
            sa.select(table.point)
            .where(table.model_digest == model_digest)
            .order_by(table.number.desc())
        )
        with self.engine.connect() as connection:
            texts = connection.scalars(newest_first).all()
        return tuple(OperatingPoint.from_dict(json.loads(text)) for text in texts)

    def save_devices(self, devices: tuple[Device, ...], saved_at: str) -> None:
        """Keep an edited list of devices."""
        self._append(_DEVICES, {"saved_at": saved_at, "devices": to_text(devices)})

    def devices(self) -> tuple[Device, ...]:
        """The newest list of devices; before anyone edits it, the one to begin with."""
        newest = sa.select(_DEVICES.c.devices).order_by(_DEVICES.c.number.desc()).limit(1)
        with self.engine.connect() as connection:
            text = connection.scalar(newest)
        return DEVICES if text is None else from_text(text)


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
