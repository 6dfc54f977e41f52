"""Compare: models, operating points and the usual models on the same unseen cases."""

import streamlit as st

from dashboard import cache_compare, desk, state, who
from dashboard.widgets import apart, update, versus
from dashboard.widgets.tabs import show_tabs

st.title("Compare")
st.write(
    "Pick who competes. All of them decide the same cases, none of which any was fitted to, and "
    "differences come with how sure they are."
)


@st.fragment
def show_compare() -> None:
    """One fragment, so that another contestant redraws the comparison and nothing else."""
    who.must_be_here()
    if desk.whole_page():
        st.rerun()
    view = state.current()
    bout = versus.pick_bout(view)
    if bout is None:
        return
    versus.show_verdict(bout)
    update.show_update(cache_compare.models_of(bout.entries))
    versus.show_scores(view, bout)
    tabs = {
        "Cases they decide differently": lambda: apart.show_cases(bout),
        "Where they differ most": lambda: apart.show_cohorts(bout),
        "Is sure also right?": lambda: apart.show_calibration(bout),
        "Agreement": lambda: apart.show_agreement(bout),
    }
    show_tabs(tabs, key="compare-tab")


show_compare()
