"""Cases that a policy decides otherwise than the operating point in force."""

import streamlit as st

from dashboard import cache_routing, state
from dashboard.navigation import go_to
from dashboard.state import View, unedited
from minspnet.policy import Policy


def show_flips(view: View, saved: Policy) -> None:
    """One row a case; selecting one opens it."""
    changed = cache_routing.changed(view.model, unedited(view), saved)
    st.subheader(f"Cases decided otherwise than in force: {len(changed):,}")
    if changed.empty:
        st.write("None. Move a threshold to see which cases would change sides.")
        return
    event = st.dataframe(
        changed.head(200),
        hide_index=True,
        alt="Cases decided otherwise than under the operating point in force",
        on_select="rerun",
        selection_mode="single-row",
        key="changed-cases",
        column_config=dict.fromkeys(
            changed.columns[-2:], st.column_config.NumberColumn(format="percent")
        ),
    )
    rows = event["selection"]["rows"]
    if rows:
        state.open_case(str(changed.iloc[rows[0]]["Case"]))
        go_to("case")
    shown = "" if len(changed) <= 200 else " The 200 with the largest shift are listed."
    st.caption(f"Select a row to open the case under the policy on screen.{shown}")
