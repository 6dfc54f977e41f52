"""The stopwatch of the benchmarks counts what a person sees, and nothing else."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.browser import browser, chromium_path
from benchmarks.stopwatch import waited

if chromium_path() is None:
    if os.environ.get("CI"):
        pytest.fail("CI must have Chromium for the browser tests", pytrace=False)
    pytest.skip("Chromium is not installed: the stopwatch was not tested", allow_module_level=True)

PAGE = (
    """<main data-testid="stMain"><p id="answer">0</p><p id="other">0</p><canvas></canvas></main>"""
)
AFTER = """([milliseconds, change]) =>
  void setTimeout(() => new Function(change)(), milliseconds)"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    opened = chromium.new_page()
    opened.set_content(PAGE)
    yield opened
    opened.close()


def later(page: Page, *changes: tuple[int, str]) -> None:
    """Change the page after some milliseconds each."""
    for milliseconds, change in changes:
        page.evaluate(AFTER, [milliseconds, change])


WORDS = "document.querySelector('#%s').textContent = 'new'"
COPY = "document.querySelector('canvas').append(document.createElement('table'))"
PAINT = "document.querySelector('canvas').getContext('2d').fillText('new', 10, 10)"
SAID = "document.querySelector('#other').setAttribute('aria-label', 'new')"


def test_the_answer_and_everything_are_timed_apart(page: Page) -> None:
    changes = ((100, WORDS % "answer"), (400, WORDS % "other"))
    found = waited(page, lambda: later(page, *changes), "#answer")
    assert found.answer is not None and 90 < found.answer < 390 < found.everything


@pytest.mark.parametrize("unseen", [COPY, SAID])
def test_what_nobody_sees_does_not_count(page: Page, unseen: str) -> None:
    found = waited(page, lambda: later(page, (50, WORDS % "other"), (500, unseen)))
    assert 40 < found.everything < 490


def test_what_is_painted_counts(page: Page) -> None:
    assert waited(page, lambda: later(page, (50, WORDS % "other"), (500, PAINT))).everything > 490


def test_an_answer_that_stays_the_same_is_none(page: Page) -> None:
    assert waited(page, lambda: later(page, (50, WORDS % "other")), "#answer").answer is None
