"""Case says what it cannot tell, warns of what it never saw, and holds back where asked to."""

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_app import IMAGE, TABULAR, metric, open_app, own_store
from test_app_routing import WRIST

from dashboard import cache, cache_compare, cache_uncertain, set_words, text
from minspnet.unusual import Strange, Unusual

__all__ = ["own_store"]
UNSURE = "withheld"


def said(app: AppTest) -> str:
    return " ".join(part.value for part in (*app.markdown, *app.caption))


def case_where(name: str, wanted: object, coverage: float = 0.9) -> str:
    """The first test case whose set is as wanted and that is not flagged."""
    loaded = cache.model(name)
    inside = cache_uncertain.sets(name, "test", loaded.policy, coverage)
    strange = cache_uncertain.flagged(name, "test")
    ids = loaded.traces["test"].case_ids
    return next(ids[k] for k in range(len(ids)) if not strange[k] and wanted(inside[k]))


@pytest.mark.parametrize("name", [TABULAR, IMAGE, WRIST])
def test_the_set_is_said_with_how_such_sets_did(name: str) -> None:
    case = case_where(name, lambda inside: inside.sum() == 1)
    app = open_app("case", model=name, case=case)
    policy = cache.model(name).policy
    inside = cache_uncertain.sets(name, "test", policy, 0.9)
    row = cache.model(name).traces["test"].case_ids.index(case)
    domain, labels = cache.domain_of(name), cache.part(name, "test").labels
    same = (inside == inside[row]).all(axis=1)
    held = int(inside[same, labels[same]].sum())
    only = domain.classes[int(inside[row].argmax())]
    assert f"At 90% coverage the answer is: **{only}** only." in said(app)
    assert f"{held:,} of these {int(same.sum()):,} sets hold the truth" in said(app)


def test_sets_that_hold_the_truth_too_seldom_are_said_to() -> None:
    """On the nodules' test cases the malignant ones are covered less often than asked."""
    found = cache_uncertain.measured(IMAGE, "test", cache.model(IMAGE).policy, 0.9)
    assert found.classes[1].interval[1] < 0.9
    app = open_app("case", model=IMAGE)
    assert f"of malignant {found.classes[1].held} of {found.classes[1].cases}" in said(app)
    assert "lies below what was asked" in said(app)
    assert "lies below what was asked" not in said(open_app("case", model=TABULAR))


def test_two_answers_cannot_be_told_apart() -> None:
    case = case_where(TABULAR, lambda inside: inside.sum() == 2, 0.95)
    app = open_app("case", model=TABULAR, case=case, coverage="95")
    assert "At 95% coverage it cannot tell **benign** from **malignant**." in said(app)
    assert app.query_params["coverage"] == "95"


def test_the_coverage_lives_in_the_address_and_survives_pages() -> None:
    app = open_app("case", model=TABULAR)
    assert "coverage" not in app.query_params and "abstain" not in app.query_params
    app.button_group(key="case-coverage").set_value("80").run()
    assert app.query_params["coverage"] == "80" and "At 80% coverage" in said(app)
    app.switch_page("../pages/overview.py").run()
    app.switch_page("../pages/case.py").run()
    assert "At 80% coverage" in said(app)


def test_an_unknown_coverage_is_said() -> None:
    app = open_app("case", model=TABULAR, coverage="1000")
    app.run()
    assert any("coverage must be one of 80, 90, 95" in one.value for one in app.warning)


def test_an_unsure_answer_is_withheld_where_that_is_asked() -> None:
    case = case_where(TABULAR, lambda inside: inside.sum() == 0)
    app = open_app("case", model=TABULAR, case=case)
    assert "**no answer stands**" in said(app)
    assert metric(app, "The network says") in cache.domain_of(TABULAR).classes
    next(t for t in app.toggle if t.label == "Withhold unsure answers").set_value(True).run()
    assert not app.exception
    assert metric(app, "The network says") == UNSURE
    assert not any(one.label.startswith("Chance of") for one in app.metric)
    assert app.query_params["abstain"] == "on"
    found = cache_uncertain.abstention(TABULAR, "test", cache.model(TABULAR).policy, 0.9)
    assert f"{found.referred:,} are referred" in said(app)
    assert f"Of the {found.answered:,} answered, {found.right:,} are right" in said(app)
    sure = case_where(TABULAR, lambda inside: inside.sum() == 1)
    app = open_app("case", model=TABULAR, case=sure, abstain="on")
    assert metric(app, "The network says") in cache.domain_of(TABULAR).classes


def test_a_correction_moves_the_set_of_its_case() -> None:
    loaded = cache.model(TABULAR)
    case = case_where(TABULAR, lambda inside: inside.sum() == 1)
    before = cache_uncertain.set_of(TABULAR, case, loaded.policy, 0.9)
    high = float(not before[1])
    policy = loaded.policy
    for concept in loaded.traces["test"].concept_names:
        policy = policy.intervene(concept, high)
    assert cache_uncertain.set_of(TABULAR, case, policy, 0.9).tolist() == (~before).tolist()
    edit = policy.to_text()["edit"]
    app = open_app("case", model=TABULAR, case=case, edit=edit)
    assert "Findings that you set are outside of this promise." in said(app)


def test_an_unusual_case_is_warned_of_on_top() -> None:
    flagged = np.flatnonzero(cache_uncertain.flagged(IMAGE, "test"))
    assert 0 < len(flagged) < 20
    case = cache.model(IMAGE).traces["test"].case_ids[flagged[0]]
    app = open_app("case", model=IMAGE, case=case, abstain="on")
    assert "Unlike the training cases" in app.warning[0].value
    assert metric(app, "The network says") == UNSURE


def test_nothing_on_the_page_tells_a_withheld_answer() -> None:
    flagged = cache_uncertain.flagged(IMAGE, "test")
    alone = cache_uncertain.sets(IMAGE, "test", cache.model(IMAGE).policy, 0.9).sum(axis=1) == 1
    row = int(np.flatnonzero(flagged & alone)[0])
    case = cache.model(IMAGE).traces["test"].case_ids[row]
    app = open_app("case", model=IMAGE, case=case, abstain="on")
    assert "Which answers are left at 90% coverage is held back too." in said(app)
    heads = {one.value for one in app.header}
    assert not heads & {"What it found", "What if", "Look inside the network"}
    assert not any("**" + name + "**" in said(app) for name in cache.domain_of(IMAGE).classes)
    assert not app.slider
    app.button(key="case-show-withheld").click().run()
    assert metric(app, "The network says") in cache.domain_of(IMAGE).classes
    assert app.slider and "only" in said(app)
    app = open_app("case", model=IMAGE, case=case, abstain="on")
    assert metric(app, "The network says") == UNSURE


def test_few_subjects_make_a_narrow_promise() -> None:
    app = open_app("case", model=WRIST)
    assert "only 2 subjects: this holds for further windows of theirs" in said(app)


def test_missing_and_outlying_inputs_are_said_in_words() -> None:
    domain, familiar = cache.domain_of(TABULAR), cache_uncertain.familiar(TABULAR)
    far = Strange(1, 9.0, 0.0, 2.0, 7.0)
    found = Unusual(3.0, 1.5, True, (far,), (0, 2))
    titles = ("Size", "Mean radius", "Shape")
    told = set_words.the_unusual(domain, found, titles, familiar)
    assert "Outside of all training cases: **Mean radius** 9 (training: 0 to 2)." in told
    missing = set_words.the_missing(found, titles)
    assert "2 of 3 values were not given: Size, Shape." in missing
    usual = Unusual(1.0, 1.5, False, (far,), ())
    assert "Mean radius 9 (training: 0 to 2)" in set_words.the_range(domain, usual, titles)
    assert not set_words.the_missing(usual, titles)


def test_model_facts_measure_coverage_by_class() -> None:
    card = cache_compare.card(TABULAR, None)
    section = next(one for one in card.sheet.sections if one.title == "Sets of answers")
    rows = section.tables[0].rows
    assert len(rows) == 3 * 2 * (1 + len(cache.domain_of(TABULAR).classes))
    found = cache_uncertain.measured(TABULAR, "test", cache.model(TABULAR).policy, 0.9)
    each = [row for row in rows if row[0] == "90%, each"]
    for row, held in zip(each, (found.everything, *found.classes), strict=True):
        assert row[3].startswith(f"{held.held} of {held.cases}: {held.share:.1%}")


def test_a_model_no_better_than_guessing_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 114 test cases 71 are benign: 75 right might be luck, 88 are not."""
    labels = cache.part(TABULAR, "test").labels
    assert (len(labels), int((labels == 0).sum())) == (114, 71)

    def right_in(count: int) -> str:
        predicted = np.where(np.arange(len(labels)) < count, labels, 1 - labels)
        decided = replace(cache.decision(TABULAR, "test", policy), predicted=predicted)
        monkeypatch.setattr(cache_uncertain, "decision", lambda *_: decided)
        return cache_uncertain.no_better_than_guessing.__wrapped__(TABULAR)

    policy = cache.model(TABULAR).policy
    said = right_in(75)
    assert said.startswith("Not shown to be better than always saying benign: right in 75 of 114")
    assert said.endswith("where that would be right in 71.")
    assert right_in(88) == ""
    monkeypatch.undo()
    monkeypatch.setattr(cache_uncertain, "no_better_than_guessing", lambda name: said)
    shown = [warning.value for warning in open_app("case", model=TABULAR).warning]
    assert text.plain(said) in shown
