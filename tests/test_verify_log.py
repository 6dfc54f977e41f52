"""A log that was changed by hand is found, its first bad record named; what is beyond that is said.

Random edits of every kind are in test_record_campaign.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from test_cli import Ask, ask

from benchmarks.tampering import fill, review
from minspnet.record.chain import digest_of, head, seal
from minspnet.record.schema import LOGS
from minspnet.record.store import Store
from minspnet.record.verify import Finding, verify

__all__ = ["ask"]
EMPTY = {
    "named_operating_points": 0,
    "device_lists": 0,
    "reviews": 0,
    "queues": 0,
    "audit_entries": 0,
    "reviewed_sets": 0,
    "adoptions": 0,
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("record") / "filled.sqlite"
    store = Store(f"sqlite:///{path}")
    fill(store, 6)
    store.engine.dispose()
    return path


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(filled, tmp_path / "record.sqlite"))


@pytest.fixture
def store(path: Path) -> Store:
    return Store(f"sqlite:///{path}")


def by_hand(path: Path, *statements: str, **values: Any) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement, values)
    connection.commit()
    connection.close()


def found(store: Store) -> list[tuple[str, int]]:
    return [(one.log, one.number) for one in verify(store.engine).findings]


def test_what_the_program_wrote_is_as_it_was_written(store: Store) -> None:
    checked = verify(store.engine)
    assert checked.findings == ()
    assert checked.records == EMPTY | {
        "named_operating_points": 2,
        "device_lists": 1,
        "reviews": 6,
        "queues": 1,
        "audit_entries": 5,
        "reviewed_sets": 1,
        "adoptions": 1,
    }
    assert len(checked.anchor) == 64


def test_an_empty_database_has_no_anchor(tmp_path: Path) -> None:
    checked = verify(Store(f"sqlite:///{tmp_path / 'new.sqlite'}").engine)
    assert (checked.records, checked.anchor, checked.findings) == (EMPTY, "", ())


def test_a_journal_by_hand() -> None:
    """Two records in two logs, their digests worked out here by the rule in words.

    A digest is SHA-256 of the JSON, with sorted keys, of all that a record says but its number.
    """
    import hashlib

    def sha(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    store = Store("sqlite://")
    store.save_devices((), "2026")
    first = sha('{"devices": "[]", "previous": "", "saved_at": "2026"}')
    line = sha(f'{{"log": "device_lists", "previous": "", "record": 1, "sealed": "{first}"}}')
    assert verify(store.engine).anchor == line
    store.save_devices((), "2027")
    second = sha(f'{{"devices": "[]", "previous": "{first}", "saved_at": "2027"}}')
    line = sha(
        f'{{"log": "device_lists", "previous": "{line}", "record": 2, "sealed": "{second}"}}'
    )
    assert verify(store.engine).anchor == line
    with store.engine.connect() as connection:
        top = connection.execute(sa.text("SELECT lines, newest, digest FROM journal_head")).one()
    assert tuple(top) == (2, line, sha(f'{{"lines": 2, "newest": "{line}"}}'))


@pytest.mark.parametrize(
    ("statements", "where"),
    [
        (("DELETE FROM reviews WHERE number = 6",), ("reviews", 6)),
        (("DELETE FROM reviews",), ("reviews", 1)),
        (("UPDATE reviews SET number = 0 WHERE number = 3",), ("reviews", 0)),
        (("UPDATE reviews SET number = 9 WHERE number = 3",), ("reviews", 3)),
        (("UPDATE reviews SET review = x'00ff' WHERE number = 2",), ("reviews", 2)),
        (("UPDATE reviews SET reader = CAST(x'ff' AS TEXT) WHERE number = 2",), ("reviews", 2)),
        (("DELETE FROM journal WHERE number = 13",), ("journal", 13)),
        (("DELETE FROM journal_head",), ("journal_head", 1)),
        (("UPDATE journal_head SET lines = 12",), ("journal_head", 1)),
        (("UPDATE journal SET log = 'nothing' WHERE number = 4",), ("journal", 4)),
    ],
    ids=lambda one: one[0] if isinstance(one[0], str) and "=" in one[0] else None,
)
def test_an_edit_is_found_and_named(
    store: Store, path: Path, statements: tuple[str, ...], where: tuple[str, int]
) -> None:
    by_hand(path, *statements)
    assert found(store) == [where]


def test_what_goes_on_being_written_does_not_hide_a_tail_that_was_cut(
    store: Store, path: Path
) -> None:
    """Neither if the journal was cut too: numbers are not given twice."""
    by_hand(path, "DELETE FROM reviews WHERE number = 6",
            "DELETE FROM journal WHERE log = 'reviews' AND record = 6")  # fmt: skip
    before = found(store)
    assert before
    store.reviews.append(review("another", "reader", "case"))
    assert len(store.reviews.find()) == 6
    assert found(store)


def test_several_edits_name_the_first_of_each_log(store: Store, path: Path) -> None:
    by_hand(
        path,
        "UPDATE reviews SET reader = 'x' WHERE number IN (3, 5)",
        "UPDATE audit_entries SET who = 'x' WHERE number = 2",
    )
    assert found(store) == [("reviews", 3), ("audit_entries", 2)]


def rewrite_it_all(path: Path) -> None:
    """What somebody can do who may write everything and knows the rule: change, seal anew."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    connection.execute("UPDATE reviews SET reader = 'somebody else' WHERE number = 3")
    new, previous = {}, ""
    for row in connection.execute("SELECT * FROM reviews ORDER BY number").fetchall():
        said = {name: row[name] for name in row.keys() if name not in ("number", "digest")}  # noqa: SIM118
        said["previous"] = previous
        new[row["number"]] = previous = digest_of(said)
        connection.execute(
            "UPDATE reviews SET previous = ?, digest = ? WHERE number = ?",
            (said["previous"], previous, row["number"]),
        )
    previous, lines = "", 0
    for row in connection.execute("SELECT * FROM journal ORDER BY number").fetchall():
        sealed = new[row["record"]] if row["log"] == "reviews" else row["sealed"]
        line = seal(row["log"], row["record"], sealed, previous)
        previous, lines = line["digest"], row["number"]
        connection.execute(
            "UPDATE journal SET sealed = ?, previous = ?, digest = ? WHERE number = ?",
            (sealed, line["previous"], previous, lines),
        )
    connection.execute("UPDATE journal_head SET newest = :newest, digest = :digest",
                       head(lines, previous))  # fmt: skip
    connection.commit()
    connection.close()


def test_only_an_anchor_kept_elsewhere_tells_a_record_rewritten_to_its_end(
    store: Store, path: Path
) -> None:
    """The limit that the docstring of verify states, held to both ways."""
    anchor = verify(store.engine).anchor
    store.reviews.append(review("later", "reader", "case"))
    assert verify(store.engine, anchor).findings == ()
    rewrite_it_all(path)
    assert verify(store.engine).findings == ()
    (finding,) = verify(store.engine, anchor).findings
    assert (finding.log, finding.number) == ("journal", 0)


def test_a_check_reads_one_state_while_others_write(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record added between the journal and its log would look put in."""
    from minspnet.record import verify as module

    other, checked = Store(str(store.engine.url)), module._check_log

    def meanwhile(*arguments: Any) -> Finding | None:
        other.reviews.append(review(f"meanwhile-{len(other.reviews.find())}", "reader", "case"))
        return checked(*arguments)

    monkeypatch.setattr(module, "_check_log", meanwhile)
    assert verify(store.engine).findings == ()
    assert verify(store.engine).records["reviews"] == 6 + len(LOGS)


# --- The command ------------------------------------------------------------------------


@pytest.fixture
def check(ask: Ask, path: Path) -> Callable[..., Any]:
    return lambda *more: ask("verify-log", "--url", f"sqlite:///{path}", *more)


def test_the_command_says_counts_and_the_anchor(check: Callable[..., Any], store: Store) -> None:
    anchor = verify(store.engine).anchor
    answer = check()
    assert answer.code == 0
    assert "reviews: 6 records" in answer.out and anchor in answer.out
    assert answer.out.splitlines()[-1] == "as it was written"
    assert check("--anchor", anchor.upper()).code == 0
    answer = check("--anchor", "0" * 64)
    assert answer.code == 1 and "FOUND in journal: no line" in answer.out


def test_the_command_names_the_first_bad_record(check: Callable[..., Any], path: Path) -> None:
    by_hand(path, "UPDATE reviews SET case_id = 'other' WHERE number = 4")
    answer = check()
    assert answer.code == 1
    said = "its content and its digest do not belong together"
    assert f"FOUND in reviews: record 4, {said}" in answer.out
    assert answer.out.splitlines()[-1] == "not as it was written"
    answer = check("--json")
    assert answer.code == 1
    assert json.loads(answer.out)["findings"] == [{"log": "reviews", "record": 4, "problem": said}]


def test_the_command_checks_what_the_dashboard_writes(
    ask: Ask, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINSPNET_DATABASE_URL", f"sqlite:///{path}")
    assert "reviews: 6 records" in ask("verify-log").out


def test_the_command_makes_no_database(ask: Ask, tmp_path: Path) -> None:
    answer = ask("verify-log", "--url", f"sqlite:///{tmp_path / 'none.sqlite'}")
    assert answer.code == 2
    assert "--url must name a database that is there" in answer.err
    assert list(tmp_path.iterdir()) == []
    answer = ask("verify-log", "--url", "nonsense")
    assert answer.code == 2 and "must name one that can be opened" in answer.err


def test_a_file_that_is_broken_is_said(check: Callable[..., Any], path: Path) -> None:
    """Pages of a file lost to a disk are no tampering, and no traceback either."""
    content = bytearray(path.read_bytes())
    content[8192:] = b"\x00" * (len(content) - 8192)
    path.write_bytes(content)
    answer = check()
    assert answer.code == 2 and answer.err.count("\n") == 1
