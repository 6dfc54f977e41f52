"""One way to put a figure on a page: readable in light and dark, described for those who listen."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

_INK = {"light": ("#0B1216", "#D5DCE0"), "dark": ("#EAF0F3", "#3A474F")}


def show_chart(figure: go.Figure, alt: str, key: str, clickable: bool = False) -> Any:
    """Draw a figure in the theme's own ink.

    Args:
        figure: From ``dashboard.figures``.
        alt: What the chart shows, in words.
        key: Unique on the page.
        clickable: Rerun when a point is clicked, and return the event.
    """
    ink, line = _INK["dark" if st.context.theme.type == "dark" else "light"]
    figure.update_layout(font_color=ink)
    # These take a colour of their own rather than that of the layout.
    for kind in ("heatmap", "sankey"):
        figure.update_traces(textfont_color=ink, selector={"type": kind})
    figure.update_xaxes(gridcolor=line, linecolor=line)
    figure.update_yaxes(gridcolor=line, linecolor=line)
    options: dict[str, Any] = (
        {"on_select": "rerun", "selection_mode": "points"} if clickable else {}
    )
    return st.plotly_chart(
        figure, key=key, alt=alt, theme=None, config={"displayModeBar": False}, **options
    )
