"""Whether a backup that is taken while people write can be restored, by the commands of the docs.

    python -m benchmarks.restore [--writers 12] [--reviews 200] [--rounds 5]

The commands are the blocks of ``docs/deployment.md``, run as they stand there: back up while
writers are at it, restore into nothing, verify. What was confirmed before the backup began must be
there after it, all logs must verify, and the model in the folder must open as it was. A round is
also restored with one record changed by hand, which must be found.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import postgres
from benchmarks.record_writer import confirmed
from benchmarks.records import Records
from benchmarks.tables import header, row
from minspnet.artifact import load
from minspnet.latency import processor
from minspnet.record.schema import REVIEWS
from minspnet.record.store import Store
from minspnet.record.verify import verify
from minspnet.workspace import SHIPPED_MODELS

NAME = "restore"
ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs" / "deployment.md"
DATABASES = ("SQLite", "PostgreSQL")
_BEGUN = 0.2
"""Share of the reviews that is confirmed when the backup begins."""
_MODEL = SHIPPED_MODELS / "phishing"


def commands(name: str) -> str:
    """A block of the docs."""
    found = re.search(rf"```sh {re.escape(name)}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    if found is None:
        raise KeyError(f"{DOCS.name} has no block {name}")
    return found[1]


def carry_out(name: str, **told: object) -> int:
    """Run a block as a shell would, and give its exit status."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {key: str(value) for key, value in told.items()} | {"PATH": path}
    block = ["bash", "-euo", "pipefail", "-c", commands(name)]
    done = subprocess.run(block, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr[-1500:]}")
    return done.returncode


def play(database: str, writers: int, reviews: int) -> dict[str, Any]:
    """Write, back up meanwhile, restore, verify; then change a record and verify again."""
    with tempfile.TemporaryDirectory(prefix="restore-") as made, _servers(database) as urls:
        room = Path(made)
        home, backup, again, notes = (room / one for one in ("home", "backup", "again", "notes"))
        for folder in (home / "models", backup, again, notes):
            folder.mkdir(parents=True)
        subprocess.run(["cp", "-r", _MODEL, home / "models" / "mine"], check=True)
        kind = database.lower()
        url, new = urls or (f"sqlite:///{one / 'minspnet.sqlite'}" for one in (home, again))
        Store(url).engine.dispose()
        writer = _start(url, notes, writers, reviews)
        while len(_confirmed(notes, writers)) < _BEGUN * writers * reviews:
            if writer.poll() is not None:
                break
            time.sleep(0.005)
        before, began = _confirmed(notes, writers), time.perf_counter()
        told = {"BACKUP": backup, "DATABASE": _plain(url), "MINSPNET_HOME": home}
        if carry_out(f"backup-{kind}", **told):
            raise RuntimeError("the backup failed")
        seconds, meanwhile = time.perf_counter() - began, writer.poll() is None
        if writer.wait():
            raise RuntimeError("the writers failed")
        told = {"BACKUP": backup, "DATABASE": _plain(new), "MINSPNET_HOME": again}
        verified = carry_out(f"restore-{kind}", MINSPNET_DATABASE_URL=new, **told) == 0
        there = _ids(new)
        same = load(again / "models" / "mine").digest == load(_MODEL).digest
        found = _finds_a_change(new)
        return {
            "written": len(_confirmed(notes, writers)),
            "confirmed": len(before),
            "restored": len(there),
            "lost": len(before - there),
            "writing_meanwhile": meanwhile,
            "seconds": round(seconds, 3),
            "verified": verified,
            "model_same": same,
            "change_found": found,
        }


@contextmanager
def _servers(database: str) -> Iterator[tuple[str, str] | None]:
    """Two databases of one server, or none."""
    if database == "SQLite":
        yield None
        return
    with postgres.postgres() as url:
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text("CREATE DATABASE restored"))
        engine.dispose()
        yield url, url.replace("/postgres?", "/restored?")


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


def _start(url: str, notes: Path, writers: int, reviews: int) -> subprocess.Popen[bytes]:
    arguments = (url, str(notes), "0", "0", str(writers), str(reviews))
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.record_writer", *arguments], cwd=ROOT
    )


def _confirmed(notes: Path, writers: int) -> set[str]:
    return {one for writer in range(writers) for one in confirmed(notes, writer)}


def _ids(url: str) -> set[str]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = set(connection.scalars(sa.select(REVIEWS.c.id)))
    engine.dispose()
    return found


def _finds_a_change(url: str) -> bool:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(REVIEWS.update().where(REVIEWS.c.number == 3).values(reader="nobody"))
    found = verify(engine).findings
    engine.dispose()
    return bool(found)


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--writers", type=int, default=12)
    parser.add_argument("--reviews", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    about = {"machine": processor(), "cores": os.cpu_count()}
    about |= {"writers": options.writers, "reviews": options.reviews}
    records = Records(NAME, about)
    for database in DATABASES:
        if database == "PostgreSQL" and postgres.missing():
            print(f"PostgreSQL cannot be started: {postgres.missing()}.")
            continue
        for number in range(options.rounds):
            if not records.has(database=database, round=number):
                found = play(database, options.writers, options.reviews)
                records.add({"database": database, "round": number, **found})
    print(table(records.result))


def table(result: dict[str, Any]) -> str:
    """Write the table in Markdown."""
    lines = [
        f"{result['writers']} writers, {result['reviews']} reviews each a round, on "
        f"{result['machine']}, {result['cores']} cores",
        "",
        *header(
            "database",
            "rounds",
            "still writing when it was done",
            "confirmed before the backup",
            "of these lost",
            "restored",
            "verified",
            "model as it was",
            "record changed by hand found",
            "seconds, most",
        ),
    ]
    records = result["records"]
    for database in dict.fromkeys(one["database"] for one in records):
        rounds = [one for one in records if one["database"] == database]
        keys = ("writing_meanwhile", "confirmed", "lost", "restored")
        keys += ("verified", "model_same", "change_found")
        counts = [f"{sum(one[key] for one in rounds):,}" for key in keys]
        slowest = f"{max(one['seconds'] for one in rounds):.1f}"
        lines.append(row(database, str(len(rounds)), *counts, slowest))
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
