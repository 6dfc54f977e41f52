"""Score a file: answers and reasons for many new cases at once."""

import streamlit as st

from dashboard import state
from dashboard.widgets import score_file

st.title("Score a file")
st.write(
    "Upload new cases: each gets the answer, its chance, the findings and what each of them adds. "
    "Rows that cannot be read are listed, and the rest is done."
)


@st.fragment
def show_score() -> None:
    """One fragment: what is shown below the upload follows from it alone."""
    view = state.current()
    score_file.show_model(view)
    batch = score_file.show_upload(view)
    if batch is not None:
        score_file.show_work(batch)


show_score()
