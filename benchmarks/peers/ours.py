"""Our dashboard, with as many cases as the peers get."""

import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.browser import settle
from benchmarks.peers.tool import Act, Action, Tool
from benchmarks.stopwatch import MAIN

TILES = "[data-testid=stMetric]"
MODEL = "breast_cytology-mean_and_se"


def _command(peers: Path, port: int, cases: int) -> list[str]:
    entry = "benchmarks/large_app.py" if cases else "dashboard/app.py"
    command = [sys.executable, "-m", "streamlit", "run", entry, "--server.port", str(port)]
    return [*command, "--server.headless", "true", "--server.fileWatcherType", "none"]


def _first_plot(page: Page) -> None:
    page.locator(".js-plotly-plot .main-svg").first.wait_for()


def _to(page: Page, title: str) -> None:
    page.get_by_role("link", name=title, exact=True).click()
    page.wait_for_timeout(2000)
    settle(page)


def _case(page: Page) -> Act:
    _to(page, "Case")
    return lambda turn: page.get_by_role("button", name="Next").click


def _cut(page: Page) -> Act:
    _to(page, "Routing")
    # Times of the machine come in by themselves, and draw the slider anew.
    page.wait_for_timeout(8000)

    def act(turn: int) -> Callable[[], object]:
        page.get_by_role("slider", name="Call it malignant").first.focus()
        return lambda: page.keyboard.press("PageUp" if turn % 2 else "PageDown")

    return act


def _what_if(page: Page) -> Act:
    _to(page, "Case")
    page.get_by_test_id("stMain").get_by_test_id("stSlider").get_by_role("slider").first.focus()
    return lambda turn: lambda: page.keyboard.press("PageUp" if turn % 2 else "PageDown")


def _gate(page: Page) -> Act:
    _to(page, "Routing")
    page.wait_for_timeout(8000)
    page.get_by_test_id("stMain").get_by_role("slider").first.focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(1500)
    return lambda turn: lambda: page.keyboard.press("ArrowRight")


TOOL = Tool(
    "MINSPNET",
    _command,
    _first_plot,
    {
        "case": Action(_case, TILES),
        "cut": Action(_cut, TILES),
        "cut 3000": Action(_cut, TILES),
        "what if": Action(_what_if, TILES),
        "gate": Action(_gate, TILES),
    },
    path=f"?model={MODEL}",
    part=MAIN,
)
