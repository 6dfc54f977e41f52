"""The Attributions page: methods beside each other, judged in the background."""

import math
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_app import IMAGE, TABULAR, figure, look_inside, open_app, own_store

from dashboard import cache, cache_attributions
from dashboard.attribution_words import DOUBTS, FIRST, MEASURES, METHODS, UNSIGNED
from minspnet.attribution import METHODS as COMPUTED
from minspnet.trust import MEASURES as MEASURED
from minspnet.trust import NAMES, Measured

__all__ = ["own_store"]
WRIST = "wrist_exercise"
TABS = (
    "One case, several methods",
    "Can they be trusted?",
    "Do they agree?",
    "What counts overall",
    "Which stage carried it",
)
PLACES = {TABULAR: 20, IMAGE: 64, WRIST: 120}


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Nothing is measured in the background unless a test does it; asked for, it is noted."""
    cache_attributions._found.clear()
    cache_attributions._jobs.clear()
    asked: list[object] = []

    class Pending(SimpleNamespace):
        def __init__(self, work: Callable[[], Iterator[float]]) -> None:
            super().__init__(state="working", error="", under_way=True, work=work)
            asked.append(self)

        def stop(self) -> None:
            self.state, self.under_way = "stopped", False

    monkeypatch.setattr(cache_attributions, "Job", Pending)
    yield asked
    cache_attributions._found.clear()
    cache_attributions._jobs.clear()


def pretend(model: str, count: int, lead: float = 1.0) -> None:
    """Put measurements in place: every method alike, saliency worse than a random order."""
    key = cache_attributions._key(model, cache.model(model).policy)
    found = cache_attributions._found(*key)
    for row in cache_attributions.sample(model, count):
        values = np.random.default_rng(row).normal(size=PLACES[model])
        found[row] = {
            method: Measured(
                values + 0.01 * k,
                -1.0 if method in UNSIGNED else lead + 0.01 * (row % 3),
                1.0,
                0.1,
                0.2,
                5.0,
                0.1,
                0.01 if COMPUTED[method].promises_sum else math.nan,
            )
            for k, method in enumerate(cache_attributions.methods(model))
        }


def open_tab(tab: str, model: str, **link: str) -> AppTest:
    app = open_app("attributions", model=model, **link)
    app.session_state["attributions-tab"] = tab
    return app.run()


def said(app: AppTest) -> str:
    parts = (app.markdown, app.caption, app.info, app.warning, app.success)
    return " ".join(one.value for part in parts for one in part)


def test_words_name_all_methods_and_measures() -> None:
    assert set(METHODS) == set(NAMES) and set(FIRST) < set(NAMES)
    assert tuple(MEASURES) == MEASURED and set(DOUBTS) < set(MEASURED)
    assert {name for name in NAMES if not COMPUTED[name].signed} == set(UNSIGNED)
    assert {said.better for said in MEASURES.values()} == {"higher", "lower"}


@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST])
@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_with_measurements_and_without(tab: str, model: str) -> None:
    app = open_tab(tab, model)
    assert not app.exception and not app.error
    of_many = tab in TABS[1:4]
    assert bool(app.get("plotly_chart")) != of_many
    assert ("cases are done" in said(app)) == of_many
    pretend(model, 64)
    app.run()
    assert not app.exception and not app.error
    assert app.get("plotly_chart")
    assert all(chart.proto.alt for chart in app.get("plotly_chart"))


@pytest.mark.parametrize("model", ["phishing", "shuttle", "breast_cytology-all_measurements"])
def test_the_other_models_open(model: str) -> None:
    for tab in (TABS[0], TABS[4]):
        app = open_tab(tab, model)
        assert not app.exception and app.get("plotly_chart")


def test_methods_side_by_side_are_captums_values() -> None:
    case = cache.model(TABULAR).traces["test"].case_ids[3]
    app = open_tab(TABS[0], TABULAR, case=case)
    app.multiselect(key="attributions-methods").set_value(["lime", "feature_ablation"]).run()
    cells = np.array(figure(app)["data"][0]["z"])
    policy = cache.model(TABULAR).policy
    told, against = cache.told(TABULAR, case, policy)
    active = tuple(map(bool, cache.decision(TABULAR, "test", policy).active[3]))
    for column, method in enumerate(("lime", "feature_ablation")):
        values = cache.attribution(
            TABULAR, case, active, method, f"class:{told}:{against}", ()
        ).values
        shares = 100 * values / np.abs(values).sum()
        assert all(np.abs(shares - cell).min() < 1e-3 for cell in cells[:, column])
    assert "These 2 methods" in said(app)


def test_work_starts_by_itself_stops_and_goes_on(nothing_starts: list[object]) -> None:
    app = open_app("attributions", model=TABULAR)
    assert len(nothing_starts) == 1
    app.run()
    assert len(nothing_starts) == 1, "one job a policy, however often the page is drawn"
    pretend(TABULAR, 5)
    app.button(key="attributions-stop").click().run()
    assert nothing_starts[0].state == "stopped"
    assert "Stopped. 5 of 64 cases are done." in said(app)
    app.run()
    assert len(nothing_starts) == 1, "what was stopped stays so"
    app.button(key="attributions-start").click().run()
    assert len(nothing_starts) == 2
    pretend(TABULAR, 64)
    nothing_starts[1].under_way = False
    nothing_starts[1].state = "done"
    app.run()
    assert "Done: every method, on 64 cases." in said(app)
    assert len(nothing_starts) == 2


def test_a_failure_is_told_and_can_be_tried_again(nothing_starts: list[object]) -> None:
    app = open_app("attributions", model=TABULAR)
    job = nothing_starts[0]
    job.state, job.under_way, job.error = "failed", False, "It broke [here](http://evil.example)."
    app.run()
    words = said(app)
    assert "It broke" in words and "](http" not in words
    assert app.button(key="attributions-start").label == "Try again"


def test_what_the_job_measures_is_what_the_page_shows(nothing_starts: list[object]) -> None:
    """Two cases for real, step by step; a larger sample then goes on from them."""
    policy = cache.model(TABULAR).policy
    assert cache_attributions.sample(TABULAR, 2) == cache_attributions.sample(TABULAR, 64)[:2]
    shares = list(cache_attributions._measure(TABULAR, policy, 2))
    methods = cache_attributions.methods(TABULAR)
    assert len(shares) == 2 * len(methods) and shares == sorted(shares) and shares[-1] == 1
    found = cache_attributions.measured(TABULAR, policy, 64)
    assert all(len(ones) == 2 for ones in found.values())
    assert len(list(cache_attributions._measure(TABULAR, policy, 3))) == len(methods)
    assert cache_attributions.doubted(TABULAR, policy, "saliency") == ((), 3)
    app = open_tab(TABS[2], TABULAR)
    assert "mean over 3 validation cases" in said(app)


def test_a_doubted_method_is_marked_wherever_it_is_shown() -> None:
    pretend(TABULAR, 16)
    app = open_tab(TABS[1], TABULAR)
    assert "Saliency (size of the gradient)" in app.warning[0].value
    assert "random order" in app.warning[0].value and "n = 16" in app.warning[0].value
    table = app.dataframe[0].value
    assert list(table[table["Doubted"] == "yes"]["Method"]) == ["Saliency (size of the gradient)"]
    app = open_tab(TABS[0], TABULAR)
    assert not app.warning
    app.multiselect(key="attributions-methods").set_value(["saliency"]).run()
    assert "is doubted here" in app.warning[0].value
    app = look_inside(open_app("case", model=TABULAR), "inputs")
    assert not app.warning
    next(s for s in app.selectbox if s.label == "Method").set_value("saliency").run()
    assert "is doubted here" in app.warning[0].value and "16 validation" in app.warning[0].value


def test_other_gates_are_other_measurements() -> None:
    """The decision threshold and edits of a case move no log-odds; gates do."""
    policy = cache.model(TABULAR).policy
    key = cache_attributions._key(TABULAR, policy)
    assert cache_attributions._key(TABULAR, policy.with_cut(0.3)) == key
    concept = cache.domain_of(TABULAR).concept_names[0]
    assert cache_attributions._key(TABULAR, policy.intervene(concept, 0.9)) == key
    assert cache_attributions._key(TABULAR, policy.with_gate(0, 0.9)) != key
