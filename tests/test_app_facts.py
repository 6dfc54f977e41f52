"""The Model facts page: the card on the screen is the card in the file."""

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest
from test_app import IMAGE, TABULAR, figure, metric, open_app, own_store
from test_app_routing import WRIST, everything, open_tab, save_point

from dashboard import cache, cache_compare
from dashboard.format import percent, score
from dashboard.widgets.card import TABS
from minspnet.reliability import gap
from minspnet.trace import replay

__all__ = ["own_store"]
MARKUP = "[x](http://evil.example) <b>"


def open_facts(model: str, tab: str = "Use and data") -> AppTest:
    app = open_app("facts", model=model)
    app.session_state["facts-tab"] = tab
    app.run()
    assert not app.exception and not app.error
    return app


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST])
def test_every_tab_opens_on_every_model(model: str, tab: str) -> None:
    app = open_facts(model, tab)
    assert app.title[0].value == "Model facts"
    assert app.table
    assert all(chart.proto.alt for chart in app.get("plotly_chart"))
    assert len(app.get("download_button")) == 2


def test_the_tabs_hold_every_section_once() -> None:
    card = cache_compare.card(TABULAR, None)
    told = [title for titles in TABS.values() for title in titles]
    assert sorted(told) == sorted(one.title for one in card.sheet.sections)


@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST])
def test_the_tiles_are_what_replay_says(model: str) -> None:
    app = open_facts(model)
    decided = replay(cache.model(model).traces["test"], cache.model(model).policy)
    right = (decided.predicted == cache.part(model, "test").labels).mean()
    assert metric(app, "Accuracy") == score(right)
    card = cache_compare.card(model, None)
    assert metric(app, "Calibration error") == f"{gap(card.bins):.3f}"
    recalls = cache.score(model, "test", cache.model(model).policy).recalls
    assert metric(app, "Weakest class") == percent(min(recalls), 1)


def test_the_weakest_subgroups_are_drawn() -> None:
    app = open_facts(WRIST, "Where it is worse")
    card = cache_compare.card(WRIST, None)
    drawn = [t["x"][0] for t in figure(app)["data"] if t["mode"] == "markers"]
    shares = sorted(one.right / one.cases for one in card.subgroups)
    assert drawn == pytest.approx(shares[:12])
    assert len(app.table[0].value) == len(card.subgroups)


def test_few_subjects_are_told() -> None:
    said = [one.value for one in open_facts(WRIST).caption]
    assert any("only 2 subjects" in one for one in said)
    assert not any("only" in one for one in [c.value for c in open_facts(IMAGE).caption])


def test_a_saved_point_is_in_force_with_its_papers_and_no_markup() -> None:
    app = open_tab("Operating points", IMAGE)
    app.select_slider(key="gate-shared").set_value(0.0).run()
    save_point(app, MARKUP)
    app = open_facts(IMAGE, "Papers")
    said = " ".join(one.value for one in app.markdown)
    assert r"\[x\]\(" in said and "[x](http" not in said
    share = cache.score(IMAGE, "test", everything(IMAGE)).accuracy
    assert metric(app, "Accuracy") == score(share)
    point = cache.store().operating_point(cache.model(IMAGE).digest)
    assert point is not None
    card = cache_compare.card(IMAGE, point)
    lines = dict(next(s for s in card.sheet.sections if s.title.startswith("Operating")).lines)
    assert (lines["Name"], lines["When"]) == (MARKUP, point.saved_at)


def test_another_point_makes_another_card() -> None:
    """The cache must not take one point for another."""
    app = open_tab("Operating points", IMAGE)
    save_point(app, "first")
    point = cache.store().operating_point(cache.model(IMAGE).digest)
    assert point is not None
    renamed = dataclasses.replace(point, name="second")
    one, two = (cache_compare.card(IMAGE, each).sheet for each in (point, renamed))
    assert one != two
