"""What people wait for: replaying a policy, a moved slider, a cold start.

    python -m benchmarks.speed

Each figure stands beside what it replaces, measured in the same run. Times are medians; on a
shared machine read them as ratios.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page

from benchmarks.browser import browser, chromium_path, server, settle
from benchmarks.timing import median_ms
from minspnet.artifact import Model, load, load_network
from minspnet.dispatch import dispatch
from minspnet.domains import SAMPLE_DATA, find_domain, load_cases
from minspnet.policy import Policy
from minspnet.sweep import Outcomes
from minspnet.trace import Trace, replay

MODELS = ("breast_cytology-mean_and_se", "lung_nodules")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--without-browser", action="store_true")
    options = parser.parse_args()
    print("\n".join(core_table(options.cases)))
    if options.without_browser:
        return
    if chromium_path() is None:
        sys.exit("Chromium is not installed; pass --without-browser to leave its part out.")
    print("\n".join(["", *browser_table()]))


def core_table(cases: int) -> list[str]:
    """One policy over many cases: from the table of outcomes, by replay, by running again."""
    lines = [
        f"One policy over {cases:,} cases, ms (the least and most over three thresholds):",
        "",
        "| model | decisions, accuracy, FLOPs | and AUC | full replay | reading the evidence once |"
        " running the network again |",
        "|---|---|---|---|---|---|",
    ]
    return lines + [core_row(name, cases) for name in MODELS]


def core_row(name: str, cases: int) -> str:
    """The measurements of one model."""
    model = load(SAMPLE_DATA / "models" / name)
    trace = resampled(model.traces["test"], cases)
    labels = np.random.default_rng(1).integers(2, size=cases)
    outcomes = Outcomes(trace, labels, model.cost)
    policies = [Policy.shared(t, len(trace.tree.names)) for t in (0.05, 0.2, 0.5)]
    outcomes.score(policies[0])

    def over_policies(work: Callable[[Policy], object]) -> str:
        times = [median_ms(partial(work, policy)) for policy in policies]
        return f"{min(times):.1f} to {max(times):.1f}"

    columns = [
        over_policies(outcomes.score),
        over_policies(lambda policy: (outcomes.score(policy), outcomes.auc(policy))),
        over_policies(partial(replay, trace)),
        f"{median_ms(partial(_read, trace)):.1f}",
        f"{running_again_ms(model, cases):,.0f}",
    ]
    return f"| {name} | {' | '.join(columns)} |"


def resampled(trace: Trace, cases: int) -> Trace:
    """Real evidence, drawn with replacement and jittered so that no two cases are alike."""
    generator = np.random.default_rng(0)
    rows = generator.integers(len(trace), size=cases)

    def jittered(array: np.ndarray, scale: float) -> np.ndarray:
        return (array[rows] + scale * generator.normal(size=array[rows].shape)).astype(np.float32)

    return Trace(
        tuple(map(str, range(cases))),
        np.clip(jittered(trace.gates, 0.02), 0, 1),
        jittered(trace.base, 0.1),
        jittered(trace.contributions, 0.1),
        trace.tree,
        trace.head,
        trace.concept_names,
    )


def running_again_ms(model: Model, cases: int, sample: int = 4096) -> float:
    """Dispatch a sample live and scale up: what a policy costs without a trace."""
    domain = find_domain(model.domain_key)
    known = load_cases(domain, model.variant)
    rows = np.random.default_rng(0).integers(len(known), size=sample)
    network, inputs = load_network(model), known.inputs[rows]
    once = median_ms(lambda: dispatch(network, inputs, model.policy, domain.concept_names), 3)
    return once * cases / sample


def _read(trace: Trace) -> float:
    return float(trace.gates.sum() + trace.base.sum() + trace.contributions.sum())


def browser_table() -> list[str]:
    """A moved slider, a moved concept, another case, and a cold start."""
    lines = ["| in Chromium | median | least | most |", "|---|---|---|---|"]
    with browser() as chromium:
        starts = [cold_start(chromium) for _ in range(3)]
        lines.append(_times("process start to first plot, s", starts))
        large = "benchmarks/large_app.py"
        with tempfile.TemporaryDirectory() as folder, server(Path(folder), large) as (address, _):
            for name in MODELS:
                title = f"gate threshold released to all charts redrawn, {name}, 100,000 cases, ms"
                lines.append(_times(title, released(chromium, address, name)))
        with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as (address, _):
            for name in MODELS:
                title = f"gate threshold released to all charts redrawn, {name}, ms"
                lines.append(_times(title, released(chromium, address, name)))
                lines += [
                    _times(f"{what}, {name}, ms", times)
                    for what, times in interactions(chromium, address, name).items()
                ]
    bare = statistics.median(_bare_import_s() for _ in range(3))
    lines.append(f"| importing streamlit, torch and captum alone, s | {bare:.2f} | | |")
    return lines


def _times(title: str, times: list[float]) -> str:
    digits = 2 if max(times) < 100 else 0
    cells = (statistics.median(times), min(times), max(times))
    return f"| {title} | {' | '.join(f'{value:.{digits}f}' for value in cells)} |"


def cold_start(chromium: Browser) -> float:
    """Seconds from starting the process to a plot drawn in a waiting browser."""
    page = chromium.new_page()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        with server(Path(folder)) as (address, _):
            page.goto(address)
            page.wait_for_selector(".js-plotly-plot .main-svg", timeout=60_000)
            taken = time.perf_counter() - start
            page.close()
    return taken


def interactions(chromium: Browser, address: str, model: str) -> dict[str, list[float]]:
    """Milliseconds from a key on a slider to the last chart of the page redrawn."""
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    results = {}
    for what, path in (
        ("gate threshold moved to all charts redrawn", "routing"),
        ("concept moved to all charts redrawn", "case"),
    ):
        page.goto(f"{address}/{path}?model={model}")
        page.wait_for_selector(".js-plotly-plot .main-svg")
        settle(page)
        page.wait_for_timeout(4000)
        page.get_by_test_id("stMain").get_by_test_id("stSlider").first.get_by_role("slider").focus()
        # From one end, so that every step has room; a key releases at once.
        page.keyboard.press("Home")
        page.wait_for_timeout(1500)
        results[what] = [_redraw_ms(page, "PageUp") for _ in range(7)]
    page.close()
    return results


def released(chromium: Browser, address: str, model: str) -> list[float]:
    """Milliseconds from letting go of the shared threshold to the last chart redrawn."""
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{address}/routing?model={model}")
    page.wait_for_selector(".js-plotly-plot .main-svg")
    settle(page)
    # Times of this machine come in by themselves, and draw the page once more.
    page.wait_for_timeout(15_000)
    thumb = page.get_by_test_id("stMain").get_by_role("slider").first
    times = []
    for turn in range(9):
        box = thumb.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + (37 if turn % 2 else -29), box["y"] + box["height"] / 2, steps=4)
        page.wait_for_timeout(600)
        page.evaluate(_WATCH)
        page.mouse.up()
        page.wait_for_timeout(2500)
        times.append(float(page.evaluate(_READ)))
    page.close()
    return times


_WATCH = """() => {
  window.drawn = [];
  const main = document.querySelector('[data-testid=stMain]');
  window.watcher = new MutationObserver((changes) => {
    if (changes.some((c) => (c.target.closest || (() => null)).call(c.target, '.js-plotly-plot')))
      window.drawn.push(performance.now());
  });
  window.watcher.observe(main, {subtree: true, childList: true, attributes: true});
  window.pressed = performance.now();
}"""
_READ = "() => { window.watcher.disconnect(); return window.drawn.at(-1) - window.pressed; }"


def _redraw_ms(page: Page, key: str) -> float:
    """From the key to the last change inside any chart; more than a second must be quiet."""
    page.evaluate(_WATCH)
    page.keyboard.press(key)
    page.wait_for_timeout(1500)
    return float(page.evaluate(_READ))


def _bare_import_s() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import streamlit, torch, captum.attr"], check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
