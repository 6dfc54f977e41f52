"""What people save stays, in order, and any change to it shows."""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from minspnet.devices import DEVICES
from minspnet.errors import UserError
from minspnet.operating import Figures, OperatingPoint
from minspnet.policy import CLOSED, Policy
from minspnet.record.store import Store

THREADS, WRITES = 8, 10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "points.sqlite"


@pytest.fixture
def store(path: Path) -> Store:
    return Store(f"sqlite:///{path}")


def point(model: str, policy: Policy, name: str = "Quick") -> OperatingPoint:
    """A point with its papers; the figures are of no matter here."""
    figures = Figures(3, 0.5, 0.75, 10.0)
    texts = policy.to_text()
    when = "2026-01-02T03:04:05+00:00"
    return OperatingPoint(name, "a reader", "the pump", when, model, **texts, validation=figures,
                          test=figures)  # fmt: skip


def newest(store: Store, model: str) -> Policy | None:
    """The policy in force."""
    return next((saved.policy for saved in store.operating_points(model)), None)


def records(path: Path) -> list[dict[str, str]]:
    """All rows as the file holds them, oldest first."""
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute("SELECT * FROM named_operating_points ORDER BY number").fetchall()
    connection.close()
    return [dict(row) for row in rows]


def broken_links(rows: list[dict[str, str]]) -> list[int]:
    """Places of records that do not follow from the one before, or whose digest is not theirs."""
    broken, previous = [], ""
    for place, row in enumerate(rows):
        said = ("saved_at", "model_digest", "point", "previous")
        content = json.dumps({key: row[key] for key in said}, sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()
        if row["previous"] != previous or row["digest"] != digest:
            broken.append(place)
        previous = row["digest"]
    return broken


# --- What comes back --------------------------------------------------------------------


def test_newest_point_of_each_model_wins(store: Store) -> None:
    for digest, gate in (("one", 0.1), ("two", 0.2), ("one", 0.3), ("two", 0.4), ("one", 0.5)):
        store.save_operating_point(point(digest, Policy.shared(gate, 2)))
    assert newest(store, "one") == Policy.shared(0.5, 2)
    assert newest(store, "two") == Policy.shared(0.4, 2)
    assert newest(store, "three") is None


def test_saving_the_same_point_twice_keeps_both(store: Store, path: Path) -> None:
    """Within one second as well: the chain tells them apart."""
    for _ in range(2):
        store.save_operating_point(point("one", Policy((0.5,))))
    assert len(records(path)) == 2
    assert broken_links(records(path)) == []


@pytest.mark.parametrize(
    "policy",
    [
        Policy((CLOSED, 0.1 + 0.2, 0.0), 0.37),
        Policy((CLOSED, CLOSED)),
        Policy(()),
    ],
)
def test_policies_come_back_exactly(store: Store, policy: Policy) -> None:
    store.save_operating_point(point("one", policy))
    assert newest(store, "one") == policy


def test_papers_come_back_with_the_policy_newest_first(store: Store) -> None:
    first, second = point("one", Policy((0.5,)), "First"), point("one", Policy((0.1,)), "Zweiter")
    store.save_operating_point(first)
    store.save_operating_point(point("two", Policy((0.9,))))
    store.save_operating_point(second)
    assert store.operating_points("one") == (second, first)


def test_a_second_start_finds_what_the_first_saved(store: Store, path: Path) -> None:
    store.save_operating_point(point("one", Policy((0.5,))))
    again = Store(f"sqlite:///{path}")
    assert newest(again, "one") == Policy((0.5,))
    again.save_operating_point(point("one", Policy((0.6,))))
    assert newest(store, "one") == Policy((0.6,))
    assert broken_links(records(path)) == []


def test_edited_devices_come_back(store: Store, path: Path) -> None:
    assert store.devices() == DEVICES
    store.save_devices(DEVICES[:1], "2026-01-02T03:04:05+00:00")
    store.save_devices(DEVICES[1:], "2026-01-02T03:04:06+00:00")
    assert Store(f"sqlite:///{path}").devices() == DEVICES[1:]


# --- The chain --------------------------------------------------------------------------


def test_each_record_names_the_one_before(store: Store, path: Path) -> None:
    for number in range(5):
        store.save_operating_point(point(f"model {number % 2}", Policy((number / 10,))))
    rows = records(path)
    assert [row["number"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0]["previous"] == ""
    assert broken_links(rows) == []


@pytest.mark.parametrize("column", ["point", "model_digest", "saved_at"])
def test_a_change_by_hand_shows(store: Store, path: Path, column: str) -> None:
    for number in range(3):
        store.save_operating_point(point("one", Policy((number / 10,))))
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE named_operating_points SET {column} = 'other' WHERE number = 2")
    connection.close()
    assert broken_links(records(path)) == [1]


def test_a_removed_record_shows(store: Store, path: Path) -> None:
    for number in range(3):
        store.save_operating_point(point("one", Policy((number / 10,))))
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM named_operating_points WHERE number = 2")
    connection.close()
    assert broken_links(records(path)) == [1]


# --- Many at once -----------------------------------------------------------------------


def at_once(work: Callable[[int], None]) -> None:
    """Run the work in all threads from one starting shot; what any of them raises counts."""
    start, raised = threading.Barrier(THREADS), []

    def run(thread: int) -> None:
        start.wait()
        try:
            work(thread)
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not raised, raised


@pytest.mark.parametrize("shared", [True, False], ids=["one server", "many servers"])
def test_writes_at_once_lose_nothing(path: Path, shared: bool) -> None:
    """8 threads of 10 writes each, on one store or on one each, from an empty folder on."""
    url = f"sqlite:///{path}"
    common = Store(url) if shared else None

    def write(thread: int) -> None:
        store = common or Store(url)
        for write in range(WRITES):
            store.save_operating_point(point(f"model {thread}", Policy((float(write),))))

    at_once(write)
    rows = records(path)
    assert len(rows) == THREADS * WRITES
    assert broken_links(rows) == []
    for thread in range(THREADS):
        saved = Store(url).operating_points(f"model {thread}")
        assert [p.policy for p in reversed(saved)] == [Policy((float(w),)) for w in range(WRITES)]


def test_reading_does_not_wait_for_a_writer(store: Store, path: Path) -> None:
    """That is what the write-ahead log is for: pages are drawn while someone saves."""
    store.save_operating_point(point("one", Policy((0.5,))))
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    found: list[Policy | None] = []
    reader = threading.Thread(target=lambda: found.append(newest(store, "one")))
    reader.start()
    reader.join(timeout=2)
    waited = reader.is_alive()
    writer.execute("ROLLBACK")
    writer.close()
    reader.join()
    assert found == [Policy((0.5,))]
    assert not waited


# --- Where it is kept -------------------------------------------------------------------


def test_the_log_is_written_ahead_and_synced(store: Store, path: Path) -> None:
    store.save_operating_point(point("one", Policy((0.5,))))
    with store.engine.connect() as connection:
        assert connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(sa.text("PRAGMA synchronous")) == 2  # FULL
        assert connection.scalar(sa.text("PRAGMA busy_timeout")) == 30000
    plain = sqlite3.connect(path)  # the mode is a property of the file
    assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    plain.close()


def test_without_a_database_named_a_file_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MINSPNET_DATABASE_URL", raising=False)
    folder = tmp_path / "not" / "yet"
    Store.from_environment(folder).save_operating_point(point("one", Policy((0.5,))))
    assert len(records(folder / "minspnet.sqlite")) == 1


def test_the_environment_names_the_database(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINSPNET_DATABASE_URL", f"sqlite:///{path}")
    Store.from_environment(tmp_path / "unused").save_operating_point(point("one", Policy((0.5,))))
    assert len(records(path)) == 1
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("url", ["nonsense", "oracle9://x/y", "sqlite:////no/such/folder/x.db"])
def test_a_database_that_cannot_be_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("MINSPNET_DATABASE_URL", url)
    with pytest.raises(UserError, match=r"MINSPNET_DATABASE_URL or --url\) must "):
        Store.from_environment(tmp_path)
