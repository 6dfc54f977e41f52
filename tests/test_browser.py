"""What only a browser shows: drawn charts, dragged sliders, copied links, readable markup."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from benchmarks.browser import ROOT, browser, chromium_path, server, settle

MODEL = "breast_cytology-mean_and_se"
PAGES = tuple((ROOT / "pages").glob("*.py"))
expect.set_options(timeout=30_000)

if chromium_path() is None:
    if os.environ.get("CI"):
        pytest.fail("CI must have Chromium for the browser tests", pytrace=False)
    pytest.skip("Chromium is not installed: the browser was not tested", allow_module_level=True)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server(tmp_path_factory.mktemp("store")) as (url, log):
        yield url
        said = log.read_text()
    assert not re.search(r"error|warning|traceback", said, re.IGNORECASE), said


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A new visitor; calls to any other host fail the test."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    outside: list[str] = []
    context.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("http://localhost", "ws://localhost", "data:", "blob:"))
            else outside.append(request.url)
        ),
    )
    visitor = context.new_page()
    visitor.set_default_timeout(30_000)
    yield visitor
    context.close()
    assert not outside


@pytest.mark.parametrize("model", ["lung_nodules"])
def test_no_page_calls_another_host(page: Page, address: str, model: str) -> None:
    """Fonts, scripts, icons and pictures of every page come from the server itself."""
    # Some pages work things out for a while, and all of them have to come to their end.
    page.set_default_timeout(120_000)
    page.goto(address)
    links = page.get_by_test_id("stTopNavLink")
    expect(links.first).to_be_visible()
    paths = [link.get_attribute("href") or "" for link in links.all()]
    assert len(paths) == len(PAGES)
    for path in paths:
        page.goto(f"{address}/{path.rsplit('/', 1)[-1]}?model={model}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        settle(page)
    # ``page`` fails at its end if anything else was asked for.


def chance(page: Page) -> str:
    tile = page.get_by_test_id("stMetric").filter(has_text="Chance of malignant")
    return tile.get_by_test_id("stMetricValue").inner_text()


def press(page: Page, label: str, key: str, times: int) -> None:
    """Move a slider by its handle and the keyboard."""
    handle = page.get_by_test_id("stSlider").filter(has_text=label).get_by_role("slider")
    handle.focus()
    for _ in range(times):
        page.keyboard.press(key)
    page.keyboard.press("Tab")


def test_clinician_picks_intervenes_and_resets(page: Page, address: str) -> None:
    page.goto(f"{address}/case?model={MODEL}")
    expect(page.get_by_role("heading", name="Why: what each finding adds")).to_be_visible()
    search = page.get_by_role("combobox", name=re.compile("Case"))
    search.click()
    search.fill("FNA-02")
    page.get_by_role("option").first.click()
    page.wait_for_url(re.compile("case=FNA-02"))
    settle(page)
    before = chance(page)
    press(page, "Nuclear size", "Home", 1)
    expect(page.get_by_text("set by you")).to_be_visible()
    page.wait_for_url(re.compile("edit=nuclear_size"))
    settle(page)
    assert chance(page) != before
    page.get_by_role("button", name="Undo my changes").click()
    expect(page.get_by_text("set by you")).to_have_count(0)
    settle(page)
    assert chance(page) == before
    page.get_by_text("Which inputs did it").click()
    expect(page.get_by_text("convergence delta")).to_be_visible()


def test_engineer_moves_sees_saves_and_clicks_the_curve(page: Page, address: str) -> None:
    page.goto(f"{address}/routing?model={MODEL}")
    page.wait_for_selector(".js-plotly-plot .scatterlayer")
    settle(page)
    # A key pressed while a slow machine still puts the slider in its place is lost.
    for _ in range(3):
        press(page, "All experts at once", "Home", 1)
        with suppress(PlaywrightTimeoutError):
            page.wait_for_url(re.compile("gates=0.0%2C0.0"), timeout=10_000)
            break
    tile = page.get_by_test_id("stMetric").filter(has_text="Share of all FLOPs")
    expect(tile).to_contain_text("100.0%")
    page.get_by_role("tab", name="Operating points").click()
    for label in ("Name", "Why"):
        page.get_by_label(label, exact=True).fill(f"{label} of it")
    author = page.get_by_label("Who decided: your name stands in the record")
    author.fill("Dr Points")
    author.press("Enter")
    expect(page.get_by_text("Reader: Dr Points")).to_be_visible()
    page.get_by_role("tab", name="Devices").click()
    expect(page.get_by_text("Edit the list")).to_be_visible()
    page.get_by_role("tab", name="Operating points").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Name of it")
    settle(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This is the operating point in force")).to_be_visible()
    settle(page)
    points = page.locator(".js-plotly-plot .scatterlayer .trace").first.locator("path.point")
    page.get_by_role("heading", name="Accuracy against compute").scroll_into_view_if_needed()
    box = points.nth(points.count() - 1).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(tile).not_to_contain_text("100.0%")
    assert "gates=0.0%2C0.0" not in page.url


def test_a_changed_case_opens_from_its_row(page: Page, address: str) -> None:
    page.goto(f"{address}/routing?model={MODEL}&gates=off,off,off,off,off")
    page.get_by_role("tab", name="Cases that flip").click()
    expect(page.get_by_text("Select a row to open the case")).to_be_visible()
    settle(page)
    table = page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box is not None
    # The first row's check box, left of its cells and below the header.
    page.mouse.click(box["x"] + 18, box["y"] + 52)
    expect(page.get_by_role("heading", name="Is this breast mass malignant?")).to_be_visible()
    page.wait_for_url(re.compile(r"/case\?.*case=FNA-"))
    assert "gates=off" in page.url
    settle(page)
    page.go_back()
    expect(page.get_by_role("heading", name="Trade compute for accuracy")).to_be_visible()
    page.wait_for_url(re.compile(r"/routing\?.*gates=off"))


def test_one_press_of_back_leaves_each_page(page: Page, address: str) -> None:
    page.goto(f"{address}/routing?model={MODEL}")
    page.wait_for_selector(".js-plotly-plot .scatterlayer")
    settle(page)
    press(page, "All experts at once", "Home", 1)
    page.wait_for_url(re.compile("gates=0.0"))
    for link in ("Compare", "Case"):
        page.get_by_role("link", name=link, exact=True).click()
        page.wait_for_url(re.compile(rf"/{link.lower()}\?.*gates=0.0"))
        settle(page)
    for left in ("compare", "routing"):
        page.go_back()
        page.wait_for_url(re.compile(rf"/{left}\?.*gates=0.0"))
        settle(page)


def test_a_copied_link_reopens_in_a_new_browser(
    page: Page, chromium: Browser, address: str
) -> None:
    page.goto(f"{address}/case?model=lung_nodules")
    expect(page.get_by_role("heading", name="Known cases like it")).to_be_visible()
    page.wait_for_url(re.compile("case="))
    before = page.url
    page.get_by_role("button", name="Next").click()
    page.wait_for_url(lambda url: url != before)
    settle(page)
    press(page, "Spiculation", "End", 1)
    page.wait_for_url(re.compile("edit=spiculation"))
    settle(page)
    shown = chance(page)
    other = chromium.new_context().new_page()
    other.goto(page.url)
    expect(other.get_by_text("set by you")).to_be_visible()
    settle(other)
    assert chance(other) == shown
    assert other.url == page.url
    other.context.close()


@pytest.mark.parametrize("model", [MODEL, "lung_nodules"])
def test_the_first_screen_holds_answer_reasons_and_findings(
    page: Page, address: str, model: str
) -> None:
    """At 1440 x 900, without scrolling: a clinician need not look for what to do."""
    page.goto(f"{address}/case?model={model}")
    expect(page.get_by_role("heading", name="Why: what each finding adds")).to_be_visible()
    settle(page)
    expect(page.get_by_test_id("stSlider").nth(6)).to_be_visible()
    why = page.get_by_text(re.compile("^(Mainly because of|Like a typical case)"))
    first = page.get_by_text("Chance of malignant"), why
    for part in (*first, *page.get_by_test_id("stSlider").all()):
        box = part.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 900
    assert page.get_by_test_id("stSlider").count() >= 7


def test_engineer_sees_measured_time_and_keeps_a_budget(page: Page, address: str) -> None:
    """Times come in by themselves; a smaller budget changes what its buttons take."""
    page.goto(f"{address}/routing?model={MODEL}")
    page.wait_for_selector(".js-plotly-plot .scatterlayer")
    tile = page.get_by_test_id("stMetric").filter(has_text="Mean time per case")
    expect(tile).to_contain_text(re.compile(r"[\d.]+ [mµ]s"))
    settle(page)
    page.get_by_role("radio", name="ms", exact=True).click()
    expect(page.get_by_text("A case may cost on average (% of all ms)")).to_be_visible()
    expect(page.get_by_text("mean ms per case")).to_be_visible()
    settle(page)
    before = page.url
    page.get_by_role("button", name="Take one for all, the dearest within the budget").click()
    page.wait_for_url(lambda url: url != before)


@pytest.mark.parametrize("path", ["", "case", "routing"])
def test_pages_fit_a_phone(chromium: Browser, address: str, path: str) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{address}/{path}?model=lung_nodules")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_selector(".js-plotly-plot")
    settle(page)
    width = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert width <= 390
    context.close()


def test_names_from_a_link_are_never_markup(page: Page, address: str) -> None:
    page.goto(f"{address}/case?case=<img src=x onerror=document.title='owned'>")
    expect(page.get_by_text("case of a link must be a test or validation case")).to_be_visible()
    settle(page)
    assert page.title() != "owned"
    assert page.locator("img[src='x']").count() == 0


def test_reader_filters_ticks_opens_and_comes_back_by_link(page: Page, address: str) -> None:
    """What a test without a browser cannot: a click on a cell, a tick, a click on a block."""
    page.goto(f"{address}/cases?model={MODEL}")
    page.get_by_test_id("stButtonGroup").get_by_text("wrong", exact=True).click()
    page.wait_for_url(re.compile("cohort=verdict%3Awrong"))
    expect(page.get_by_test_id("stMetric").filter(has_text="aspirates")).to_contain_text("of 205")
    settle(page)
    table = page.get_by_test_id("stDataFrame").bounding_box()
    assert table
    for row in (0, 1):
        page.mouse.click(table["x"] + 17, table["y"] + 52 + 35 * row)
        settle(page)
    expect(page.get_by_role("heading", name="Side by side")).to_be_visible()
    expect(page.locator("[class*=st-key-open-]")).to_have_count(2)
    page.mouse.click(table["x"] + 70, table["y"] + 52)
    page.wait_for_url(re.compile("/case.*case=FNA-.*cohort=verdict%3Awrong"))
    page.goto(f"{address}/cases?model={MODEL}")
    page.get_by_role("tab", name="Where it fails").click()
    blocks = page.locator(".js-plotly-plot .barlayer path")
    expect(blocks).to_have_count(3)
    settle(page)
    block = blocks.nth(2).bounding_box()
    assert block
    page.mouse.move(block["x"] + 9, block["y"] + 9)
    page.mouse.click(block["x"] + block["width"] / 2, block["y"] + block["height"] / 2)
    page.wait_for_url(re.compile("cohort=gate.third"))
    expect(page.get_by_role("tab", name="List")).to_have_attribute("aria-selected", "true")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has that name holds the focus."""
    wanted = page.get_by_role("button", name=name)
    for _ in range(80):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reached {name}")


def test_a_case_is_judged_without_a_mouse_and_what_was_typed_survives_a_reload(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/case?model={MODEL}")
    name = page.get_by_label("Your name")
    name.focus()
    page.keyboard.type("Dr Keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Not you?")).to_be_visible()
    settle(page)
    page.keyboard.press("u")
    more = page.get_by_label("Anything else")
    more.focus()
    page.keyboard.type("a, d, u and n are letters here")
    page.keyboard.press("Tab")
    settle(page)
    page.reload()
    # Nor is the name asked for again.
    expect(page.get_by_text("Reader: Dr Keys")).to_be_visible()
    expect(page.get_by_label("Anything else")).to_have_value("a, d, u and n are letters here")
    settle(page)
    # What had the focus is gone, and with it the focus: Tab begins at the top of the page again.
    tab_to(page, "Record and go to the next case")
    page.keyboard.press("d")
    chosen = page.locator("[data-testid=stBaseButton-primary]", has_text="Disagree")
    expect(chosen).to_be_visible()
    settle(page)
    scrolled = "document.querySelector('[data-testid=stMain]').scrollTop"
    assert page.evaluate(scrolled) > 0
    page.keyboard.press("n")
    expect(page.get_by_text("Record 1 is saved")).to_be_visible()
    # The next case is seen from its answer on.
    page.wait_for_function(f"{scrolled} === 0")
    page.get_by_role("button", name="Not you?").click()
    settle(page)
    page.reload()
    expect(page.get_by_label("Your name")).to_be_visible()
