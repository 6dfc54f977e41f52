"""Many people at one dashboard, all moving sliders: how long each waits, and what memory it takes.

    python -m benchmarks.sessions

A session opens the Routing page, thinks for one to three seconds, lets go of a gate threshold or
of the decision threshold somewhere else, waits for what depends on it, and thinks again. A wait is
from the message sent to the message that the script has finished, all charts having arrived;
drawing them is the browser's, which ``benchmarks.speed`` times. The visitors run on the same cores
as the server. Reads ``/proc``, so it runs on Linux.
"""

import argparse
import asyncio
import os
import random
import re
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.browser import server
from benchmarks.records import Records
from benchmarks.tables import header, row
from benchmarks.visitor import Visitor, visit
from minspnet.domains import SAMPLE_DATA
from minspnet.latency import processor

PAGE = "routing"
ONE = "breast_cytology-mean_and_se"
ALL = "all of them"
THINK_S = (1.0, 3.0)
LONGEST_S = 60.0


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 50])
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    about = {"machine": processor(), "cores": os.cpu_count(), "seconds": options.seconds}
    records = Records("sessions", about)
    for count in options.sessions:
        for models in (ONE, ALL) if count > 1 else (ONE,):
            key = {"sessions": count, "models": models}
            if not records.has(**key):
                busy = os.getloadavg()[0]
                found = measure(count, models, options.seconds)
                records.add(key | {"busy": busy} | found)
    print(table(records.result))


def names(models: str) -> list[str]:
    """The models that sessions look at in turn."""
    if models != ALL:
        return [models]
    return sorted(path.parent.name for path in (SAMPLE_DATA / "models").glob("*/model.json"))


def measure(sessions: int, models: str, seconds: float) -> dict[str, Any]:
    """Start a server, have everybody move sliders, and ask what it took."""
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as (address, log):
        pid = int(log.with_suffix(".pid").read_text())
        found = asyncio.run(_crowd(address, pid, sessions, names(models), seconds))
        found["errors"] += re.findall(r".*(?:Error|Traceback).*", log.read_text())
    return found


async def _crowd(
    address: str, pid: int, sessions: int, models: list[str], seconds: float
) -> dict[str, Any]:
    started = resident_mb(pid)
    async with AsyncExitStack() as stack:
        links = [f"model={models[n % len(models)]}" for n in range(sessions)]
        crowd = [await stack.enter_async_context(visit(address, PAGE, link)) for link in links]
        # One at a time up to here: this is a server that has been up for a while.
        first, others = crowd[: len(models)], crowd[len(models) :]
        for visitor in first:
            await _open(visitor)
        while any(visitor.waits for visitor in first):
            await asyncio.sleep(0.5)
        warm = resident_mb(pid)
        opened = await asyncio.gather(*(_open(visitor) for visitor in others))
        await asyncio.sleep(2)
        full, before = resident_mb(pid), cpu_s(pid)
        waits = await asyncio.gather(*(_stay(v, n, seconds) for n, v in enumerate(crowd)))
        every = [wait for one in waits for wait in one]
        return {
            "waits_s": [round(wait, 4) for wait in every],
            "opening_s": [round(wait, 3) for wait in opened],
            "errors": [error for visitor in crowd for error in visitor.errors],
            "resident_mb": {
                "started": started,
                "first": warm,
                "all": full,
                "end": resident_mb(pid),
            },
            "cpu_ms": 1000 * (cpu_s(pid) - before) / max(1, len(every)),
        }


async def _open(visitor: Visitor) -> float:
    try:
        return await asyncio.wait_for(visitor.open(), LONGEST_S)
    except TimeoutError:
        visitor.errors.append(f"the page was not there within {LONGEST_S:.0f} s")
        return LONGEST_S


async def _stay(visitor: Visitor, seed: int, seconds: float) -> list[float]:
    """Move sliders until the time is over; the seconds of each wait."""
    chance, waits = random.Random(seed), []
    # Nobody starts at the same moment as anybody else.
    await asyncio.sleep(chance.uniform(0, THINK_S[1]))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end and not visitor.errors:
        keys = [key for key in visitor.handles if key.startswith("gate-") or key == "cut"]
        moved = visitor.move(chance.choice(sorted(keys)), chance.random())
        try:
            waits.append(await asyncio.wait_for(moved, LONGEST_S))
        except TimeoutError:
            visitor.errors.append(f"no answer within {LONGEST_S:.0f} s")
        await asyncio.sleep(chance.uniform(*THINK_S))
    return waits


def resident_mb(pid: int) -> float:
    """Memory that a process holds, in megabytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process has taken."""
    # The name in brackets may hold spaces; user and system time stand 12th and 13th after it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def table(result: dict[str, Any]) -> str:
    """Write the table in Markdown."""
    lines = [
        f"### Moving sliders for {result['seconds']:.0f} s, on {result['machine']}, "
        f"{result['cores']} cores",
        "",
        *header(
            "sessions",
            "model",
            "cores busy before",
            "moves",
            "median, s",
            "p95, s",
            "longest, s",
            "errors",
            "others open at once, longest, s",
            "server's processor time a move, ms",
            "MB at the start",
            "each model opened once",
            "all sessions open",
            "at the end",
            "a session more, MB",
        ),
    ]
    for one in result["records"]:
        waits, held = one["waits_s"], one["resident_mb"]
        more = one["sessions"] - len(names(one["models"]))
        each = f"{(held['all'] - held['first']) / more:.1f}" if more else ""
        lines.append(
            row(
                str(one["sessions"]),
                one["models"],
                f"{one['busy']:.1f}",
                f"{len(waits):,}",
                *(f"{value:.2f}" for value in np.quantile(waits, [0.5, 0.95, 1])),
                str(len(one["errors"])),
                f"{max(one['opening_s']):.1f}" if one["opening_s"] else "",
                f"{one['cpu_ms']:.0f}",
                *(f"{held[when]:,.0f}" for when in ("started", "first", "all", "end")),
                each,
            )
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
