"""The Concepts page, driven as a clinician would: every number is that of the core."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_app import IMAGE, TABULAR, figure, open_app, own_store

from dashboard import cache, cache_concepts
from dashboard.widgets.concept_closer import SHOWN
from minspnet.trace import replay

__all__ = ["own_store"]
WRIST, PHISHING, SHUTTLE = "wrist_exercise", "phishing", "shuttle"
MODELS = (TABULAR, "breast_cytology-all_measurements", IMAGE, WRIST, PHISHING, SHUTTLE)
TABS = (
    "Trust",
    "Weights in the answer",
    "What goes together",
    "Leakage",
    "What corrections do",
    "Worth checking next",
)


def open_tab(tab: str, model: str = TABULAR, part: str = "validation") -> AppTest:
    app = open_app("concepts", model=model)
    app.session_state["concepts-tab"] = tab
    app.session_state["concepts-part"] = part
    app = app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    return " ".join(part.value for part in (*app.info, *app.markdown, *app.caption))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_and_says_something(tab: str, model: str) -> None:
    app = open_tab(tab, model)
    charts = app.get("plotly_chart")
    assert not app.error and charts and all(chart.proto.alt for chart in charts)
    for number in range(len(charts)):
        drawn = figure(app, number)["data"]
        # A heat map holds a field for each pair; nothing else draws more than the budget.
        points = sum(len(trace.get("x", ())) for trace in drawn)
        assert points < 1000
    assert "None" not in said(app) and " nan" not in said(app)


@pytest.mark.parametrize("part", ["validation", "test"])
@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST, PHISHING])
def test_the_first_sentence_counts_answers_that_a_correction_changes(model: str, part: str) -> None:
    """Edit the named concept case by case through policies, and count anew."""
    app = open_tab("Trust", model, part)
    policy, trace = cache.model(model).policy, cache.model(model).traces[part]
    labels, truth = cache.part(model, part).labels, cache_concepts.true_grades(model, part)
    before = cache.decision(model, part, policy).predicted == labels
    net = []
    for k, name in enumerate(trace.concept_names):
        after = [
            replay(trace[n], policy.intervene(name, float(truth[n, k]))).predicted[0] == labels[n]
            for n in range(len(trace))
        ]
        repaired, broken = int((after & ~before).sum()), int((before & ~np.array(after)).sum())
        net.append((repaired - broken, repaired, broken, cache.domain_of(model).concepts[k].title))
    most, repaired, broken, title = max(net, key=lambda row: row[:2])
    sentence = app.info[0].value
    if most <= 0:
        assert sentence.startswith("No single finding misleads it")
    else:
        assert sentence.startswith(f"**{title}** misleads it most")
        wrong = int((~before).sum())
        breaks = f"breaks {broken}" if broken else "breaks none"
        assert f"repairs {repaired} of {wrong} wrong answers and {breaks}" in sentence


def test_trust_is_sorted_and_is_that_of_the_core() -> None:
    app = open_tab("Trust", IMAGE)
    policy = cache.model(IMAGE).policy
    found = cache_concepts.trust(IMAGE, "validation", policy)
    scores = figure(app)["data"][0]["x"]
    assert scores == sorted(scores, reverse=True)
    assert scores == pytest.approx(sorted((t.score for t in found), reverse=True))
    table = app.dataframe[0].value
    assert table["Finding"].str.contains("guessed").sum() == 2
    assert "patients" in said(app)  # what is resampled
    weakest = int(np.argmin([t.score for t in found]))
    assert app.selectbox(key=SHOWN.format(IMAGE)).value == weakest


def test_the_cases_most_wrong_are_listed() -> None:
    app = open_tab("Trust", IMAGE)
    app.selectbox(key=SHOWN.format(IMAGE)).set_value(2).run()
    policy = cache.model(IMAGE).policy
    given = cache_concepts.grades(IMAGE, "validation", policy)[:, 2]
    true = cache_concepts.true_grades(IMAGE, "validation")[:, 2]
    ids = cache.model(IMAGE).traces["validation"].case_ids
    table = app.dataframe[1].value
    assert table["Case"].iloc[0] == ids[int(np.argmax(np.abs(given - true)))]
    assert len(table) == 12


def test_few_subjects_are_said_to_be_few() -> None:
    assert "They come from 2 subjects alone" in said(open_tab("Trust", WRIST))
    assert "alone" not in said(open_tab("Trust", TABULAR)).split("Calibration")[0]


def test_weights_are_those_of_the_head() -> None:
    app = open_tab("Weights in the answer", TABULAR)
    head = cache.model(TABULAR).traces["test"].head
    drawn = figure(app)["data"][0]
    titles = [c.title for c in cache.domain_of(TABULAR).concepts]
    found = dict(zip(drawn["y"], drawn["x"], strict=True))
    assert [found[title] for title in titles] == pytest.approx(head.weights[0].tolist())
    # Between several classes only differences mean anything, and the reference is chosen.
    app = open_tab("Weights in the answer", WRIST)
    app.selectbox(key=f"weights-against-{WRIST}").set_value(2).run()
    app.get("button_group")[-1].set_value("from low to high end").run()
    weights = cache.model(WRIST).traces["test"].head.weights
    table = np.array(figure(app)["data"][0]["z"])
    np.testing.assert_allclose(table[1:], weights - weights[1], atol=1e-5)
    assert not table[2].any()


def test_what_lies_beyond_the_findings_is_named() -> None:
    assert "what no finding names" in figure(open_tab(TABS[1], PHISHING))["data"][0]["y"]
    assert "no correction reaches it" in said(open_tab(TABS[1], PHISHING)).replace("\\", "")


def test_ties_are_told_only_where_they_are_sure() -> None:
    app = open_tab("What goes together", IMAGE)
    assert "The network ties findings otherwise" in said(app)
    one, other = figure(app, 0)["data"][0]["z"], figure(app, 1)["data"][0]["z"]
    assert one != other
    known = cache_concepts.association(IMAGE, "validation", cache.model(IMAGE).policy)
    assert one[0][3] == pytest.approx(known.found[0, 3]) and one[0][0] is None


def test_the_curves_start_alike_and_end_alike() -> None:
    for part in ("validation", "test"):
        app = open_tab("What corrections do", WRIST, part)
        drawn = [trace for trace in figure(app)["data"] if trace.get("mode") == "lines+markers"]
        assert len(drawn) == 4
        policy = cache.model(WRIST).policy
        assert {round(trace["y"][0], 9) for trace in drawn} == {
            round(cache.score(WRIST, part, policy).accuracy, 9)
        }
        assert len({round(trace["y"][-1], 9) for trace in drawn}) == 1
        assert ("the very cases shown" in said(app)) == (part == "validation")
        assert "come from 2 subjects alone" in said(app)


@pytest.mark.parametrize(("model", "order"), [(WRIST, "random"), (WRIST, "doubt")])
def test_on_test_cases_checking_by_worth_pays(model: str, order: str) -> None:
    """On these; on validation cases it is behind, and the page says either."""
    found = cache_concepts.curves(model, "test", cache.model(model).policy)
    gain, (low, _) = found.ahead[order]
    assert gain > low > 0
    told = said(open_tab("What corrections do", model, "test"))
    ahead = told.partition("ahead of *")[2].partition(";")[0]
    assert ("in random order" if order == "random" else "most uncertain first") in ahead


def test_a_lot_of_cases_is_sampled_and_said() -> None:
    assert "2,000 validation cases, drawn from 7,856" in said(open_tab(TABS[4], SHUTTLE))


def test_what_to_check_follows_the_case() -> None:
    app = open_tab("Worth checking next", IMAGE)
    case = app.query_params["case"]
    part, row = cache.case_place(IMAGE, case)
    found = cache_concepts.check_worth(IMAGE, part, cache.model(IMAGE).policy)
    drawn = figure(app)["data"][0]
    assert drawn["x"] == pytest.approx(sorted(found.bits[row], reverse=True))
    best = cache.domain_of(IMAGE).concepts[int(found.bits[row].argmax())].title
    assert drawn["y"][0] == best
    app.button(key="worth-open").click().run()
    assert not app.exception
    assert app.title[0].value == cache.domain_of(IMAGE).question


def test_no_number_is_drawn_as_text_that_is_not_one() -> None:
    """A finding that never varies leaves a field empty rather than writing nan."""
    drawn = json.dumps(figure(open_tab("What goes together", SHUTTLE)))
    assert "nan" not in drawn.lower()


def test_a_row_opens_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """One click on a case that is most wrong opens it; a click on a concept shows it closer."""
    app = open_tab("Trust", IMAGE)
    wanted = app.dataframe[1].value["Case"].iloc[2]
    chosen = {"selection": {"rows": [2], "columns": [], "points": []}}
    none = {"selection": {"rows": [], "columns": [], "points": []}}
    from dashboard.widgets import concept_closer

    def select(*_: object, key: str = "", **__: object) -> dict[str, object]:
        return chosen if key.startswith("wrong-") else none

    monkeypatch.setattr(concept_closer.st, "dataframe", select)
    app.run()
    assert not app.exception
    assert app.query_params["case"] == wanted
    assert app.title[0].value == cache.domain_of(IMAGE).question


def test_a_click_shows_the_concept_closer(monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard.widgets import trust

    app = open_tab("Trust", IMAGE)
    assert app.selectbox(key=SHOWN.format(IMAGE)).value != 3
    clicks = [{"customdata": 3}]

    def chart(*_: object, key: str, **__: object) -> dict[str, object]:
        # A new key forgets the click, as a browser's chart does.
        return {"selection": {"points": clicks if key.endswith("-0") else []}}

    monkeypatch.setattr(trust, "show_chart", chart)
    app.run()
    assert not app.exception
    assert app.selectbox(key=SHOWN.format(IMAGE)).value == 3
