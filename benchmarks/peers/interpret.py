"""InterpretML: the explanations of one model, case by case."""

from collections.abc import Callable

from playwright.sync_api import Page

from benchmarks.peers.tool import Act, Action, Tool, script


def _choice(page: Page, row: int) -> Callable[[], object]:
    page.locator(".dash-dropdown").first.click()
    option = page.get_by_role("option").nth(row)
    option.wait_for()
    return option.click


def _first_plot(page: Page) -> None:
    _choice(page, 1)()
    page.locator(".js-plotly-plot .main-svg .point").first.wait_for()


def _case(page: Page) -> Act:
    return lambda turn: _choice(page, 2 + turn)


TOOL = Tool(
    "InterpretML 0.7.8",
    script("interpret"),
    _first_plot,
    {"case": Action(_case, "#viz-container")},
    "interpret.txt",
    prints_address=True,
)
