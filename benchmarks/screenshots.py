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
        _own_data(chromium, address, Path(folder))


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
