"""The pages, and going from one to another."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dashboard import state

ROOT = Path(__file__).resolve().parents[1]
WITHOUT_CHARTS = ("data", "models", "reviews", "score")
"""Pages with nothing to take along."""
WITHOUT_MODEL = ("data", "train")
"""Pages on which the model that was chosen plays no part."""


def pages() -> dict[str, StreamlitPage]:
    """All pages by name, the first one the start; the last four are about a user's own data.

    One flat row: on a narrow screen, Streamlit writes groups as a list that screen readers reject.
    """
    return {
        "overview": st.Page(ROOT / "pages" / "overview.py", title="Overview", default=True),
        "cases": st.Page(ROOT / "pages" / "cases.py", title="Cases"),
        "case": st.Page(ROOT / "pages" / "case.py", title="Case"),
        "reviews": st.Page(ROOT / "pages" / "reviews.py", title="Review log"),
        "concepts": st.Page(ROOT / "pages" / "concepts.py", title="Concepts"),
        "routing": st.Page(ROOT / "pages" / "routing.py", title="Routing"),
        "activations": st.Page(ROOT / "pages" / "activations.py", title="Activations"),
        "attributions": st.Page(ROOT / "pages" / "attributions.py", title="Attributions"),
        "compare": st.Page(ROOT / "pages" / "compare.py", title="Compare"),
        "facts": st.Page(ROOT / "pages" / "facts.py", title="Model facts"),
        "data": st.Page(ROOT / "pages" / "data.py", title="Data"),
        "train": st.Page(ROOT / "pages" / "train.py", title="Train"),
        "models": st.Page(ROOT / "pages" / "models.py", title="Models"),
        "score": st.Page(ROOT / "pages" / "score.py", title="Score a file"),
    }


def go_to(name: str) -> None:
    """Leave this page for another; the view goes along."""
    st.switch_page(pages()[name], query_params=state.address())
