"""What the policy on screen is worth and costs, against all others."""

from typing import Any

import streamlit as st

from dashboard import cache, cache_compare, cache_routing, state
from dashboard.cache_routing import PART
from dashboard.figures.tradeoff import draw_curve
from dashboard.format import amount, change, milliseconds, number, percent, score
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from dashboard.widgets.tile import show_tile
from minspnet.policy import Policy
from minspnet.sweep import Score

_SCORES = {"accuracy": "Accuracy", "auc": "AUC"}


def show_scores(view: View, saved_policy: Policy) -> None:
    """What the policy on screen is worth, against the one in force."""
    policy = unedited(view)
    now = cache.score(view.model, PART, policy)
    saved = cache.score(view.model, PART, saved_policy)
    area = cache.auc(view.model, PART, policy)
    gained = area - cache.auc(view.model, PART, saved_policy)
    total = cache.model(view.model).cost.total
    cases = len(cache.part(view.model, PART))
    row = st.container(horizontal=True)
    better = now.accuracy - saved.accuracy
    show_tile(
        row,
        "Accuracy",
        score(now.accuracy),
        _against(change(better), better),
        better,
        help=f"Share of the {cases:,} validation cases decided as labelled; 95% interval "
        f"{cache_compare.accuracy(view.model, PART, policy).bounds} (Wilson). "
        f"{cache_compare.about(view.model, PART)}".strip(),
    )
    show_tile(
        row,
        "AUC",
        score(area),
        _against(change(gained, 2), gained),
        gained,
        help="How often a case of a class gets a higher chance of it than a case of another: 0.5 "
        "is a mere guess, 1 never fails. It does not depend on the decision threshold.",
    )
    dearer = now.mean_macs - saved.mean_macs
    show_tile(
        row,
        "Mean FLOPs per case",
        amount(2 * now.mean_macs),
        _against(f"{number(100 * (now.mean_macs / saved.mean_macs - 1), 0, '+')}%", dearer),
        dearer,
        "less",
        help=f"{now.mean_macs:,.1f} MACs; one MAC is two FLOPs. FLOPs are not time.",
    )
    show_tile(
        row,
        "Share of all FLOPs",
        percent(now.mean_macs / total, 1),
        f"{percent(1 - now.mean_macs / total)} saved by routing",
    )
    _show_time(row, view, now, saved)


def _show_time(row: Any, view: View, now: Score, saved: Score) -> None:
    latency = cache_routing.latency(view.model)
    if latency is None:
        failed = cache_routing.no_time(view.model)
        note = "could not be measured here" if failed else "being measured on this machine"
        show_tile(row, "Mean time per case", "-" if failed else "...", note)
        return
    times = [cache_routing.mean_price(view.model, "ms", point) for point in (now, saved)]
    machine = latency.machine
    # What gates have to beat is a network without any.
    against = latency.ungated or latency.all_on
    saved_by = 1 - times[0] / against
    slower = number(100 * (times[0] / times[1] - 1), 0, "+")
    show_tile(
        row,
        "Mean time per case",
        milliseconds(times[0]),
        f"{percent(abs(saved_by))} {'less' if saved_by >= 0 else 'more'} than without gates",
        help=f"The median of {latency.rounds} runs of each set of experts, weighed by how many "
        "cases take it. All experts without any gates: "
        f"{milliseconds(against)}, with gates that are all open: {milliseconds(latency.all_on)}; "
        f"against the operating point in force: {slower}%.",
    )
    st.caption(
        f"Time: one case at a time in ONNX Runtime {machine.runtime}, {machine.threads} thread, on "
        f"this machine ({machine.processor})."
    )


def show_curve(view: View, saved_policy: Policy) -> None:
    """All shared thresholds, and the best with one each; a click on a point takes it."""
    st.header("Accuracy against compute")
    left, right = st.columns(2)
    wanted = left.segmented_control(
        "Score",
        list(_SCORES),
        format_func=_SCORES.__getitem__,
        default="accuracy",
        required=True,
        key="curve-score",
    )
    unit = right.segmented_control(
        "Compute in",
        cache_routing.units(view.model),
        default="FLOPs",
        required=True,
        key="curve-unit",
        help="FLOPs are counted. ms are measured on this machine, one case at a time. nJ is a "
        "rough energy: 4.6 pJ a MAC and 640 pJ a weight fetched (Horowitz 2014, 45 nm).",
    )
    wanted, unit = wanted or "accuracy", unit or "FLOPs"
    cut = view.policy.decision_threshold
    timed = cache_routing.latency(view.model) is not None
    shared, each = cache_routing.drawn(view.model, wanted, unit, cut, timed)
    figure = draw_curve(
        shared,
        each if wanted == "accuracy" else (),  # they are the best by accuracy
        _place(view, unedited(view), wanted, unit),
        _place(view, saved_policy, wanted, unit),
        f"{_SCORES[wanted]} on validation cases",
        unit,
    )
    turn = st.session_state.setdefault("curve-turn", 0)
    event = show_chart(
        figure,
        key=f"curve-{view.model}-{wanted}-{unit}-{turn}",
        alt=f"{_SCORES[wanted]} against mean {unit} per case, over one shared gate threshold and "
        "over one threshold an expert",
        clickable=True,
    )
    _follow_click(event, view.model, unit)
    cases = len(cache.part(view.model, PART))
    orange = (
        "Orange: the best by accuracy that one threshold an expert can do on these cases. "
        if wanted == "accuracy"
        else ""
    )
    st.caption(
        f"Click a point to take its thresholds. {orange}One case of {cases:,} is "
        f"{100 / cases:.2g} points, and what is picked among so many by few cases was lucky on "
        "them: *Within a budget* shows what is left of it on test cases."
    )


def _place(view: View, policy: Policy, wanted: str, unit: str) -> tuple[float, float]:
    """Price and score of one policy."""
    point = cache.score(view.model, PART, policy)
    worth = point.accuracy if wanted == "accuracy" else cache.auc(view.model, PART, policy)
    return cache_routing.mean_price(view.model, unit, point), worth


def _follow_click(event: Any, model: str, unit: str) -> None:
    # Before the two points of policies stand the two curves.
    points = [p for p in event["selection"]["points"] if p.get("curve_number", 0) < 2]
    if not points:
        return
    cut = state.current().policy.decision_threshold
    curve, place = points[0].get("curve_number", 0), int(points[0]["customdata"][0])
    vector = (
        cache_routing.front(model, unit, cut).gate_thresholds[place]
        if curve
        else cache_routing.curve(model, cut)[place].gate_thresholds
    )
    # A new key forgets the selection, so that a slider can move away from the point again.
    st.session_state["curve-turn"] += 1
    state.change_policy(Policy(vector, cut))
    st.rerun(scope="fragment")


def _against(said: str, difference: float) -> str:
    return f"{said} vs in force" if difference else "as in force"
