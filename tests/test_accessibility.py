"""Every page with axe in a real browser: nothing that keeps someone from using it is ours.

What the framework draws so whatever an app does stands in ``benchmarks.accessibility.STOCK``, each
with a reason; ``python -m benchmarks.accessibility`` opens every tab too.
"""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.accessibility import LOOKS, MODELS, PAGES, STOCK, findings, unfold, visit
from benchmarks.browser import browser, chromium_path, server

if chromium_path() is None:
    if os.environ.get("CI"):
        pytest.fail("CI must have Chromium for the browser tests", pytrace=False)
    pytest.skip("Chromium is not installed: axe did not run", allow_module_level=True)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server(tmp_path_factory.mktemp("store")) as (url, _):
        yield url


# In turn columns wide and light, pictures narrow, dark and unfolded: the benchmark looks at all.
@pytest.mark.parametrize(
    ("name", "model", "look"),
    [(name, MODELS[place % 2], LOOKS[place % 2]) for place, name in enumerate(PAGES)],
)
def test_nothing_serious_is_ours(
    chromium: Browser, address: str, name: str, model: str, look: tuple[int, str]
) -> None:
    page = visit(chromium, address, name, model, *look)
    try:
        if look == LOOKS[-1]:
            unfold(page)
        ours = [one for one in findings(page) if one.bad and not one.stock]
    finally:
        page.context.close()
    assert not ours, "\n".join(map(str, ours))


@pytest.fixture
def blank(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page()
    yield page
    page.close()


def test_what_is_ours_is_told_from_what_is_not(blank: Page) -> None:
    """An image without words is held against us, and a table's own scrolling is not."""
    blank.set_content(
        "<html lang=en><title>A page</title><main><h1>It</h1><img src='data:,'>"
        "<div data-testid=stTable><div style='overflow-x: auto; width: 20px'>"
        "<p style='width: 200px'>wide</p></div></div></main></html>"
    )
    found = {one.rule: one for one in findings(blank)}
    assert found["image-alt"].bad and not found["image-alt"].stock
    assert found[STOCK[0][0]].bad and found[STOCK[0][0]].stock
