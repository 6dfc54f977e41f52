"""Train: from saved data to a network of one's own, in the background."""

import streamlit as st

from dashboard.widgets import train_queue, train_setup

st.title("Train a network on your data")
st.write(
    "Pick your data and a size, then start. You may leave this page meanwhile; a network that is "
    "done opens with one click, like those that ship."
)

st.fragment(train_setup.show_setup)()


def show_queue() -> None:
    """Drawn anew every second while something runs, and once more when it has ended."""
    moving = train_queue.is_moving()
    train_queue.show_queue()
    if moving != was_moving:
        st.rerun()


was_moving = train_queue.is_moving()
st.fragment(show_queue, run_every=1.0 if was_moving else None)()
