"""Setting the cheapest gate threshold that gives up little accuracy, and how sure that is."""

import streamlit as st

from dashboard import cache, state
from dashboard.format import flops, percent
from dashboard.state import View
from minspnet.policy import Policy
from minspnet.tolerance import Loss

_POINTS = (0.0, 0.5, 1.0, 2.0)


def show_cheapest(view: View) -> None:
    """How much may be lost, the threshold that fits, and what is known of its loss."""
    st.header("Cheapest within a loss")
    chosen = st.segmented_control(
        "Points of accuracy given up at most, against all experts on",
        _POINTS,
        format_func=lambda points: f"{points:g}",
        default=1.0,
        required=True,
        key="points-lost",
    )
    cut = view.policy.decision_threshold
    found = cache.cheapest(view.model, float(chosen or 0), cut)
    if found is None:
        st.write(
            "No shared threshold is cheaper than running every expert and loses at most "
            f"{chosen:g} points on the validation cases."
        )
        return
    score, loss = found
    policy = Policy(score.gate_thresholds, cut)
    st.button(
        f"Set the gate threshold {score.gate_thresholds[0]:.2f} for all experts",
        disabled=view.policy.without_interventions() == policy,
        on_click=state.change_policy,
        args=(policy,),
    )
    total = cache.model(view.model).cost.total
    st.write(f"{flops(score.mean_macs)} per case, {percent(score.mean_macs / total)} of all.")
    st.caption(_how_sure(loss))


def _how_sure(loss: Loss) -> str:
    low, high = loss.interval()
    return (
        f"Chosen on {loss.cases} validation cases: against all experts on, newly wrong: "
        f"{loss.newly_wrong}, newly right: {loss.newly_right}, {_points(loss.share)}. For a "
        f"threshold fixed beforehand, the 95 % interval on other such cases would run from "
        f"{_points(high)} to {_points(low)}. This one was chosen by the very cases it is measured "
        "on, so even that is no promise."
    )


def _points(share: float) -> str:
    """Say lost accuracy: 1.1 points lost, 2.0 points gained."""
    if abs(share) < 5e-4:
        return "no points lost"
    return f"{100 * abs(share):.1f} points {'lost' if share > 0 else 'gained'}"
