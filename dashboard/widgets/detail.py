"""Parts of a page that wait to be opened."""

from collections.abc import Callable

import streamlit as st

from dashboard.state import View


def show_detail(
    title: str, key: str, show: Callable[[View, str], None], view: View, case_id: str
) -> None:
    """What is shut is not computed, so that the answer comes first.

    Args:
        title: On the lid.
        key: Unique on the page.
        show: Draws the part once it is open.
        view: The view on screen.
        case_id: The case on screen.
    """
    detail = st.expander(title, key=f"inside-{key}", on_change="rerun")
    if detail.open:
        with detail:
            show(view, case_id)
