"""A reader decides on Case: drafts, one record, judging first, queues, and the Review log."""

import inspect
import io
from collections.abc import Callable

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from test_app import IMAGE, TABULAR, metric, open_app, own_store
from test_app_routing import WRIST

from dashboard import cache, cache_uncertain, desk
from dashboard.widgets import download, review
from minspnet.access import Action
from minspnet.agreement import to_columns
from minspnet.errors import UserError
from minspnet.judgement import Judgement
from minspnet.record.checks import now
from minspnet.record.queues import ReviewQueue
from minspnet.trace import replay

__all__ = ["own_store"]
READER = "Dr <b>X</b> ![a](http://b.c/d.png)"
FIRST, SECOND, THIRD = cache.ordered_cases(TABULAR, "id", cache.model(TABULAR).policy)[:3]


def at_case(reader: str = READER, **link: str) -> AppTest:
    """Open Case as somebody who said their name."""
    app = open_app("case", **({"model": TABULAR} | link))
    return app.text_input(key="reader-name").set_value(reader).run()


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def field(kind: object, label: str) -> object:
    return next(one for one in kind if one.label.startswith(label))


def said(app: AppTest) -> str:
    parts = (*app.markdown, *app.caption, *app.header, *app.title, *app.info)
    return "\n".join(part.value for part in parts)


def answer_of(name: str, case: str) -> str:
    decided = replay(cache.one_case(name, case), cache.model(name).policy)
    return cache.domain_of(name).classes[int(decided.predicted[0])]


def recorded() -> tuple:
    return cache.store().reviews.find(most=None)


# --- The verdict ------------------------------------------------------------------------


def test_a_verdict_against_ones_own_findings_is_pointed_out() -> None:
    """Findings set until the answer is another one, and the network's own agreed with."""
    model = cache.model(TABULAR)
    case = next(
        case
        for case in cache.ordered_cases(TABULAR, "id", model.policy)
        if cache.explained(TABULAR, case, model.policy)[1] is not None
    )
    flip = cache.explained(TABULAR, case, model.policy)[1]
    name = cache.domain_of(TABULAR).concept_names[flip.concept]
    app = at_case(case=case, edit=f"{name}:{flip.value}")
    was, other = answer_of(TABULAR, case), cache.domain_of(TABULAR).classes[flip.decided]
    assert "With your findings" not in said(app)
    press(app, "verdict-agree")
    assert f"the network would say {other}, your verdict is {was}" in said(app)
    press(app, "verdict-disagree")
    assert "With your findings" not in said(app)


def test_a_verdict_is_recorded_with_all_that_belongs_to_it() -> None:
    name = cache.domain_of(TABULAR).concept_names[0]
    app = at_case(case=FIRST, edit=f"{name}:0.25")
    assert "Your corrections are recorded with it" in said(app)
    press(app, "verdict-disagree")
    field(app.selectbox, "Reason").set_value("A finding is read wrong").run()
    field(app.text_area, "Anything else").set_value("two\nlines").run()
    press(app, "review-record")
    (made,) = recorded()
    loaded = cache.model(TABULAR)
    part, _ = cache.case_place(TABULAR, FIRST)
    assert (made.reader, made.case_id, made.verdict) == (READER, FIRST, "disagree")
    assert (made.model, made.trace) == (loaded.digest, loaded.traces[part].digest)
    assert made.policy == loaded.policy
    assert made.predicted == answer_of(TABULAR, FIRST)
    assert made.opinion not in (None, made.predicted) and made.own_opinion is None
    assert [(one.concept, one.value) for one in made.concepts] == [(name, 0.25)]
    assert (made.reason, made.text) == ("A finding is read wrong", "two\nlines")
    assert made.started_at <= made.shown_at <= made.decided_at
    assert "Record 1 is saved" in said(app)
    assert app.query_params["case"] == SECOND and "edit" not in app.query_params
    (entry,) = cache.store().audit.find(action=Action.DECISION)
    assert (entry.who, entry.object, entry.detail["review"]) == (READER, FIRST, made.id)


def test_a_class_of_several_is_asked_where_it_is_needed() -> None:
    app = press(at_case(model=WRIST), "verdict-disagree")
    assert app.button(key="review-record").disabled
    offered = field(app.button_group, "Your own answer")
    case = app.query_params["case"]
    assert answer_of(WRIST, case) not in offered.options
    offered.set_value(offered.options[0]).run()
    press(app, "review-record")
    assert recorded()[0].opinion == offered.options[0]


def test_two_clicks_make_one_record_and_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    once = review._record

    def twice(judgement_id: str) -> None:
        kept = st.session_state["desk"]
        once(judgement_id)
        # The second click was on its way while the page still showed the first case.
        st.session_state["desk"] = kept
        once(judgement_id)

    monkeypatch.setattr(review, "_record", twice)
    app = press(press(at_case(case=FIRST), "verdict-agree"), "review-record")
    assert len(recorded()) == 1 and app.query_params["case"] == SECOND


def test_a_try_that_got_no_answer_is_sent_again_word_for_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = press(at_case(case=FIRST), "verdict-agree")
    reviews = cache.store().reviews
    append = reviews.append

    def unanswered(*given: object) -> int:
        append(*given)
        raise UserError("The database did not answer; try again.")

    monkeypatch.setattr(reviews, "append", unanswered)
    press(app, "review-record")
    assert "did not answer" in app.error[0].value and app.query_params["case"] == FIRST
    monkeypatch.setattr(reviews, "append", append)
    press(app, "review-record")
    assert "Record 1 is saved" in said(app) and len(recorded()) == 1


def test_a_draft_comes_back_in_a_new_session_and_not_after_the_decision() -> None:
    name = cache.domain_of(TABULAR).concept_names[0]
    app = press(at_case(case=FIRST, edit=f"{name}:0.25"), "verdict-unsure")
    field(app.text_area, "Anything else").set_value("not lost").run()
    late = cache.store().drafts.load(READER, cache.model(TABULAR).digest, FIRST)
    again = at_case(case=FIRST)
    assert field(again.text_area, "Anything else").value == "not lost"
    assert again.query_params["edit"] == f"{name}:0.25"
    press(again, "review-record")
    cache.store().drafts.save(READER, cache.model(TABULAR).digest, FIRST, late)
    after = at_case(case=FIRST)
    assert not after.text_area and "review-record" not in {b.key for b in after.button}
    assert "was unsure" in said(after) and "not lost" in said(after)


def test_a_reader_goes_on_under_a_known_name_at_a_click() -> None:
    press(at_case(), "verdict-agree")
    app = press(open_app("case", model=TABULAR), "reader-0")
    assert app.button(key="review-record").label.startswith("Record")


def test_markup_of_a_reader_is_shown_as_text() -> None:
    app = press(at_case(case=FIRST), "verdict-agree")
    field(app.text_area, "Anything else").set_value("![a](http://b.c/d.png) <b>").run()
    press(app, "review-record")
    stranger = open_app("case", model=TABULAR, case=FIRST)
    names = " ".join(button.label for button in stranger.button)
    for shown in (said(at_case(case=FIRST)), names):
        assert "![a](" not in shown and "<b>" not in shown
        assert "\\!\\[a\\]\\(" in shown


def test_a_field_left_by_pressing_the_button_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    app = press(at_case(case=FIRST), "verdict-agree")
    monkeypatch.setattr(desk, "fill", _after(desk.fill))
    field(app.text_area, "Anything else").set_value("typed last")
    press(app, "review-record")
    assert recorded()[0].text == "typed last"


def _after(fill: Callable[..., None]) -> Callable[..., None]:
    """Let what a field says for itself come too late; what the button takes up is in time."""

    def late(of: str, **changed: object) -> None:
        if inspect.stack()[1].function == "_record":
            fill(of, **changed)

    return late


def test_what_comes_late_is_not_for_the_next_case(monkeypatch: pytest.MonkeyPatch) -> None:
    choose = review._choose
    kept: list[str] = []

    def remember(of: str, *given: object) -> None:
        choose(kept[0] if kept else of, *given)
        kept.append(of)

    monkeypatch.setattr(review, "_choose", remember)
    app = press(press(at_case(case=FIRST), "verdict-agree"), "review-record")
    press(app, "verdict-disagree")
    assert "review-record" not in {button.key for button in app.button}


def test_a_withheld_answer_is_not_told_by_the_verdicts() -> None:
    inside = cache_uncertain.sets(TABULAR, "test", cache.model(TABULAR).policy, 0.9)
    ids = cache.model(TABULAR).traces["test"].case_ids
    case = next(ids[k] for k in range(len(ids)) if inside[k].sum() == 0)
    app = at_case(case=case, abstain="on")
    assert not any(button.label.startswith("Agree") for button in app.button)
    answers = field(app.button_group, "The network's answer is withheld")
    offered = []
    for answer in (*cache.domain_of(TABULAR).classes, answer_of(TABULAR, case)):
        answers.set_value(answer).run()
        reasons = next(one for one in app.selectbox if one.label.startswith("Reason"))
        offered.append(tuple(reasons.options))
        assert reasons.value is None
        reasons.set_value(reasons.options[0]).run()
        answers = field(app.button_group, "The network's answer is withheld")
    assert len(set(offered)) == 1
    press(app, "review-record")
    (made,) = recorded()
    assert made.verdict == "agree" and made.shown_at == made.decided_at
    assert "Record 1 is saved" in said(app) and "agree." not in said(app)


def test_every_step_has_a_key() -> None:
    app = press(at_case(case=FIRST), "verdict-agree")
    keys = {one.key: one.proto.shortcut for one in app.button if one.proto.shortcut}
    verdicts = {"verdict-agree": "a", "verdict-disagree": "d", "verdict-unsure": "u"}
    assert keys == verdicts | {"review-record": "n"}
    hidden = at_case(case=SECOND, judge="first")
    assert hidden.button(key="review-reveal").proto.shortcut == "s"


def test_looking_at_a_case_asks_the_store_once(monkeypatch: pytest.MonkeyPatch) -> None:
    app = at_case(case=FIRST)
    monkeypatch.setattr(desk, "_laid_out", None)
    press(app, "verdict-agree")
    app.slider[0].set_value(app.slider[0].min).run()
    assert not app.exception


# --- Judge before reveal ----------------------------------------------------------------


def test_nothing_of_the_answer_is_shown_before_the_reader_has_judged() -> None:
    app = at_case(model=IMAGE, judge="first")
    case, domain = app.query_params["case"], cache.domain_of(IMAGE)
    (picture,) = app.get("plotly_chart")
    assert "picture" in picture.proto.alt.lower()
    assert not app.metric and not app.slider and not app.dataframe and not app.get("table")
    assert not app.get("popover") and not app.get("download_button")
    shown = said(app).replace(domain.question, "")
    assert not any(word in shown for word in ("Mainly because", "coverage", "Chance", "%"))
    assert not any(name in shown for name in domain.classes)
    assert {e.label for e in app.expander} <= {"What this may be used for", "Take the charts along"}
    assert app.button(key="review-reveal").disabled
    other = next(name for name in domain.classes if name != answer_of(IMAGE, case))
    field(app.button_group, "Your answer").set_value(other).run()
    field(app.button_group, "How sure").set_value(0.8).run()
    press(app, "review-reveal")
    assert metric(app, "The network says") == answer_of(IMAGE, case)
    assert metric(app, "Known answer") == "after your verdict"
    assert f"you said **{other}**, 80% sure" in said(app)
    kept = cache.store().drafts.load(READER, cache.model(IMAGE).digest, case)
    assert kept["own_opinion"] == other and kept["shown_at"]
    press(press(app, "verdict-agree"), "review-record")
    (made,) = recorded()
    assert (made.own_opinion, made.own_confidence, made.revised) == (other, 0.8, True)
    assert made.started_at < made.shown_at < made.decided_at
    assert app.query_params["judge"] == "first" and not app.metric
    again = at_case(model=IMAGE, judge="first", case=case)
    assert metric(again, "Known answer") in domain.classes


def test_whoever_judged_first_gets_an_answer_that_would_be_withheld() -> None:
    inside = cache_uncertain.sets(TABULAR, "test", cache.model(TABULAR).policy, 0.9)
    ids = cache.model(TABULAR).traces["test"].case_ids
    case = next(ids[k] for k in range(len(ids)) if inside[k].sum() == 0)
    app = at_case(case=case, abstain="on", judge="first")
    field(app.button_group, "Your answer").set_value(answer_of(TABULAR, case)).run()
    field(app.button_group, "How sure").set_value(0.6).run()
    press(app, "review-reveal")
    assert metric(app, "The network says") == answer_of(TABULAR, case)


def test_what_was_seen_cannot_be_judged_unseen() -> None:
    app = at_case(case=FIRST)
    app.toggle(key="case-judge-first").set_value(True).run()
    assert app.metric and "You have seen the network's answer" in said(app)
    next(b for b in app.button if b.label == "Next").click().run()
    assert not app.metric and app.button(key="review-reveal").disabled
    # Nor is what another page has told of it.
    told = app.query_params["case"]
    app.session_state["concepts-tab"] = "Worth checking next"
    app.switch_page("../pages/concepts.py").run()
    assert "It says" in said(app)
    app.switch_page("../pages/case.py").run()
    assert app.query_params["case"] == told and app.metric
    next(b for b in app.button if b.label == "Next").click().run()
    # A new window, as after a reload, knows it too; what was opened hidden is not seen.
    second = app.query_params["case"]
    again = at_case(case=FIRST, judge="first")
    assert again.metric and "You have seen the network's answer" in said(again)
    assert not at_case(case=second, judge="first").metric


def test_what_another_window_showed_meanwhile_is_no_opinion_given_unseen() -> None:
    app = at_case(case=FIRST, judge="first")
    field(app.button_group, "Your answer").set_value(cache.domain_of(TABULAR).classes[0]).run()
    field(app.button_group, "How sure").set_value(0.99).run()
    at_case(case=FIRST)
    press(app, "review-reveal")
    assert app.metric and "does not count as unseen" in app.error[0].value
    press(press(app, "verdict-agree"), "review-record")
    assert recorded()[0].own_opinion is None


def test_what_one_reader_saw_another_may_judge_unseen() -> None:
    app = at_case("Cy", case=FIRST)
    press(app, "reader-other")
    app.text_input(key="reader-name").set_value("Di").run()
    next(b for b in app.button if b.label == "Next").click().run()
    app.toggle(key="case-judge-first").set_value(True).run()
    next(b for b in app.button if b.label == "Back").click().run()
    assert app.query_params["case"] == FIRST and app.metric  # Di had it on the screen too
    other = at_case("Di", case=THIRD, judge="first")
    assert not other.metric


def test_an_answer_that_cannot_be_saved_is_not_followed_by_the_networks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = at_case(judge="first")
    classes = cache.domain_of(TABULAR).classes
    field(app.button_group, "Your answer").set_value(classes[0]).run()
    field(app.button_group, "How sure").set_value(0.5).run()

    def refuse(*given: object) -> None:
        raise UserError("The disk is full.")

    monkeypatch.setattr(cache.store().drafts, "save", refuse)
    press(app, "review-reveal")
    assert not app.metric and "The disk is full" in app.error[0].value


# --- Queues -----------------------------------------------------------------------------


def test_a_filter_becomes_a_queue_that_resumes_where_it_was_left() -> None:
    app = open_app("cases", model=TABULAR, cohort="verdict:wrong")
    app.session_state["review-these"] = True
    app.run()
    app.text_input(key="reader-name").set_value("A").run()
    app.text_input(key="queue-name").set_value("Wrong ones").run()
    app.toggle(key="queue-judge-first").set_value(True).run()
    assert "whoever knows it does not judge unseen" in said(app)
    app.toggle(key="queue-judge-first").set_value(False).run()
    press(app, "queue-start")
    (queue,) = cache.store().queues.of("A", cache.model(TABULAR).digest)
    many = len(queue.cases)
    app.switch_page("../pages/case.py").run()
    assert f"0 of {many} reviewed" in said(app)
    press(press(app, "verdict-agree"), "review-record")
    assert f"1 of {many} reviewed" in said(app)
    assert app.query_params["case"] == queue.cases[1]
    again = at_case("A", case=FIRST)
    assert f"Queue **Wrong ones**: 1 of {many} reviewed" in said(again)
    press(again, "queue-go")
    assert again.query_params["case"] == queue.cases[1]


def test_a_queue_judged_first_hides_its_first_case_too() -> None:
    app = open_app("cases", model=TABULAR)
    app.session_state["review-these"] = True
    app.run()
    app.text_input(key="reader-name").set_value("A").run()
    app.toggle(key="queue-judge-first").set_value(True).run()
    assert "whoever knows it" not in said(app)
    press(app, "queue-start")
    app.switch_page("../pages/case.py").run()
    assert app.toggle(key="case-judge-first").value and not app.metric
    assert app.button(key="review-reveal").disabled
    app.switch_page("../pages/cases.py").run()
    assert "this list tells answers" in said(app)


def test_the_last_case_of_a_queue_ends_it() -> None:
    digest = cache.model(TABULAR).digest
    cache.store().queues.assign(ReviewQueue("Q", "A", digest, (THIRD,), "B", now()))
    app = at_case("A", case=THIRD)
    press(press(app, "verdict-agree"), "review-record")
    assert app.query_params["case"] == THIRD and "Record 1 is saved" in said(app)


def test_a_reader_chooses_among_several_queues() -> None:
    digest = cache.model(TABULAR).digest
    for name, cases in (("Old", (FIRST, SECOND)), ("New", (THIRD,))):
        cache.store().queues.assign(ReviewQueue(name, "A", digest, cases, "B", now()))
    app = at_case("A", case=FIRST)
    assert "Queue **New**: 0 of 1 reviewed" in said(app)
    app.selectbox(key="queue-choice").set_value("Old").run()
    assert "Queue **Old**: 0 of 2 reviewed" in said(app)
    press(press(app, "verdict-agree"), "review-record")
    assert app.query_params["case"] == SECOND and "1 of 2 reviewed" in said(app)


# --- The log ----------------------------------------------------------------------------


def record_some() -> None:
    """Two readers on three cases of one model, and one on another model."""
    for name, reader, verdicts in (
        (TABULAR, "A", ("agree", "disagree", "agree")),
        (TABULAR, "B", ("agree", "agree", "unsure")),
        (IMAGE, "A", ("agree",)),
    ):
        view = desk.View(name, cache.model(name).policy)
        for case, verdict in zip(
            cache.ordered_cases(name, "id", view.policy), verdicts, strict=False
        ):
            shown = desk.said_of(view, case)
            classes = cache.domain_of(name).classes
            other = next(one for one in classes if one != shown.predicted)
            opinion = other if verdict == "disagree" else None
            filled = Judgement.begin().to_dict() | {"verdict": verdict, "opinion": opinion}
            filled |= {"text": "=1+1", "edit": f"{cache.domain_of(name).concept_names[0]}:0.5"}
            made = Judgement.from_dict(filled).review(reader, case, shown, now())
            cache.store().reviews.append(made)


def test_an_empty_log_says_what_to_do() -> None:
    app = open_app("reviews", model=TABULAR)
    assert "Nothing is recorded yet" in app.info[0].value and not app.dataframe


def test_the_log_filters_and_says_who_agrees() -> None:
    record_some()
    app = open_app("reviews", model=TABULAR)
    assert metric(app, "Reviews") == "6"
    assert metric(app, "Agree with the network") == "67%"
    assert metric(app, "Changed after") == "-"
    listed, agreed, corrected, *_ = (one.value for one in app.dataframe)
    assert [*listed["Who"]] == ["B"] * 3 + ["A"] * 3
    rows = {(row["Reader"], row["With"]): row["Same answer"] for _, row in agreed.iterrows()}
    assert rows == {
        ("A", "the network"): "2 (67%)",
        ("B", "the network"): "2 (100%)",
        ("A", "B"): "1 (50%)",
    }
    assert corrected["Corrected in"][0] == "6 of 6 reviews"
    app.selectbox(key="log-reader").set_value("B").run()
    assert metric(app, "Reviews") == "3"
    app.button_group(key=f"log-model-{TABULAR}").set_value("all models").run()
    app.selectbox(key="log-reader").set_value("A").run()
    assert metric(app, "Reviews") == "4" and "Pick one model" in said(app)


def test_files_hold_all_and_run_nothing() -> None:
    record_some()
    found = recorded()
    table = pd.read_csv(io.BytesIO(download.as_csv(to_columns(found))))
    assert len(table) == 7 and set(table["text"]) == {"'=1+1"}
    kept = pd.read_parquet(io.BytesIO(download.as_parquet(to_columns(found))))
    assert [*kept["id"]] == [one.id for one in found] and kept["seconds"].dtype == float
