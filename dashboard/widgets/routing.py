"""Pieces of the Routing page; all figures are of the validation set unless they say otherwise."""

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cache, state, text
from dashboard.figures.tradeoff import draw_curve, draw_shares
from dashboard.format import amount, change, flops, percent, score
from dashboard.navigation import go_to
from dashboard.state import View
from dashboard.widgets.chart import show_chart
from dashboard.widgets.tile import show_tile
from minspnet.policy import CLOSED, Policy
from minspnet.sweep import Score

_PART = "validation"
_SCORES = {"accuracy": "Accuracy", "auc": "AUC"}


def show_scores(view: View, saved_policy: Policy) -> None:
    """What the policy on screen is worth, against the saved one."""
    now = cache.score(view.model, _PART, _plain(view))
    saved = cache.score(view.model, _PART, saved_policy)
    total = cache.model(view.model).cost.total
    cases = len(cache.model(view.model).traces[_PART])
    area = cache.auc(view.model, _PART, _plain(view))
    gained = area - cache.auc(view.model, _PART, saved_policy)
    row = st.container(horizontal=True)
    show_tile(
        row,
        "Accuracy",
        score(now.accuracy),
        _against(change(now.accuracy - saved.accuracy), now.accuracy - saved.accuracy),
        now.accuracy - saved.accuracy,
        help=f"Share of the {cases} validation cases decided as labelled.",
    )
    show_tile(
        row,
        "AUC",
        score(area),
        _against(change(gained, 2), gained),
        gained,
    )
    show_tile(
        row,
        "Mean FLOPs per case",
        amount(2 * now.mean_macs),
        _against(f"{now.mean_macs / saved.mean_macs - 1:+.0%}", now.mean_macs - saved.mean_macs),
        now.mean_macs - saved.mean_macs,
        "less",
        help=f"{now.mean_macs:,.1f} MACs; one MAC is two FLOPs. FLOPs are not time.",
    )
    show_tile(
        row,
        "Share of all FLOPs",
        percent(now.mean_macs / total, 1),
        f"{percent(1 - now.mean_macs / total)} saved by routing",
    )


def show_thresholds(view: View, saved_policy: Policy) -> None:
    """One slider for all experts, one for each, and what can be done with the result."""
    st.header("Gate thresholds")
    experts = cache.model(view.model).traces[_PART].tree.names
    gates = view.policy.gate_thresholds
    st.session_state["gate-shared"] = (
        min(1.01, max(gates)) if len(set(gates)) == 1 else _middle(gates)
    )
    st.slider(
        "All experts at once",
        0.0,
        1.01,
        step=0.01,
        key="gate-shared",
        help="0 runs every expert for every case; above 1 none runs.",
        on_change=_move_all,
        args=(len(experts),),
    )
    with st.expander("One by one", expanded=True):
        for expert, name in enumerate(experts):
            key = f"gate-{expert}"
            st.session_state[key] = min(1.01, gates[expert])
            off = gates[expert] == CLOSED
            st.slider(
                f"{text.plain(name)}{' (switched off)' if off else ''}",
                0.0,
                1.01,
                step=0.01,
                key=key,
                on_change=_move_one,
                args=(expert,),
            )
    classes = cache.domain_of(view.model).classes
    if len(classes) == 2:
        st.session_state["cut"] = round(100 * view.policy.decision_threshold)
        st.slider(
            f"Call it {classes[1]} from a chance of (%)",
            1,
            99,
            key="cut",
            on_change=_move_cut,
            help="The decision threshold. Lower finds more and alarms more.",
        )
    save, reset, original = st.columns(3)
    at_saved = _plain(view) == saved_policy
    save.button(
        "Save",
        type="primary",
        width="stretch",
        disabled=at_saved,
        on_click=_save,
        help="Keep this as the operating point that everyone who opens this model starts from.",
    )
    reset.button(
        "Undo",
        width="stretch",
        disabled=at_saved,
        on_click=lambda: state.change_policy(saved_policy),
        help="Go back to the saved operating point.",
    )
    shipped = cache.model(view.model).policy
    original.button(
        "As trained",
        width="stretch",
        disabled=_plain(view) == shipped,
        on_click=lambda: state.change_policy(shipped),
        help="The operating point chosen on validation cases right after training.",
    )
    st.caption("The saved operating point applies to every page." if at_saved else "**Not saved.**")


def show_curve(view: View, saved_policy: Policy) -> None:
    """The sweep of one shared threshold; a click on a point takes it."""
    title, choice = st.columns([3, 2], vertical_alignment="bottom")
    title.header("Accuracy against compute")
    wanted = choice.segmented_control(
        "Score",
        list(_SCORES),
        format_func=_SCORES.__getitem__,
        default="accuracy",
        label_visibility="collapsed",
        key="curve-score",
    )
    wanted = wanted or "accuracy"
    sweep = cache.curve(view.model, _PART, view.policy.decision_threshold)
    now = cache.score(view.model, _PART, _plain(view))
    saved = cache.score(view.model, _PART, saved_policy)

    def worth(point: Score, policy: Policy) -> float:
        if wanted == "accuracy":
            return point.accuracy
        return cache.auc(view.model, _PART, policy)

    cut = view.policy.decision_threshold
    figure = draw_curve(
        [point.mean_macs for point in sweep],
        [worth(point, Policy(point.gate_thresholds, cut)) for point in sweep],
        [point.gate_thresholds[0] for point in sweep],
        (now.mean_macs, worth(now, _plain(view))),
        (saved.mean_macs, worth(saved, saved_policy)),
        f"{_SCORES[wanted]} on validation cases",
    )
    turn = st.session_state.setdefault("curve-turn", 0)
    event = show_chart(
        figure,
        key=f"curve-{view.model}-{wanted}-{turn}",
        alt="Accuracy against mean FLOPs over one shared gate threshold",
        clickable=True,
    )
    _follow_click(event, len(now.gate_thresholds), view.policy.decision_threshold)
    st.caption("Click a blue point to take its threshold for all experts.")


def _follow_click(event: Any, experts: int, decision_threshold: float) -> None:
    points = [p for p in event["selection"]["points"] if p.get("curve_number", 0) == 0]
    if not points:
        return
    asked = points[0]["customdata"]
    threshold = float(asked[0] if isinstance(asked, list | tuple) else asked)
    # A new key forgets the selection, so that a slider can move away from the point again.
    st.session_state["curve-turn"] += 1
    state.change_policy(Policy((threshold,) * experts, decision_threshold))
    st.rerun(scope="fragment")


def show_shares(view: View, saved_policy: Policy) -> None:
    """How many experts run."""
    now = cache.score(view.model, _PART, _plain(view))
    saved = cache.score(view.model, _PART, saved_policy)
    st.header("How many experts run")
    show_chart(
        draw_shares(
            [str(count) for count in range(len(now.depth_shares))],
            now.depth_shares,
            saved.depth_shares,
        ),
        key="shares-count",
        alt="Share of cases by number of active experts",
    )


def show_experts(view: View, saved_policy: Policy) -> None:
    """Which experts run."""
    now = cache.score(view.model, _PART, _plain(view))
    saved = cache.score(view.model, _PART, saved_policy)
    st.header("Which experts run")
    show_chart(
        draw_shares(
            cache.model(view.model).traces[_PART].tree.names,
            now.expert_shares,
            saved.expert_shares,
        ),
        key="shares-expert",
        alt="Share of cases for which each expert runs",
    )


def show_classes(view: View, saved_policy: Policy) -> None:
    """What the policy means for each class."""
    domain = cache.domain_of(view.model)
    now = cache.score(view.model, _PART, _plain(view))
    saved = cache.score(view.model, _PART, saved_policy)
    everything = cache.curve(view.model, _PART, view.policy.decision_threshold)[0]
    labels = cache.part(view.model, _PART).labels
    st.header("What it means for each class")
    table = pd.DataFrame(
        {
            "Class": domain.classes,
            "Cases": [int((labels == k).sum()) for k in range(len(domain.classes))],
            "Found now": [percent(value, 1) for value in now.recalls],
            "Found, saved": [percent(value, 1) for value in saved.recalls],
            "Found, all experts": [percent(value, 1) for value in everything.recalls],
        }
    )
    st.table(table.set_index("Class"))
    st.caption("Found: share of the class's cases that are decided as this class (recall).")
    test = cache.score(view.model, "test", _plain(view))
    area = cache.auc(view.model, "test", _plain(view))
    with st.expander("The same policy on the test cases"):
        st.write(
            f"Accuracy **{score(test.accuracy)}**, AUC **{score(area)}**, "
            f"**{flops(test.mean_macs)}** per case. Look once, when you are done: a threshold "
            "chosen by its test score is no longer tested by it."
        )


def show_changed(view: View, saved_policy: Policy) -> None:
    """Cases that are decided otherwise than under the saved policy."""
    changed = cache.changed(view.model, _PART, _plain(view), saved_policy)
    st.header(f"Cases decided otherwise than under the saved policy: {len(changed)}")
    if changed.empty:
        st.write("None. Move a threshold to see which cases would change sides.")
        return
    event = st.dataframe(
        changed,
        hide_index=True,
        alt="Cases decided otherwise than under the saved policy",
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
    st.caption("Select a row to open the case under the policy on screen.")


def _against(said: str, difference: float) -> str:
    return f"{said} against saved" if difference else "as saved"


def _plain(view: View) -> Policy:
    return view.policy.without_interventions()


def _middle(gates: tuple[float, ...]) -> float:
    return sorted(min(1.01, gate) for gate in gates)[len(gates) // 2]


def _move_all(experts: int) -> None:
    policy = state.current().policy
    threshold = round(st.session_state["gate-shared"], 2)
    state.change_policy(Policy((threshold,) * experts, policy.decision_threshold))


def _move_one(expert: int) -> None:
    threshold = round(st.session_state[f"gate-{expert}"], 2)
    state.change_policy(_plain(state.current()).with_gate(expert, threshold))


def _move_cut() -> None:
    policy = state.current().policy
    state.change_policy(replace(policy, decision_threshold=st.session_state["cut"] / 100))


def _save() -> None:
    view = state.current()
    cache.store().save_operating_point(cache.model(view.model).digest, _plain(view))
    state.change_policy(_plain(view))
