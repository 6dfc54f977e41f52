"""Cases: all that the network was not trained on, filtered, mapped, compared; where it fails."""

import streamlit as st

from dashboard import state
from dashboard.widgets import case_map, case_table, cohort_filter, failures

st.title("Find the cases worth a look")
st.write(
    "All cases that the network was not trained on. Filter them, read them as a list or a map, or "
    "see where answers fail. A click opens a case."
)


@st.fragment
def show_cases() -> None:
    """One fragment, so that a filter redraws this page's parts and nothing else."""
    view = state.current()
    cohort_filter.show_filter(view)
    tabs = {
        failures.LIST: case_table.show_table,
        "Map": case_map.show_map,
        "Where it fails": failures.show_failures,
    }
    failures.follow_wish()
    # Only the open one is computed and drawn.
    shown = st.tabs(list(tabs), key=failures.TABS, on_change="rerun")
    for tab, show in zip(shown, tabs.values(), strict=True):
        if tab.open:
            with tab:
                show(view)


show_cases()
