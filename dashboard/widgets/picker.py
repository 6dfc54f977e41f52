"""Choosing a case."""

from dataclasses import replace

import streamlit as st

from dashboard import cache, state
from dashboard.state import View
from minspnet.ranking import ORDERS

ORDER, _CASE = "case-order", "case-id"


def pick_case() -> None:
    """A searchable list of cases in an order worth reading, with steps to either side."""
    view = state.current()
    order_column, case_column, step_column = st.columns([4, 5, 2], vertical_alignment="bottom")
    steps = step_column.container(horizontal=True)
    order = order_column.selectbox(
        "Show cases",
        list(ORDERS),
        format_func=ORDERS.__getitem__,
        key=ORDER,
        on_change=_open_first,
        help="Only test and validation cases: the network was not trained on them.",
    )
    ids = cache.ordered_cases(view.model, order, view.policy)
    case = case_on_screen(view)
    if case is not None and case not in ids:
        ids = (case, *ids)
    if case is not None:
        st.session_state[_CASE] = case
    case_column.selectbox(
        f"Case ({len(ids)}; type to search)",
        ids,
        format_func=lambda case_id: _labelled(view.model, case_id),
        key=_CASE,
        on_change=lambda: state.open_case(st.session_state[_CASE]),
        disabled=not ids,
    )
    place = ids.index(case) if case is not None else 0
    steps.button(
        "Back",
        width="stretch",
        disabled=place == 0,
        on_click=lambda: state.open_case(ids[place - 1]),
        help="The case before in this order",
    )
    steps.button(
        "Next",
        width="stretch",
        disabled=place + 1 >= len(ids),
        on_click=lambda: state.open_case(ids[place + 1]),
        help="The next case in this order",
    )
    if case is not None and view.case is None:
        state.change(replace(view, case=case))


def _labelled(model: str, case_id: str) -> str:
    part_name, _ = cache.case_place(model, case_id) or ("", 0)
    return f"{case_id} ({part_name})"


def case_on_screen(view: View) -> str | None:
    """The case asked for, or else the first in the order chosen."""
    if view.case is not None:
        return view.case
    order = st.session_state.get(ORDER, next(iter(ORDERS)))
    ids = cache.ordered_cases(view.model, order, view.policy)
    return ids[0] if ids else None


def _open_first() -> None:
    view = state.current()
    ids = cache.ordered_cases(view.model, st.session_state[ORDER], view.policy)
    if ids:
        state.open_case(ids[0])
