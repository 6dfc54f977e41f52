"""Compare: models, operating points and the usual models on the same unseen cases."""

import streamlit as st

from dashboard import state
from dashboard.widgets import apart, versus

st.title("Compare")
st.write(
    "Pick who competes. All of them decide the same cases, none of which any was fitted to, and "
    "differences come with how sure they are."
)


@st.fragment
def show_compare() -> None:
    """One fragment, so that another contestant redraws the comparison and nothing else."""
    view = state.current()
    bout = versus.pick_bout(view)
    if bout is None:
        return
    versus.show_verdict(bout)
    versus.show_scores(view, bout)
    tabs = {
        "Cases they decide differently": apart.show_cases,
        "Where they differ most": apart.show_cohorts,
        "Is sure also right?": apart.show_calibration,
        "Agreement": apart.show_agreement,
    }
    # Only the open one is computed and drawn.
    shown = st.tabs(list(tabs), key="compare-tab", on_change="rerun")
    for tab, show in zip(shown, tabs.values(), strict=True):
        if tab.open:
            with tab:
                show(bout)


show_compare()
