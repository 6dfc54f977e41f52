"""How long people wait on each page, from the click to the last change they can see.

    python -m benchmarks.waiting
    python -m benchmarks.waiting --show benchmarks/results/waiting.json

In Chromium on the machine at hand, medians with the least and most. Read them beside those of
other machines as ratios only. *To the answer*: to the last change of the tiles that the act was
for; *everything redrawn*: to the last change on the page. *A bare page*: Streamlit with one slider,
one tile and one chart, which no page of it can beat. *3,000 cases*: validation cases drawn with
replacement and jittered.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from benchmarks.browser import browser, server, settle
from benchmarks.records import Records
from benchmarks.speed import cold_start
from benchmarks.stopwatch import Waited, waited
from benchmarks.tables import header, row
from minspnet.latency import processor

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
ANSWER = "[data-testid=stMetric]"
"""The tiles that say what the page was asked: an answer and its chance, or the scores."""
_ARRIVING = """
  window.arrived = {plot: null, last: 0};
  new MutationObserver(() => {
    window.arrived.last = performance.now();
    if (window.arrived.plot === null && document.querySelector('.js-plotly-plot .main-svg'))
      window.arrived.plot = window.arrived.last;
  }).observe(document, {subtree: true, childList: true, characterData: true, attributes: true});
"""


def main() -> None:
    """Measure what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", type=Path, metavar="FILE", help="only print a finished run")
    options = parser.parse_args()
    if options.show:
        print(table(json.loads(options.show.read_text())))
        return
    records = Records("waiting", {"turns": TURNS, "machine": processor()})
    with browser() as chromium:
        if not records.has(what="cold start"):
            starts = [1000 * cold_start(chromium) for _ in range(3)]
            _add(records, "cold start", "process start to first plot", starts)
        if not records.has(what="bare, everything"):
            with _serving("benchmarks/bare_app.py") as address:
                _on_a_bare_page(chromium, address, records)
        with _serving() as address:
            if not records.has(what="warm, plot"):
                _on_first_pages(chromium, address, records)
            for model in MODELS:
                if not records.has(what="cut, everything", model=model):
                    _on_one_model(chromium, address, model, records)
        if not records.has(what="large cut, everything"):
            os.environ["MINSPNET_CASES"] = "3000"
            with _serving("benchmarks/large_app.py") as address:
                _on_many_cases(chromium, address, records)
    print(table(records.result))


@contextmanager
def _serving(entry: str = "dashboard/app.py") -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, server(Path(folder), entry) as (address, _):
        yield address


def _add(records: Records, what: str, title: str, times: list[float], model: str = MODEL) -> None:
    records.add({"what": what, "title": title, "model": model, "times_ms": times})


def _add_both(
    records: Records, what: str, title: str, waits: list[Waited], answer: str, model: str = MODEL
) -> None:
    """An act may leave the tiles as they are: then only the others tell how long they take."""
    answered = [wait.answer for wait in waits if wait.answer is not None]
    _add(records, f"{what}, answer", f"{title}, to {answer}", answered, model)
    everything = [wait.everything for wait in waits]
    _add(records, f"{what}, everything", f"{title}, everything redrawn", everything, model)


def _on_a_bare_page(chromium: Browser, address: str, records: Records) -> None:
    page = _opened(chromium, address, "", 2)
    page.get_by_role("slider").focus()
    waits = [_key(page, "ArrowRight") for _ in range(2 * TURNS)]
    _add_both(records, "bare", "a bare page: slider moved", waits, "its tile", "none")
    page.close()


def _on_first_pages(chromium: Browser, address: str, records: Records) -> None:
    _first_page(chromium, address)
    new = [_first_page(chromium, address) for _ in range(TURNS)]
    _add(records, "new, plot", "a browser that was never here, to the first plot", new)
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    _first_page(context, address)
    again = [_first_page(context, address) for _ in range(TURNS)]
    _add(records, "warm, plot", "one that was here before, to the first plot", again)
    context.close()


def _first_page(visitor: Browser | BrowserContext, address: str) -> float:
    """Milliseconds from the link to the first plot, in a session of its own."""
    page = visitor.new_page()
    page.add_init_script(_ARRIVING)
    page.goto(address)
    page.wait_for_function("window.arrived && performance.now() - window.arrived.last > 1500")
    taken = float(page.evaluate("window.arrived.plot"))
    page.close()
    return taken


def _opened(chromium: Browser, address: str, path: str, seconds: float = 12) -> Page:
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{address}/{path}")
    page.wait_for_selector(".js-plotly-plot .main-svg")
    settle(page)
    # Heavy libraries load and times are measured behind the first page.
    page.wait_for_timeout(1000 * seconds)
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
    button = page.get_by_role("button", name="Next")
    waits = [waited(page, button.click, ANSWER) for _ in range(TURNS)]
    _add_both(records, "case", "another case", waits, "its answer", model)
    slider = page.get_by_test_id("stMain").get_by_test_id("stSlider").get_by_role("slider")
    slider.first.focus()
    moves = [_key(page, "PageUp" if turn % 2 else "PageDown") for turn in range(TURNS)]
    _add_both(records, "what if", "a finding moved", moves, "the answer", model)
    _visit(page, PAGES["routing"])
    page.get_by_test_id("stMain").get_by_role("slider").first.focus()
    moves = [_key(page, "PageUp" if turn % 2 else "PageDown") for turn in range(TURNS)]
    _add_both(records, "gate", "gate threshold moved", moves, "the scores", model)
    _cut(page, records, "cut", "decision threshold moved", model)
    page.close()


def _cut(page: Page, records: Records, what: str, title: str, model: str) -> None:
    page.get_by_role("slider", name="Call it malignant").first.focus()
    moves = [_key(page, "PageUp" if turn % 2 else "PageDown") for turn in range(2 * TURNS)]
    _add_both(records, what, title, moves, "the scores", model)


def _on_many_cases(chromium: Browser, address: str, records: Records) -> None:
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    start = time.perf_counter()
    page.goto(f"{address}/routing?model={MODEL}")
    page.wait_for_selector(".js-plotly-plot .main-svg")
    first = 1000 * (time.perf_counter() - start)
    _add(records, "large first", "3,000 cases: a new server's first page, Routing", [first])
    page.wait_for_timeout(15_000)
    _cut(page, records, "large cut", "3,000 cases: decision threshold moved", MODEL)


def _key(page: Page, name: str) -> Waited:
    return waited(page, lambda: page.keyboard.press(name), ANSWER)


def _visit(page: Page, title: str) -> float:
    link = page.get_by_role("link", name=title, exact=True)
    return waited(page, link.click).everything


def table(result: dict[str, Any]) -> str:
    """Write the table in Markdown."""
    lines = [
        "### In Chromium, ms",
        "",
        *header("from the act to the last change seen", "model", "median", "least", "most"),
    ]
    for one in result["records"]:
        times = one["times_ms"]
        cells = [f"{value:,.0f}" for value in (statistics.median(times), min(times), max(times))]
        lines.append(row(one["title"], one["model"], *cells))
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
