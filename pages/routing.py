"""Routing: what a gate threshold costs and saves, live and exactly."""

import streamlit as st

from dashboard import state
from dashboard.widgets import routing as parts
from dashboard.widgets import tolerance

st.title("Trade compute for accuracy")
st.write(
    "Raise a gate threshold and fewer cases reach that expert. Everything below is worked out "
    "anew over the whole validation set, from recorded evidence: exact, not estimated."
)


@st.fragment
def show_routing() -> None:
    """One fragment, so that a moved threshold redraws this page's charts and nothing else."""
    view = state.current()
    saved = state.operating_point(view.model)
    if not saved.gate_thresholds:
        st.info("This network has no experts: every case runs all of it.")
        return
    parts.show_scores(view, saved)
    left, right = st.columns([4, 7], gap="large")
    with left:
        parts.show_thresholds(view, saved)
    with right:
        parts.show_curve(view, saved)
        below = st.container()
    left, right = st.columns(2, gap="large")
    with left:
        parts.show_shares(view, saved)
    with right:
        parts.show_experts(view, saved)
    # The charts go out first: they are what a moved threshold is watched on.
    with below:
        tolerance.show_cheapest(view)
    parts.show_classes(view, saved)
    parts.show_changed(view, saved)


show_routing()
