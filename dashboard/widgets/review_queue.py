"""Queues of cases to review: made from a filter on Cases, worked through on Case."""

import streamlit as st

from dashboard import cache, cache_cases, desk, review_words, state, text, who
from dashboard.navigation import go_to
from dashboard.state import View, unedited
from dashboard.widgets.case_table import ORDER_OF_LIST
from dashboard.widgets.reader import show_reader
from minspnet.access import Action
from minspnet.cohort import CHANCE, KNOWN, SAID, SURE, VERDICT
from minspnet.errors import UserError
from minspnet.ranking import LISTINGS
from minspnet.record.checks import LONGEST_NAME, now
from minspnet.record.queues import ReviewQueue

_NAME, _CHOICE, _FIRST = "queue-name", "queue-choice", "queue-judge-first"
_TELLING = (KNOWN, SAID, VERDICT, CHANCE, SURE)
"""Conditions of a filter that give away what a reader who judges first is not to know."""


def show_start(view: View) -> None:
    """Give the cases of the filter to the reader, in the order of the list."""
    place = st.expander(
        "Review these cases", key="review-these", icon=":material/rate_review:", on_change="rerun"
    )
    if not place.open:
        return
    with place:
        if not show_reader("Your name: the cases become your queue"):
            return
        order = st.session_state.get(ORDER_OF_LIST) or next(iter(LISTINGS))
        rows = cache_cases.listed(view.model, unedited(view), view.cohort, order)
        name = st.text_input(
            "Name of the queue",
            value="My cases",
            key=_NAME,
            max_chars=LONGEST_NAME,
            width=320,
            help="A queue of the same reader with the same name is replaced. What was reviewed "
            "counts.",
        )
        reader = _pick_reader()
        first = reader == who.reader() and _ask_order(view)
        if st.button(
            f"Review these {len(rows):,}"
            if reader == who.reader()
            else f"Assign these {len(rows):,}",
            type="primary",
            key="queue-start",
            disabled=not len(rows),
        ):
            ids = cache_cases.unseen(view.model).case_ids
            if reader == who.reader():
                desk.judge_first(first)
            _start(view, name, reader, tuple(ids[row] for row in rows))


def _ask_order(view: View) -> bool:
    """Whether the reader wants to judge before the answer is shown, from the first case on."""
    st.session_state.setdefault(_FIRST, desk.judges_first())
    first = st.toggle(
        "Judge first",
        key=_FIRST,
        help="You say what you think of each before the network's answer to it is shown.",
    )
    if first and any(view.cohort.about(what) for what in _TELLING):
        st.caption(
            "The filter tells what the network says of these cases, or what is known of them, and "
            "the address of the page repeats it: whoever knows it does not judge unseen."
        )
    return first


def _pick_reader() -> str:
    """Oneself or, for those who may, somebody else who is known."""
    me = who.reader()
    others = [one for one in desk.known_readers() if one != me] if _may_give() else []
    if not others:
        return me
    return st.selectbox(
        "Who is to review them",
        [me, *others],
        format_func=lambda one: f"{one} (you)" if one == me else one,
        key="queue-reader",
        width=320,
    )


def _may_give() -> bool:
    return who.may(Action.ASSIGN_TO_OTHERS)


def _start(view: View, name: str, reader: str, cases: tuple[str, ...]) -> None:
    me, model = who.reader(), cache.model(view.model).digest
    try:
        queue = ReviewQueue(name, reader, model, cases, me, now())
        waiting = desk.start_queue(queue)
    except UserError as error:
        st.error(text.plain(str(error)))
        return
    if reader != me:
        st.success(f"They are in the queue of {text.plain(reader)}, on Case.")
        return
    if not waiting:
        st.info("You have reviewed all of them.")
        return
    state.open_case(waiting[0])
    go_to("case")


def show_progress(case: str) -> None:
    """On Case: how far the reader is with the queue, and the way back to it."""
    at = desk.current()
    if at is None or at.queue is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if len(at.queues) > 1:
            st.session_state[_CHOICE] = at.queue.name
            st.selectbox(
                "Queue",
                at.queues,
                key=_CHOICE,
                width=220,
                label_visibility="collapsed",
                on_change=lambda: desk.choose_queue(st.session_state[_CHOICE]),
            )
        st.markdown(review_words.progress(at.queue, at.waiting), width="content")
        if at.waiting and at.waiting[0] != case:
            st.button("Go there", key="queue-go", on_click=_open, args=(at.waiting[0],))


def _open(case: str) -> None:
    state.open_case(case)
    desk.move()
