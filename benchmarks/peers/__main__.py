"""The same actions in our dashboard and in its peers, in one run on one machine.

    python -m benchmarks.peers --peers FOLDER
    python -m benchmarks.peers --show benchmarks/results/peers.json

Peers live in environments of their own in that folder, which are made if missing. Each figure is
kept as soon as it is there: a run that was stopped goes on. Whatever fails says so in its cell.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Error, Page

from benchmarks.browser import browser
from benchmarks.peers import explainerdashboard, interpret, lit, ours
from benchmarks.peers.serving import PeerError, install, serving
from benchmarks.peers.table import NONE, table
from benchmarks.peers.tool import ACTIONS, CASES, FEW, Tool
from benchmarks.records import Records
from benchmarks.stopwatch import Waited, waited
from minspnet.latency import processor

TOOLS = {
    "ours": ours.TOOL,
    "explainerdashboard": explainerdashboard.TOOL,
    "lit": lit.TOOL,
    "interpret": interpret.TOOL,
}
TURNS = 5
STARTS = 2
LIMIT_S = 60
LIMIT_MEASUREMENT_S = 60


def main() -> None:
    """Measure what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path, default=Path("peers"), help="their environments")
    parser.add_argument("--show", type=Path, metavar="FILE", help="only print a finished run")
    options = parser.parse_args()
    if options.show:
        print(table(json.loads(options.show.read_text())))
        return
    # Stopped from outside, servers end as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped; the next run goes on from here"))
    records = Records("peers", {"machine": processor(), "turns": TURNS})
    with browser() as chromium, tempfile.TemporaryDirectory() as store:
        for name, tool in TOOLS.items():
            _measure(records, name, tool, chromium, options.peers.resolve(), Path(store))
    print(table(records.result))


def _measure(
    records: Records, name: str, tool: Tool, chromium: Browser, peers: Path, store: Path
) -> None:
    missing = [action for action in ACTIONS if not records.has(tool=name, action=action)]
    for action in [one for one in missing if one != "start" and one not in tool.actions]:
        records.add({"tool": name, "action": action, "said": NONE})
    missing = [one for one in missing if one == "start" or one in tool.actions]
    try:
        if missing:
            install(tool, peers)
        if "start" in missing:
            times = [_start_ms(tool, chromium, peers, store) for _ in range(STARTS)]
            records.add({"tool": name, "action": "start", "times_ms": times} | _load())
        for cases in (FEW, 3000):
            todo = [one for one in missing if one != "start" and CASES.get(one, FEW) == cases]
            if todo:
                with serving(tool, peers, cases, store) as address:
                    for action in todo:
                        records.add(
                            {"tool": name, "action": action}
                            | _times(tool, chromium, address, action)
                            | _load()
                        )
    except (PeerError, Error) as error:
        for action in missing:
            if not records.has(tool=name, action=action):
                said = str(error).splitlines()[0][:120]
                records.add({"tool": name, "action": action, "said": f"failed: {said}"})


def _start_ms(tool: Tool, chromium: Browser, peers: Path, store: Path) -> float:
    """From the process, with the fewest cases and, of ours, the app that ships."""
    page = _page(chromium)
    start = time.perf_counter()
    with serving(tool, peers, 0 if tool.environment is None else FEW, store) as address:
        page.goto(address + tool.path)
        tool.first_plot(page)
        taken = 1000 * (time.perf_counter() - start)
        page.close()
    return taken


def _times(tool: Tool, chromium: Browser, address: str, action: str) -> dict[str, object]:
    """Turns of an action, as many as fit into its time; the first, which warms up, is left out.

    A turn without an answer counts for neither: the screen then said what it had said before.
    """
    page = _page(chromium)
    waits: list[Waited] = []
    deadline = time.monotonic() + LIMIT_MEASUREMENT_S
    try:
        page.goto(address + tool.path)
        tool.first_plot(page)
        page.wait_for_timeout(4000)
        doing = tool.actions[action]
        act = doing.prepare(page)
        for turn in range(1 + TURNS):
            if time.monotonic() > deadline:
                break
            waits.append(waited(page, act(turn), doing.answer, tool.part))
    except Error as error:
        if len(waits) < 2:
            said = f"failed: {str(error).splitlines()[0][:120]}"
            return {"said": said}
    finally:
        page.close()
    if not waits[1:]:
        return {"said": f"over {LIMIT_MEASUREMENT_S} s"}
    answered = [one for one in waits[1:] if one.answer is not None]
    if not answered:
        return {"said": "failed: no answer changed"}
    return {
        "answer_ms": [one.answer for one in answered],
        "times_ms": [one.everything for one in answered],
    }


def _load() -> dict[str, float]:
    """Programs that wanted a core in the last minute, this one's among them."""
    return {"load": round(os.getloadavg()[0], 1)}


def _page(chromium: Browser) -> Page:
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(1000 * LIMIT_S)
    return page


if __name__ == "__main__":
    main()
