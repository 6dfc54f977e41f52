"""One batch of bad input in a process of its own, whose memory is bounded and whose files are seen.

    python -m benchmarks.fuzz.batch ROOM ENTRY SEED FIRST COUNT

Prints what came of it as JSON. Each input follows from entry, seed and number alone, so that the
same command with its number and 1 brings back a fault.
"""

import json
import logging
import os
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.fuzz.words import CANARY

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ("dashboard", "minspnet", "pages", "sample_data")
"""Folders of the product that must stay as they are."""
PAGES = ("Pages: links", "Pages: files", "Pages: widgets")
SECONDS = {True: 60.0, False: 20.0}
"""That one input may take, on a page and elsewhere."""
MEMORY = 1536
"""MB of address space that a batch may take on top of the loaded program."""
_STEPS = 15
"""Inputs that one visit of a page gets."""
_CACHES = ("__pycache__",)

Give = Callable[[random.Random], str]


def prepare(room: Path) -> Path:
    """Set up a data folder, a file outside that nothing may open, and this process for both."""
    outside, home = room / "outside", room / "home"
    outside.mkdir(exist_ok=True)
    (outside / CANARY).write_text("Nothing of the product's business.\n")
    told = {"MINSPNET_HOME": home, "TMPDIR": home / "tmp", "HOME": room / "nobody"}
    os.environ.update({name: str(path) for name, path in told.items()})
    os.environ.pop("MINSPNET_DATABASE_URL", None)
    sys.dont_write_bytecode = True
    return outside


def run_batch(room: Path, entry: str, seed: int, first: int, count: int) -> dict[str, Any]:
    """Give an entry its inputs; what went wrong is told, nothing is raised.

    Args:
        room: Folder of the campaign, in which ``seeds.make`` has been.
        entry: One of ``PAGES``, or of the uploads and forms.
        seed: Of the campaign.
        first: Number of the first input.
        count: How many.
    """
    outside = prepare(room)
    from benchmarks.fuzz import seeds, watch
    from benchmarks.fuzz.uploads import Place
    from minspnet.errors import UserError

    place = Place(room / "seeds", seeds.home_from(room / "seeds", room / "home"), outside)
    (room / "home" / "tmp").mkdir()
    on_pages = entry in PAGES
    give, fresh = _entry(entry, place)
    program = {name: watch.listing(ROOT / name, _CACHES) for name in PROGRAM}
    beside = watch.listing(outside)
    watcher = watch.Watch(room / "home", (ROOT, room / "seeds"))
    watch.forget_peak()
    before = watch.memory()
    watch.allow(watch.address_space() + MEMORY)
    said: Counter[str] = Counter()
    faults: list[dict[str, Any]] = []
    slowest = (0.0, first)
    began = time.monotonic()
    for number in range(first, first + count):
        chance = random.Random(f"{entry}/{seed}/{number}")
        start = time.monotonic()
        try:
            with watcher.watching(), watch.at_most(SECONDS[on_pages]):
                said[give(chance)] += 1
        except UserError as error:
            said["refused"] += 1
            if "Traceback" in str(error) or str(room / "home") in str(error):
                faults.append({"number": number, "what": f"insides are told: {error}"[:600]})
        except (Exception, watch.TooLong) as error:
            where = traceback.format_exc()[-1500:] if not on_pages else ""
            what = f"{type(error).__name__}: {error}"[:600]
            faults.append({"number": number, "what": what, "where": where})
            fresh()
        slowest = max(slowest, (time.monotonic() - start, number))
    found = list(watcher.found)
    if beside != watch.listing(outside):
        found.append("the folder beside the data folder is another")
    for name, listed in program.items():
        if listed != watch.listing(ROOT / name, _CACHES):
            found.append(f"{name}/ is another")
    return {
        "inputs": count,
        "taken": said["taken"],
        "refused": said["refused"],
        "faults": faults,
        "outside": sorted(set(found)),
        "seconds": round(time.monotonic() - began, 2),
        "slowest": [round(slowest[0], 3), slowest[1]],
        "peak_mb": round(watch.peak() - before, 1),
        "left_mb": round(watch.memory() - before, 1),
    }


def _entry(name: str, place: Any) -> tuple[Give, Callable[[], None]]:
    """What an entry does with an input, and what to do after a fault."""

    def nothing() -> None:
        return None

    if name not in PAGES:
        from benchmarks.fuzz.forms import FORMS
        from benchmarks.fuzz.uploads import UPLOADS, bad_file

        def through_core(chance: random.Random) -> str:
            if name in UPLOADS:
                UPLOADS[name].give(*bad_file(UPLOADS[name], chance, place), chance, place)
            else:
                FORMS[name](chance, place)
            return "taken"

        return through_core, nothing
    return _on_pages(name, place, nothing)


def _on_pages(
    name: str, place: Any, nothing: Callable[[], None]
) -> tuple[Give, Callable[[], None]]:
    from benchmarks.fuzz import pages
    from dashboard import heavy
    from minspnet import doors

    # No process that trains: it would outlive the batch.
    vars(doors).update(start=lambda workspace: None)
    heavy.load()
    for one in ("streamlit", "dashboard"):
        logging.getLogger(one).setLevel(logging.CRITICAL)
    for known in list(logging.root.manager.loggerDict):
        if known.startswith(("streamlit", "dashboard")):
            logging.getLogger(known).setLevel(logging.CRITICAL)
    if name == "Pages: links":
        return lambda chance: pages.give_link(chance, place), nothing
    if name == "Pages: files":
        return lambda chance: pages.give_file(chance, place), nothing
    visits: list[pages.Visit] = []
    steps = [0]

    def handle(chance: random.Random) -> str:
        if not visits or steps[0] % _STEPS == 0:
            visits[:] = [pages.Visit(chance, place)]
        steps[0] += 1
        return visits[0].step(chance)

    return handle, visits.clear


def main() -> None:
    """Run a batch; its result is the last line."""
    room, entry, *numbers = sys.argv[1:]
    result = run_batch(Path(room), entry, *map(int, numbers))
    print(json.dumps(result), flush=True)
    # Threads that pages began would be waited for otherwise.
    os._exit(0)


if __name__ == "__main__":
    main()
