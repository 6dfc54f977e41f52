"""Concepts: can they be trusted, what do they mean for the answer, which is worth checking."""

import streamlit as st

from dashboard import cache, state
from dashboard.widgets import checking, class_weights, corrections, leaks, ties, trust
from dashboard.widgets.tabs import show_tabs

st.title("Can its findings be trusted?")
st.write(
    "The network answers through named findings (concepts). Here each is held against its true "
    "value, over cases that it was not trained on."
)


@st.fragment
def show_concepts() -> None:
    """One fragment, so that a choice redraws this page's charts and nothing else."""
    view = state.current()
    state.follow("part", "concepts-part", {name: name for name in ("validation", "test")})
    part = st.segmented_control(
        "Unseen cases",
        ["validation", "test"],
        format_func=lambda name: f"{name} ({len(cache.part(view.model, name)):,})",
        default="validation",
        required=True,
        key="concepts-part",
        help="Decide on validation cases; test cases are for a last look, to report.",
    )
    part = part or "validation"
    state.show("part", None if part == "validation" else part)
    corrections.show_misleading(view, part)
    tabs = {
        "Trust": lambda: trust.show_trust(view, part),
        "Weights in the answer": lambda: class_weights.show_weights(view),
        "What goes together": lambda: ties.show_ties(view, part),
        "Leakage": lambda: leaks.show_leaks(view, part),
        "What corrections do": lambda: corrections.show_corrections(view, part),
        "Worth checking next": lambda: checking.show_checking(part),
    }
    show_tabs(tabs, key="concepts-tab")


show_concepts()
