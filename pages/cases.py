"""Cases: all that the network was not trained on, filtered, mapped, compared; where it fails."""

import streamlit as st

from dashboard import state
from dashboard.widgets import case_map, case_table, cohort_filter, failures, review_queue
from dashboard.widgets.tabs import show_tabs

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
    review_queue.show_start(view)
    tabs = {
        failures.LIST: lambda: case_table.show_table(view),
        "Map": lambda: case_map.show_map(view),
        "Where it fails": lambda: failures.show_failures(view),
    }
    failures.follow_wish()
    show_tabs(tabs, key=failures.TABS)


show_cases()
