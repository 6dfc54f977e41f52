"""Your verdict: what a reader makes of the network's answer, recorded once and for all."""

from typing import Literal

import streamlit as st

from dashboard import cache, desk, review_words, state, text, who
from dashboard.desk import Desk
from dashboard.format import percent
from dashboard.state import View
from dashboard.widgets import picker, sets
from dashboard.widgets.reader import show_reader
from minspnet.domain import Domain
from minspnet.judgement import Judgement
from minspnet.record.checks import LONGEST_TEXT
from minspnet.record.reviews import Verdict
from minspnet.trace import replay

_LISTED = 10
_VERDICTS: dict[Verdict, tuple[str, str]] = {
    "agree": ("Agree", "A"),
    "disagree": ("Disagree", "D"),
    "unsure": ("Unsure", "U"),
}
"""Each with its key."""


@st.fragment
def show_verdict() -> None:
    """One fragment, so that what is filled in redraws nothing else of the case."""
    if desk.whole_page():
        st.rerun()
    # Beside a field the header stands where the field's name does, however many lines follow.
    beside: Literal["center", "top"] = "center" if who.reader() else "top"
    with st.container(horizontal=True, vertical_alignment=beside, gap="medium"):
        st.header(
            "Your verdict",
            width="content",
            help="Keys: A agree, D disagree, U unsure, N record and go on; they wait while you "
            "type, and while a slider or a list has the focus. What you fill in is saved as a "
            "draft at each change. Findings that you set on this page are recorded with it.",
        )
        name = show_reader("Your name, to record what you think of this answer")
    if failed := desk.failed():
        st.error(text.plain(failed))
    if not name:
        return
    now, view = desk.current(), state.current()
    if now is None or now.case != view.case:
        return
    domain = cache.domain_of(view.model)
    _show_own(view, now)
    withheld = sets.is_withheld(view, now.case)
    if withheld:
        _ask_answer(view, now, domain)
    else:
        _ask_verdict(view, now, domain)
    if now.judgement.verdict is not None:
        reasons = review_words.REASONS[now.judgement.verdict]
        _ask_why(now.judgement, review_words.WITHHELD if withheld else reasons)
    _show_corrections(now.judgement, domain)
    if not withheld:
        _show_contrast(view, now, domain)
    if now.judgement.verdict is not None:
        _show_button(view, now)
    _show_earlier(now, domain)


def _show_own(view: View, now: Desk) -> None:
    """What the reader said before."""
    judgement = now.judgement
    if judgement.own_is_fixed and judgement.own_opinion and judgement.own_confidence is not None:
        st.write(
            f"Before you saw the answer, you said **{text.plain(judgement.own_opinion)}**, "
            f"{percent(judgement.own_confidence)} sure. Stay with it or change your mind."
        )
    elif desk.judges_first() and desk.was_seen(view, now.case):
        st.caption(
            "You have seen the network's answer to this case before, so it is not hidden. The next "
            "case is, until you have said what you think."
        )


def _ask_verdict(view: View, now: Desk, domain: Domain) -> None:
    """Three buttons; then, where it is needed, the reader's own answer."""
    said = desk.said_of(view, now.case).predicted
    others = [name for name in domain.classes if name != said]
    only = others[0] if len(others) == 1 else None
    labels = {
        "agree": f"Agree: {text.plain(said)}",
        "disagree": "Disagree" if only is None else f"Disagree: {text.plain(only)}",
        "unsure": "Unsure",
    }
    chosen = now.judgement.verdict
    with st.container(horizontal=True):
        for verdict, (_, key) in _VERDICTS.items():
            st.button(
                labels[verdict],
                key=f"verdict-{verdict}",
                shortcut=key,
                type="primary" if verdict == chosen else "secondary",
                icon=":material/check:" if verdict == chosen else None,
                on_click=_choose,
                args=(now.judgement.id, verdict, only if verdict == "disagree" else None),
            )
    if chosen == "disagree" and only is None:
        _ask_class(now.judgement, "Your own answer", others)
    elif chosen == "unsure":
        _ask_class(now.judgement, "If you had to say (may stay empty)", domain.classes)


def _choose(of: str, verdict: Verdict, opinion: str | None) -> None:
    now = desk.current()
    if now is None or now.judgement.verdict == verdict:
        return
    desk.fill(of, verdict=verdict, opinion=opinion, reason="")


def _ask_class(judgement: Judgement, label: str, classes: list[str] | tuple[str, ...]) -> None:
    key = f"opinion-{judgement.id}-{judgement.verdict}"
    st.session_state[key] = judgement.opinion if judgement.opinion in classes else None
    st.pills(
        label,
        classes,
        format_func=text.plain,
        key=key,
        on_change=lambda: desk.fill(judgement.id, opinion=st.session_state[key]),
    )


def _ask_answer(view: View, now: Desk, domain: Domain) -> None:
    """The network's answer is withheld: there is nothing to agree with, only an own answer."""
    said = desk.said_of(view, now.case).predicted
    key = f"answer-{now.judgement.id}"
    verdict, unsure = now.judgement.verdict, "unsure"
    given = {"agree": said, "disagree": now.judgement.opinion, "unsure": unsure}
    st.session_state[key] = given[verdict] if verdict else None

    def follow() -> None:
        answer = st.session_state[key]
        if answer in (None, unsure):
            desk.fill(now.judgement.id, verdict=answer, opinion=None, reason="")
        else:
            agrees = answer == said
            desk.fill(
                now.judgement.id,
                verdict="agree" if agrees else "disagree",
                opinion=None if agrees else answer,
                reason="",
            )

    st.pills(
        "The network's answer is withheld. What is yours?",
        [*domain.classes, unsure],
        format_func=text.plain,
        key=key,
        on_change=follow,
    )


def _ask_why(judgement: Judgement, reasons: tuple[str, ...]) -> None:
    """A reason from a short list, and room for more."""
    reason, more = f"reason-{judgement.id}-{judgement.verdict}", f"text-{judgement.id}"
    if judgement.reason and judgement.reason not in reasons:
        reasons = (*reasons, judgement.reason)
    left, right = st.columns(2)
    st.session_state[reason] = judgement.reason or None
    left.selectbox(
        "Reason (may stay empty)",
        reasons,
        key=reason,
        placeholder="Pick one",
        on_change=lambda: desk.fill(judgement.id, reason=st.session_state[reason] or ""),
    )
    st.session_state[more] = judgement.text
    right.text_area(
        "Anything else",
        key=more,
        max_chars=LONGEST_TEXT,
        height=80,
        on_change=lambda: desk.fill(judgement.id, text=st.session_state[more]),
    )


def _show_corrections(judgement: Judgement, domain: Domain) -> None:
    if judgement.corrections:
        said = review_words.corrections(domain, judgement.corrections)
        st.write(f"Your corrections are recorded with it: {text.plain(said)}.")


def _show_contrast(view: View, now: Desk, domain: Domain) -> None:
    """Say where a verdict is not what the network would say with the reader's own findings."""
    said, judged = desk.said_of(view, now.case), now.judgement
    mine = said.predicted if judged.verdict == "agree" else judged.opinion
    if not judged.corrections or mine is None:
        return
    decided = replay(cache.one_case(view.model, now.case), view.policy).predicted[0]
    corrected = domain.classes[int(decided)]
    if corrected != mine:
        st.caption(
            f":material/info: With your findings the network would say {text.plain(corrected)}, "
            f"your verdict is {text.plain(mine)}. Both are recorded as they stand."
        )


def _show_button(view: View, now: Desk) -> None:
    following = _next(view, now)
    lacking = now.judgement.lacks()
    st.button(
        "Record and go to the next case" if following else "Record",
        type="primary",
        key="review-record",
        shortcut="N",
        disabled=bool(lacking),
        on_click=_record,
        args=(now.judgement.id,),
        help=f"Still to say: {lacking}." if lacking else "What is recorded is never changed.",
    )


def _next(view: View, now: Desk) -> str | None:
    """The next case of the queue, or else of the list."""
    if now.queue is not None and now.case in now.queue.cases:
        return next((case for case in now.waiting if case != now.case), None)
    return picker.next_case(view, now.case)


def _record(judgement_id: str) -> None:
    now, view = desk.current(), state.current()
    if now is None:
        return
    # A field that was left by pressing the button may be told of after the button.
    text_now = st.session_state.get(f"text-{judgement_id}", now.judgement.text)
    if text_now != now.judgement.text:
        desk.fill(judgement_id, text=text_now)
    following = _next(view, now)
    if desk.record(view, now.case, judgement_id) and following is not None:
        state.open_case(following)


def _show_earlier(now: Desk, domain: Domain) -> None:
    """What was decided on the case before, by the reader and others, newest first."""
    if not now.earlier:
        return
    withheld = sets.is_withheld(state.current(), now.case)
    if desk.hides_truth() or withheld:
        many = text.counted(len(now.earlier), "verdict")
        when = "held back with the answer" if withheld else "shown after yours"
        st.caption(f"Recorded on this case before: {many}, {when}.")
        return
    lines = [f"- {review_words.decided(domain, review)}" for review in now.earlier[:_LISTED]]
    st.markdown("Recorded on this case before:\n\n" + "\n".join(lines))
    if len(now.earlier) > _LISTED:
        st.caption("Older ones stand in the Review log.")
