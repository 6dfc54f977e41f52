"""How long people wait on each page, from the click to the last thing redrawn.

    python -m benchmarks.waiting
    python -m benchmarks.waiting --show benchmarks/results/waiting.json

In Chromium on the machine at hand, medians with the least and most. Read them beside those of
other machines as ratios only. *3,000 cases*: validation cases drawn with replacement and jittered.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from benchmarks.browser import browser, server, settle
from benchmarks.records import Records
from benchmarks.speed import cold_start
from benchmarks.tables import header, row

PAGES = {
    "overview": "Overview",
    "cases": "Cases",
    "case": "Case",
    "concepts": "Concepts",
    "routing": "Routing",
    "activations": "Activations",
    "compare": "Compare",
    "facts": "Model facts",
}
"""All but Attributions, which redraws its progress while it judges methods in the background."""
MODEL = "breast_cytology-mean_and_se"
MODELS = (MODEL, "lung_nodules")
TURNS = 7
_WATCH = """() => {
  window.changed = performance.now();
  const main = document.querySelector('[data-testid=stMain]');
  window.watcher = new MutationObserver(() => { window.changed = performance.now(); });
  window.watcher.observe(main, {subtree: true, childList: true, characterData: true});
  window.pressed = performance.now();
}"""
_READ = "() => { window.watcher.disconnect(); return window.changed - window.pressed; }"


def waited(page: Page, act: Callable[[], object], quiet_ms: int = 1500) -> float:
    """Milliseconds from an act to the last change on the page; then it must be quiet."""
    page.evaluate(_WATCH)
    act()
    page.wait_for_function(
        "quiet => performance.now() - Math.max(window.changed, window.pressed) > quiet",
        arg=quiet_ms,
        timeout=60_000,
    )
    return float(page.evaluate(_READ))


def main() -> None:
    """Measure what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", type=Path, metavar="FILE", help="only print a finished run")
    options = parser.parse_args()
    if options.show:
        print(table(json.loads(options.show.read_text())))
        return
    records = Records("waiting", {"turns": TURNS})
    with browser() as chromium:
        if not records.has(what="cold start"):
            starts = [1000 * cold_start(chromium) for _ in range(3)]
            _add(records, "cold start", "process start to first plot", starts)
        with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as (address, _):
            if not records.has(what="warm start"):
                _first_page(chromium, address)
                times = [_first_page(chromium, address) for _ in range(5)]
                _add(records, "warm start", "a new visitor to the last chart of Overview", times)
            for model in MODELS:
                if not records.has(what="what if", model=model):
                    _on_one_model(chromium, address, model, records)
        if not records.has(what="large cut"):
            with tempfile.TemporaryDirectory() as folder:
                _large(chromium, folder, records)
    print(table(records.result))


def _add(records: Records, what: str, title: str, times: list[float], model: str = MODEL) -> None:
    records.add({"what": what, "title": title, "model": model, "times_ms": times})


def _first_page(chromium: Browser, address: str) -> float:
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    start = page.evaluate("performance.timeOrigin + performance.now()")
    page.goto(address)
    page.wait_for_selector(".js-plotly-plot .main-svg")
    settle(page)
    taken = float(page.evaluate("performance.timeOrigin + performance.now()")) - start
    page.close()
    return taken


def _opened(chromium: Browser, address: str, path: str) -> Page:
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{address}/{path}")
    page.wait_for_selector(".js-plotly-plot .main-svg")
    settle(page)
    # Heavy libraries load and times are measured behind the first page.
    page.wait_for_timeout(12_000)
    return page


def _on_one_model(chromium: Browser, address: str, model: str, records: Records) -> None:
    page = _opened(chromium, address, f"routing?model={model}")
    for title in PAGES.values():  # the first visit computes what is then kept
        _visit(page, title)
    switches: dict[str, list[float]] = {name: [] for name in PAGES}
    for _ in range(3):
        for name, title in PAGES.items():
            switches[name].append(_visit(page, title))
    for name, times in switches.items():
        _add(records, f"to {name}", f"page switch to {PAGES[name]}", times, model)
    _visit(page, PAGES["case"])
    steps = [waited(page, page.get_by_role("button", name="Next").click) for _ in range(TURNS)]
    _add(records, "case", "another case, everything redrawn", steps, model)
    slider = page.get_by_test_id("stMain").get_by_test_id("stSlider").get_by_role("slider")
    slider.first.focus()
    moves = [
        waited(page, lambda turn=turn: page.keyboard.press("PageUp" if turn % 2 else "PageDown"))
        for turn in range(TURNS)
    ]
    _add(records, "what if", "a finding moved, everything redrawn", moves, model)
    _visit(page, PAGES["routing"])
    _cut(page, records, "cut", "decision threshold moved, everything redrawn", model)
    page.close()


def _cut(page: Page, records: Records, what: str, title: str, model: str) -> None:
    page.get_by_role("slider", name="Call it malignant").first.focus()
    moves = [waited(page, lambda: page.keyboard.press("ArrowRight")) for _ in range(TURNS)]
    _add(records, what, title, moves, model)


def _large(chromium: Browser, folder: str, records: Records) -> None:
    os.environ["MINSPNET_CASES"] = "3000"
    with server(Path(folder), "benchmarks/large_app.py") as (address, _):
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        start = time.perf_counter()
        page.goto(f"{address}/routing?model={MODEL}")
        page.wait_for_selector(".js-plotly-plot .main-svg")
        settle(page)
        first = 1000 * (time.perf_counter() - start)
        _add(records, "large first", "3,000 cases: a new server's first page, Routing", [first])
        page.wait_for_timeout(15_000)
        _cut(page, records, "large cut", "3,000 cases: decision threshold moved", MODEL)


def _visit(page: Page, title: str) -> float:
    return waited(page, page.get_by_role("link", name=title, exact=True).click)


def table(result: dict[str, Any]) -> str:
    """Write the table in Markdown."""
    lines = [
        "### In Chromium, ms",
        "",
        *header("from the click to the last thing redrawn", "model", "median", "least", "most"),
    ]
    for one in result["records"]:
        times = one["times_ms"]
        cells = [f"{value:,.0f}" for value in (statistics.median(times), min(times), max(times))]
        lines.append(row(one["title"], one["model"], *cells))
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
