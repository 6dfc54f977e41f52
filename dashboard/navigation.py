"""The pages, and going from one to another."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

ROOT = Path(__file__).resolve().parents[1]


def pages() -> dict[str, StreamlitPage]:
    """All pages by name, the first one the start."""
    return {
        "overview": st.Page(ROOT / "pages" / "overview.py", title="Overview", default=True),
        "case": st.Page(ROOT / "pages" / "case.py", title="Case"),
        "routing": st.Page(ROOT / "pages" / "routing.py", title="Routing"),
        "attributions": st.Page(ROOT / "pages" / "attributions.py", title="Attributions"),
    }


def go_to(name: str) -> None:
    """Leave this page for another; the view goes along."""
    st.switch_page(pages()[name])
