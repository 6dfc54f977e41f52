"""Data: a file of one's own becomes a task that a network can be trained on."""

import streamlit as st

from dashboard.picture_drafts import PictureDraft
from dashboard.widgets.picture_task import show_picture_task, show_pictures_found
from dashboard.widgets.task import show_task
from dashboard.widgets.upload import may_bring, show_found, show_upload

st.title("Bring your own data")
st.write(
    "Choose a table or pictures, look at what was found, and save: a network can be trained on "
    "them then. Every question below is answered already; correct what you know better."
)
told = show_upload() if may_bring() else None
if isinstance(told, PictureDraft):
    show_pictures_found(told)
    show_picture_task(told)
elif told is not None:
    show_found(told)
    show_task(told)
