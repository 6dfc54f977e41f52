"""explainerdashboard, in its default arrangement."""

from playwright.sync_api import Page

from benchmarks.peers.tool import Act, Action, Tool, script

PREDICTION = "[id^=clas-prediction-div]"
SCORES = "[id^=clas-model-summary-div]"


def _tab(page: Page, title: str) -> None:
    page.locator(".tab", has_text=title).first.click()
    page.wait_for_timeout(5000)


def _case(page: Page) -> Act:
    _tab(page, "Individual Predictions")
    return lambda turn: page.locator("[id^=random-index-clas-button]:visible").first.click


def _cut(page: Page) -> Act:
    _tab(page, "Classification Stats")
    cutoff = page.locator("[id^=cutoffconnector-cutoff]:visible").get_by_role("slider").first
    cutoff.focus()
    return lambda turn: lambda: page.keyboard.press("PageUp" if turn % 2 else "PageDown")


def _what_if(page: Page) -> Act:
    _tab(page, "What if...")
    page.locator("[id^=random-index-clas-button]:visible").first.click()
    page.wait_for_timeout(4000)
    entry = page.locator("[id^=feature-input-worst_area-input]:visible").first
    return lambda turn: lambda: entry.fill(str(600 + 100 * turn))


TOOL = Tool(
    "explainerdashboard 0.5.8",
    script("explainerdashboard"),
    lambda page: page.locator(".js-plotly-plot .point:visible").first.wait_for(),
    {
        "case": Action(_case, PREDICTION),
        "cut": Action(_cut, SCORES),
        "cut 3000": Action(_cut, SCORES),
        "what if": Action(_what_if, PREDICTION),
    },
    "explainerdashboard.txt",
)
