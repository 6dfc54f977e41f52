"""Model facts: what is known of a model, and what is not, on a card that can be handed on."""

from functools import partial

import streamlit as st

from dashboard import cache, state
from dashboard.widgets import card
from dashboard.widgets.tabs import show_tabs

view = state.current()
st.title("Model facts")
st.write(
    "What this model is for, what it was made from, how good it is and for which cases less so. "
    "Where nothing is recorded, it says “unknown”. Scores are those of the test cases, under the "
    "operating point in force."
)
st.caption(f"{cache.domain_of(view.model).title}: {cache.title_of(view.model)}")


@st.fragment
def show_facts() -> None:
    """One fragment: another tab draws itself alone."""
    found = card.card_of(view)
    card.show_head(view, found)
    tabs = {title: partial(card.show_tab, found, titles) for title, titles in card.TABS.items()}
    show_tabs(tabs, key="facts-tab")


show_facts()
