"""One way to put a figure on a page: readable in light and dark, described, and to take away."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from dashboard.figures.data import numbers
from dashboard.figures.style import FAINT, THEMES, template
from dashboard.widgets.download import offer
from minspnet.spreadsheet import to_csv

_DRAWN = "drawn"
_LISTED = "drawn-listed"
_FORMAT = "picture-format"


def show_chart(
    figure: go.Figure, alt: str, key: str, clickable: bool = False, lasso: bool = False
) -> Any:
    """Draw a figure in the theme's own ink.

    Args:
        figure: From ``dashboard.figures``.
        alt: What the chart shows, in words.
        key: Unique on the page.
        clickable: Rerun when a point is clicked, and return the event.
        lasso: Rerun when a line is drawn around points, and return the event.
    """
    theme = "dark" if st.context.theme.type == "dark" else "light"
    figure.layout.template = template(theme)
    # Words on a faint fill lie on the page's own ground, whatever colour the fill is of.
    figure.update_traces(insidetextfont_color=THEMES[theme][0], selector={"meta": FAINT})
    drawn = st.session_state.setdefault(_DRAWN, {})
    known = alt in drawn
    drawn[alt] = figure
    if not known and st.session_state.get(_LISTED):
        # A part of the page was drawn anew while the list below, which it cannot reach, is open.
        st.rerun()
    options: dict[str, Any] = {}
    if clickable or lasso:
        options = {"on_select": "rerun", "selection_mode": "lasso" if lasso else "points"}
    kind = st.session_state.get(_FORMAT, "PNG").lower()
    config = {
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": kind, "filename": key, "scale": 2},
    }
    return st.plotly_chart(figure, key=key, alt=alt, theme=None, config=config, **options)


def forget_charts() -> None:
    """Start a page without the charts of the one before."""
    st.session_state[_DRAWN] = {}
    st.session_state[_LISTED] = False


@st.fragment
def show_downloads() -> None:
    """What was drawn on this page, to take away: pictures and their numbers."""
    place = st.expander("Take the charts along", key="take-along", on_change="rerun")
    st.session_state[_LISTED] = place.open
    if not place.open:
        return
    drawn: dict[str, go.Figure] = st.session_state.get(_DRAWN, {})
    with place:
        st.segmented_control(
            "Pictures as",
            ["PNG", "SVG"],
            default="PNG",
            required=True,
            key=_FORMAT,
            on_change=lambda: st.session_state.update({_REDRAW: True}),
            help="The camera that appears over each chart saves it as such a picture.",
        )
        if st.session_state.pop(_REDRAW, False):
            st.rerun()
        if not drawn:
            st.write("Nothing on this page is drawn as a chart.")
            return
        st.caption("The camera over a chart saves its picture. Here are the numbers behind each.")
        for place_on_page, alt in enumerate(drawn):
            offer(
                f"{alt} (CSV)",
                # Asked for only at the click: by then the chart may have been drawn anew.
                lambda alt=alt: _as_csv(drawn[alt]),
                f"chart: {alt}",
                file_name=f"chart-{place_on_page + 1}.csv",
                mime="text/csv",
                key=f"take-{place_on_page}",
                icon=":material/download:",
                type="tertiary",
            )


_REDRAW = "picture-format-changed"


def _as_csv(figure: go.Figure) -> str:
    table = numbers(figure)
    return to_csv({name: [*column] for name, column in table.items()})
