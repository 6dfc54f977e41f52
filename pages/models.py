"""Models: all that were trained here, shipped or brought in."""

import streamlit as st

from dashboard import state
from dashboard.widgets import models

st.title("Models")
st.write(
    "Tick a model to open it, to compare it, or to hand it on as one file. Your own can be renamed "
    "and deleted too."
)
view = state.current()
models.show_undo()
chosen = models.pick(view)
models.show_chosen(chosen)
models.show_in_force(chosen)
models.show_import()
models.show_trash()
