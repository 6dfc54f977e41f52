"""The pages, and going from one to another."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dashboard import state

ROOT = Path(__file__).resolve().parents[1]
_OWN = ("data", "train", "models", "score")
"""Pages about a user's own data, from a file to its results."""
WITHOUT_CHARTS = ("data", "models", "score")
"""Pages with nothing to take along."""


def pages() -> dict[str, StreamlitPage]:
    """All pages by name, the first one the start."""
    return {
        "overview": st.Page(ROOT / "pages" / "overview.py", title="Overview", default=True),
        "cases": st.Page(ROOT / "pages" / "cases.py", title="Cases"),
        "case": st.Page(ROOT / "pages" / "case.py", title="Case"),
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


def sections() -> dict[str, list[StreamlitPage]]:
    """The pages as the menu groups them; those without a heading come first."""
    known = pages()
    own = [known[name] for name in _OWN]
    return {"": [page for page in known.values() if page not in own], "Your data": own}


def go_to(name: str) -> None:
    """Leave this page for another; the view goes along."""
    st.switch_page(pages()[name], query_params=state.address())
