"""The Compare page: every number is that of the core, and every sentence follows from it."""

import re
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_app import IMAGE, TABULAR, figure, open_app, own_store
from test_app_routing import WRIST, everything, open_tab, save_point, timed

from dashboard import cache, cache_compare, cache_routing, contestants, state, verdict
from dashboard.cache_compare import Contestant
from dashboard.figures.comparison import in_lines
from dashboard.state import View
from dashboard.widgets import apart
from minspnet.compare import CohortDifference, Discordance, Measured
from minspnet.estimate import Estimate, from_draws
from minspnet.policy import CLOSED, Policy
from minspnet.trace import replay

__all__ = ["own_store"]
ALL = "breast_cytology-all_measurements"
TABS = (
    "Cases they decide differently",
    "Where they differ most",
    "Is sure also right?",
    "Agreement",
)


def open_compare(model: str = TABULAR, tab: str = TABS[0], others: tuple[str, ...] = ()) -> AppTest:
    app = open_app("compare", model=model)
    app.session_state["compare-tab"] = tab
    if others:
        app.session_state["compare-others"] = [f"{model}/{key}" for key in others]
    app.run()
    assert not app.exception and not app.error
    return app


def sentence(app: AppTest) -> str:
    """Who wins."""
    return (app.info or app.success)[0].value


def entries_of(model: str, *keys: str) -> tuple[Contestant, ...]:
    """The same contestants as on the page."""
    known = contestants.offered(View(model, cache.model(model).policy))
    return tuple(known[f"{model}/{key}"] for key in keys)


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST])
def test_every_tab_opens_and_says_something(model: str, tab: str) -> None:
    app = open_compare(model, tab)
    assert sentence(app)
    assert all(chart.proto.alt for chart in app.get("plotly_chart"))
    assert len(app.get("plotly_chart")) >= 2
    table = app.dataframe[0].value
    assert len(table) >= 3 and "FLOPs per case" in table


@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST])
def test_the_scores_are_those_of_the_core(model: str) -> None:
    app = open_compare(model, others=("all experts", "base"))
    table = app.dataframe[0].value.set_index("Contestant")
    policies = {
        "in force": cache.model(model).policy,
        "all experts on": everything(model),
        "base path only": Policy.shared(CLOSED, len(everything(model).gate_thresholds)),
    }
    for words, policy in policies.items():
        (row,) = [table.loc[name] for name in table.index if name.endswith(words)]
        score = cache.score(model, "test", policy)
        assert row["Accuracy"].startswith(f"{score.accuracy:.3f} (")
        assert row["AUC"].startswith(f"{cache.auc(model, 'test', policy):.3f} (")


@pytest.mark.parametrize("model", [TABULAR, WRIST])
@pytest.mark.parametrize("name", ["logistic regression", "dense net, same size", "extra trees"])
def test_a_baseline_fitted_now_scores_as_recorded(model: str, name: str) -> None:
    """The same part, preparation and seed as when the network was trained."""
    entries = entries_of(model, "in force", f"baseline/{name}")
    scores = cache_compare.measured(entries, "test")[1]
    recorded = cache.model(model).metrics["baselines"][name]
    # Other versions of a processor's arithmetic may move a case that stands on the line.
    cases = len(cache.model(model).traces["test"])
    assert scores["accuracy"].value == pytest.approx(recorded["accuracy"], abs=1.5 / cases)
    assert scores["auc"].value == pytest.approx(recorded["auc"], abs=0.01)


def test_no_case_compared_was_trained_on_by_anyone() -> None:
    known = contestants.offered(View(TABULAR, cache.model(TABULAR).policy))
    entries = tuple(known.values())
    assert {one.model for one in entries} == {TABULAR, ALL}
    for part in ("test", "validation"):
        shared = set(cache_compare.shared(entries, part))
        assert shared
        for name in (TABULAR, ALL):
            assert not shared & set(cache.model(name).traces["train"].case_ids)


def test_models_of_other_splits_meet_on_the_cases_both_have_not_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of the models tested on half as many cases: only those are compared."""
    loaded = cache.model(ALL)
    half = loaded.traces["test"][np.arange(0, 114, 2)[::-1]]
    fewer = replace(loaded, traces={**loaded.traces, "test": half})
    real = cache.model
    monkeypatch.setattr(cache_compare, "model", lambda n: fewer if n == ALL else real(n))
    cache_compare.shared_cases.clear()
    cache_compare._told.clear()
    entries = (
        Contestant("b", "b", TABULAR, real(TABULAR).policy),
        Contestant("a", "a", ALL, loaded.policy),
    )
    shared = cache_compare.shared(entries, "test")
    assert len(shared) == 57 and set(shared) == set(half.case_ids)
    row = {case: k for k, case in enumerate(loaded.traces["test"].case_ids)}
    whole = replay(loaded.traces["test"], loaded.policy).predicted
    told = cache_compare.told(entries[1], entries, "test").answers.predicted
    assert told.tolist() == [whole[row[case]] for case in shared]
    cache_compare.shared_cases.clear()
    cache_compare._told.clear()


def test_differences_drawn_are_paired_differences() -> None:
    app = open_compare(TABULAR, others=("all experts", "base"))
    entries = entries_of(TABULAR, "in force", "all experts", "base")
    scores = cache_compare.measured(entries, "test")
    drawn = {
        name: value
        for trace in figure(app, 0)["data"]
        for name, value in zip(trace["y"], trace["x"], strict=True)
    }
    for title, found in zip(in_lines([e.title for e in entries[1:]]), scores[1:], strict=True):
        gap = found["accuracy"].minus(scores[0]["accuracy"])
        assert drawn[title] == pytest.approx(100 * gap.value)


def test_measure_and_part_are_followed() -> None:
    app = open_compare(TABULAR, others=("base",))
    app.radio(key="compare-measure").set_value("log_loss").run()
    assert "log loss" in sentence(app)
    app.radio(key="compare-part").set_value("validation").run()
    assert "91 validation aspirates" in sentence(app)
    base = cache.score(TABULAR, "validation", Policy.shared(CLOSED, 5))
    table = app.dataframe[0].value
    assert table["Accuracy"].iloc[1].startswith(f"{base.accuracy:.3f} (")


def test_few_subjects_are_warned_of() -> None:
    said = " ".join(one.value for one in open_compare(WRIST).caption)
    assert "Only 2 subjects: nothing can be said about further subjects" in said
    assert "whole patients" in " ".join(one.value for one in open_compare(IMAGE).caption)


def test_a_case_that_they_decide_differently_opens() -> None:
    app = open_compare(TABULAR, others=("base",))
    entries = entries_of(TABULAR, "in force", "base")
    found = cache_compare.disagreements(entries, "test")
    first, base = (cache_compare.told(one, entries, "test").answers.predicted for one in entries)
    assert len(found) == int((first != base).sum()) > 0
    table = app.dataframe[-1].value
    assert table["Case"].tolist() == [one.case for one in found]
    app.session_state["compare-cases"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert app.query_params["case"] == found[0].case
    assert not app.exception


def test_the_policy_on_screen_and_saved_points_compete() -> None:
    app = open_tab("Operating points", IMAGE)
    app.select_slider(key="gate-shared").set_value(0.0).run()
    save_point(app, "[all](http://evil.example)")
    known = contestants.offered(View(IMAGE, Policy.shared(CLOSED, 5)))
    point = cache.store().operating_points(cache.model(IMAGE).digest)[0]
    assert state.operating_point(IMAGE) == point.policy
    screen = next(one for key, one in known.items() if key.endswith("/on screen"))
    assert screen.policy == Policy.shared(CLOSED, 5)
    assert "base path only" in screen.also
    in_force = known[f"{IMAGE}/in force"]
    assert in_force.policy == point.policy
    assert "“[all](http://evil.example)”" in in_force.also
    assert len({(one.model, one.policy) for one in known.values() if one.policy}) == len(
        [one for one in known.values() if one.policy]
    )


def test_another_task_begins_anew_and_nobody_left_is_said() -> None:
    app = open_compare(TABULAR, others=("base",))
    app.selectbox(key="sidebar-domain").set_value("phishing").run()
    assert not app.exception
    assert all(key.startswith("phishing/") for key in app.multiselect(key="compare-others").value)
    app.multiselect(key="compare-others").set_value([]).run()
    assert app.info[0].value == "Pick at least one other contestant."


def test_what_is_too_slow_is_told_as_recorded() -> None:
    quick, slow = cache_compare.baselines("shuttle")
    assert slow == ("dense net, ten times",) and "gradient boosting" in quick
    said = " ".join(one.value for one in open_compare("shuttle").caption)
    assert "Too slow to be fitted while you wait" in said
    recorded = cache.model("shuttle").metrics["baselines"]["dense net, ten times"]
    assert f"accuracy {recorded['accuracy']:.3f}" in said


def test_times_are_those_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_routing, "latency", timed)
    app = open_compare(TABULAR, others=("all experts", "baseline/logistic regression"))
    app.toggle(key="compare-timed").set_value(True).run()
    table = app.dataframe[0].value
    # The trunk and five experts, a millisecond each.
    assert table["Time per case"].tolist()[1:] == ["6 ms", "-"]


def test_an_interval_that_is_not_known_is_a_dash() -> None:
    nothing = Estimate(1, float("nan"), float("nan"))
    one = CohortDifference("class", "few", 10, 1, 0, 10, nothing, nothing)
    assert apart._together(one) == "–"
    assert apart._together(replace(one, disputed=0)) == "no case differs"
    assert apart._together(replace(one, together=Estimate(1, 0.5, 1.5))) == "+50.0 to +150.0"


def test_cohorts_are_of_the_pair_and_warned_of() -> None:
    app = open_compare("shuttle", TABS[1], others=("all experts",))
    assert re.match(r"28 cohorts are looked at: about 1\.4 would", app.warning[0].value)
    table = app.dataframe[-1].value
    assert len(table) == 28
    entries = entries_of("shuttle", "in force", "all experts")
    found = cache_compare.by_cohort(*entries, entries, "test")
    for one in found[:2]:
        if one.by == "Known answer":
            names = cache.domain_of("shuttle").classes
            recalls = cache.score("shuttle", "test", entries[0].policy).recalls
            assert one.first == pytest.approx(recalls[names.index(one.name)])


# --- The sentence -------------------------------------------------------------------------------


def scored(value: float, *draws: float) -> dict[str, Measured]:
    one = Measured(from_draws(value, np.array(draws)), np.array(draws))
    return dict.fromkeys(("accuracy", "auc", "log_loss", "brier"), one)


def test_the_winner_is_the_best_and_the_reference_breaks_ties() -> None:
    low, high = scored(0.5, 0.4, 0.6), scored(0.7, 0.6, 0.8)
    assert verdict.duel([low, high], "accuracy").winner == 1
    assert verdict.duel([low, high], "log_loss").winner == 0
    found = verdict.duel([high, low, low], "accuracy")
    assert (found.winner, found.other, found.tied) == (0, 1, False)
    assert found.gap.value == pytest.approx(0.2)
    assert verdict.duel([low, high], "brier").gap.value == pytest.approx(0.2)
    found = verdict.duel([low, low], "auc")
    assert (found.winner, found.other, found.tied) == (0, 1, True)


@pytest.mark.parametrize(
    ("gap", "disputed", "sure", "said"),
    [
        (Estimate(0.05, 0.02, 0.08), Discordance(12, 2, 0.01), True, "excludes 0."),
        (Estimate(0.05, -0.01, 0.11), Discordance(9, 4, 0.3), False, "includes 0"),
        (Estimate(0.04, 0.01, 0.08), Discordance(4, 0, 0.125), False, "rests on 4 cases"),
    ],
)
def test_a_win_needs_interval_and_sign_test(
    gap: Estimate, disputed: Discordance, sure: bool, said: str
) -> None:
    found = verdict.Duel(1, 0, False, gap)
    words, won = verdict.outcome(
        found, ["[a](b)", "c"], "accuracy", "test sites", 100, disputed, 100
    )
    assert won == sure and said in words
    assert words.startswith("**c** decides") and r"\[a\]\(b\)" in words


@pytest.mark.parametrize("measure", ["accuracy", "log_loss"])
def test_few_groups_win_nothing_for_sure(measure: str) -> None:
    found, disputed = verdict.Duel(1, 0, False, Estimate(0.05, 0.02, 0.08)), Discordance(40, 2, 0)
    rest = (found, ["a", "b"], measure, "test movements", 280, disputed, 280)
    assert verdict.outcome(*rest, verdict.too_few(True, 12, 280, "subject"))[1]
    warning = verdict.too_few(False, 2, 280, "subject")
    words, won = verdict.outcome(*rest, warning)
    assert not won and words.endswith(warning)
    assert warning in verdict.redrawn(False, 2, 280, "subject", "movement")
    assert not verdict.too_few(False, 280, 280, "subject")
    assert not verdict.too_few(False, 280, 280, "")


def test_nothing_apart_is_told_with_what_could_hide() -> None:
    """Of 60 cases none differs: Wilson's upper end is 3.84 / (60 + 3.84), 6 points."""
    found = verdict.Duel(0, 1, True, Estimate(0, 0, 0))
    words, won = verdict.outcome(
        found, ["a", "b"], "accuracy", "test sites", 60, Discordance(0, 0, 1), 60
    )
    assert not won and "up to 6 points would not show" in words


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (100.0, 100.0, "the same FLOPs"),
        (40.0, 100.0, "takes 40% of"),
        (130.0, 100.0, "takes 30% more"),
        (400.0, 100.0, "takes 4 times"),
        (None, 100.0, "not counted"),
        (1.0, 1000.0, "takes 0.1% of"),
    ],
)
def test_the_cost_in_words(one: float | None, other: float, said: str) -> None:
    assert said in verdict.cost(one, other)
