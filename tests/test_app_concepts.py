"""The Concepts page, driven as a clinician would: every number is that of the core."""

import json

import numpy as np
import pytest
from scipy.stats import binomtest
from streamlit.testing.v1 import AppTest
from test_app import IMAGE, TABULAR, figure, open_app, own_store

from dashboard import cache, cache_concepts, text
from dashboard.widgets import corrections
from dashboard.widgets.concept_closer import SHOWN
from minspnet.intervention import Single
from minspnet.policy import Policy
from minspnet.trace import replay

__all__ = ["own_store"]
WRIST, PHISHING, SHUTTLE = "wrist_exercise", "phishing", "shuttle"
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


@pytest.mark.parametrize("model", [TABULAR, IMAGE, WRIST, PHISHING])
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


@pytest.mark.parametrize(
    ("model", "part"), [(TABULAR, "test"), (IMAGE, "validation"), (WRIST, "test")]
)
def test_the_first_sentence_counts_answers_that_a_correction_changes(model: str, part: str) -> None:
    """Edit concepts case by case through policies, and count anew: picked on validation cases."""
    app = open_tab("Trust", model, part)
    concepts = cache.domain_of(model).concepts
    net = [recounted(model, "validation", k) for k in range(len(concepts))]
    best = max(range(len(net)), key=lambda k: (net[k][0] - net[k][1], net[k][0]))
    sentence, title = app.info[0].value, concepts[best].title
    if net[best][0] <= net[best][1]:
        assert sentence.startswith("No single finding misleads it")
        return
    if binomtest(net[best][0], sum(net[best])).pvalue < 0.05:
        assert sentence.startswith(f"**{title}** misleads it most (picked on validation cases)")
    else:
        assert sentence.startswith("Too few errors to tell which finding misleads it most;")
        assert f"**{title}** comes first (picked on validation cases)" in sentence
    repaired, broken = recounted(model, part, best)
    decided = cache.decision(model, part, cache.model(model).policy).predicted
    wrong = int((decided != cache.part(model, part).labels).sum())
    breaks = f"breaks {broken}" if broken else "breaks none"
    assert f"{part} cases repairs {repaired} of {wrong} wrong answers and {breaks}" in sentence


def recounted(model: str, part: str, concept: int) -> tuple[int, int]:
    """Answers repaired and broken where one concept is corrected, case by case."""
    policy, trace = cache.model(model).policy, cache.model(model).traces[part]
    labels, truth = cache.part(model, part).labels, cache_concepts.true_grades(model, part)
    before = cache.decision(model, part, policy).predicted == labels
    name = trace.concept_names[concept]
    edits = [policy.intervene(name, float(truth[n, concept])) for n in range(len(trace))]
    after = [replay(trace[n], edit).predicted[0] for n, edit in enumerate(edits)] == labels
    return int((after & ~before).sum()), int((before & ~after).sum())


def test_a_finding_is_named_for_sure_only_if_chance_would_hardly_pick_it() -> None:
    """Five repaired and none broken: p = 2 / 32; six: 2 / 64. Counted on the part shown."""
    shown = Single((1, 2), (3,))
    for repaired, start in ((5, "Too few errors to tell"), (6, "**Tilt** misleads it most")):
        picked = Single(tuple(range(repaired)), ())
        sentence = corrections._misleading("Tilt", picked, shown, "test", 80, 9)
        assert sentence.startswith(start)
        assert "in all 80 test cases repairs 2 of 9 wrong answers and breaks 1." in sentence


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


@pytest.mark.parametrize("model", [TABULAR, IMAGE])
def test_a_mended_case_opens_with_the_correction_made(model: str) -> None:
    app = open_tab("Trust", model)
    policy = cache.model(model).policy
    found = cache_concepts.singles(model, "validation", policy)
    best = max(range(len(found)), key=lambda k: (found[k].net, found[k].repaired))
    ids, labels = (
        cache.model(model).traces["validation"].case_ids,
        cache.part(model, "validation").labels,
    )
    offered = [b.label for b in app.button if (b.key or "").startswith("corrected-")]
    rows = (*found[best].repaired_rows[:4], *found[best].broken_rows[:4])
    assert offered == [text.plain(ids[row]) for row in rows]
    next(b for b in app.button if b.label == offered[0]).click().run()
    assert not app.exception
    assert app.query_params["case"] == ids[rows[0]]
    asked = Policy.from_text(*(app.query_params[key] for key in ("gates", "cut", "edit")))
    ((name, _),) = asked.interventions
    assert name == cache.domain_of(model).concept_names[best]
    trace = cache.model(model).traces["validation"][rows[0]]
    assert replay(trace, policy).predicted[0] != labels[rows[0]]
    assert replay(trace, asked).predicted[0] == labels[rows[0]]
