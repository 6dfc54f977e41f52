"""Five tasks as a person does them, from the Overview page: clicks, keys, scrolls and waiting.

    python -m benchmarks.journeys

The same steps are the tests of ``tests/test_journeys.py``, which also check that what is found is
right. Waiting is from a press until its consequence is seen; reading and thinking are left out.
"""

import re
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Download, Locator, Page

from benchmarks.browser import browser, server, settle
from benchmarks.records import Records
from benchmarks.tables import header, row
from minspnet.latency import processor

MODELS = ("breast_cytology-mean_and_se", "lung_nodules")
TURNS = 3
_HEADER, _BOX = 35, 36
"""Of a table: height of its header, width of its column of boxes to tick, in pixels."""


@dataclass
class Visitor:
    """Somebody at a browser, and what it takes them.

    Attributes:
        page: What they see.
        clicks: Of the mouse.
        keys: Pressed.
        scrolls: Times that what to press was not on the screen.
        waited_s: Seconds between a press and its consequence, in all.
    """

    page: Page
    clicks: int = 0
    keys: int = 0
    scrolls: int = 0
    waited_s: float = 0.0
    saved: list[Download] = field(default_factory=list)

    def click(self, what: Locator, seen: Locator, at: tuple[int, int] | None = None) -> None:
        """Press something and wait for what it does.

        Args:
            what: To press.
            seen: What is on the screen afterwards.
            at: Where on it, in pixels from its corner; its middle if left out.
        """
        self._bring(what)
        start = time.perf_counter()
        if at is None:
            what.click()
        else:
            what.click(position={"x": at[0], "y": at[1]})
        seen.wait_for()
        self._waited(start)
        settle(self.page)

    def save(self, what: Locator) -> None:
        """Press something that gives a file."""
        self._bring(what)
        start = time.perf_counter()
        with self.page.expect_download() as coming:
            what.click()
        self.saved.append(coming.value)
        coming.value.path()
        self._waited(start)

    def _bring(self, what: Locator) -> None:
        what.wait_for()
        box, screen = what.bounding_box(), self.page.viewport_size
        assert box
        assert screen
        # A table may reach beyond the screen: its top is what is pressed.
        if box["y"] + min(box["height"], 2 * _HEADER) > screen["height"]:
            self.scrolls += 1
            what.scroll_into_view_if_needed()

    def _waited(self, start: float) -> None:
        self.clicks += 1
        self.waited_s += time.perf_counter() - start


def start(page: Page, address: str, model: str) -> Visitor:
    """Open the Overview page; what comes after is counted."""
    page.goto(f"{address}/?model={model}")
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    settle(page)
    return Visitor(page)


def tile(page: Page, title: str | re.Pattern[str]) -> Locator:
    """A figure by its title."""
    return page.get_by_test_id("stMetric").filter(has=page.get_by_text(title, exact=True))


def reasons(page: Page) -> Locator:
    """The sentences that say why a case is decided as it is."""
    return page.get_by_test_id("stMarkdown").filter(
        has_text=re.compile(r"It would change to|No single finding would change")
    )


def uncertain_case(visitor: Visitor) -> str:
    """Find the most uncertain malignant case; give the reasons that the page says."""
    page = visitor.page
    table = page.get_by_test_id("stDataFrame")
    visitor.click(page.get_by_role("link", name="Cases", exact=True), table.locator("canvas").first)
    known = page.get_by_test_id("stButtonGroup").filter(has_text="Known answer")
    chip = page.get_by_role("button", name="known to be malignant")
    visitor.click(known.get_by_role("button", name="malignant"), chip)
    visitor.click(table, reasons(page), (_BOX + 90, _HEADER + 20))
    return reasons(page).inner_text()


def cheapest_policy(visitor: Visitor) -> str:
    """Find and take the cheapest policy within one point of accuracy; give what is said of it."""
    page = visitor.page
    said = page.get_by_test_id("stMarkdown").filter(has_text="with all experts")
    visitor.click(page.get_by_role("button", name="Trade compute for accuracy"), said)
    found = said.inner_text()
    take = page.get_by_role("button", name="Take it", exact=True)
    visitor.click(take, page.get_by_role("button", name="Taken", exact=True))
    return found


def misleading_concept(visitor: Visitor) -> str:
    """Tell which concept misleads the network most."""
    page = visitor.page
    said = page.get_by_test_id("stAlert").filter(has_text=re.compile("misleads it"))
    visitor.click(page.get_by_role("button", name="See what misleads it"), said)
    return said.inner_text()


def correction(visitor: Visitor) -> str:
    """Show that setting one concept changes an answer; give the answers before and after."""
    page = visitor.page
    change = page.get_by_role("button", name=re.compile("^Set .* to "))
    visitor.click(page.get_by_role("button", name="Review the least certain case"), change)
    before = tile(page, "The network says").get_by_test_id("stMetricValue").inner_text()
    after = tile(page, "With your changes").get_by_test_id("stMetricValue")
    visitor.click(change, after)
    return f"{before} -> {after.inner_text()}"


def report(visitor: Visitor) -> str:
    """Take a case along as PDF and as HTML; give the names of the files."""
    page = visitor.page
    button = page.get_by_role("button", name="Report", exact=True)
    visitor.click(page.get_by_role("button", name="Review the least certain case"), button)
    pdf = page.get_by_role("button", name="Download as PDF")
    visitor.click(button, pdf)
    visitor.save(pdf)
    visitor.save(page.get_by_role("button", name="Download as HTML"))
    return ", ".join(one.suggested_filename for one in visitor.saved)


@dataclass(frozen=True)
class Task:
    """Something to find out or to do.

    Attributes:
        title: In words.
        do: The steps, which give what the screen says in the end.
        explainerdashboard: Whether and how it can be done there.
        lit: Likewise in LIT.
    """

    title: str
    do: Callable[[Visitor], str]
    explainerdashboard: str
    lit: str


_NO_COMPUTE = "no: no accuracy against compute"
_NO_CONCEPTS = "no: no concepts to correct"
TASKS = {
    "uncertain": Task(
        "the most uncertain malignant case, and why",
        uncertain_case,
        "nearly, 6 and more: a random case of those known malignant, in a range of chances "
        "narrowed by hand; its contributions stand below",
        "not shown: its table has the chances as a column, SHAP waits for Apply; sorting by "
        "uncertainty was not tried",
    ),
    "cheapest": Task(
        "the cheapest policy within 1 point of accuracy",
        cheapest_policy,
        _NO_COMPUTE,
        _NO_COMPUTE,
    ),
    "misleads": Task(
        "the concept that misleads most", misleading_concept, _NO_CONCEPTS, _NO_CONCEPTS
    ),
    "correction": Task(
        "a corrected concept changes the answer",
        correction,
        "of inputs only: 3, the answer follows the typing",
        "of inputs only: 3, the edited copy is set beside the original",
    ),
    "report": Task(
        "a report of a case, as PDF and HTML",
        report,
        "2, as HTML, no PDF: offline its tables are there and none of its plots",
        "no report: rows as CSV",
    ),
}


def main() -> None:
    """Do what is not recorded yet and print the table."""
    records = Records("journeys", {"machine": processor(), "turns": TURNS})
    with (
        browser() as chromium,
        tempfile.TemporaryDirectory() as folder,
        server(Path(folder)) as (address, _),
    ):
        for model in MODELS:
            for name, task in TASKS.items():
                if not records.has(model=model, task=name):
                    done = [_done(chromium, address, model, task) for _ in range(1 + TURNS)]
                    records.add({"task": name, "model": model} | _record(done))
    print(table(records.result))


def _done(chromium: Browser, address: str, model: str, task: Task) -> tuple[Visitor, str]:
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(60_000)
    visitor = start(page, address, model)
    said = task.do(visitor)
    page.close()
    return visitor, said


def _record(done: list[tuple[Visitor, str]]) -> dict[str, Any]:
    """What it took; the first time apart, for what is then kept is worked out."""
    (first, _), *again = done
    last, said = again[-1]
    return {
        "said": said,
        "clicks": last.clicks,
        "keys": last.keys,
        "scrolls": last.scrolls,
        "first_s": round(first.waited_s, 3),
        "waited_s": [round(one.waited_s, 3) for one, _ in again],
    }


def table(result: dict[str, Any]) -> str:
    """Write the table in Markdown."""
    lines = [
        f"### Five tasks in Chromium, on {result['machine']}",
        "",
        *header(
            "task",
            "model",
            "clicks",
            "keys",
            "scrolls",
            "waiting, s",
            "the first time, s",
            "in explainerdashboard 0.5.8",
            "in LIT 1.3.1",
        ),
    ]
    for one in result["records"]:
        task, times = TASKS[one["task"]], one["waited_s"]
        spread = f"{statistics.median(times):.1f} ({min(times):.1f} to {max(times):.1f})"
        counts = (str(one[name]) for name in ("clicks", "keys", "scrolls"))
        lines.append(
            row(
                task.title,
                one["model"],
                *counts,
                spread,
                f"{one['first_s']:.1f}",
                task.explainerdashboard,
                task.lit,
            )
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
