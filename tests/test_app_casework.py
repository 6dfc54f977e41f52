"""What a reader does with a case: try what would change it, edit the input, take a report home."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_app import IMAGE, TABULAR, look_inside, metric, open_app, own_store, slider

from dashboard import cache, cache_case
from dashboard.cache_case import edited
from minspnet.trace import replay
from minspnet.whatif import stands_free

__all__ = ["own_store"]
SIGNAL, LARGE, SIGNS = "wrist_exercise", "shuttle", "phishing"
EVERY = (TABULAR, IMAGE, SIGNAL, LARGE, SIGNS, "breast_cytology-all_measurements")


def pressed(app: AppTest, key: str) -> AppTest:
    """Press a button by its key."""
    return next(b for b in app.button if b.key == key).click().run()


def said(app: AppTest) -> str:
    return " ".join(part.value for part in (*app.markdown, *app.caption))


def case_with(name: str, wanted: object) -> str:
    """The first test case whose alternatives are as wanted."""
    loaded = cache.model(name)
    ids = loaded.traces["test"].case_ids
    return next(c for c in ids if wanted(cache_case.changes(name, c, loaded.policy)))


# --- Findings ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_what_is_tried_changes_the_answer_as_it_was_said(name: str) -> None:
    case = case_with(name, lambda found: any(len(one.concepts) > 1 for one in found.found))
    app = open_app("case", model=name, case=case)
    answer = metric(app, "The network says")
    look_inside(app, "changes")
    found = cache_case.changes(name, case, cache.model(name).policy).found
    number = next(n for n, one in enumerate(found) if len(one.concepts) > 1)
    domain = cache.domain_of(name)
    pressed(app, f"try-{case}-{number}")
    assert not app.exception
    assert metric(app, "With your changes") == domain.classes[found[number].decided] != answer
    edits = dict(part.split(":") for part in app.query_params["edit"].split(","))
    chosen = zip(found[number].concepts, found[number].values, strict=True)
    assert edits == {domain.concept_names[k]: repr(value) for k, value in chosen}
    for k in found[number].concepts:
        assert "set by you" in slider(app, f"{domain.concepts[k].title}:").label
    assert "What you set stays as you set it." in said(app)
    next(b for b in app.button if b.label == "Undo my changes").click().run()
    assert metric(app, "The network says") == answer


def test_no_plausible_change_is_said_to_be_none() -> None:
    case = cache.model(TABULAR).traces["test"].case_ids[0]
    trace = cache.one_case(TABULAR, case)
    edits = ",".join(f"{name}:0.5" for name in trace.concept_names)
    app = look_inside(open_app("case", model=TABULAR, case=case, edit=edits), "changes")
    assert "none is left to change" in said(app)
    assert not any(str(b.key).startswith("try-") for b in app.button)


def test_what_is_shut_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*given: object) -> None:
        raise AssertionError("computed before it was asked for")

    for work in ("changes", "scanned", "edited", "report"):
        monkeypatch.setattr(cache_case, work, never)
    assert not open_app("case", model=TABULAR).exception


# --- Inputs -----------------------------------------------------------------------------


def number_of(app: AppTest, start: str) -> object:
    return next(n for n in app.number_input if n.label.startswith(start))


def test_a_measurement_can_be_changed_and_the_network_runs_anew() -> None:
    case = cache.model(TABULAR).traces["test"].case_ids[4]
    app = look_inside(open_app("case", model=TABULAR, case=case), "whatif")
    link = dict(app.query_params)
    assert len(app.number_input) == 6
    assert "Nothing is changed yet." in said(app)
    box = app.number_input[0]
    column = int(box.key.rsplit("-", 1)[1])
    span = cache_case.ranges(TABULAR)[column]
    far = span.high if box.value < (span.low + span.high) / 2 else span.low
    box.set_value(far).run()
    policy = cache.model(TABULAR).policy
    expected = replay(edited(TABULAR, case, ((column, far),)), policy)
    domain = cache.domain_of(TABULAR)
    assert metric(app, "It would say") == domain.classes[int(expected.predicted[0])]
    assert metric(app, "Experts that run").startswith(f"{int(expected.active.sum())} of ")
    assert "was " in next(n.label for n in app.number_input if n.key == box.key)
    assert dict(app.query_params) == link, "values never go into the address"
    # Nothing is lost on the way out and back, nor when the detail is shut.
    app.session_state["inside-whatif"] = False
    app.run()
    app.switch_page("../pages/overview.py").run()
    app.switch_page("../pages/case.py").run()
    look_inside(app, "whatif")
    assert next(n.value for n in app.number_input if n.key == box.key) == pytest.approx(far)
    pressed(app, "whatif-reset")
    assert "Nothing is changed yet." in said(app)
    own = float(cache.case_inputs(TABULAR, case)[column])
    assert next(n.value for n in app.number_input if n.key == box.key) == own


def test_a_value_beyond_all_training_cases_is_marked() -> None:
    app = look_inside(open_app("case", model=TABULAR), "whatif")
    box = app.number_input[0]
    assert "beyond all training cases" not in box.label
    span = cache_case.ranges(TABULAR)[int(box.key.rsplit("-", 1)[1])]
    box.set_value(span.most * 2 + 1).run()
    assert "beyond all training cases" in app.number_input[0].label


def test_further_measurements_can_be_picked() -> None:
    case = cache.model(TABULAR).traces["test"].case_ids[4]
    app = look_inside(open_app("case", model=TABULAR, case=case), "whatif")
    picker = next(m for m in app.multiselect if m.label.startswith("Further"))
    assert len(picker.options) == len(cache.features(TABULAR)) - 6
    shown = {int(n.key.rsplit("-", 1)[1]) for n in app.number_input}
    further = next(k for k in range(len(cache.features(TABULAR))) if k not in shown)
    picker.set_value([further]).run()
    added = next(n for n in app.number_input if n.key.endswith(f"-{case}-{further}"))
    assert added.value == float(cache.case_inputs(TABULAR, case)[further])


@pytest.mark.parametrize("name", [TABULAR, SIGNS])
def test_a_small_change_of_measurements_does_what_it_says(name: str) -> None:
    loaded = cache.model(name)
    ids = loaded.traces["test"].case_ids
    case = next(c for c in ids if cache_case.scanned(name, c, loaded.policy).changes)
    app = look_inside(open_app("case", model=name, case=case), "whatif")
    answer = metric(app, "The network says")
    for number, one in enumerate(cache_case.scanned(name, case, loaded.policy).changes):
        pressed(app, f"enter-{number}")
        told = cache.domain_of(name).classes[one.decided]
        assert metric(app, "It would say") == told != answer
    assert metric(app, "The network says") == answer


def test_the_outline_can_be_shown_smaller() -> None:
    case = next(
        c
        for c in cache.model(IMAGE).traces["test"].case_ids
        if stands_free(cache.picture(IMAGE, c))
    )
    app = look_inside(open_app("case", model=IMAGE, case=case), "whatif")
    next(s for s in app.slider if s.label.startswith("Size")).set_value(60).run()
    policy = cache.model(IMAGE).policy
    expected = replay(edited(IMAGE, case, ((0, 0.6),)), policy)
    told = cache.domain_of(IMAGE).classes[int(expected.predicted[0])]
    assert metric(app, "It would say") == told
    assert expected.concepts[0, 0] < replay(cache.one_case(IMAGE, case), policy).concepts[0, 0]
    pressed(app, "whatif-reset")
    assert next(s for s in app.slider if s.label.startswith("Size")).value == 100


def test_a_picture_that_reaches_its_edge_is_not_resized(monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard.widgets import whatif

    monkeypatch.setattr(whatif, "stands_free", lambda picture: False)
    app = look_inside(open_app("case", model=IMAGE), "whatif")
    assert "without inventing it" in said(app)
    assert not any(s.label.startswith("Size") for s in app.slider)


def test_a_channel_can_be_silenced() -> None:
    case = cache.model(SIGNAL).traces["test"].case_ids[0]
    app = look_inside(open_app("case", model=SIGNAL, case=case), "whatif")
    next(m for m in app.multiselect if m.label == "Silence channels").set_value([1, 4]).run()
    expected = replay(edited(SIGNAL, case, ((1, 0.0), (4, 0.0))), cache.model(SIGNAL).policy)
    told = cache.domain_of(SIGNAL).classes[int(expected.predicted[0])]
    assert metric(app, "It would say") == told
    pressed(app, "whatif-reset")
    assert "Nothing is changed yet." in said(app)


def test_each_case_keeps_its_own_edits() -> None:
    app = look_inside(open_app("case", model=TABULAR), "whatif")
    box = app.number_input[0]
    box.set_value(float(box.value) * 1.5).run()
    next(b for b in app.button if b.label == "Next").click().run()
    assert "Nothing is changed yet." in said(app)
    next(b for b in app.button if b.label == "Back").click().run()
    assert metric(app, "It would say")


# --- Known cases and the report -----------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_a_known_case_says_why_it_is_alike(name: str) -> None:
    app = open_app("case", model=name)
    near = cache.similar_cases(name, app.query_params["case"], cache.model(name).policy)
    table = next(t.value for t in app.dataframe if "Alike in" in t.value.columns)
    shares, gaps = near.found.shares, near.found.gaps
    assert shares.sum(axis=1) == pytest.approx(near.found.similarity, abs=1e-5)
    assert gaps.sum(axis=1) == pytest.approx(1 - near.found.similarity, abs=1e-5)
    titles = [concept.title for concept in cache.domain_of(name).concepts]
    for row, (alike, apart) in enumerate(
        zip(table["Alike in"], table["Differs most in"], strict=True)
    ):
        assert alike.startswith(titles[int(shares[row].argmax())])
        assert apart.startswith((titles[int(gaps[row].argmax())], "nothing"))


def test_the_report_is_offered_beside_the_answer() -> None:
    app = open_app("case", model=TABULAR)
    labels = [button.proto.label for button in app.get("download_button")]
    assert [one for one in labels if one.startswith("Download as")] == [
        "Download as PDF",
        "Download as HTML",
    ]


def test_a_finding_that_misses_what_its_inputs_say_is_remarked() -> None:
    name = "breast_cytology-all_measurements"
    model, domain = cache.model(name), cache.domain_of(name)
    trace = model.traces["test"]
    read = replay(trace, model.policy).concepts[:, : len(domain.concepts)]
    said = cache.truth(name, "test")
    row, place = np.argwhere(np.abs(read - said) >= 0.1)[0]
    app = open_app("case", model=name, case=trace.case_ids[row])
    labels = [one.label for one in app.slider][: len(domain.concepts)]
    far = np.abs(read[row] - said[row]) >= 0.1
    assert ["by its inputs" in label for label in labels] == far.tolist() and far[place]
    shown = f"{domain.concepts[place].shown(float(said[row, place])):.0f}"
    assert labels[place].endswith(f"by its inputs {shown}")
