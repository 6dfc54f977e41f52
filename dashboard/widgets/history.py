"""One entry of the browser's history a page, so that Back leaves it at the first press."""

import streamlit as st

_SCRIPT = """
const push = History.prototype.pushState
export default function () {
  History.prototype.pushState = function (state, title, url) {
    const here = new URL(location.href)
    const same = new URL(url ?? here, here).pathname === here.pathname
    return same ? this.replaceState(state, title, url) : push.call(this, state, title, url)
  }
}
"""


def keep_one_entry_a_page() -> None:
    """Have the address of a page rewritten in place.

    Streamlit makes an entry of every change of the query, a moved slider among them. Going back to
    one shows the same view again, since a session reads a link only once.
    """
    st.components.v2.component("minspnet_history", js=_SCRIPT)(key="history")
