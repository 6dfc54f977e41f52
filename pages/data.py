"""Data: a file of one's own becomes a task that a network can be trained on."""

import streamlit as st

from dashboard.widgets.task import show_task
from dashboard.widgets.upload import show_found, show_upload

st.title("Bring your own data")
st.write(
    "Choose a table, look at what was found, and save: a network can be trained on it then. "
    "Every question below is answered already; correct what you know better."
)
told = show_upload()
if told is not None:
    show_found(told)
    show_task(told)
