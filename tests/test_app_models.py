"""Every page on models unlike those that ship: many classes, signals, any gate, no experts."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from studies import renamed, tiny_wrist, without_experts
from test_app import PAGES, figure, look_inside, metric, open_app, own_store

from dashboard import cache, cache_routing, text
from minspnet.artifact import save
from minspnet.study import Study
from minspnet.trace import replay

__all__ = ["own_store"]
WRIST, BARE = "tiny_wrist", "bare"
MARKUP = "<b>[x](http://evil.example)"


@pytest.fixture(scope="module")
def wrist() -> Study:
    return tiny_wrist()


@pytest.fixture(scope="module")
def shelf(wrist: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save(wrist, folder / WRIST)
    save(without_experts(wrist), folder / BARE)
    return folder


@pytest.fixture(autouse=True)
def models(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the app at these models; every name is met in this file alone."""
    monkeypatch.setattr(cache, "MODELS", shelf)
    return shelf


def words_of(app: AppTest) -> str:
    """All sentences on the page."""
    return " ".join(part.value for part in (*app.caption, *app.markdown, *app.info))


@pytest.mark.parametrize("model", [WRIST, BARE])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(page: str, model: str) -> None:
    app = open_app(page, model=model)
    assert app.query_params["model"] == model
    assert not app.error
    # Nothing is amiss but that the bare one, which hardly learned anything, is said to be no good.
    found = [warning.value[:22] for warning in app.warning]
    guesses = model == BARE and page == "case"
    assert found == ["Not shown to be better", "At 90% coverage it can"][: 2 * guesses]
    assert app.get("plotly_chart") or (page, model) == ("routing", BARE)


def test_the_overview_names_channels_and_gates() -> None:
    app = open_app(model=WRIST)
    notes = " ".join(note["text"] for note in figure(app)["layout"]["annotations"])
    assert "6 channels" in notes
    assert all(f"if {word} ≥" in notes for word, *_ in text.GATES.values())
    said = words_of(app)
    assert all(when in said for _, when, _ in text.GATES.values())


def told_and_other() -> list[tuple[str, int, int]]:
    """Two test cases that are decided differently, what is told of each, and against what."""
    trace = cache.model(WRIST).traces["test"]
    policy = cache.model(WRIST).policy
    found = {cache.told(WRIST, case, policy): case for case in trace.case_ids}
    by_class = {told: (case, told, against) for (told, against), case in found.items()}
    return sorted(by_class.values(), key=lambda row: row[1])[:2]


def test_the_class_decided_for_is_explained() -> None:
    """Against its nearest rival, in the sentence as in every chart and caption."""
    domain = cache.domain_of(WRIST)
    for case, told, against in told_and_other():
        logits = replay(cache.one_case(WRIST, case), cache.model(WRIST).policy).class_logits[0]
        assert [against, told] == np.argsort(logits)[-2:].tolist()
        name = f"{domain.classes[told]} against {domain.classes[against]}"
        app = look_inside(open_app("case", model=WRIST, case=case), "experts")
        for chart in (0, 2):
            steps = figure(app, chart)
            rise = logits[told] - logits[against]
            assert steps["data"][0]["x"][-1] == pytest.approx(rise, abs=1e-4)
            title = steps["layout"]["xaxis"]["title"]["text"].replace("<br>", " ")
            assert title == f"log-odds of {name}"
        said = words_of(app)
        rival = domain.classes[against]
        assert f"Orange pushes towards {domain.classes[told]}, blue towards {rival}" in said
        assert f" rather than **{rival}**" in said or f" rather than {rival}" in said
        assert f"Log-odds of {name}" in said
        assert all(score in said for _, _, score in text.GATES.values())
        assert "coin" not in said


@pytest.mark.parametrize("method", ["integrated_gradients", "feature_ablation", "saliency"])
def test_a_signal_is_drawn_with_its_attribution(method: str) -> None:
    case, told, against = told_and_other()[0]
    app = look_inside(open_app("case", model=WRIST, case=case), "inputs")
    next(s for s in app.selectbox if s.label == "Method").set_value(method).run()
    assert not app.exception
    targets = next(s for s in app.selectbox if s.label == "What is explained")
    assert targets.value == f"class:{told}:{against}"
    classes = cache.domain_of(WRIST).classes
    assert targets.options[0] == f"the answer ({classes[told]} against {classes[against]})"
    rivals = {f"the answer ({classes[told]} against {c})" for c in classes if c != classes[told]}
    assert rivals == set(targets.options[:6])
    signal, laid_over = figure(app, 1)["data"], figure(app, 2)["data"]
    assert [trace["type"] for trace in signal] == ["scatter"] * 6
    assert [trace["type"] for trace in laid_over] == ["heatmap"] * 6 + ["scatter"] * 6
    assert "stretches of 0.32 s" in words_of(app)
    targets.set_value(f"class:{told}:{next(k for k in range(7) if k not in (told, against))}").run()
    assert not app.exception


def test_many_classes_have_no_decision_threshold(wrist: Study) -> None:
    app = open_app("routing", model=WRIST, cut="0.2")
    assert "cut" not in [slider.key for slider in app.slider]
    app.switch_page("../pages/case.py").run()
    said = next(m for m in app.metric if m.label == "The network says")
    assert "from" not in said.delta
    everything = replace(wrist.policy, gate_thresholds=(0.0,) * 5)
    nothing = replace(wrist.policy, gate_thresholds=(1.01,) * 5)
    changed = cache_routing.changed(WRIST, everything, nothing)
    assert list(changed.columns[-2:]) == [
        "Chance of the new answer, now",
        "Chance of the new answer, in force",
    ]
    assert len(changed)
    decided = cache.decision(WRIST, "validation", everything)
    rows = [decided.probabilities[cache.case_place(WRIST, c)[1]].max() for c in changed["Case"]]
    assert changed.iloc[:, -2].tolist() == pytest.approx(rows)


def test_without_experts_there_is_nothing_to_route() -> None:
    assert "no experts" in words_of(open_app("routing", model=BARE))
    assert metric(open_app(model=BARE), "Experts per case") == "0"


# --- Folders from elsewhere -----------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"domain": ["phishing"]},
        {"domain": "nonsense"},
        {"variant": "nonsense"},
        {"spec": {}},
        {"sha256": {}},
    ],
)
def test_a_folder_that_does_not_read_is_left_out_with_a_notice(
    shelf: Path, changes: dict[str, object]
) -> None:
    bad = shelf / "a bad one"
    shutil.copytree(shelf / WRIST, bad)
    try:
        path = bad / "model.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        cache.model.clear()
        app = open_app()
        assert app.query_params["model"] in (WRIST, BARE)
        assert len(app.warning) == 1
        assert "a bad one" in app.warning[0].value
        app.run()
        assert not app.warning
    finally:
        shutil.rmtree(bad)
        cache.model.clear()


def test_no_name_of_an_expert_is_markup(shelf: Path, wrist: Study) -> None:
    save(renamed(wrist, MARKUP), shelf / "named")
    try:
        app = open_app("routing", model="named")
        label = app.select_slider(key="gate-0").label
        assert "`http://evil.example)`" in label
        assert "[x](" not in label
        app.session_state["routing-tab"] = "Where cases go"
        assert "<b>[x]" not in json.dumps(figure(app.run(), 1))
        assert "<b>[x]" not in json.dumps(figure(app, 3))
        assert "<b>[x]" not in json.dumps(figure(open_app(model="named")))
    finally:
        shutil.rmtree(shelf / "named")
