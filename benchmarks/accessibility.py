"""What axe finds on every page: contrast, names, order; ours apart from what Streamlit draws.

    python -m benchmarks.accessibility

Every page of two models, wide in the light theme and narrow in the dark one, with its expanders
open, and every tab of it in turn. How bad a finding is says axe: minor, moderate, serious or
critical.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from benchmarks.browser import ROOT, browser, chromium_path, server, settle
from benchmarks.tables import header, row

MODELS = ("breast_cytology-mean_and_se", "lung_nodules")
LOOKS = ((1440, "light"), (390, "dark"))
PAGES = tuple(sorted(path.stem for path in (ROOT / "pages").glob("*.py")))
STOCK = (
    # A static table too wide for its place scrolls inside an element that no key can reach.
    ("scrollable-region-focusable", "[data-testid=stTable] > div"),
)
"""What Streamlit 1.67 draws so, whatever an app does: a rule of axe, and a selector."""


@dataclass(frozen=True)
class Finding:
    """One element that breaks a rule.

    Attributes:
        rule: axe's name for it.
        impact: How bad axe finds that.
        stock: Whether it is on the list of what the framework draws so.
        target: A selector of the element.
        html: How it begins.
        why: What axe measured.
    """

    rule: str
    impact: str
    stock: bool
    target: str
    html: str
    why: str

    @property
    def bad(self) -> bool:
        """Whether it keeps someone from using the page."""
        return self.impact in ("serious", "critical")


_RUN = """async (stock) => {
  const found = await axe.run(document, {resultTypes: ['violations']});
  return found.violations.flatMap((one) => one.nodes.map((node) => ({
    rule: one.id,
    impact: node.impact ?? one.impact,
    stock: stock.some(([rule, place]) => rule === one.id
      && document.querySelector(node.target[0])?.matches(place)),
    target: node.target.join(' '),
    html: node.html.slice(0, 200),
    why: [...node.any, ...node.all, ...node.none].map((check) => check.message).join('; '),
  })));
}"""


def findings(page: Page) -> list[Finding]:
    """Run axe over a page as it stands."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return [Finding(**one) for one in page.evaluate(_RUN, [list(one) for one in STOCK])]


def visit(chromium: Browser, address: str, name: str, model: str, width: int, theme: str) -> Page:
    """Open a page for a new visitor."""
    context = chromium.new_context(
        viewport={"width": width, "height": 2000},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{address}/{'' if name == 'overview' else name}?model={model}")
    page.get_by_role("heading", level=1).first.wait_for()
    settle(page)
    return page


def unfold(page: Page) -> None:
    """Open every expander."""
    closed = page.locator("[data-testid=stMain] details:not([open]) > summary:visible")
    for _ in range(closed.count()):
        if not closed.count():
            break
        closed.first.click()
        settle(page)


def views(page: Page) -> Iterator[str]:
    """Open every tab of a page in turn; gives what is open."""
    tabs = page.locator("[data-testid=stMain] [role=tab]")
    unfold(page)
    yield ""
    for title in tabs.all_inner_texts()[1:]:
        tabs.filter(has_text=title).first.click()
        settle(page)
        unfold(page)
        yield title


def main() -> None:
    """Print how often each rule is broken on each page, and by what."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", nargs="+", default=PAGES, choices=PAGES)
    options = parser.parse_args()
    if chromium_path() is None:
        sys.exit("Chromium is not installed.")
    lines = header("page", "views", "ours, serious or critical", "ours, less", "Streamlit's")
    kinds: Counter[Finding] = Counter()
    with (
        tempfile.TemporaryDirectory() as store,
        browser() as chromium,
        server(Path(store)) as (address, _),
    ):
        for name in options.pages:
            seen, found = 0, set()
            for model in MODELS:
                for width, theme in LOOKS:
                    page = visit(chromium, address, name, model, width, theme)
                    for _tab in views(page):
                        seen += 1
                        found |= set(findings(page))
                    page.context.close()
            kinds.update(found)
            lines.append(_counted(name, seen, found))
            print(lines[-1], file=sys.stderr)
    print("\n".join(lines))
    for one, _ in sorted(kinds.items(), key=lambda pair: (pair[0].stock, pair[0].rule)):
        owner = "Streamlit" if one.stock else "ours"
        print(f"\n{owner}: {one.rule} ({one.impact})\n  {one.target}\n  {one.html}\n  {one.why}")


def _counted(name: str, views: int, found: set[Finding]) -> str:
    ours = [one for one in found if not one.stock]
    bad = sum(one.bad for one in ours)
    return row(name, str(views), str(bad), str(len(ours) - bad), str(len(found) - len(ours)))


if __name__ == "__main__":
    main()
