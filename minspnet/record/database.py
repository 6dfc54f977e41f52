"""One database, SQLite or PostgreSQL, in which one writer at a time has its turn."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from minspnet.errors import UserError, requirement
from minspnet.record.migrations import LATEST, migrate, version_of

URL = "MINSPNET_DATABASE_URL"
_TAKE_TURN = sa.text("SELECT pg_advisory_xact_lock(1296649811)")
"""PostgreSQL: wait for the one right to write, a number of our own, until the transaction ends."""


def url_from_environment(folder: Path) -> str:
    """The database that the environment names, or a file in a folder."""
    return os.environ.get(URL) or f"sqlite:///{folder / 'minspnet.sqlite'}"


def open_engine(url: str) -> sa.Engine:
    """Open a database as it is, and see that it answers.

    Raises:
        UserError: If it cannot be opened.
    """
    try:
        postgres = sa.make_url(url).get_backend_name() == "postgresql"
        # A pool outlives restarts of a server; each connection is tried before it is used.
        engine = sa.create_engine(url, pool_pre_ping=postgres)
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _prepare_sqlite)
            sa.event.listen(engine, "begin", _begin)
        elif postgres:
            sa.event.listen(engine, "connect", _prepare_postgres)
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        # The URL may hold a password: only what went wrong is said.
        raise requirement(
            f"the address of the database ({URL} or --url)",
            "name one that can be opened, such as sqlite:////folder/file.sqlite",
            f"one that fails with {type(error).__name__}",
            "correct it, or leave it out to use a file in var/",
        ) from error
    return engine


class Database:
    """An open database with the tables of this version of the program.

    Raises:
        UserError: If it cannot be opened, or a newer program has written it.
    """

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        self._turn = threading.Lock()
        with self.engine.connect() as connection:
            current = version_of(connection) == LATEST
        if not current:
            with self.writing() as connection:
                migrate(connection)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that holds the one right to write; committed at its end, safe on disk.

        Raises:
            UserError: If the database fails; what was to be written may be sent again.
        """
        try:
            # Threads wait here, in order, rather than each with a connection of its own.
            with self._turn, self.engine.execution_options(writes=True).begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(_TAKE_TURN)
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise UserError(
                f"The database did not confirm that this was saved ({type(error).__name__}); "
                "try again."
            ) from error

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that reads and waits for nobody.

        Raises:
            UserError: If the database fails.
        """
        try:
            with self.engine.connect() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise UserError(
                f"The database could not be read ({type(error).__name__}); try again."
            ) from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transactions start too late for a read that decides what is written.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_postgres(connection: Any, _record: Any) -> None:
    # A server may be set to answer before a commit is on disk.
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO on")
    connection.commit()


def _begin(connection: Any) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
