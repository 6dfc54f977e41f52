"""Queues of cases to review: made from a filter on Cases, worked through on Case."""

import streamlit as st

from dashboard import cache, cache_cases, desk, review_words, state, text
from dashboard.navigation import go_to
from dashboard.state import View, unedited
from dashboard.widgets.reader import show_reader
from minspnet.errors import UserError
from minspnet.record.checks import LONGEST_NAME, now
from minspnet.record.queues import ReviewQueue

_NAME = "queue-name"


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
        rows = cache_cases.listed(view.model, unedited(view), view.cohort, "id")
        name = st.text_input(
            "Name of the queue",
            value="My cases",
            key=_NAME,
            max_chars=LONGEST_NAME,
            width=320,
            help="A queue of yours with the same name is replaced. What you have reviewed counts.",
        )
        if st.button(
            f"Review these {len(rows):,}",
            type="primary",
            key="queue-start",
            disabled=not len(rows),
        ):
            ids = cache_cases.unseen(view.model).case_ids
            _start(view, name, tuple(ids[row] for row in rows))


def _start(view: View, name: str, cases: tuple[str, ...]) -> None:
    reader, model = desk.reader(), cache.model(view.model).digest
    try:
        queue = ReviewQueue(name, reader, model, cases, reader, now())
        waiting = desk.start_queue(queue)
    except UserError as error:
        st.error(text.plain(str(error)))
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
        st.markdown(review_words.progress(at.queue, at.waiting), width="content")
        if at.waiting and at.waiting[0] != case:
            st.button("Go there", key="queue-go", on_click=_open, args=(at.waiting[0],))


def _open(case: str) -> None:
    state.open_case(case)
    desk.move()
