"""Short runs of benchmarks/record.py: writers that are killed, and random edits by hand."""

from pathlib import Path

import pytest

from benchmarks.postgres import missing, postgres
from benchmarks.record import Load, play, table, tampering
from benchmarks.record_writer import confirmed
from benchmarks.tampering import KINDS

LOAD = Load(writers=8, reviews=40, processes=2, kills=3)
CLEAN = {"lost": 0, "duplicated": 0, "unwanted": 0, "missing": 0, "findings": []}


def check(url: str) -> None:
    result = play(url, LOAD, 0)
    assert {key: result[key] for key in CLEAN} == CLEAN
    assert result["confirmed"] == 320 and result["kills"] >= 1


def check_edits(url: str, edits: int) -> None:
    found = tampering(url, edits)
    assert [one["kind"] for one in found] == list(KINDS)
    for one in found:
        assert one["edits"] > 5
        assert one["found"] == one["named"] == one["edits"], one


def test_writers_that_are_killed_lose_and_duplicate_nothing(tmp_path: Path) -> None:
    check(f"sqlite:///{tmp_path / 'record.sqlite'}")


def test_every_edit_by_hand_is_found_and_named(tmp_path: Path) -> None:
    check_edits(f"sqlite:///{tmp_path / 'record.sqlite'}", 200)


@pytest.mark.skipif(bool(missing()), reason=f"PostgreSQL was not tested: {missing()}")
def test_postgres_keeps_its_word_too() -> None:
    with postgres() as url:
        check(url)
    with postgres() as url:
        check_edits(url, 100)


def test_a_confirmation_that_a_kill_cut_short_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "3.txt").write_text("0-3-0\n0-3-1\n0-3")
    assert confirmed(tmp_path, 3) == ["0-3-0", "0-3-1"]
    assert confirmed(tmp_path, 4) == []


def test_a_table_adds_up_by_hand() -> None:
    """Two rounds of 400 reviews, 5 and 3 seconds: 100 a second; one lost, one never written."""
    plain = {"kills": 2, "unconfirmed": 1, "confirmed": 400, "duplicated": 0, "unwanted": 0,
             "lost": 0, "missing": 0, "findings": []}  # fmt: skip
    bad = {"seconds": 3.0, "lost": 1, "missing": 1, "unwanted": 3, "findings": ["x"]}
    kinds = [{"kind": "flip", "edits": 7, "found": 6, "named": 5}]
    records = [
        {"database": "SQLite", "round": 0, "seconds": 5.0, **plain},
        {"database": "SQLite", "round": 1, **plain, **bad},
        {"database": "SQLite", "what": "tampering", "kinds": kinds},
    ]
    text = table({"machine": "M", "cores": 2, "load": vars(LOAD), "records": records})
    rows = [line for line in text.splitlines() if line.startswith("| SQLite")]
    assert rows == [
        "| SQLite | 2 | 4 | 800 | 2 | 3 | 2 | 100 | 1 |",
        "| SQLite | flip | 7 | 6 | 5 |",
    ]
