"""Take the pictures in the README: ``python -m benchmarks.screenshots``."""

import tempfile
from pathlib import Path

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


if __name__ == "__main__":
    main()
