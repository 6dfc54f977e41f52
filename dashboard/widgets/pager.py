"""Pages of a long list."""

import streamlit as st

_BUTTON = 38
"""Pixels of a page's button and the gap beside it."""
_FEWEST = 5
"""Where there is no room for so many, Streamlit leaves out the second of three."""
_MOST = 7


def pick_page(pages: int, key: str) -> int:
    """Ask for a page, from 1 on; of a few all are offered.

    Args:
        pages: How many there are.
        key: Unique in the app.
    """
    if pages < 2:
        return 1
    shown = max(_FEWEST, min(pages, _MOST))
    number: int = st.pagination(
        pages, key=key, max_visible_pages=_MOST, width=_BUTTON * (shown + 2)
    )
    return number
