"""Gate thresholds and the decision threshold to move, and going back."""

from dataclasses import replace
from functools import lru_cache

import streamlit as st

from dashboard import cache, cache_routing, state, text
from dashboard.state import View, unedited
from minspnet.policy import CLOSED, Policy


def show_thresholds(view: View, saved: Policy) -> None:
    """One slider for all experts, one for each, and the ways back."""
    st.header("Gate thresholds")
    gates = view.policy.gate_thresholds
    alike = len(set(gates)) == 1
    _slider(
        "All experts at once" if alike else "All experts at once (now they differ)",
        "gate-shared",
        cache_routing.shared_options(view.model),
        gates[0] if alike else sorted(gates)[len(gates) // 2],
        None,
        "Each step lets about as many cases change their experts as the next one.",
    )
    tree = cache.model(view.model).traces[cache_routing.PART].tree
    with st.expander("One by one", expanded=True):
        st.caption("A step lets about as many cases change as any other: scales are by cases.")
        for expert, name in enumerate(tree.names):
            options = cache_routing.expert_options(view.model, expert)
            off = [tree.names[e] for e in tree.path(expert)[:-1] if gates[e] > 1]
            never = f" (never reached: {text.plain(off[0])} is off)" if off else ""
            _slider(f"{text.plain(name)}{never}", f"gate-{expert}", options, gates[expert], expert)
    classes = cache.domain_of(view.model).classes
    if len(classes) == 2:
        cut = 100 * view.policy.decision_threshold
        st.session_state["cut"] = min(99, max(1, round(cut)))
        exactly = "" if round(cut, 6) == st.session_state["cut"] else f", now {cut:.4g}"
        st.slider(
            f"Call it {classes[1]} from a chance of (%){exactly}",
            1,
            99,
            key="cut",
            on_change=_move_cut,
            help="The decision threshold. Lower finds more and alarms more.",
        )
    _show_ways_back(view, saved)


def _slider(
    label: str,
    key: str,
    options: tuple[float, ...],
    value: float,
    expert: int | None,
    help: str | None = None,
) -> None:
    """A threshold among those between which nothing changes, and the one in force."""
    # However far above 1, it is the one choice that no gate reaches.
    value = options[-1] if value > 1 else value
    choices = options if value in options else tuple(sorted((*options, value)))
    names = told_apart(choices)
    st.session_state[key] = value
    st.select_slider(
        label,
        choices,
        format_func=names.__getitem__,
        key=key,
        help=help,
        on_change=_move,
        args=(key, expert),
    )


@lru_cache(256)
def told_apart(thresholds: tuple[float, ...]) -> dict[float, str]:
    """Name each threshold with as many digits as tell it from all others.

    A slider knows its choices by their names: two of one name would be one choice.
    """
    names: dict[float, str] = {}
    for value in thresholds:
        name = "0, always" if value == 0 else "off" if value > 1 else f"{value:.3g}"
        for digits in range(4, 10):
            if name not in names.values():
                break
            name = f"{value:.{digits}g}"
        names[value] = name if name not in names.values() else repr(value)
    return names


def _move(key: str, expert: int | None) -> None:
    policy, value = unedited(state.current()), st.session_state[key]
    if expert is None:
        gates = Policy.shared(value, len(policy.gate_thresholds)).gate_thresholds
        state.change_policy(replace(policy, gate_thresholds=gates))
    else:
        state.change_policy(policy.with_gate(expert, CLOSED if value > 1 else value))


def _move_cut() -> None:
    state.change_policy(state.current().policy.with_cut(st.session_state["cut"] / 100))


def _show_ways_back(view: View, saved: Policy) -> None:
    undo, original = st.columns(2)
    at_saved = unedited(view) == saved
    undo.button(
        "Undo",
        width="stretch",
        disabled=at_saved,
        on_click=state.change_policy,
        args=(saved,),
        help="Go back to the operating point in force.",
    )
    shipped = cache.model(view.model).policy
    original.button(
        "As trained",
        width="stretch",
        disabled=unedited(view) == shipped,
        on_click=state.change_policy,
        args=(shipped,),
        help="The operating point chosen on validation cases right after training.",
    )
    st.caption(
        "This is the operating point in force: it applies to every page."
        if at_saved
        else "**Not in force.** Save it under *Operating points* below to make it so."
    )
