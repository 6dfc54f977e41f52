"""Who reads: the name that stands in every record, typed once or that of the sign-in."""

import streamlit as st

from dashboard import desk, text, who
from minspnet.record.checks import LONGEST_NAME

_KEY = "reader-name"
_WIDTH = 780
"""Pixels of field and buttons: beside a header they go to the next line where there is no room."""
_FEW = 4
"""So many names fit in a row of buttons."""


def show_reader(label: str) -> str:
    """Say the reader's name, or ask for it where nobody signs in; give it.

    Args:
        label: Of the field: a name, and what for.
    """
    name = who.reader()
    with st.container(
        horizontal=True,
        vertical_alignment="center" if name else "bottom",
        gap="small",
        width="content" if name else _WIDTH,
    ):
        if name:
            st.caption(f"Reader: **{text.plain(name)}**", width="content")
            if not who.is_signed_in():
                st.button(
                    "Not you?", key="reader-other", type="tertiary", on_click=desk.be, args=("",)
                )
            return name
        st.text_input(
            label,
            key=_KEY,
            max_chars=LONGEST_NAME,
            width=360,
            placeholder="Type it and press Enter",
            on_change=lambda: desk.be(st.session_state[_KEY]),
        )
        for place, one in enumerate(desk.known_readers()[:_FEW]):
            st.button(
                f"I am {text.plain(one)}", key=f"reader-{place}", on_click=desk.be, args=(one,)
            )
    return ""
