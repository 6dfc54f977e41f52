"""Review log: who decided what, how far they agree, what made them change."""

import streamlit as st

from dashboard import desk, state
from dashboard.widgets import review_log

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
    review_log.show_log(state.current())


show_log()
