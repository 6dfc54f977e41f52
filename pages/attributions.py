"""Attributions: which inputs did it, by several methods, and which of those to trust."""

from collections.abc import Callable

import streamlit as st

from dashboard import desk, state
from dashboard.widgets import methods, picker, several_methods
from dashboard.widgets.tabs import show_tabs

view = state.current()
st.title("Which inputs did it, and who says so")
st.write(
    "Findings and experts explain the answer exactly. How the **inputs** brought it about can only "
    "be estimated: several methods do, and they may disagree. Compare them on one case, then see "
    "which of them can be trusted on this network."
)

picker.pick_case()
left, right = st.columns([3, 8], gap="large", vertical_alignment="bottom")
with left:
    count = methods.choose_count(view)
with right:
    methods.show_progress(view, count)


@st.fragment
def show_attributions() -> None:
    """One fragment, so that a chosen method redraws its charts and nothing else."""
    now = state.current()
    case = picker.case_on_screen(now)

    def with_case(show: Callable[[state.View, str], None]) -> None:
        if case is None:
            picker.say_none(now)
        else:
            desk.open_cases(now, case)
            show(now, case)

    tabs = {
        "One case, several methods": lambda: with_case(several_methods.show_case),
        "Can they be trusted?": lambda: methods.show_trust(now, count),
        "Do they agree?": lambda: methods.show_agreement(now, count),
        "What counts overall": lambda: methods.show_overall(now, count),
        "Which stage carried it": lambda: with_case(several_methods.show_stages),
    }
    show_tabs(tabs, key="attributions-tab")


show_attributions()
