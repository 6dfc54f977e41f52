"""The whole way: a real provider vouches for each role in a real browser, to the real app."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from openid import provider, secrets_toml
from playwright.sync_api import Browser, BrowserContext, Page, expect

from benchmarks.browser import browser, chromium_path, server, settle
from minspnet.access import Action
from minspnet.record.store import Store

if chromium_path() is None:
    if os.environ.get("CI"):
        pytest.fail("CI must have Chromium for the browser tests", pytrace=False)
    pytest.skip("Chromium is not installed: sign-in was not tested", allow_module_level=True)

PEOPLE = {
    name: {"email": f"{name}@clinic.example", "email_verified": verified, "name": name.title()}
    for name, verified in (("anna", True), ("ben", True), ("chris", True), ("eve", False))
}
FILE = """
readers = ["anna@clinic.example"]
engineers = ["ben@clinic.example"]
admins = ["chris@clinic.example", "eve@clinic.example"]
"""
COOKIE = "_streamlit_user"


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The app, where people sign in with a provider of ours."""
    (tmp_path / "roles.toml").write_text(FILE)
    monkeypatch.setenv("MINSPNET_ROLES", str(tmp_path / "roles.toml"))
    with provider(PEOPLE) as running:
        secrets = tmp_path / "secrets.toml"
        secrets.write_text(secrets_toml(running.issuer, "http://localhost:{port}/oauth2callback"))
        with server(tmp_path, options=["--secrets.files", str(secrets)]) as (url, _):
            yield url


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


def sign_in(chromium: Browser, address: str, name: str) -> tuple[BrowserContext, Page]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{address}/case")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=name).click()
    page.wait_for_url(lambda url: url.startswith(address) and "oauth2callback" not in url)
    return context, page


def go(page: Page, title: str) -> None:
    page.get_by_role("link", name=title, exact=True).click()
    settle(page)


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_each_role_signs_in_and_does_what_it_may(
    chromium: Browser, address: str, tmp_path: Path
) -> None:
    context, page = sign_in(chromium, address, "anna")
    expect(page.get_by_text("Anna, reader")).to_be_visible()
    go(page, "Case")
    page.keyboard.press("a")
    page.get_by_role("button", name="Record and go to the next case").click()
    expect(page.get_by_text("Record 1 is saved")).to_be_visible()
    expect(page.get_by_label("Your name")).to_have_count(0)
    go(page, "Models")
    expect(page.get_by_role("button", name="Export")).to_be_disabled()
    expect(page.get_by_text("This takes the role engineer; yours is reader")).to_be_visible()
    kept = next(one for one in context.cookies() if one["name"] == COOKIE)
    assert kept["httpOnly"] and kept["sameSite"] == "Lax"
    sign_out(page)
    assert COOKIE not in {one["name"] for one in context.cookies()}

    # A copy of the cookie is worth nothing after that, nor is one that was tampered with.
    for value, said in (
        (kept["value"], "This sign-in has ended"),
        (f"x{kept['value']}", "Sign in"),
    ):
        context.add_cookies([{"name": COOKIE, "value": value, "url": address}])
        page.goto(address)
        expect(page.get_by_text(said).first).to_be_visible()
        expect(page.get_by_test_id("stTopNavLink")).to_have_count(0)
    context.close()

    context, page = sign_in(chromium, address, "ben")
    go(page, "Review log")
    expect(page.get_by_text("Reader", exact=True)).to_be_visible()
    expect(page.get_by_role("tab")).to_have_count(0)
    context.close()

    context, page = sign_in(chromium, address, "chris")
    go(page, "Review log")
    page.get_by_role("tab", name="Access log").click()
    expect(page.get_by_text("A case is noted each time")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download as CSV", exact=True).click()
    assert "anna@clinic.example,reader,decision" in Path(taken.value.path()).read_text()
    context.close()

    context, page = sign_in(chromium, address, "eve")
    expect(page.get_by_text("must be verified by the provider")).to_be_visible()
    context.close()

    store = Store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    assert [one.reader for one in store.reviews.find()] == ["anna@clinic.example"]
    said = [(one.who.split("@")[0], one.role, one.action) for one in store.audit.find(most=None)]
    signed = [one[:2] for one in said if one[2] is Action.SIGN_IN]
    assert signed == [("chris", "admin"), ("ben", "engineer"), ("anna", "reader")]
    assert ("anna", "reader", Action.SIGN_OUT) in said
    assert ("chris", "admin", Action.EXPORT) in said
    assert said[0] == ("eve", "none", Action.REFUSED)
    assert [one[0] for one in said if one[2] is Action.VIEW_CASE] == ["anna", "anna"]
    store.engine.dispose()
