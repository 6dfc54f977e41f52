"""The Routing page, driven as an engineer would: every number is that of the core."""

import json
import math
import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_app import IMAGE, TABULAR, figure, metric, open_app, own_store

from dashboard import cache, cache_routing, text
from dashboard.format import milliseconds, percent, score
from dashboard.widgets.thresholds import told_apart
from minspnet.artifact import export_network
from minspnet.deploy.session import Exported
from minspnet.devices import DEVICES
from minspnet.latency import Latency, Machine
from minspnet.policy import CLOSED, Policy
from minspnet.record.schema import OPERATING_POINTS
from minspnet.tally import reachable_sets
from minspnet.trace import replay

__all__ = ["own_store"]
WRIST = "wrist_exercise"
TABS = (
    "Within a budget",
    "Two kinds of error",
    "How sure",
    "Where cases go",
    "What experts are for",
    "Classes and cohorts",
    "Cases that flip",
    "Operating points",
    "Devices",
)


def timed(model: str) -> Latency:
    """One millisecond for the trunk and one more for each expert."""
    sets = reachable_sets(cache.model(model).traces["test"].tree)
    names = cache.model(model).traces["test"].tree.names
    times = tuple(map(float, 1 + sets.sum(axis=1)))
    rows = tuple(tuple(map(bool, row)) for row in sets)
    machine = Machine("a processor", 2, 1, "1.0")
    return Latency(machine, names, rows, times, tuple((t, t) for t in times), 3)


def open_tab(tab: str, model: str = TABULAR, **address: str) -> AppTest:
    app = open_app("routing", model=model, **address)
    app.session_state["routing-tab"] = tab
    return app.run()


def everything(model: str) -> Policy:
    return Policy.shared(0, len(cache.model(model).spec.experts))


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("model", [TABULAR, WRIST])
def test_every_tab_opens_and_says_something(tab: str, model: str) -> None:
    app = open_tab(tab, model)
    assert not app.exception
    assert len(app.get("plotly_chart")) >= 1
    assert [t.label for t in app.tabs] == list(TABS)


def test_moving_thresholds_follows_live_and_exactly() -> None:
    app = open_app("routing", model=IMAGE)
    app.select_slider(key="gate-shared").set_value(0.0).run()
    assert metric(app, "Accuracy") == score(
        cache.score(IMAGE, "validation", everything(IMAGE)).accuracy
    )
    assert metric(app, "Share of all FLOPs") == "100.0%"
    gate = cache_routing.expert_options(IMAGE, 1)[30]
    app.select_slider(key="gate-1").set_value(gate).run()
    policy = everything(IMAGE).with_gate(1, gate)
    assert app.query_params["gates"] == policy.to_text()["gates"]
    assert metric(app, "AUC") == score(cache.auc(IMAGE, "validation", policy))
    share = cache.score(IMAGE, "validation", policy).mean_macs / cache.model(IMAGE).cost.total
    assert metric(app, "Share of all FLOPs") == percent(share, 1)
    app.select_slider(key="gate-1").set_value(CLOSED).run()
    assert app.query_params["gates"].split(",")[1] == "off"


@pytest.mark.parametrize("model", [TABULAR, "shuttle"])
def test_no_threshold_in_between_does_anything_else(model: str) -> None:
    """Where there are few cases every step of a slider is offered; else none but even ones."""
    trace = cache.model(model).traces["validation"]
    options = cache_routing.shared_options(model)
    assert options[0] == 0 and options[-1] > 1 and len(options) <= 203
    costs = [point.mean_macs for point in cache_routing.curve(model, 0.5)]
    steps = -np.diff(costs) / cache.model(model).cost.total
    assert (steps >= -1e-9).all() and steps.max() < 0.1, trace


@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST, "shuttle", "phishing"])
def test_every_choice_of_a_slider_has_a_name_of_its_own(model: str) -> None:
    """By which the slider knows it."""
    experts = range(len(cache.model(model).spec.experts))
    for options in (
        cache_routing.shared_options(model),
        *(cache_routing.expert_options(model, expert) for expert in experts),
    ):
        names = told_apart(options)
        assert len(set(names.values())) == len(options)
        assert names[options[0]] == "0, always" and names[options[-1]] == "off"


def test_a_click_takes_a_point_of_either_curve() -> None:
    """The figure says which point is which; the policy is then just that one's."""
    app = open_app("routing", model=TABULAR)
    drawn = figure(app, 0)["data"]
    sweep = cache_routing.curve(TABULAR, 0.5)
    shown = [sweep[place] for place, _ in drawn[0]["customdata"]]
    assert drawn[0]["y"] == pytest.approx([point.accuracy for point in shown])
    assert [point[1] for point in drawn[0]["customdata"]] == [p.gate_thresholds[0] for p in shown]
    assert shown[0] == sweep[0] and len(shown) > 10
    front = cache_routing.front(TABULAR, "FLOPs", 0.5)
    assert drawn[1]["y"] == pytest.approx(front.accuracies)
    assert drawn[1]["x"] == pytest.approx(front.prices)
    assert [point[0] for point in drawn[1]["customdata"]] == list(range(len(front.prices)))


def test_undo_and_as_trained_go_back() -> None:
    app = open_app("routing", model=IMAGE)
    shipped = app.query_params["gates"]
    app.select_slider(key="gate-shared").set_value(0.0).run()
    assert app.query_params["gates"] != shipped
    next(b for b in app.button if b.label == "Undo").click().run()
    assert app.query_params["gates"] == shipped


# --- Budgets and time ---------------------------------------------------------------------------


def test_a_budget_is_kept_and_shown_on_test_cases() -> None:
    app = open_tab("Within a budget", "shuttle")
    assert len(app.table) == 1
    app.session_state["budget-test"] = True
    app.slider(key="budget-share").set_value(30).run()
    table = app.table[0].value
    front = cache_routing.front("shuttle", "FLOPs", 0.5)
    price = cache_routing.price("shuttle", "FLOPs")
    vector = front.gate_thresholds[front.within(0.3 * price.total)]
    test = cache.score("shuttle", "test", Policy(vector))
    assert table.iloc[2]["Accuracy, validation"] == score(
        cache.score("shuttle", "validation", Policy(vector)).accuracy
    )
    assert app.table[1].value.iloc[2]["Accuracy, test"] == score(test.accuracy)
    for row in range(3):
        button = app.button[[b.label.startswith("Take ") for b in app.button].index(True) + row]
        # Two rows may be of the same thresholds: the second has nothing left to take.
        if not button.disabled:
            button.click()
            app.run()
        gates = Policy.from_text(app.query_params["gates"])
        held = cache.score("shuttle", "validation", gates)
        assert 2 * held.mean_macs <= 0.3 * price.total * (1 + 1e-9)
    assert app.slider(key="budget-share").min == math.ceil(100 * front.prices[0] / price.total)


def test_measured_times_stand_beside_flops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mean time: one for the trunk and one for each expert that ran, by how many cases ran it."""
    app = open_app("routing", model=IMAGE)
    assert metric(app, "Mean time per case") == "..."
    assert "ms" not in app.get("button_group")[1].options
    monkeypatch.setattr(cache_routing, "latency", timed)
    app = open_app("routing", model=IMAGE)
    shares = cache.score(IMAGE, "validation", cache.model(IMAGE).policy).expert_shares
    assert metric(app, "Mean time per case") == milliseconds(1 + sum(shares))
    app.get("button_group")[1].set_value("ms").run()
    assert not app.exception
    assert figure(app, 0)["layout"]["xaxis"]["title"]["text"] == "mean ms per case"
    assert figure(app, 0)["data"][2]["x"] == pytest.approx([1 + sum(shares)])


# --- Promises -------------------------------------------------------------------------------------


def test_where_cases_are_too_few_it_says_how_many_would_do() -> None:
    app = open_tab("How sure", TABULAR)
    said = " ".join(m.value for m in app.markdown)
    assert "Nothing can be promised" in said and re.search(r"With about [\d,]+ cases|allow", said)
    assert not any(b.key == "take-promise" for b in app.button)
    assert "another hospital" in said


def test_a_promise_that_can_be_given_puts_its_thresholds_on_the_screen() -> None:
    app = open_tab("How sure", "shuttle")
    said = " ".join(m.value for m in app.markdown)
    assert (
        "With 95% confidence, accuracy on new cases of this kind is at most 1 point below" in said
    )
    app.button(key="take-promise").click().run()
    assert not app.exception
    taken = Policy.from_text(app.query_params["gates"])
    loss = (
        cache.score("shuttle", "test", everything("shuttle")).accuracy
        - cache.score("shuttle", "test", taken).accuracy
    )
    assert loss < 0.01
    app.selectbox(key="promise-class").set_value(cache.domain_of("shuttle").classes[1]).run()
    assert "fewer are found" in " ".join(m.value for m in app.markdown)


def test_the_cases_that_a_promise_is_tested_on_are_chosen() -> None:
    """With a hundred of its thousands, shuttle can be promised nothing either."""
    app = open_tab("How sure", "shuttle")
    app.number_input(key="promise-cases-shuttle").set_value(100).run()
    said = " ".join(m.value for m in app.markdown)
    assert "Nothing can be promised" in said and "there are 100" in said


def test_a_promise_goes_into_the_papers_of_the_point_it_was_given_for() -> None:
    """And not into those of another."""
    app = open_tab("How sure", "shuttle")
    app.button(key="take-promise").click().run()
    app.session_state["routing-tab"] = "Operating points"
    save_point(app.run(), "Promised")
    next(b for b in app.button if b.label == "As trained").click().run()
    save_point(app, "Another")
    another, first = cache.store().operating_points(cache.model("shuttle").digest)
    assert first.guarantee.startswith("With 95% confidence, accuracy on new cases")
    assert not another.guarantee


# --- Operating points ---------------------------------------------------------------------------


def save_point(app: AppTest, name: str, author: str = "Me", reason: str = "So") -> AppTest:
    app.text_input(key="point-name").set_value(name)
    if "reader-name" in {one.key for one in app.text_input}:
        app.text_input(key="reader-name").set_value(author)
    app.text_area(key="point-reason").set_value(reason)
    next(b for b in app.button if b.label == "Save").click()
    return app.run()


def test_a_named_point_is_kept_with_its_papers_and_is_in_force() -> None:
    app = open_tab("Operating points", IMAGE)
    app.select_slider(key="gate-shared").set_value(0.0).run()
    moved = app.query_params["gates"]
    save_point(app, "Night shift", "A reader", "fewer recalls")
    assert not app.exception
    assert [one.value for one in app.success] == ["“Night shift” is in force now."]
    assert app.text_input(key="point-name").value == app.text_area(key="point-reason").value == ""
    said = " ".join(one.value for one in open_app("case", model=IMAGE).caption)
    assert "Operating point in force" in said and "“Night shift”" in said and "A reader" in said
    assert open_app("routing", model=IMAGE).query_params["gates"] == moved
    app = open_tab("Operating points", IMAGE)
    row = app.dataframe[-1].value.iloc[0]
    assert (row["Name"], row["Who"], row["Why"]) == ("Night shift", "A reader", "fewer recalls")
    test = cache.score(IMAGE, "test", everything(IMAGE))
    assert row["Accuracy, test"] == score(test.accuracy) and row["In force"] == "yes"
    next(b for b in app.button if b.label == "As trained").click().run()
    assert open_app(model=IMAGE).query_params["gates"] == moved


def test_the_network_goes_out_with_the_point_as_its_default() -> None:
    loaded, policy = cache.model(IMAGE), everything(IMAGE).with_gate(1, CLOSED)
    written = Exported.open(export_network(loaded, cache.domain_of(IMAGE), policy))
    case = cache.part(IMAGE, "test").inputs[:1]
    assert written.digest == loaded.digest
    active = written.session.run(["active"], {"inputs": case.astype(np.float32)})[0]
    np.testing.assert_array_equal(active, replay(loaded.traces["test"][0], policy).active)


def test_a_promise_of_one_model_is_no_promise_of_another() -> None:
    """Though their thresholds be the same: both have every expert off."""
    app = open_tab("How sure", "shuttle")
    said = app.session_state["promised"]
    closed = Policy.shared(1.01, 2)
    app.session_state["promised"] = ("shuttle", closed, said[2])
    app = open_tab("Operating points", "phishing", gates="1.01,1.01")
    app.session_state["promised"] = ("shuttle", closed, said[2])
    app = save_point(app.run(), "Off")
    (point,) = cache.store().operating_points(cache.model("phishing").digest)
    assert point.policy == closed and not point.guarantee


def test_a_point_that_cannot_be_read_is_told_once_and_none_is_in_force() -> None:
    """A newer program may have written it; the page goes on with what training chose."""
    digest = cache.model(IMAGE).digest
    save_point(open_tab("Operating points", IMAGE), "Old")
    newer = cache.store().operating_points(digest)[0].to_dict() | {"schema_version": 2}
    record = {"saved_at": "2026", "model_digest": digest, "point": json.dumps(newer)}
    cache.store()._append(OPERATING_POINTS, record, None)
    app = open_tab("Operating points", IMAGE)
    assert app.query_params["gates"] == cache.model(IMAGE).policy.to_text()["gates"]
    assert app.dataframe[-1].value["In force"].tolist() == [""]
    told = open_app(model=IMAGE)
    assert sum("cannot be read" in warning.value for warning in told.warning) == 1
    assert "schema" in told.warning[0].value.replace("\\", "")
    assert not told.run().warning


@pytest.mark.parametrize("cut", ["0.003", "0.999", "0.375"])
def test_a_decision_threshold_off_the_slider_is_shown_and_kept(cut: str) -> None:
    app = open_app("routing", model=TABULAR, cut=cut)
    assert not app.exception
    assert f"now {100 * float(cut):.4g}" in app.slider(key="cut").label
    assert app.query_params["cut"] == cut


def test_experts_behind_one_that_is_off_are_said_to_be_never_reached() -> None:
    app = open_app("routing", model=TABULAR, gates="0,off,0,0,0")
    labels = [app.select_slider(key=f"gate-{expert}").label for expert in range(5)]
    assert ["never reached" in label for label in labels] == [False, False, True, True, True]


def test_a_model_is_measured_in_the_background() -> None:
    """Every set of experts, and a network without gates; what goes wrong is known to have."""
    loaded, case = cache.model(TABULAR), cache.part(TABULAR, "validation").inputs[:1]
    timing = cache_routing._Timing(loaded, case)
    timing.thread.join()
    assert timing.result is not None and timing.result.ungated is not None
    assert timing.result.experts == loaded.traces["test"].tree.names and not timing.failed


def test_a_measurement_that_fails_is_known_to_have(caplog: pytest.LogCaptureFixture) -> None:
    failed = cache_routing._Timing(cache.model(TABULAR), np.zeros((1, 3)))
    failed.thread.join()
    assert failed.failed and failed.result is None
    (record,) = caplog.records
    assert record.getMessage() == "no times for breast_cytology" and record.exc_info


def test_a_failed_measurement_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_routing, "no_time", lambda name: True)
    app = open_app("routing", model=TABULAR)
    tile = next(m for m in app.metric if m.label == "Mean time per case")
    assert (tile.value, tile.delta) == ("-", "could not be measured here")


@pytest.mark.parametrize("name", ["", "   "])
def test_a_point_without_a_name_is_refused_and_nothing_typed_is_lost(name: str) -> None:
    app = save_point(open_tab("Operating points", IMAGE), name, "A reader", "because")
    assert [error.value[:18] for error in app.error] == ["Name must say some"]
    app.session_state["routing-tab"] = "Devices"
    app.run()
    app.session_state["routing-tab"] = "Operating points"
    assert app.run().text_area(key="point-reason").value == "because"
    assert cache.store().operating_points(cache.model(IMAGE).digest) == ()


def test_a_point_comes_back_from_its_file() -> None:
    app = open_tab("Operating points", IMAGE)
    app.select_slider(key="gate-shared").set_value(0.0).run()
    save_point(app, "Everything")
    (point,) = cache.store().operating_points(cache.model(IMAGE).digest)
    next(b for b in app.button if b.label == "As trained").click().run()
    app.get("file_uploader")[0].set_value(("p.json", point.to_json().encode(), "application/json"))
    app.run()
    assert not app.error
    app.button(key="take-file").click().run()
    assert app.query_params["gates"] == everything(IMAGE).to_text()["gates"]
    foreign = json.dumps(point.to_dict() | {"model": "other"}).encode()
    app.get("file_uploader")[0].set_value(("p.json", foreign, "application/json"))
    app.run()
    assert text.plain(cache.title_of(IMAGE)) in app.error[0].value
    assert "a model that is not here" in app.error[0].value
    foreign = json.dumps(point.to_dict() | {"model": cache.model(WRIST).digest}).encode()
    app.get("file_uploader")[0].set_value(("p.json", foreign, "application/json"))
    app.run()
    assert f"got one of {text.plain(cache.domain_of(WRIST).title)}" in app.error[0].value


# --- Cases, experts, devices ----------------------------------------------------------------------


def test_changed_cases_are_those_that_replay_says() -> None:
    app = open_tab("Cases that flip", gates="off,off,off,off,off")
    saved = cache.model(TABULAR).policy
    expected = cache_routing.changed(TABULAR, Policy.shared(CLOSED, 5), saved)
    (heading,) = [s.value for s in app.subheader if s.value.startswith("Cases decided")]
    assert heading.endswith(f": {len(expected)}") and len(expected)


def test_cohorts_are_counted_from_decisions() -> None:
    app = open_tab("Classes and cohorts", gates="off,off,off,off,off")
    table = app.table[0].value
    base = cache.score(TABULAR, "validation", Policy.shared(CLOSED, 5))
    assert table["Accuracy, now"].tolist() == [percent(share, 1) for share in base.recalls]
    concept = cache.domain_of(TABULAR).concepts[0].title
    app.selectbox(key="cohorts-by").set_value(concept).run()
    table = app.table[0].value
    assert table["Cases"].astype(int).sum() == len(cache.part(TABULAR, "validation"))
    effects = cache_routing.cohort_effects(
        TABULAR, concept, Policy.shared(CLOSED, 5), cache.model(TABULAR).policy
    )
    overall = (effects["Accuracy, now"] * effects["Cases"]).sum() / effects["Cases"].sum()
    assert overall == pytest.approx(base.accuracy)


def test_devices_are_edited_kept_and_checked() -> None:
    app = open_tab("Devices", IMAGE)
    verdicts = app.dataframe[0].value
    assert verdicts["Device"].tolist() == [device.name for device in DEVICES]
    cache.store().save_devices(DEVICES[:1], "2026-01-02T03:04:05+00:00")
    assert open_tab("Devices", IMAGE).dataframe[0].value["Device"].tolist() == [DEVICES[0].name]


# --- The cheapest that is accurate enough -------------------------------------------------------


@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST, "shuttle"])
def test_less_is_paid_the_more_may_be_lost(model: str) -> None:
    app, paid = open_app("routing", model=model), []
    everyone = cache.score(model, "validation", everything(model)).accuracy
    for lost in (0.0, 1.0, 5.0):
        app.session_state["cheapest-lost"] = lost
        app.run()
        take = next(b for b in app.button if b.key == "cheapest-take")
        if not take.disabled:
            take.click().run()
        assert not app.exception
        policy = Policy.from_text(app.query_params["gates"], app.query_params["cut"])
        found = cache.score(model, "validation", policy)
        assert found.accuracy >= everyone - lost / 100 - 1e-9
        assert metric(app, "Accuracy") == score(found.accuracy)
        assert next(b for b in app.button if b.key == "cheapest-take").label == "Taken"
        paid.append(found.mean_macs)
        front = cache_routing.front(model, "FLOPs", policy.decision_threshold)
        points = zip(front.prices, front.accuracies, strict=True)
        enough = [price for price, accuracy in points if accuracy >= found.accuracy]
        assert 2 * found.mean_macs <= min(enough) * (1 + 1e-9)
    assert paid == sorted(paid, reverse=True)


def test_thresholds_that_are_tried_are_said_on_every_page_and_taken_back() -> None:
    app = open_app("concepts", model=TABULAR)
    assert not [b for b in app.sidebar.button if b.key == "sidebar-in-force"]
    app = open_app("concepts", model=TABULAR, gates="off,off,off,off,off")
    assert "not those in force" in app.sidebar.info[0].value
    next(b for b in app.sidebar.button if b.key == "sidebar-in-force").click().run()
    assert app.query_params["gates"] == cache.model(TABULAR).policy.to_text()["gates"]
    assert not app.sidebar.info
