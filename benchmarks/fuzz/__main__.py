"""A campaign of bad input over every upload, link and form of the product.

    python -m benchmarks.fuzz [--core 1000] [--pages 700] [--seconds 3600] [--room FOLDER]

Uploads and forms go through the entry in the core that their page calls, ``--core`` inputs each;
links, files and widgets go through the real pages, ``--pages`` inputs each. Inputs are made from
sound files and fields by seed; batches run in processes of their own (``benchmarks.fuzz.batch``).
A fault is whatever is neither taken nor refused in a sentence: an exception, a page that fails,
tells of its insides or lets markup stand, a run over its time, memory over its limit. A stopped
campaign goes on; ``--seconds`` ends it in time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.fuzz.batch import MEMORY, PAGES, ROOT, SECONDS
from benchmarks.fuzz.table import NAME, table
from benchmarks.records import Records
from minspnet.latency import processor

_BATCH = {True: 50, False: 500}
"""Inputs of a batch, on pages and elsewhere."""
_PATIENCE = 1_800


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--core", type=int, default=1_000, help="inputs of each upload and form")
    parser.add_argument("--pages", type=int, default=700, help="of each way into the pages")
    parser.add_argument("--seconds", type=float, default=3_600, help="for all of it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--room", type=Path, help="keep the files of the campaign here")
    options = parser.parse_args()
    about = {"machine": processor(), "cores": os.cpu_count(), "seed": options.seed}
    about |= {"memory_mb": MEMORY, "seconds_core": SECONDS[False], "seconds_page": SECONDS[True]}
    records, end = Records(NAME, about), time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory(prefix="fuzz-") as made:
        room = options.room or Path(made)
        _make_seeds(room)
        for entry, first, count in _batches(options.core, options.pages):
            if records.has(entry=entry, first=first):
                continue
            if time.monotonic() > end:
                print("Out of time: run it again to go on.")
                break
            found = run(room, entry, options.seed, first, count)
            records.add({"entry": entry, "first": first, **found})
            for fault in found["faults"]:
                print(entry, fault["number"], fault["what"], flush=True)
    print(table(records.result))


def _batches(core: int, pages: int) -> list[tuple[str, int, int]]:
    from benchmarks.fuzz.forms import FORMS
    from benchmarks.fuzz.uploads import UPLOADS

    found = []
    for entry in (*UPLOADS, *FORMS, *PAGES):
        most, size = (pages if entry in PAGES else core), _BATCH[entry in PAGES]
        found += [(entry, one, min(size, most - one)) for one in range(0, most, size)]
    return sorted(found, key=lambda one: one[1] / _BATCH[one[0] in PAGES])


def _make_seeds(room: Path) -> None:
    if not (room / "seeds").is_dir():
        room.mkdir(parents=True, exist_ok=True)
        program = "import sys; from pathlib import Path; from benchmarks.fuzz.seeds import make; "
        program += "make(Path(sys.argv[1]))"
        command = [sys.executable, "-c", program, str(room / "seeds")]
        subprocess.run(command, cwd=ROOT, check=True)


def run(room: Path, entry: str, seed: int, first: int, count: int) -> dict[str, Any]:
    """One batch in a process; one that ends badly is a fault too."""
    numbers = map(str, (seed, first, count))
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.fuzz.batch", str(room), entry]
    began, said = time.monotonic(), ""
    try:
        done = subprocess.run(
            [*command, *numbers], cwd=ROOT, capture_output=True, text=True, timeout=_PATIENCE
        )
        if done.returncode == 0:
            result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
            return result
        said = f"the process ended with {done.returncode}: {done.stderr[-600:]}"
    except subprocess.TimeoutExpired:
        said = f"the process took more than {_PATIENCE:,} s"
    seconds = round(time.monotonic() - began, 2)
    return {
        "inputs": count, "taken": 0, "refused": 0, "faults": [{"number": first, "what": said}],
        "outside": [], "seconds": seconds, "slowest": [seconds, first], "peak_mb": 0.0,
        "left_mb": 0.0,
    }  # fmt: skip


if __name__ == "__main__":
    main()
