"""The cheapest policy that is still accurate enough, to take at a click."""

import streamlit as st

from dashboard import cache, cache_compare, cache_routing, state
from dashboard.cache_routing import PART
from dashboard.format import percent, price, score
from dashboard.state import View, unedited
from minspnet.policy import Policy

_LOSSES = (0.0, 0.5, 1.0, 2.0, 5.0)


def show_cheapest(view: View) -> None:
    """What is saved at most, where so many points of accuracy may be lost."""
    unit = st.session_state.get("curve-unit") or "FLOPs"
    cut, experts = view.policy.decision_threshold, len(view.policy.gate_thresholds)
    everything = cache.score(view.model, PART, Policy.shared(0, experts).with_cut(cut))
    st.subheader("The cheapest that is accurate enough")
    lost = st.segmented_control(
        "Points of accuracy it may lose against all experts",
        _LOSSES,
        format_func=lambda points: f"{points:g}",
        default=1.0,
        required=True,
        key="cheapest-lost",
        help="A point is a hundredth. All experts: the same network where every case runs all of "
        "them, at the same decision threshold.",
    )
    least = everything.accuracy - (1.0 if lost is None else lost) / 100
    found = cache_routing.cheapest(view.model, unit, cut, least)
    policy = Policy(found.gate_thresholds, cut)
    paid = cache_routing.mean_price(view.model, unit, found)
    share = paid / float(cache_routing.price_of_sets(view.model, unit)[-1])
    cases = len(cache.part(view.model, PART))
    bounds = cache_compare.accuracy(view.model, PART, policy).bounds
    said, take = st.columns([4, 1], vertical_alignment="center")
    said.markdown(
        f"**{price(paid, unit)}** a case, {percent(share)} of all. Accuracy "
        f"**{score(found.accuracy)}** on {cases:,} validation cases (95%: {bounds}); "
        f"with all experts {score(everything.accuracy)}."
    )
    now = unedited(view) == policy
    take.button(
        "Taken" if now else "Take it",
        key="cheapest-take",
        width="stretch",
        disabled=now,
        on_click=state.change_policy,
        args=(policy,),
        help="Moves the gate thresholds there, on every page; *Undo* takes them back.",
    )
    st.caption(
        "The cheapest of all points above. Picked among so many by few cases, it was lucky on "
        "them: new ones may lose more. *How sure* says what can be promised."
    )
