"""Review log: who decided what, how far they agree, what made them change."""

import streamlit as st

from dashboard import desk, state, who
from dashboard.widgets import access_log, review_log
from dashboard.widgets.tabs import show_tabs
from minspnet.access import Action

st.title("What readers decided")
st.write(
    "Every verdict that was recorded on Case, never changed afterwards. Below: how far readers "
    "agree with the network and with each other, and what a model can learn from them."
)


@st.fragment
def show_log() -> None:
    """One fragment, so that a filter redraws this page's parts and nothing else."""
    if desk.whole_page():
        st.rerun()
    view = state.current()
    if not who.may(Action.READ_ACCESS_LOG):
        review_log.show_log(view)
        return
    tabs = {
        "Reviews": lambda: review_log.show_log(view),
        "Access log": access_log.show_access_log,
    }
    show_tabs(tabs, key="reviews-tab")


show_log()
