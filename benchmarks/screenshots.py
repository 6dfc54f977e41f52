"""Take the pictures in the README: ``python -m benchmarks.screenshots``."""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser
from sklearn.datasets import load_wine

from benchmarks.browser import ROOT, browser, server, settle

FOLDER = ROOT / "dashboard" / "static" / "screenshots"
SHOTS = {
    "overview": ("?model=breast_cytology-mean_and_se", 900),
    "case": ("case?model=lung_nodules", 1000),
    "routing": ("routing?model=breast_cytology-mean_and_se", 1000),
    "cases": ("cases?model=lung_nodules", 900),
    "concepts": ("concepts?model=breast_cytology-mean_and_se", 1000),
    "activations": ("activations?model=lung_nodules", 1000),
    "attributions": ("attributions?model=breast_cytology-mean_and_se", 1000),
    "compare": ("compare?model=lung_nodules", 1000),
    "facts": ("facts?model=lung_nodules", 1000),
}
REVIEWED = 8


def main() -> None:
    """Photograph every page once, at 1440 px, in light mode."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        browser() as chromium,
        tempfile.TemporaryDirectory() as folder,
        server(Path(folder)) as (address, _),
    ):
        for name, (path, height) in SHOTS.items():
            page = chromium.new_page(viewport={"width": 1440, "height": height})
            page.goto(f"{address}/{path}")
            if name not in ("cases", "facts"):  # their first tabs draw no chart
                page.wait_for_selector(".js-plotly-plot .main-svg", timeout=90_000)
            page.wait_for_timeout(6000)
            if name == "routing":
                page.get_by_text("than without gates").wait_for(timeout=60_000)
            settle(page)
            page.screenshot(path=FOLDER / f"{name}.png")
            page.close()
        _reviews(chromium, address)
        _own_data(chromium, address, Path(folder))


def _reviews(chromium: Browser, address: str) -> None:
    """Two readers judge the cases that the network is least sure of; one goes by known answers."""
    context = chromium.new_context(viewport={"width": 1440, "height": 1000})
    recorded = 0
    for reader in ("Reader A", "Reader B"):
        page = context.new_page()
        page.goto(f"{address}/case?model=lung_nodules&cohort=sure:..0.8")
        if recorded:
            page.get_by_role("button", name="Not you?").click()
        field = page.get_by_label("Your name, to record what you think of this answer")
        field.fill(reader)
        field.press("Enter")
        page.get_by_text(f"Reader: {reader}").wait_for()
        settle(page)
        for _ in range(REVIEWED):
            known = page.locator("[data-testid=stMetric]", has_text="Known answer").inner_text()
            right = "as the network says" in known or reader == "Reader B"
            page.locator(f".st-key-verdict-{'agree' if right else 'disagree'} button").click()
            settle(page)
            page.locator(".st-key-review-record button:visible").click()
            recorded += 1
            page.get_by_text(f"Record {recorded} is saved").wait_for()
            settle(page)
        page.close()
    page = context.new_page()
    page.goto(f"{address}/reviews?model=lung_nodules")
    page.wait_for_timeout(6000)
    settle(page)
    page.screenshot(path=FOLDER / "reviews.png")
    context.close()


def _own_data(chromium: Browser, address: str, folder: Path) -> None:
    """A table that scikit-learn brings, from the file to a trained network."""
    table = load_wine(as_frame=True)
    names = table.target.map(dict(enumerate(map(str, table.target_names))))
    path = folder / "wine.csv"
    table.data.assign(cultivar=names).to_csv(path, index=False)
    page = chromium.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(f"{address}/data")
    page.locator("input[type=file]").set_input_files(path)
    save = page.get_by_role("button", name="Save and go to Train")
    save.wait_for(timeout=60_000)
    page.wait_for_timeout(2000)
    page.screenshot(path=FOLDER / "data.png")
    save.click()
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("button", name="Open it").wait_for(timeout=180_000)
    page.wait_for_timeout(2000)
    page.screenshot(path=FOLDER / "train.png")
    page.close()


if __name__ == "__main__":
    main()
