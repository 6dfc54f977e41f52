"""The Cases page, driven as a reader would: every count is that of a plain loop over cases."""

import csv
import io
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from studies import tiny_wrist, without_experts
from test_app import APP, IMAGE, TABULAR, figure, metric, open_app, own_store

from dashboard import cache, cache_cases, cohort_words
from dashboard.figures.cases import Block, draw_branches
from dashboard.figures.style import CLASSES, behind_white
from dashboard.format import interval
from dashboard.widgets import case_table
from minspnet.artifact import save
from minspnet.cohort import EVERYTHING, VERDICT, WRONG, Cohort, OneOf, Within
from minspnet.domain import Domain
from minspnet.metrics import wilson_interval
from minspnet.policy import Policy
from minspnet.trace import replay

__all__ = ["own_store"]
WRIST, BIG = "wrist_exercise", "shuttle"
MODELS = sorted(path.name for path in cache.MODELS.iterdir())
TABS = ("List", "Map", "Where it fails")


def open_tab(tab: str, model: str = TABULAR, **link: str) -> AppTest:
    app = open_app("cases", model=model, **link)
    app.session_state["cases-tab"] = tab
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    """All sentences on the page."""
    return " ".join(e.value for e in (*app.caption, *app.markdown, *app.info, *app.warning))


def plain_count(model: str, policy: Policy, wanted: str) -> tuple[int, int]:
    """Cases, and those among them that are right or wrong, part by part."""
    count = everyone = 0
    for part in ("validation", "test"):
        decided = replay(cache.model(model).traces[part], policy)
        labels = cache.part(model, part).labels
        for answer, label in zip(decided.predicted, labels, strict=True):
            everyone += 1
            count += (answer == label) == (wanted == "right")
    return count, everyone


def picked(rows: list[int] = (), cells: list[tuple[int, str]] = ()) -> dict:
    return {"selection": {"rows": list(rows), "columns": [], "cells": list(cells)}}


def clicked(*points: object) -> dict:
    some = [{"customdata": [point]} for point in points]
    return {"selection": {"points": some, "point_indices": [], "box": [], "lasso": []}}


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("model", MODELS)
def test_every_tab_opens_on_every_model(tab: str, model: str) -> None:
    app = open_tab(tab, model)
    assert not app.error
    assert not app.warning
    assert all(chart.proto.alt for chart in app.get("plotly_chart"))
    assert bool(app.get("plotly_chart")) == (tab != "List")
    everyone = len(cache_cases.unseen(model))
    assert metric(app, "Cases") == f"{everyone:,} of {everyone:,}"


@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST, BIG])
@pytest.mark.parametrize("verdict", ["right", "wrong"])
def test_filters_count_live_and_stand_in_the_address(model: str, verdict: str) -> None:
    app = open_app("cases", model=model)
    app.button_group(key=f"filter-{model}-verdict").set_value([verdict]).run()
    assert app.query_params["cohort"] == f"verdict:{verdict}"
    count, everyone = plain_count(model, cache.model(model).policy, verdict)
    assert metric(app, "Cases") == f"{count:,} of {everyone:,}"
    assert metric(app, "Wrong answers") == (f"{count:,}" if verdict == "wrong" else "0")
    table = app.dataframe[0].value
    assert len(table) == min(case_table.PAGE, count)
    assert {cell[0] for cell in table["Right?"]} == {verdict}
    app.button_group(key=f"filter-{model}-part").set_value("test").run()
    assert app.query_params["cohort"] == f"part:test;verdict:{verdict}"
    assert set(app.dataframe[0].value["Part"]) == {"test"}
    next(b for b in app.button if b.label == "Show all cases").click().run()
    assert "cohort" not in app.query_params
    assert metric(app, "Cases") == f"{everyone:,} of {everyone:,}"


def test_a_link_reopens_the_same_filter_in_every_widget() -> None:
    cohort = (
        "chance:0.2..0.8;experts:1.0..4.0;found.diameter:..0.481481;known:malignant;part:test;"
        "ran.second look:yes"
    )
    app = open_app("cases", model=IMAGE, cohort=cohort)
    assert app.query_params["cohort"] == cohort
    key = f"filter-{IMAGE}-"
    assert app.slider(key=f"{key}chance").value == (20.0, 80.0)
    assert app.slider(key=f"{key}experts").value == (1, 3)
    assert app.slider(key=f"{key}found.diameter").value == (3.0, 16.0)
    assert app.button_group(key=f"{key}known").value == ["malignant"]
    assert app.button_group(key=f"{key}part").value == "test"
    assert app.multiselect(key=f"{key}ran-yes").value == ["second look"]
    decided = replay(cache.model(IMAGE).traces["test"], cache.model(IMAGE).policy)
    labels = cache.part(IMAGE, "test").labels
    expected = sum(
        0.2 <= decided.probabilities[row, 1] < 0.8
        and 1 <= decided.active[row].sum() <= 3
        and decided.concepts[row, 0] < 0.481481
        and labels[row] == 1
        and decided.active[row, 0]
        for row in range(len(labels))
    )
    assert metric(app, "Cases").split()[0] == str(expected)
    dropped = next(b for b in app.button if b.key == "drop-known")
    assert dropped.label == "known to be malignant"
    dropped.click().run()
    assert "known" not in app.query_params["cohort"]


def test_sliders_write_the_cohort_they_show() -> None:
    app = open_app("cases", model=IMAGE)
    key = f"filter-{IMAGE}-"
    app.slider(key=f"{key}experts").set_value((0, 2)).run()
    assert app.query_params["cohort"] == "experts:..3.0"
    app.slider(key=f"{key}experts").set_value((2, 2)).run()
    assert app.query_params["cohort"] == "experts:2.0..3.0"
    app.slider(key=f"{key}experts").set_value((0, 5)).run()
    assert "cohort" not in app.query_params
    app.slider(key=f"{key}sure").set_value((50.0, 90.0)).run()
    assert app.query_params["cohort"] == "sure:0.5..0.9"
    app.slider(key=f"{key}sure").set_value((0.0, 100.0)).run()
    app.selectbox(key=f"{key}finding").set_value("margin").run()
    app.button_group(key=f"{key}finding-read").set_value("true.").run()
    app.slider(key=f"{key}true.margin").set_value((3.0, 5.0)).run()
    assert app.query_params["cohort"] == "true.margin:0.5.."
    truth = np.concatenate([cache.truth(IMAGE, part)[:, 2] for part in ("validation", "test")])
    assert metric(app, "Cases").split()[0] == str(int((truth >= 0.5).sum()))
    app.multiselect(key=f"{key}ran-no").set_value(["second look"]).run()
    assert app.query_params["cohort"] == "ran.second look:no;true.margin:0.5.."
    group = cache_cases.groups(IMAGE)[0]
    app.multiselect(key=f"{key}group").set_value([group]).run()
    assert f"group:{group}" in app.query_params["cohort"]


@pytest.mark.parametrize(
    "cohort",
    ["nonsense", "chance:high..", "known:<b>", "case:FNA-9999", "![x](https://example.org/a.png)"],
)
def test_a_bad_link_gets_one_sentence_and_all_cases(cohort: str) -> None:
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["model"] = TABULAR
    app.query_params["cohort"] = cohort
    app.run()
    assert len(app.warning) == 1
    assert "All cases are shown instead" in app.warning[0].value
    assert "![x](" not in app.warning[0].value
    app.switch_page("../pages/cases.py").run()
    assert metric(app, "Cases") == "205 of 205"
    assert "cohort" not in app.query_params


def test_another_model_has_another_filter() -> None:
    app = open_app("cases", model=TABULAR, cohort="verdict:wrong")
    app.selectbox(key="sidebar-domain").set_value("lung_nodules").run()
    assert "cohort" not in app.query_params
    assert metric(app, "Cases") == "233 of 233"


@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST])
def test_a_click_opens_the_case_and_the_filter_stays(model: str) -> None:
    app = open_app("cases", model=model, cohort="verdict:wrong")
    table = app.dataframe[0]
    app.session_state[table.key] = picked(cells=[(2, "Case")])
    app.run()
    assert not app.exception
    assert app.title[0].value == cache.domain_of(model).question
    assert app.query_params["case"] == table.value["Case"][2]
    assert app.query_params["cohort"] == "verdict:wrong"


def test_the_case_after_it_is_the_next_of_the_list() -> None:
    app = open_app("cases", model=TABULAR, cohort="known:malignant")
    app.session_state["cases-order"] = "uncertain"
    app.run()
    table = app.dataframe[0]
    app.session_state[table.key] = picked(cells=[(2, "Case")])
    app.run()
    app.switch_page("../pages/case.py").run()
    assert app.selectbox(key="case-order").value == "uncertain"
    assert app.selectbox(key="case-id").label.startswith("Case (3 of 77 in your filter")
    next(b for b in app.button if b.label == "Next").click().run()
    assert app.query_params["case"] == table.value["Case"][3]
    # Another model has no such filter.
    app.selectbox(key="sidebar-domain").set_value("lung_nodules").run()
    assert not app.exception
    assert "of 233;" in app.selectbox(key="case-id").label


@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST, "phishing"])
def test_ticked_cases_stand_side_by_side_and_add_up(model: str) -> None:
    app = open_app("cases", model=model)
    table = app.dataframe[0]
    app.session_state[table.key] = picked(rows=[0, 1, 2, 5, 7])
    app.run()
    assert not app.exception
    drawn = figure(app)["data"][0]
    ids = [table.value["Case"][row] for row in (0, 1, 2, 5)]
    assert [name.split("<br>")[0] for name in drawn["x"]] == ids
    assert "The first 4 of the 5 ticked" in said(app)
    for column, case in enumerate(ids):
        fall = cache.waterfall(model, case, cache.model(model).policy)
        adds = [row[column] for row in drawn["z"][1:-1]]
        assert fall.start + sum(adds) == pytest.approx(fall.logit, abs=5e-3)
        shown = float(drawn["text"][-1][column].replace("−", "-"))
        assert shown == pytest.approx(fall.logit, abs=0.006)
    app.query_params["judge"] = "first"
    app.button(key=f"open-{ids[1]}").click().run()
    assert app.query_params["case"] == ids[1]
    assert {case for *_, case in app.session_state["answers-seen"]} >= {*ids}


@pytest.mark.parametrize("model", [TABULAR, BIG])
@pytest.mark.parametrize("order", ["uncertain", "wrong", "costly", "gates", "id"])
def test_pages_hold_every_case_once_in_order(model: str, order: str) -> None:
    app = open_app("cases", model=model, cohort="known:malignant" if model == TABULAR else "")
    app.selectbox(key="cases-order").set_value(order).run()
    rows = cache_cases.listed(
        model,
        cache.model(model).policy,
        Cohort((OneOf("known", ("malignant",)),)) if model == TABULAR else EVERYTHING,
        order,
    )
    ids = [cache_cases.unseen(model).case_ids[row] for row in rows]
    pages = -(-len(ids) // case_table.PAGE)
    for page in (1, 2, pages):
        app.get("pagination")[0].set_value(page).run()
        start = case_table.PAGE * (page - 1)
        assert app.dataframe[0].value["Case"].tolist() == ids[start : start + case_table.PAGE]


def test_what_the_file_holds() -> None:
    """Read back, it says what replay says; a class that is a formula comes as text."""
    app = open_app("cases", model=IMAGE, cohort="verdict:wrong")
    assert [b.label for b in app.get("download_button")] == ["Download all listed (CSV)"]
    policy = cache.model(IMAGE).policy
    rows = cache_cases.listed(IMAGE, policy, Cohort((OneOf("verdict", ("wrong",)),)), "id")
    from dashboard.state import View

    written = case_table._csv(View(IMAGE, policy), rows)
    read = list(csv.DictReader(io.StringIO(written, newline="")))
    assert len(read) == int(metric(app, "Wrong answers"))
    for line in read:
        trace = cache.one_case(IMAGE, line["case"])
        decided = replay(trace, policy)
        assert float(line["chance of malignant"]) == pytest.approx(
            float(decided.probabilities[0, 1]), rel=1e-5
        )
        assert line["answer"] != line["known answer"]
        assert line["patient"] == line["case"].rsplit("-", 1)[0]
        diameter = cache.domain_of(IMAGE).concepts[0].shown(float(decided.concepts[0, 0]))
        assert float(line["Diameter (mm)"]) == pytest.approx(diameter, rel=1e-4)


# --- The map --------------------------------------------------------------------------------


def dots(app: AppTest) -> list[tuple[str, dict]]:
    """Every point drawn: id and what it is drawn with."""
    return [
        (point[0], trace["marker"])
        for trace in figure(app)["data"]
        for point in trace.get("customdata", [])
    ]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("what", ["findings", "gates"])
def test_the_map_shows_every_case_or_says_which(model: str, what: str) -> None:
    app = open_tab("Map", model)
    app.button_group(key="map-by").set_value(what).run()
    assert not app.exception
    drawn = dict(dots(app))
    everyone = cache_cases.unseen(model).case_ids
    assert len(dots(app)) == len(drawn) == min(len(everyone), cache_cases.MOST_POINTS)
    wrong = {
        case
        for case, bad in zip(
            everyone, cache_cases.facts(model, cache.model(model).policy).wrong, strict=True
        )
        if bad
    }
    assert {case for case, marker in drawn.items() if marker.get("symbol") == "x"} == wrong
    labels = dict(zip(everyone, cache_cases.labels(model), strict=True))
    assert all(marker["color"] == CLASSES[labels[case]] for case, marker in drawn.items())
    places = cache_cases.places(model, cache.model(model).policy, what, None)
    assert f"hold **{places.held:.0%}** of the spread" in said(app)
    assert ("at random" in said(app)) == (len(everyone) > cache_cases.MOST_POINTS)


def test_two_findings_as_axes_are_on_their_own_scales() -> None:
    app = open_tab("Map", IMAGE)
    app.button_group(key="map-axes").set_value("two of them").run()
    app.selectbox(key=f"map-{IMAGE}-findings-1").set_value(2).run()
    layout = figure(app)["layout"]
    assert layout["xaxis"]["title"]["text"] == "diameter"
    assert layout["yaxis"]["title"]["text"] == "margin"
    policy = cache.model(IMAGE).policy
    for trace in figure(app)["data"]:
        for (case,), x, y in zip(trace.get("customdata", []), trace["x"], trace["y"], strict=False):
            concepts = replay(cache.one_case(IMAGE, case), policy).concepts[0]
            assert x == pytest.approx(3 + 27 * concepts[0], abs=1e-3)
            assert y == pytest.approx(1 + 4 * concepts[2], abs=1e-3)


def test_a_line_around_cases_lists_just_these() -> None:
    app = open_tab("Map", TABULAR, cohort="known:malignant")
    app.button_group(key="map-pick").set_value("draw around some").run()
    ids = cache_cases.unseen(TABULAR).case_ids
    labels = cache_cases.labels(TABULAR)
    within = [i for i, label in zip(ids, labels, strict=True) if label == 1][:3]
    outside = next(i for i, label in zip(ids, labels, strict=True) if label == 0)
    app.session_state["map-True-0"] = clicked(*within, outside)
    app.run()
    assert not app.exception
    assert app.query_params["cohort"] == f"case:{','.join(sorted(within))};known:malignant"
    assert metric(app, "Cases") == "3 of 205"
    faint = [case for case, marker in dots(app) if marker["opacity"] < 0.5]
    assert len(faint) == 202
    assert "3 aspirates picked" in [b.label for b in app.button]
    app.session_state["map-True-1"] = clicked(*ids)
    app.run()
    assert metric(app, "Cases") == f"{(labels == 1).sum()} of 205"


def test_a_line_around_too_many_is_said() -> None:
    app = open_tab("Map", WRIST)
    app.button_group(key="map-pick").set_value("draw around some").run()
    app.session_state["map-True-0"] = clicked(*cache_cases.unseen(WRIST).case_ids[:150])
    app.run()
    assert "150 cases lie within this line; at most 100" in said(app)
    assert "cohort" not in app.query_params


def test_a_click_on_the_map_opens_the_case() -> None:
    app = open_tab("Map", WRIST)
    case = cache_cases.unseen(WRIST).case_ids[7]
    app.session_state["map-False-0"] = clicked(case)
    app.run()
    assert app.query_params["case"] == case
    assert app.title[0].value == cache.domain_of(WRIST).question


# --- Where it fails -------------------------------------------------------------------------


@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST, BIG, "phishing"])
@pytest.mark.parametrize("way", ["block", "row"])
def test_a_branch_becomes_the_cohort_on_screen(model: str, way: str) -> None:
    """One click; the counts shown for it are met again, on the part that it was counted on."""
    app = open_tab("Where it fails", model)
    blocks = figure(app)["data"][0]
    branch = app.dataframe[0].value.iloc[0]
    if way == "block":
        place = max(range(1, len(blocks["x"])), key=lambda k: blocks["x"][k])
        app.session_state["branches-0"] = clicked(place)
        wrong, cases = blocks["hovertext"][place].split("<br>")[1].split(" wrong")[0].split(" of ")
    else:
        app.session_state["branch-table-0"] = picked(cells=[(0, "Branch")])
        wrong, cases = branch["Wrong, test"].split(" of ")
    app.run()
    assert not app.exception
    assert next(tab.label for tab in app.tabs if tab.proto) == "List"
    assert app.session_state["cases-tab"] == "List"
    assert app.query_params["cohort"]
    app.button_group(key=f"filter-{model}-part").set_value("test").run()
    assert metric(app, "Wrong answers") == wrong
    assert metric(app, "Cases").split()[0] == cases


@pytest.mark.parametrize("model", MODELS)
def test_the_headline_is_picked_before_it_is_counted(model: str) -> None:
    """By the part that the tree was grown on; the other only says whether it holds."""
    app = open_tab("Where it fails", model)
    numbers = cache_cases.vocabulary(model).numbers
    told = tuple(n for n in numbers if not n.startswith(("true.", "share")))
    found = cache_cases.branches(model, cache.model(model).policy, "validation", told)
    best = max(found[1:], key=lambda b: wilson_interval(b.grown_wrong, b.grown_cases)[0])
    sentence = next(m.value for m in app.markdown if "test cases wrong" in m.value)
    assert f"{best.wrong} of {best.cases:,} test cases wrong" in sentence
    assert ("It fails most" in sentence) == (best.low > found[0].rate)


def test_too_few_errors_are_said_in_a_sentence() -> None:
    app = open_tab("Where it fails", "breast_cytology-all_measurements")
    assert app.get("plotly_chart")
    app.button_group(key="failures-part").set_value("test").run()
    assert not app.exception
    assert "Fewer than 4 test cases are answered wrongly" in said(app)
    assert not app.get("plotly_chart")


def test_what_branches_are_told_by_is_a_choice() -> None:
    app = open_tab("Where it fails", WRIST)
    app.button_group(key="failures-told").set_value(["findings"]).run()
    words = " ".join(app.dataframe[0].value["Branch"])
    assert "gate of" not in words and "chance" not in words
    app.button_group(key="failures-told").set_value([]).run()
    assert not app.exception
    assert "Pick at least one" in said(app)


def test_blocks_lie_under_what_they_are_part_of() -> None:
    """By hand: ten cases, four and six, the six again five and one."""
    sizes = [("all", -1, 0, 10), ("a", 0, 1, 4), ("b", 0, 1, 6), ("c", 2, 2, 5), ("d", 2, 2, 1)]
    bars = draw_branches([Block(n, n, p, d, 1, c) for n, p, d, c in sizes]).data[0]
    assert list(bars.base) == [0, 0, 4, 4, 9]
    assert list(bars.x) == [10, 4, 6, 5, 1]
    assert list(bars.y) == [0, 1, 1, 2, 2]


# --- Words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Within("found.diameter", 0.5), "diameter from 16.5 mm on"),
        (Within("found.diameter", 0.481481), "diameter from 16 mm on"),
        (Within("true.margin", 0.25, 0.5), "true margin from 2.0 to below 3.0 of 5"),
        (Within("sure", high=0.905), "chance of its own answer below 90.5%"),
        (Within("chance", 0.2, 0.8), "chance of malignant from 20% to below 80%"),
        (Within("experts", 2, 3), "2 experts ran"),
        (Within("experts", high=2), "0 to 1 experts ran"),
        (Within("experts", 1), "1 or more experts ran"),
        (Within("gate.inside guess", 0.125), "gate of inside guess from 0.125 on"),
        (OneOf("ran.second look", ("no",)), "second look did not run"),
        (OneOf("part", ("test",)), "test cases"),
        (OneOf("said", ("benign",)), "answer benign"),
        (OneOf("case", ("a", "b")), "2 nodules picked"),
    ],
)
def test_conditions_in_words(condition: Within | OneOf, words: str) -> None:
    assert cohort_words.condition(image_domain(), condition) == words


def image_domain() -> Domain:
    return cache.domain_of(IMAGE)


@pytest.mark.parametrize("colour", CLASSES)
def test_white_words_can_be_read_on_every_class(colour: str) -> None:
    def luminance(one: str) -> float:
        parts = np.array([int(one[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    assert 1.05 / (luminance(behind_white(colour)) + 0.05) >= 4.49


def test_intervals_tell_their_width() -> None:
    assert interval(0.03, 0.09) == "3% to 9%"
    assert interval(0.0016, 0.0030) == "0.16% to 0.30%"
    assert interval(0.010, 0.025) == "1.0% to 2.5%"


# --- Models unlike those that ship ----------------------------------------------------------


@pytest.fixture
def bare(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> str:
    save(without_experts(tiny_wrist()), tmp_path / "models" / "bare")
    monkeypatch.setattr(cache, "MODELS", tmp_path / "models")
    return "bare"


def test_without_experts_nothing_is_said_of_them(bare: str) -> None:
    for tab in TABS:
        app = open_tab(tab, bare)
        assert not app.error
        labels = [m.label for m in app.metric]
        assert labels == ["Cases", "Wrong answers"]
        assert "gates" not in json.dumps([g.options for g in app.button_group])
    app = open_tab("List", bare)
    assert "Experts" not in app.dataframe[0].value.columns
    app.session_state[app.dataframe[0].key] = picked(rows=[0])
    assert not app.run().exception


@pytest.mark.parametrize("name", [TABULAR, "wrist_exercise"])
def test_back_and_next_keep_to_the_filter(name: str) -> None:
    policy = cache.model(name).policy
    cohort = Cohort((OneOf(VERDICT, (WRONG,)),))
    chosen = cache_cases.chosen(name, policy, cohort)
    everyone = cache_cases.unseen(name).case_ids
    inside = {everyone[row] for row in np.flatnonzero(chosen)}
    ids = [one for one in cache.ordered_cases(name, "id", policy) if one in inside]
    assert 2 < len(ids) < len(everyone)

    app = open_app("case", model=name, cohort=cohort.to_text())
    walked = []
    while True:
        walked.append(app.query_params["case"])
        label = app.selectbox(key="case-id").label
        assert f"{len(walked):,} of {len(ids):,} in your filter" in label
        forward = next(b for b in app.button if b.label == "Next")
        if forward.disabled or len(walked) == 6:
            break
        forward.click().run()
    assert walked == ids[: len(walked)]
    next(b for b in app.button if b.label == "Back").click().run()
    assert app.query_params["case"] == walked[-2]

    outside = next(one for one in everyone if one not in inside)
    app = open_app("case", model=name, cohort=cohort.to_text(), case=outside)
    label = app.selectbox(key="case-id").label
    assert f"not among the {len(ids)} in your filter" in label
    next(b for b in app.button if b.key == "picker-all").click().run()
    assert not app.exception and "filter" not in app.selectbox(key="case-id").label
    assert app.query_params["case"] == outside and "cohort" not in app.query_params
