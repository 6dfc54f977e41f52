"""Entry of the dashboard: ``streamlit run dashboard/app.py``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)] if str(ROOT) not in sys.path else []

import streamlit as st

from dashboard import cache, faults, heavy, state, text
from dashboard.navigation import WITHOUT_CHARTS, WITHOUT_MODEL, pages
from dashboard.widgets.chart import forget_charts, show_downloads
from dashboard.widgets.history import keep_one_entry_a_page
from dashboard.widgets.sidebar import show_sidebar
from dashboard.widgets.sign_in import admit
from dashboard.widgets.tour import show_tour, start_if_asked
from minspnet.errors import UserError

faults.install()
st.set_page_config(
    page_title="MINSPNET",
    page_icon=ROOT / "dashboard" / "static" / "icon.svg",
    layout="wide",
    initial_sidebar_state="collapsed" if "demo" in st.query_params else "auto",
)
st.html(ROOT / "dashboard" / "static" / "style.css")
admitted = admit()
page = st.navigation(list(pages().values()), position="top" if admitted else "hidden")
if not admitted:
    st.stop()
try:
    if not cache.models():
        for sentence in cache.unreadable():
            st.warning(text.plain(sentence))
        st.error("There is no trained model yet. Run `make models`, then reload.")
        st.stop()
    state.leave_deleted_model()
    keep_one_entry_a_page()
    show_sidebar(page.url_path not in WITHOUT_MODEL)
    for sentence in state.notices():
        st.warning(text.plain(sentence))
    heavy.wait()
    start_if_asked()
    show_tour()
    forget_charts()
    state.open_page(page.url_path)
    page.run()
    if page.url_path not in WITHOUT_CHARTS:
        show_downloads()
    state.write_address()
except UserError as error:
    st.error(text.plain(str(error)))
cache.warm_up()
