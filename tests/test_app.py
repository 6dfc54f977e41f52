"""Every page and journey of the dashboard, without a browser."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import cache, cache_routing
from minspnet.policy import Policy
from minspnet.trace import replay

APP = str(Path(__file__).resolve().parents[1] / "dashboard" / "app.py")
TABULAR, IMAGE = "breast_cytology-mean_and_se", "lung_nodules"
PAGES = ("overview", "case", "routing")
KNOWN = cache.model(TABULAR).traces["test"].case_ids[0]


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test saves into a database of its own."""
    # Times are measured in the background; a test that wants one says which.
    pending = SimpleNamespace(result=None, failed=False)
    monkeypatch.setattr(cache_routing, "_timing", lambda name: pending)
    monkeypatch.setenv("MINSPNET_DATABASE_URL", f"sqlite:///{tmp_path / 'store.sqlite'}")
    cache.store.clear()
    yield
    cache.store().engine.dispose()
    cache.store.clear()


def open_app(page: str = "overview", **link: str) -> AppTest:
    """Open a page as a link with these query parameters does."""
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    if page != "overview":
        app.switch_page(f"../pages/{page}.py").run()
    assert not app.exception
    return app


def amiss(app: AppTest) -> list[str]:
    """Warnings of anything but what the network cannot tell, which is no fault of the page."""
    honest = ("Not shown to be better", "At 90% coverage")
    return [one.value for one in app.warning if not one.value.startswith(honest)]


def metric(app: AppTest, label: str) -> str:
    """The value shown under a label that starts like this."""
    return next(m.value for m in app.metric if m.label.startswith(label))


def slider(app: AppTest, start: str) -> object:
    """The slider whose label starts like this."""
    return next(s for s in app.slider if s.label.startswith(start))


def figure(app: AppTest, number: int = 0) -> dict:
    """The specification of a chart."""
    return json.loads(app.get("plotly_chart")[number].proto.spec)


@pytest.mark.parametrize("model", [TABULAR, IMAGE, "breast_cytology-all_measurements"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_on_every_model(page: str, model: str) -> None:
    app = open_app(page, model=model)
    assert not app.error
    assert not app.warning
    assert app.title[0].value
    assert app.get("plotly_chart")
    assert all(chart.proto.alt for chart in app.get("plotly_chart"))


def test_overview_shows_the_model_that_is_loaded() -> None:
    app = open_app(model=IMAGE)
    loaded = cache.model(IMAGE)
    score = cache.score(IMAGE, "test", loaded.policy)
    assert metric(app, "Parameters") == f"{loaded.metrics['parameters']:,}"
    assert metric(app, "Test AUC") == f"{cache.auc(IMAGE, 'test', loaded.policy):.3f}"
    assert float(metric(app, "Experts per case")) == pytest.approx(
        sum(score.expert_shares), abs=0.05
    )
    words = " ".join(note["text"] for note in figure(app)["layout"]["annotations"])
    assert all(name in words for name in loaded.traces["test"].tree.names)
    table = app.table[0].value
    assert "logistic regression" in table.index
    assert re.fullmatch(r"0\.\d{3} ± 0\.\d{3}", table.loc["MINSPNET, as routed", "AUC"])


def look_inside(app: AppTest, detail: str) -> AppTest:
    """Open one of the details that are shut at first."""
    app.session_state[f"inside-{detail}"] = True
    return app.run()


def test_case_waterfalls_sum_to_the_logit_on_the_page() -> None:
    app = open_app("case", model=TABULAR)
    assert len(app.get("plotly_chart")) == 1
    look_inside(app, "experts")
    for chart in (0, 1):
        steps = figure(app, chart)["data"][0]
        assert steps["type"] == "waterfall"
        assert sum(steps["x"][:-1]) == pytest.approx(steps["x"][-1], abs=1e-4)
    cells = figure(app, 2)["data"][0]["z"]
    rise = steps["x"][-1] - steps["x"][0]
    assert sum(map(sum, cells)) == pytest.approx(rise, abs=1e-4)
    table = app.dataframe[-1].value.astype(float)
    assert table.loc["all together", "Sum"] == pytest.approx(rise, abs=1e-4)


def reasons_said(app: AppTest) -> str:
    """The sentences right under the answer."""
    starts = ("Mainly because of", "Like a typical case")
    return next(m.value for m in app.markdown if m.value.startswith(starts))


def cases_that_can_flip(model: str) -> list[str]:
    """Test cases that some value within a slider, and all beyond it, decide otherwise."""
    found = []
    for case in cache.model(model).traces["test"].case_ids:
        _, flip = cache.explained(model, case, cache.model(model).policy)
        if flip and flip.beyond and 0 < flip.value < 1:
            found.append(case)
    return found


@pytest.mark.parametrize("model", [TABULAR, IMAGE])
@pytest.mark.parametrize("place", [0.0, 0.4, 0.8])
def test_the_claimed_change_holds_on_the_slider(model: str, place: float) -> None:
    """Set to the value said, the answer changes; one step of the slider less, and it stays."""
    cases = cases_that_can_flip(model)
    app = open_app("case", model=model, case=cases[int(place * len(cases))])
    answer = metric(app, "The network says")
    said = re.search(
        r"would change to \*\*(\w+)\*\* if \*\*(.+?)\*\* were ([\d.]+) .*(less|more), instead of "
        r"([\d.]+)\.$",
        reasons_said(app),
    )
    assert said, reasons_said(app)
    other, name, value, side, now = said.groups()
    assert other != answer
    title = f"{name[0].upper()}{name[1:]}:"
    step = slider(app, title).step * (1 if side == "less" else -1)
    assert slider(app, title).value == pytest.approx(float(now), abs=abs(step))
    slider(app, title).set_value(float(value) + step).run()
    assert metric(app, "With your changes") == answer
    slider(app, title).set_value(float(value)).run()
    assert metric(app, "With your changes") == other


def test_reasons_follow_a_moved_slider() -> None:
    """A finding that speaks for the answer, put to its other end, does so no more."""
    reasons = {
        case: cache.explained(TABULAR, case, cache.model(TABULAR).policy)[0]
        for case in cases_that_can_flip(TABULAR)
    }
    case, found = next((c, r) for c, r in reasons.items() if r.pushes.sum() > 0)
    strongest = cache.domain_of(TABULAR).concepts[found.speaking_for()[0]]
    app = open_app("case", model=TABULAR, case=case)
    before, _, _ = reasons_said(app).partition(" It would change")
    moved = slider(app, f"{strongest.title}:")
    assert f"**{strongest.title[0].lower()}{strongest.title[1:]}** (" in before
    moved.set_value(0.0 if moved.value > 50 else 100.0).run()
    after, _, _ = reasons_said(app).partition(" It would change")
    assert after != before
    policy = Policy.from_text(**{k: app.query_params[k] for k in ("gates", "cut", "edit")})
    moved_reasons, _ = cache.explained(TABULAR, case, policy)
    domain = cache.domain_of(TABULAR)
    told = set(moved_reasons.speaking_against())
    told |= set(moved_reasons.speaking_for() if moved_reasons.pushes.sum() > 0 else ())
    named = {k for k, c in enumerate(domain.concepts) if c.title.lower() in after.lower()}
    assert named == told


def test_no_single_change_is_said_to_be_none() -> None:
    """And no slider put to either end changes the answer."""
    policy = cache.model(TABULAR).policy
    stuck, cut = next(
        (case, cut)
        for cut in (0.5, 0.9, 0.99)
        for case in cache.model(TABULAR).traces["test"].case_ids
        if cache.explained(TABULAR, case, replace(policy, decision_threshold=cut))[1] is None
    )
    app = open_app("case", model=TABULAR, case=stuck, cut=str(cut))
    answer = metric(app, "The network says")
    assert "No single finding would change the answer" in reasons_said(app)
    for concept in cache.domain_of(TABULAR).concepts:
        for end in (0.0, 100.0):
            slider(app, f"{concept.title}:").set_value(end).run()
            assert metric(app, "With your changes") == answer
            next(b for b in app.button if b.label == "Undo my changes").click().run()


def test_moving_a_concept_changes_the_answer_and_reset_brings_it_back() -> None:
    app = open_app("case", model=TABULAR, case=cache.model(TABULAR).traces["test"].case_ids[3])
    before = metric(app, "Chance of malignant"), figure(app)["data"][0]["x"]
    size = slider(app, "Nuclear size:")
    size.set_value(0.0 if size.value > 50 else 100.0).run()
    moved = metric(app, "Chance of malignant"), figure(app)["data"][0]["x"]
    assert moved != before
    assert "set by you" in slider(app, "Nuclear size:").label
    assert app.query_params["edit"].startswith("nuclear_size:")
    steps = figure(app)["data"][0]
    changed = [a != b for a, b in zip(before[1], moved[1], strict=True)]
    assert [n for n, c in zip(steps["y"], changed, strict=True) if c] == [
        "Nuclear size",
        "this case",
    ]
    next(b for b in app.button if b.label == "Undo my changes").click().run()
    assert (metric(app, "Chance of malignant"), figure(app)["data"][0]["x"]) == before
    assert "edit" not in app.query_params


def test_every_concept_slider_moves_its_own_concept() -> None:
    app = open_app("case", model=IMAGE)
    for concept in cache.domain_of(IMAGE).concepts:
        found = slider(app, f"{concept.title}:")
        found.set_value(found.max if found.value < (found.min + found.max) / 2 else found.min)
        app.run()
    edits = dict(part.split(":") for part in app.query_params["edit"].split(","))
    assert set(edits) == set(cache.domain_of(IMAGE).concept_names)
    assert set(edits.values()) <= {"0.0", "1.0"}


@pytest.mark.parametrize("order", ["id", "uncertain", "wrong", "gates"])
def test_case_orders_and_steps(order: str) -> None:
    app = open_app("case", model=TABULAR)
    app.selectbox(key="case-order").set_value(order).run()
    expected = cache.ordered_cases(TABULAR, order, cache.model(TABULAR).policy)
    assert app.query_params["case"] == expected[0]
    next(b for b in app.button if b.label == "Next").click().run()
    assert app.query_params["case"] == expected[1]
    assert app.selectbox(key="case-id").value == expected[1]
    if order == "wrong":
        answers = metric(app, "The network says"), metric(app, "Known answer")
        assert answers[0] != answers[1]


@pytest.mark.parametrize("model", [TABULAR, IMAGE])
def test_the_most_uncertain_case_of_all_comes_first(model: str) -> None:
    """Test and validation cases are ranked together, by how far the chance is from one half."""
    policy = cache.model(model).policy
    distance = {}
    for part in ("test", "validation"):
        chances = cache.decision(model, part, policy).probabilities[:, 1]
        ids = cache.model(model).traces[part].case_ids
        distance |= dict(zip(ids, abs(chances - 0.5), strict=True))
    ordered = [distance[case] for case in cache.ordered_cases(model, "uncertain", policy)]
    assert ordered == pytest.approx(sorted(distance.values()), abs=1e-5)
    places = [cache.case_place(model, case) for case in cache.ordered_cases(model, "id", policy)]
    parts = [place[0] for place in places if place]
    assert parts != sorted(parts)


@pytest.mark.parametrize("method", ["integrated_gradients", "saliency", "feature_ablation"])
def test_attribution_methods_and_targets(method: str) -> None:
    app = look_inside(open_app("case", model=IMAGE), "inputs")
    choice = next(s for s in app.selectbox if s.label == "Method")
    choice.set_value(method).run()
    target = next(s for s in app.selectbox if s.label == "What is explained")
    target.set_value("concept:1").run()
    assert not app.exception
    said = " ".join(caption.value for caption in app.caption)
    assert ("convergence delta" in said) == (method == "integrated_gradients")
    assert "held fixed" in said


def test_an_edit_belongs_to_its_case() -> None:
    app = open_app("case", model=TABULAR)
    slider(app, "Nuclear size:").set_value(100.0).run()
    assert "edit" in app.query_params
    next(b for b in app.button if b.label == "Next").click().run()
    assert "edit" not in app.query_params


def test_a_slider_of_the_last_case_never_edits_the_next() -> None:
    app = open_app("case", model=TABULAR)
    slider(app, "Nuclear size:").set_value(100.0)
    next(b for b in app.button if b.label == "Next").click()
    second = cache.ordered_cases(TABULAR, "id", cache.model(TABULAR).policy)[1]
    app.run()
    assert app.query_params["case"] == second
    assert "edit" not in app.query_params


def test_sidebar_changes_task_and_model() -> None:
    app = open_app("case", model=TABULAR, case=cache.model(TABULAR).traces["test"].case_ids[0])
    app.selectbox(key="sidebar-domain").set_value("lung_nodules").run()
    assert app.query_params["model"] == IMAGE
    assert app.query_params["case"].startswith("LIDC")
    assert app.title[0].value == cache.domain_of(IMAGE).question
    app.selectbox(key="sidebar-domain").set_value("breast_cytology").run()
    app.selectbox(key="sidebar-model").set_value(TABULAR).run()
    assert app.query_params["model"] == TABULAR


def test_a_link_reopens_the_same_view() -> None:
    case = cache.model(TABULAR).traces["validation"].case_ids[5]
    link = {
        "domain": "breast_cytology",
        "model": TABULAR,
        "case": case,
        "gates": "0.1,off,0.3,0.4,0.5",
        "cut": "0.4",
        "edit": "asymmetry:0.25,nuclear_size:0.9",
    }
    app = open_app("case", **link)
    assert dict(app.query_params) == link
    assert slider(app, "Nuclear size:").value == pytest.approx(90)
    assert app.selectbox(key="case-id").value == case


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"domain": "nonsense"}, "domain must be one of"),
        ({"model": "../../etc/passwd"}, "model must be one of"),
        (
            {"model": TABULAR, "case": "FNA-9999"},
            "case of a link must be a test or validation case",
        ),
        ({"model": TABULAR, "case": "<script>alert(1)</script>"}, "case of a link must be a test"),
        ({"model": TABULAR, "gates": "0.1"}, "gate_thresholds must have 5 values"),
        ({"model": TABULAR, "gates": "a,b,c,d,e"}, "gates must be a plain number"),
        ({"model": TABULAR, "gates": "nan,0,0,0,0"}, "gates must be a plain number"),
        ({"model": TABULAR, "gates": "-1,0,0,0,0"}, "gate_thresholds must be 0 or more"),
        ({"model": TABULAR, "gates": "0,0,0,0,0", "cut": "7"}, "decision_threshold must lie"),
        ({"model": TABULAR, "cut": "7"}, "decision_threshold must lie"),
        ({"model": TABULAR, "case": KNOWN, "edit": "age:0.5"}, "interventions must name"),
        ({"model": TABULAR, "case": KNOWN, "edit": "asymmetry:9"}, "must lie between"),
    ],
)
@pytest.mark.parametrize("page", ["overview", "case"])
def test_a_bad_link_gets_one_sentence_and_a_working_page(
    page: str, link: dict[str, str], sentence: str
) -> None:
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    assert len(app.warning) == 1
    assert sentence in app.warning[0].value.replace("\\", "")
    if page == "case":
        app.switch_page("../pages/case.py").run()
        assert metric(app, "The network says") in ("benign", "malignant")
    assert not app.exception


def test_a_link_is_never_markup() -> None:
    """An image in a link would make the browser call another host."""
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["case"] = "![x](https://example.org/a.png)"
    app.run()
    assert "![x](" not in app.warning[0].value
    assert r"\!\[x\]\(" in app.warning[0].value


def test_the_decision_threshold_is_shown_and_follows() -> None:
    app = open_app("routing", model=TABULAR, cut="0.2")
    assert app.slider(key="cut").value == 20
    app.slider(key="cut").set_value(99).run()
    assert app.query_params["cut"] == "0.99"
    policy = Policy(cache.model(TABULAR).policy.gate_thresholds, 0.99)
    assert metric(app, "Accuracy") == f"{cache.score(TABULAR, 'validation', policy).accuracy:.3f}"


def test_a_database_that_cannot_be_opened_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    working = cache.store()
    monkeypatch.setenv("MINSPNET_DATABASE_URL", "nonsense")
    cache.store.clear()
    app = AppTest.from_file(APP, default_timeout=60).run()
    assert not app.exception
    assert "must name one that can be opened" in app.error[0].value.replace("\\", "")
    monkeypatch.setenv("MINSPNET_DATABASE_URL", str(working.engine.url))


def test_the_start_page_leads_to_case_and_routing() -> None:
    app = open_app(model=TABULAR)
    next(b for b in app.button if b.label.startswith("Review the least")).click().run()
    assert not app.exception
    assert app.title[0].value == cache.domain_of(TABULAR).question
    policy = cache.model(TABULAR).policy
    assert app.query_params["case"] == cache.ordered_cases(TABULAR, "uncertain", policy)[0]
    app = open_app(model=TABULAR)
    next(b for b in app.button if b.label.startswith("Trade compute")).click().run()
    assert not app.exception
    assert app.title[0].value == "Trade compute for accuracy"


def test_another_decision_threshold_is_said_on_the_case() -> None:
    app = open_app("case", model=TABULAR, cut="0.2")
    said = next(m for m in app.metric if m.label == "The network says")
    assert said.delta == "malignant from 20% on"


def test_the_least_certain_case_is_followed_by_the_next_least_certain() -> None:
    app = open_app(model=TABULAR)
    next(b for b in app.button if b.label == "Review the least certain case").click().run()
    app.switch_page("../pages/case.py").run()
    order = cache.ordered_cases(TABULAR, "uncertain", cache.model(TABULAR).policy)
    assert app.query_params["case"] == order[0]
    assert app.selectbox(key="case-order").value == "uncertain"
    next(b for b in app.button if b.label == "Next").click().run()
    assert app.query_params["case"] == order[1]


def test_overview_says_what_corrections_bring_and_what_it_is_not_for() -> None:
    app = open_app(model=TABULAR)
    curve = cache.model(TABULAR).metrics["intervention"]["accuracies"]
    assert metric(app, "Once corrected") == f"{curve[-1]:.3f}"
    assert any("not for decisions about anyone" in caption.value for caption in app.caption)


def test_known_cases_that_disagree_are_not_sold_as_support() -> None:
    """Over many cases both forms are met, and each says what the table beside it shows."""
    app = open_app("case", model=TABULAR)
    forms = set()
    for case in cache.ordered_cases(TABULAR, "uncertain", cache.model(TABULAR).policy)[:12]:
        app.selectbox(key="case-id").set_value(case).run()
        said = next(c.value for c in app.caption if "the network says" in c.value)
        agree, of = map(int, re.match(r"(\d+) of the (\d+)", said).groups())
        assert ("although" in said) == (2 * agree < of)
        forms.add("although" in said)
    assert forms == {True, False}


@pytest.mark.parametrize("model", [TABULAR, IMAGE, "wrist_exercise"])
def test_what_would_change_the_answer_is_tried_at_a_click(model: str) -> None:
    app = open_app("case", model=model)
    app.selectbox(key="case-order").set_value("uncertain").run()
    case, policy = app.query_params["case"], cache.model(model).policy
    next(b for b in app.button if b.key == "try-flip").click().run()
    assert not app.exception
    asked = Policy.from_text(*(app.query_params[key] for key in ("gates", "cut", "edit")))
    alone = cache.one_case(model, case)
    classes = cache.domain_of(model).classes
    before, after = (replay(alone, one).predicted[0] for one in (policy, asked))
    assert before != after
    assert metric(app, "With your changes") == classes[after]
    assert not [b for b in app.button if b.key == "try-flip"]


def test_a_finding_beyond_the_usual_is_said_so() -> None:
    app = open_app("case", model=TABULAR)
    case = app.query_params["case"]
    slider(app, "Nuclear size:").set_value(100.0).run()
    assert app.query_params["case"] == case
    assert "above benign (" in slider(app, "Nuclear size:").label
    slider(app, "Nuclear size:").set_value(0.0).run()
    assert "above benign (" not in slider(app, "Nuclear size:").label
