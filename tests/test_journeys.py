"""Five tasks in a real browser, from the Overview page: few clicks, and the answer is right.

The steps are those of ``benchmarks.journeys``; what they find is worked out here anew, from the
trace alone.
"""

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader
from scipy.stats import binomtest

from benchmarks import journeys
from benchmarks.browser import browser, chromium_path, server
from benchmarks.journeys import MODELS, start, tile
from minspnet.artifact import Model, load
from minspnet.domain import Domain
from minspnet.domains import SAMPLE_DATA, find_domain, load_cases
from minspnet.policy import CLOSED, Policy
from minspnet.trace import Trace, replay

if chromium_path() is None:
    if os.environ.get("CI"):
        pytest.fail("CI must have Chromium for the browser tests", pytrace=False)
    pytest.skip("Chromium is not installed: the browser was not tested", allow_module_level=True)

UNSEEN = ("validation", "test")
# One model; the benchmark takes the same steps on both.
on_one_model = pytest.mark.parametrize("model", MODELS[:1])


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
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    visitor = context.new_page()
    visitor.set_default_timeout(30_000)
    yield visitor
    context.close()


def known(name: str) -> tuple[Model, Domain]:
    domain = find_domain(name.split("-")[0])
    return load(SAMPLE_DATA / "models" / name), domain


def labels_of(model: Model, domain: Domain, trace: Trace) -> np.ndarray:
    cases = load_cases(domain, model.variant)
    return np.asarray(cases.labels[cases.rows_of(trace.case_ids)])


def asked(page: Page, key: str) -> str:
    """What the address says."""
    return parse_qs(urlparse(page.url).query)[key][0]


def on_screen(page: Page) -> Policy:
    """The policy that the address says."""
    said = {key: one[0] for key, one in parse_qs(urlparse(page.url).query).items()}
    return Policy.from_text(said["gates"], said["cut"], said.get("edit", ""))


@on_one_model
def test_the_most_uncertain_malignant_case_and_why(page: Page, address: str, model: str) -> None:
    loaded, domain = known(model)
    visitor = start(page, address, model)
    said = journeys.uncertain_case(visitor)
    assert visitor.clicks <= 3 and not visitor.keys
    margins = {}
    for part in UNSEEN:
        trace = loaded.traces[part]
        chances = replay(trace, loaded.policy).probabilities
        for row in np.flatnonzero(labels_of(loaded, domain, trace) == 1):
            margins[trace.case_ids[row]] = abs(float(chances[row, 1] - chances[row, 0]))
    case = min(margins, key=margins.__getitem__)
    assert asked(page, "case") == case
    part = next(part for part in UNSEEN if case in loaded.traces[part].case_ids)
    trace = loaded.traces[part]
    decided = replay(trace[trace.case_ids.index(case)], loaded.policy)
    shown = tile(page, "The network says").get_by_test_id("stMetricValue")
    expect(shown).to_have_text(domain.classes[int(decided.predicted[0])])
    # Why: the finding that pushes hardest, away from a typical case, is named.
    typical = replay(loaded.traces["train"], loaded.policy).concepts.mean(axis=0)
    pushes = trace.head.weights[0] * (decided.concepts[0] - typical)
    strongest = domain.concepts[int(np.argmax(np.abs(pushes[: trace.head.concepts])))]
    assert strongest.title.lower() in said.lower()
    # The next is the next malignant one in doubt, not the next by name.
    page.get_by_role("button", name="Next", exact=True).click()
    second = sorted(margins, key=margins.__getitem__)[1]
    page.wait_for_url(re.compile(f"case={second}&"))


@on_one_model
def test_the_cheapest_policy_within_a_point_of_accuracy(
    page: Page, address: str, model: str
) -> None:
    loaded, domain = known(model)
    visitor = start(page, address, model)
    said = journeys.cheapest_policy(visitor)
    assert visitor.clicks <= 2 and not visitor.keys
    page.wait_for_url(lambda url: f"gates={loaded.policy.gate_thresholds[0]}%2C" not in url)
    trace = loaded.traces["validation"]
    labels = labels_of(loaded, domain, trace)
    experts = len(trace.tree.names)
    least = (replay(trace, Policy.shared(0, experts)).predicted == labels).mean() - 0.01
    taken = replay(trace, on_screen(page))
    right, macs = (taken.predicted == labels).mean(), loaded.cost.macs(taken.active).mean()
    assert right >= least
    assert f"Accuracy {right:.3f}" in said
    assert macs <= cheapest_of_a_grid(loaded, labels, least) < loaded.cost.total


def cheapest_of_a_grid(model: Model, labels: np.ndarray, least: float) -> float:
    """MACs of the cheapest of many vectors of thresholds, each an expert's highest gates or off.

    What a case answers depends only on which experts run: each set is replayed once.
    """
    trace, cost = model.traces["validation"], model.cost
    parents, experts = trace.tree.parents, len(trace.tree.names)
    sets = np.array(list(itertools.product((False, True), repeat=experts)))
    right = np.empty((len(sets), len(trace)), bool)
    for number, chosen in enumerate(sets):
        gates = tuple(0.0 if run else CLOSED for run in chosen)
        right[number] = replay(trace, Policy(gates)).predicted == labels
    price = np.array([cost.base + sum(np.array(cost.experts)[chosen]) for chosen in sets])
    highest = [np.sort(gates)[::-1] for gates in trace.gates.T]
    axes = [(CLOSED, *gates[[0, 1, 2, 4, 8, 16]]) for gates in highest]
    best = np.inf
    for vector in itertools.product(*axes):
        active = trace.gates >= np.array(vector)
        for expert, parent in enumerate(parents):
            if parent >= 0:
                active[:, expert] &= active[:, parent]
        codes = active @ (1 << np.arange(experts)[::-1])
        if right[codes, np.arange(len(labels))].mean() >= least:
            best = min(best, float(price[codes].mean()))
    return best


@on_one_model
def test_the_concept_that_misleads_most(page: Page, address: str, model: str) -> None:
    loaded, domain = known(model)
    visitor = start(page, address, model)
    said = journeys.misleading_concept(visitor)
    assert visitor.clicks <= 1 and not visitor.keys
    trace = loaded.traces["validation"]
    labels = labels_of(loaded, domain, trace)
    truth = trace.head.read(true_concepts(loaded, domain, trace))
    before = replay(trace, loaded.policy).predicted == labels
    mended: dict[str, list[str]] = {}
    net = []
    for k, concept in enumerate(domain.concepts):
        after = np.array(
            [
                replay(
                    trace[n], loaded.policy.intervene(concept.name, float(truth[n, k]))
                ).predicted[0]
                == labels[n]
                for n in range(len(trace))
            ]
        )
        mended[concept.title] = [trace.case_ids[n] for n in np.flatnonzero(after & ~before)]
        net.append((int(after.sum() - before.sum()), len(mended[concept.title]), concept.title))
    gain, repaired, title = max(net, key=lambda one: one[:2])
    if binomtest(repaired, 2 * repaired - gain).pvalue < 0.05:
        assert said.startswith(f"{title} misleads it most (picked on validation cases)")
    else:
        assert said.startswith("Too few errors to tell which finding misleads it most")
        assert f"{title} comes first (picked on validation cases)" in said
    assert f"repairs {len(mended[title])} of {int((~before).sum())} wrong answers" in said
    # From there, a case that the correction mends is one click away.
    page.get_by_role("button", name=mended[title][0], exact=True).click()
    expect(tile(page, "With your changes")).to_be_visible()
    expect(tile(page, "Known answer")).to_contain_text("the network alone said")


def true_concepts(model: Model, domain: Domain, trace: Trace) -> np.ndarray:
    cases = load_cases(domain, model.variant)
    rows = cases.rows_of(trace.case_ids)
    return np.asarray(model.scale.truth(cases.take(rows).columns))


@on_one_model
def test_a_correction_changes_the_outcome(page: Page, address: str, model: str) -> None:
    loaded, domain = known(model)
    visitor = start(page, address, model)
    before, after = journeys.correction(visitor).split(" -> ")
    assert visitor.clicks <= 2 and not visitor.keys
    page.wait_for_url(re.compile("edit="))
    case, policy = asked(page, "case"), on_screen(page)
    trace = next(t for t in map(loaded.traces.__getitem__, UNSEEN) if case in t.case_ids)
    alone = trace[trace.case_ids.index(case)]
    decided = [replay(alone, p).predicted[0] for p in (loaded.policy, policy)]
    assert [domain.classes[int(k)] for k in decided] == [before, after]
    assert before != after
    # The step is the smallest: one grade less far, the answer stays.
    ((name, value),) = policy.interventions
    concept = domain.concepts[domain.concept_names.index(name)]
    now = float(replay(alone, loaded.policy).concepts[0, domain.concept_names.index(name)])
    nearer = [g for g in concept.grades if min(now, value) < g < max(now, value)]
    for grade in nearer:
        assert replay(alone, loaded.policy.intervene(name, grade)).predicted[0] == decided[0]


@on_one_model
def test_a_report_of_a_case(page: Page, address: str, model: str, tmp_path: Path) -> None:
    _, domain = known(model)
    visitor = start(page, address, model)
    journeys.report(visitor)
    assert visitor.clicks <= 4 and not visitor.keys
    case = asked(page, "case")
    pdf, html = visitor.saved
    for one, ending in ((pdf, "pdf"), (html, "html")):
        assert one.suggested_filename == f"{model}-{case}.{ending}"
        one.save_as(tmp_path / f"case.{ending}")
    (sheet,) = PdfReader(tmp_path / "case.pdf").pages
    assert case in sheet.extract_text()
    written = (tmp_path / "case.html").read_text()
    assert case in written and domain.question in written
    answer = tile(page, "The network says").get_by_test_id("stMetricValue").inner_text()
    assert answer in sheet.extract_text() and answer in written
