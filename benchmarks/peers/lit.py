"""LIT, in the layout of its own example with columns."""

from collections.abc import Callable

from playwright.sync_api import Page

from benchmarks.peers.tool import Act, Action, Tool, script

PREDICTION = "classification-module"
SCORES = "metrics-module"


def _case(page: Page) -> Act:
    return lambda turn: page.get_by_text("Select random").click


def _cut(page: Page) -> Act:
    page.get_by_text("Metrics", exact=True).first.click()
    page.wait_for_timeout(5000)
    page.locator("thresholder-module input[type=range]").first.focus()
    return lambda turn: lambda: page.keyboard.press("PageUp" if turn % 2 else "PageDown")


def _what_if(page: Page) -> Act:
    entry = page.locator("datapoint-editor-module .entry", has_text="worst_area").locator("input")

    def act(turn: int) -> Callable[[], object]:
        if turn:  # what was compared before is still pinned
            page.get_by_text("Unpin").first.click()
        page.get_by_text("Select random").click()
        page.wait_for_timeout(2000)
        entry.fill(str(600 + 100 * turn))
        page.wait_for_timeout(1000)
        return page.locator("#compare").click

    return act


TOOL = Tool(
    "LIT 1.3.1",
    script("lit"),
    # Points are drawn by WebGL: their axes are what can be waited for.
    lambda page: page.locator("scalar-module .axes text").first.wait_for(state="attached"),
    {
        "case": Action(_case, PREDICTION),
        "cut": Action(_cut, SCORES),
        "cut 3000": Action(_cut, SCORES),
        "what if": Action(_what_if, PREDICTION),
    },
    "lit.txt",
)
