"""Judge before reveal: the inputs, and what the reader makes of them; nothing of the network's."""

import streamlit as st

from dashboard import cache, desk, state, text
from dashboard.state import View
from dashboard.widgets import inputs, sets
from dashboard.widgets.reader import show_reader

_SURE = {2: (0.5, 0.6, 0.7, 0.8, 0.9, 0.99)}
_SURE_OF_MANY = (0.2, 0.4, 0.6, 0.8, 0.9, 0.99)


def show_question(view: View, case_id: str) -> None:
    """What the network was given on one side, the question on the other."""
    given, asked = st.columns([3, 2], gap="large")
    with given:
        inputs.show_inputs(view, case_id)
    with asked:
        _ask()


@st.fragment
def _ask() -> None:
    if desk.whole_page():
        st.rerun()
    now = desk.current()
    st.header("What do you say?", anchor="your-verdict")
    if failed := desk.failed():
        st.error(text.plain(failed))
    st.write(
        "The network's answer is hidden. Say what you think and how sure you are; then it is "
        "shown, and you may change your mind. Both are recorded."
    )
    name = show_reader("Your name, to begin")
    if not name or now is None:
        return
    view = state.current()
    domain = cache.domain_of(view.model)
    judgement = now.judgement
    opinion, sure = f"own-{judgement.id}", f"sure-{judgement.id}"
    st.session_state[opinion] = judgement.own_opinion
    # Buttons, not radios: a radio that was clicked keeps the keys to itself.
    st.pills(
        "Your answer",
        domain.classes,
        format_func=text.plain,
        key=opinion,
        on_change=lambda: desk.fill(judgement.id, own_opinion=st.session_state[opinion]),
    )
    st.session_state[sure] = judgement.own_confidence
    st.pills(
        "How sure are you?",
        _SURE.get(len(domain.classes), _SURE_OF_MANY),
        format_func=lambda share: f"{share:.0%}",
        key=sure,
        on_change=lambda: desk.fill(judgement.id, own_confidence=st.session_state[sure]),
        help=f"The chance that you are right. A mere guess: {1 / len(domain.classes):.0%}.",
    )
    st.button(
        "Show the network's answer",
        type="primary",
        key="review-reveal",
        shortcut="S",
        disabled=judgement.own_opinion is None or judgement.own_confidence is None,
        on_click=_reveal,
        args=(judgement.id, view, now.case),
        help="What you said so far is fixed then.",
    )


def _reveal(of: str, view: View, case_id: str) -> None:
    desk.reveal(of)
    now = desk.current()
    if now is not None and now.judgement.shown_at:
        # Whoever asks for the answer gets it, also where unsure ones are withheld.
        sets.ask_for(view, case_id)
