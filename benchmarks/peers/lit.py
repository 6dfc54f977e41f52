"""LIT, in the layout of its own example with columns."""

from collections.abc import Callable

from playwright.sync_api import Page

from benchmarks.peers.tool import Act, Tool, script


def _case(page: Page) -> Act:
    return lambda turn: page.get_by_text("Select random").click


def _cut(page: Page) -> Act:
    page.get_by_text("Metrics", exact=True).first.click()
    page.wait_for_timeout(5000)
    page.locator("thresholder-module input[type=range]").first.focus()
    return lambda turn: lambda: page.keyboard.press("PageUp" if turn % 2 else "PageDown")


def _what_if(page: Page) -> Act:
    page.get_by_text("Select random").click()
    page.wait_for_timeout(3000)

    def act(turn: int) -> Callable[[], object]:
        page.locator("datapoint-editor-module input").last.fill(f"{0.08 + 0.001 * turn:.3f}")
        return page.get_by_text("Add and compare").last.click

    return act


TOOL = Tool(
    "LIT 1.3.1",
    script("lit"),
    lambda page: page.locator("scalar-module svg circle").first.wait_for(),
    {"case": _case, "cut": _cut, "cut 3000": _cut, "what if": _what_if},
    "lit.txt",
)
