"""One way to split a page into questions."""

from collections.abc import Callable, Mapping

import streamlit as st

from dashboard import state


def show_tabs(tabs: Mapping[str, Callable[[], None]], key: str) -> None:
    """Compute and draw the open tab only; the address says which, so that a link reopens it.

    Args:
        tabs: What draws each, by title.
        key: Unique in the app.
    """
    state.follow("tab", key, {title: title for title in tabs})
    shown = st.tabs(list(tabs), key=key, on_change="rerun")
    for place, (tab, (title, show)) in enumerate(zip(shown, tabs.items(), strict=True)):
        if tab.open:
            state.show("tab", title if place else None)
            with tab:
                show()
