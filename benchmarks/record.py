"""Whether the record keeps its word: many writers that are killed, and edits by hand.

    python -m benchmarks.record --writers 50 --reviews 200 --rounds 20 [--postgres]

Writers are threads of several processes, each with a store of its own, like replicas of the
dashboard. At random moments a process is killed with SIGKILL and started again; it then sends all
that it has no confirmation for, under the same ids; every tenth review is sent twice in any case.
A review is lost if it was confirmed and is not there, and duplicated if it is there twice. After
each round all logs are verified. Then come random edits by hand (see ``benchmarks.tampering``),
each of which must be found and its record named.
PostgreSQL is a server that the run starts in a temporary folder.
"""

import argparse
import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import postgres
from benchmarks.record_writer import confirmed, ids_of
from benchmarks.records import Records
from benchmarks.tables import header, row
from benchmarks.tampering import campaign, fill
from minspnet.latency import processor
from minspnet.record.schema import REVIEWS
from minspnet.record.store import Store
from minspnet.record.verify import verify

NAME = "record"
ROOT = Path(__file__).resolve().parents[1]
FILLED = 40
"""Reviews in the database that is edited; all logs and the journal hold about 140 records."""


@dataclass(frozen=True)
class Load:
    """What one round asks of the database.

    Attributes:
        writers: That write at once.
        reviews: Of each.
        processes: Over which the writers are spread.
        kills: Of processes, at random moments.
    """

    writers: int
    reviews: int
    processes: int
    kills: int

    @property
    def shares(self) -> list[tuple[int, int]]:
        """First writer and number of writers of each process."""
        edges = [self.writers * one // self.processes for one in range(self.processes + 1)]
        return [(low, high - low) for low, high in itertools.pairwise(edges)]


def main() -> None:
    """Run what is missing and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--writers", type=int, default=50)
    parser.add_argument("--reviews", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--processes", type=int, default=10)
    parser.add_argument("--kills", type=int, default=10, help="a round")
    parser.add_argument("--edits", type=int, default=1_000)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL too")
    options = parser.parse_args()
    load = Load(options.writers, options.reviews, options.processes, options.kills)
    about = {"machine": processor(), "cores": os.cpu_count(), "edits": options.edits}
    records = Records(NAME, about | {"load": vars(load)})
    if options.postgres and postgres.missing():
        sys.exit(f"PostgreSQL cannot be started: {postgres.missing()}.")
    for database in ("SQLite", "PostgreSQL")[: 2 if options.postgres else 1]:
        for number in range(options.rounds):
            key = {"database": database, "round": number}
            if not records.has(**key):
                with _fresh(database) as url:
                    records.add(key | play(url, load, number))
        key = {"database": database, "what": "tampering"}
        if not records.has(**key):
            with _fresh(database) as url:
                records.add(key | {"kinds": tampering(url, options.edits)})
    print(table(records.result))


@contextlib.contextmanager
def _fresh(database: str) -> Iterator[str]:
    if database == "PostgreSQL":
        with postgres.postgres() as url:
            yield url
    else:
        with tempfile.TemporaryDirectory() as room:
            yield f"sqlite:///{Path(room) / 'record.sqlite'}"


def tampering(url: str, edits: int) -> list[dict[str, Any]]:
    """Fill a database and edit it by hand."""
    store = Store(url)
    fill(store, FILLED)
    try:
        return campaign(store, edits, seed=0)
    finally:
        store.engine.dispose()


def play(url: str, load: Load, round_: int) -> dict[str, Any]:
    """Let all writers write what they have, killing processes meanwhile, and count."""
    generator = random.Random(round_)
    store = Store(url)
    wanted = {one for w in range(load.writers) for one in ids_of(round_, w, load.reviews)}
    # A kill is due when that share of all reviews is confirmed: most while writers are at it.
    due = sorted(generator.uniform(0, 0.95) for _ in range(load.kills))
    whole = sum(len(one) + 1 for one in wanted)
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        start = time.perf_counter()
        running = {share: _start(url, folder, round_, share, load) for share in load.shares}
        unconfirmed = 0
        try:
            while running:
                time.sleep(0.01)
                for share, process in list(running.items()):
                    if process.poll() is not None:
                        if process.returncode:
                            raise RuntimeError(process.stderr.read().decode()[-2000:])
                        process.stderr.close()
                        del running[share]
                noted = sum(path.stat().st_size for path in folder.iterdir())
                if running and due and noted >= due[0] * whole:
                    share = generator.choice(list(running))
                    if not _kill(running[share]):
                        continue
                    del due[0]
                    unconfirmed += _written(store, share) - _confirmed(folder, share)
                    running[share] = _start(url, folder, round_, share, load)
        finally:
            for process in running.values():
                _kill(process)
        seconds = time.perf_counter() - start
        said = [one for writer in range(load.writers) for one in confirmed(folder, writer)]
    with store.engine.connect() as connection:
        there = connection.scalars(sa.select(REVIEWS.c.id)).all()
    found = verify(store.engine)
    store.engine.dispose()
    return {
        "seconds": seconds,
        "kills": load.kills - len(due),
        "unconfirmed": unconfirmed,
        "confirmed": len(set(said)),
        "lost": len(set(said) - set(there)),
        "duplicated": len(there) - len(set(there)),
        "unwanted": len(set(there) - wanted),
        "missing": len(wanted - set(there)),
        "findings": [str(one) for one in found.findings],
    }


def _start(
    url: str, folder: Path, round_: int, share: tuple[int, int], load: Load
) -> subprocess.Popen[bytes]:
    arguments = (url, str(folder), *map(str, (round_, *share, load.reviews)))
    command = [sys.executable, "-m", "benchmarks.record_writer", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)


def _kill(process: subprocess.Popen[bytes]) -> bool:
    """End a process at once; false if it had come to its own end."""
    process.kill()
    killed = process.wait() == -signal.SIGKILL
    if killed:
        process.stderr.close()
    return killed


def _written(store: Store, share: tuple[int, int]) -> int:
    first, writers = share
    return sum(store.reviews.count(reader=f"reader {first + one}") for one in range(writers))


def _confirmed(folder: Path, share: tuple[int, int]) -> int:
    first, writers = share
    return sum(len(set(confirmed(folder, first + one))) for one in range(writers))


def table(result: dict[str, Any]) -> str:
    """Write the tables in Markdown."""
    load = Load(**result["load"])
    lines = [
        f"### {load.writers} writers in {load.processes} processes, {load.reviews} reviews each a "
        f"round, on {result['machine']}, {result['cores']} cores",
        "",
        *header(
            "database",
            "rounds",
            "processes killed",
            "confirmed",
            "lost",
            "duplicated",
            "written, not confirmed at a kill, sent again",
            "reviews a second",
            "rounds not verified",
        ),
    ]
    records = result["records"]
    for database in dict.fromkeys(one["database"] for one in records):
        rounds = [one for one in records if one["database"] == database and "round" in one]
        if not rounds:
            continue

        def total(key: str, rounds: list[dict[str, Any]] = rounds) -> int:
            return sum(one[key] for one in rounds)

        speed = total("confirmed") / sum(one["seconds"] for one in rounds)
        lost = total("lost") + total("missing")
        cells = (total("kills"), total("confirmed"), lost)
        cells += (total("duplicated") + total("unwanted"), total("unconfirmed"), round(speed))
        bad = sum(bool(one["findings"]) for one in rounds)
        lines.append(row(database, str(len(rounds)), *(f"{one:,}" for one in cells), str(bad)))
    lines += ["", *header("database", "edit by hand", "done", "found", "first bad record named")]
    for one in records:
        for kind in one.get("kinds", ()):
            counts = (f"{kind[key]:,}" for key in ("edits", "found", "named"))
            lines.append(row(one["database"], kind["kind"], *counts))
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
