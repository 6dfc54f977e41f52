"""Routing: what a gate threshold costs and saves, live and exactly."""

import streamlit as st

from dashboard import cache_routing, state
from dashboard.widgets import (
    budget,
    cheapest,
    cohorts,
    devices,
    error_costs,
    flips,
    points,
    promise,
    roles,
    routes,
    thresholds,
    tradeoff,
)
from dashboard.widgets.tabs import show_tabs

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
    tradeoff.show_scores(view, saved)
    left, right = st.columns([4, 7], gap="large")
    # What a threshold changes is sent before the sliders, which stand where they were let go of.
    with right:
        tradeoff.show_curve(view, saved)
        cheapest.show_cheapest(view)
    with left:
        thresholds.show_thresholds(view, saved)
    tabs = {
        "Within a budget": lambda: budget.show_budget(view),
        "Two kinds of error": lambda: error_costs.show_error_costs(view),
        "How sure": lambda: promise.show_promise(view),
        "Where cases go": lambda: routes.show_routes(view, saved),
        "What experts are for": lambda: roles.show_roles(view),
        "Classes and cohorts": lambda: cohorts.show_cohorts(view, saved),
        "Cases that flip": lambda: flips.show_flips(view, saved),
        "Operating points": lambda: points.show_points(view),
        "Devices": lambda: devices.show_devices(view),
    }
    show_tabs(tabs, key="routing-tab")


show_routing()
cache_routing.refresh_when_timed(state.current().model)
