"""Where cases go under the policy on screen."""

import streamlit as st

from dashboard import cache
from dashboard.cache_routing import PART
from dashboard.figures.routes import draw_flow, draw_shares
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from minspnet.flow import flow
from minspnet.policy import Policy
from minspnet.roles import routing_entropy


def show_routes(view: View, saved_policy: Policy) -> None:
    """The stream of cases, how many experts run, and which."""
    counted = cache.outcomes(view.model, PART).tally(view.policy.decision_threshold)
    now = cache.score(view.model, PART, unedited(view))
    saved = cache.score(view.model, PART, saved_policy)
    names = counted.tree.names
    found = flow(counted.tree, counted.sets, now.set_shares)
    ends = [level > 0 and not ran for level, ran in found.stations]
    titles = [
        ["base exit"] if level == 0 else [names[e] for e in ran] or ["answered"]
        for level, ran in found.stations
    ]
    if found.links:
        show_chart(
            draw_flow(titles, [level for level, _ in found.stations], ends, found.links),
            key="flow",
            alt="Stream of cases from the base exit through the experts",
        )
    used = sum(share > 0 for share in now.set_shares)
    st.caption(
        f"Grey: answered without a further expert. {used} of {len(counted.sets)} possible sets of "
        f"experts are used; routing entropy {routing_entropy(now.set_shares):.2f} bits, "
        f"{routing_entropy(saved.set_shares):.2f} under the operating point in force (0: all cases "
        "go the same way)."
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("How many experts run")
        show_chart(
            draw_shares(
                [str(count) for count in range(len(now.depth_shares))],
                now.depth_shares,
                saved.depth_shares,
            ),
            key="shares-count",
            alt="Share of cases by number of active experts",
        )
    with right:
        st.subheader("Which experts run")
        show_chart(
            draw_shares(names, now.expert_shares, saved.expert_shares),
            key="shares-expert",
            alt="Share of cases for which each expert runs",
        )
