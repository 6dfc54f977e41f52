"""Databases of earlier versions come up to date with all that is in them, or stay as they were."""

import hashlib
import json
import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from test_store import point

from minspnet.devices import DEVICES, to_text
from minspnet.errors import UserError
from minspnet.policy import Policy
from minspnet.record import migrations
from minspnet.record.database import Database
from minspnet.record.schema import METADATA
from minspnet.record.store import Store
from minspnet.record.verify import verify

TABLES = """
CREATE TABLE named_operating_points (
    number INTEGER NOT NULL, saved_at VARCHAR(40) NOT NULL, model_digest VARCHAR(64) NOT NULL,
    point TEXT NOT NULL, previous VARCHAR(64) NOT NULL, digest VARCHAR(64) NOT NULL,
    PRIMARY KEY (number), UNIQUE (previous), UNIQUE (digest));
CREATE INDEX ix_named_operating_points_model_digest ON named_operating_points (model_digest);
CREATE TABLE device_lists (
    number INTEGER NOT NULL, saved_at VARCHAR(40) NOT NULL, devices TEXT NOT NULL,
    previous VARCHAR(64) NOT NULL, digest VARCHAR(64) NOT NULL,
    PRIMARY KEY (number), UNIQUE (previous), UNIQUE (digest));
"""
"""As the version before schema_version made them."""
WHEN = "2026-01-02T03:04:05+00:00"
POINTS = [point("one", Policy((gate,)), f"P{gate}") for gate in (0.1, 0.2, 0.3)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "old.sqlite"


def write_old(path: Path, numbers: tuple[int, ...] = (1, 2, 3)) -> list[str]:
    """Write a database as the version before did; returns the digests of its points."""
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    points = [
        {"saved_at": one.saved_at, "model_digest": "one",
         "point": json.dumps(one.to_dict(), sort_keys=True)}
        for one in POINTS
    ]  # fmt: skip
    lists = [{"saved_at": WHEN, "devices": to_text(DEVICES[:n])} for n in (1, 2)]
    for table, records in (("named_operating_points", points), ("device_lists", lists)):
        previous = ""
        for number, record in zip(numbers, records, strict=False):
            record["previous"] = previous
            text = json.dumps(record, sort_keys=True)
            previous = record["digest"] = hashlib.sha256(text.encode()).hexdigest()
            row = {"number": number, **record}
            places = ", ".join(f":{name}" for name in row)
            statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"
            connection.execute(statement, row)
    connection.commit()
    connection.close()
    return [one["digest"] for one in points]


def digests(path: Path) -> list[tuple[int, str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT number, digest FROM named_operating_points ORDER BY number")
    found = rows.fetchall()
    connection.close()
    return found


@pytest.mark.parametrize("numbers", [(1, 2, 3), (2, 5, 11)], ids=["plain", "with gaps"])
def test_an_old_database_comes_up_with_its_records(path: Path, numbers: tuple[int, ...]) -> None:
    """PostgreSQL left gaps in the numbers; the digests, which people may know, stay."""
    before = write_old(path, numbers)
    store = Store(f"sqlite:///{path}")
    assert store.operating_points("one") == tuple(POINTS[::-1])
    assert store.devices() == DEVICES[:2]
    assert digests(path) == list(enumerate(before, 1))
    found = verify(store.engine)
    assert found.findings == ()
    assert found.records["named_operating_points"] == 3 and found.records["device_lists"] == 2
    store.save_operating_point(POINTS[0])
    assert Store(f"sqlite:///{path}").operating_point("one") == POINTS[0]
    assert verify(store.engine).findings == ()


def test_what_was_changed_before_is_found_after(path: Path) -> None:
    write_old(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE named_operating_points SET saved_at = '2025' WHERE number = 2")
    connection.commit()
    connection.close()
    (finding,) = verify(Store(f"sqlite:///{path}").engine).findings
    assert (finding.log, finding.number) == ("named_operating_points", 2)


@pytest.mark.parametrize("old", [True, False], ids=["old", "empty"])
def test_the_steps_lead_to_the_tables_that_the_program_knows(path: Path, old: bool) -> None:
    if old:
        write_old(path)
    inspector = sa.inspect(Store(f"sqlite:///{path}").engine)
    assert set(inspector.get_table_names()) == {*METADATA.tables, "schema_version"}
    for name, table in METADATA.tables.items():
        there = {
            one["name"]: (type(one["type"]), getattr(one["type"], "length", None), one["nullable"])
            for one in inspector.get_columns(name)
        }
        known = {
            one.name: (
                {"String": sa.VARCHAR, "Text": sa.TEXT, "Integer": sa.INTEGER}[
                    type(one.type).__name__
                ],
                getattr(one.type, "length", None),
                one.nullable,
            )
            for one in table.columns
        }
        assert there == known, name
        unique = {tuple(one["column_names"]) for one in inspector.get_unique_constraints(name)}
        assert unique == {(one.name,) for one in table.columns if one.unique}, name
        keys = inspector.get_pk_constraint(name)["constrained_columns"]
        assert keys == [one.name for one in table.primary_key.columns], name


def test_a_newer_database_is_refused_in_a_sentence_and_left_alone(path: Path) -> None:
    store = Store(f"sqlite:///{path}")
    newer = migrations.LATEST + 1
    with store.engine.execution_options(writes=True).begin() as connection:
        connection.execute(sa.text(f"INSERT INTO schema_version VALUES ({newer}, '{WHEN}')"))
    store.engine.dispose()
    before = path.read_bytes()
    said = f"the database must have schema {newer - 1} or older, got {newer}; update the program."
    with pytest.raises(UserError) as refused:
        Store(f"sqlite:///{path}")
    assert str(refused.value) == said
    assert path.read_bytes() == before
    with pytest.raises(UserError, match="update the program"):
        verify(store.engine)


def test_a_step_that_fails_leaves_all_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_old(path, (2, 5, 11))

    def fail(connection: sa.Connection) -> None:
        connection.execute(sa.text("SELECT nonsense"))

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS[:-1], fail))
        with pytest.raises(UserError, match="did not confirm"):
            Store(f"sqlite:///{path}")
    assert digests(path) == list(zip((2, 5, 11), before, strict=True))
    assert Store(f"sqlite:///{path}").operating_point("one") == POINTS[-1]


def test_many_that_open_an_old_database_at_once_bring_it_up_once(path: Path) -> None:
    write_old(path)
    start, raised = threading.Barrier(6), []

    def work() -> None:
        start.wait()
        try:
            Database(f"sqlite:///{path}").engine.dispose()
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not raised
    store = Store(f"sqlite:///{path}")
    assert verify(store.engine).findings == ()
    with store.engine.connect() as connection:
        versions = connection.scalars(sa.text("SELECT version FROM schema_version")).all()
    assert sorted(versions) == list(range(1, migrations.LATEST + 1))


def test_an_old_database_is_not_changed_by_a_check(path: Path) -> None:
    write_old(path)
    engine = sa.create_engine(f"sqlite:///{path}")
    said = f"the database must have schema {migrations.LATEST}, got 0; open the dash"
    with pytest.raises(UserError, match=said):
        verify(engine)
    engine.dispose()
    assert len(digests(path)) == 3
