"""Back to the top of a page when another case lies on it."""

import streamlit as st

_SCRIPT = """
let seen = null
export default function ({data}) {
  if (seen !== null && data > seen)
    document.querySelector('[data-testid=stMain]')?.scrollTo({top: 0})
  seen = data
}
"""


def go_up(turn: int) -> None:
    """Scroll up each time a number rises.

    Streamlit keeps the place on the page: whoever recorded a verdict would judge the next case
    without having its answer, and what warns of it, in sight.
    """
    component = st.components.v2.component("minspnet_upwards", js=_SCRIPT)
    component(key="upwards", data=turn)
