"""A mark where a method of attribution is shown that did badly on this model."""

import streamlit as st

from dashboard import cache_attributions
from dashboard.attribution_words import DOUBTS, METHODS
from dashboard.state import View
from dashboard.text import listed


def show_doubt(view: View, method: str) -> None:
    """Say what speaks against a method, if it was measured; never waits for measuring."""
    why, cases = cache_attributions.doubted(view.model, view.policy, method)
    if why:
        st.warning(
            f"{METHODS[method].title} is doubted here: {listed([DOUBTS[one] for one in why])} "
            f"({cases} {cache_attributions.PART} cases; see the Attributions page)."
        )
