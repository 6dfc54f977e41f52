"""Choosing a case."""

from dataclasses import replace

import streamlit as st

from dashboard import cache, cache_cases, state
from dashboard.state import View, unedited
from minspnet.cohort import EVERYTHING
from minspnet.ranking import ORDERS

ORDER, LISTING, _CASE = "case-order", "case-listing", "case-id"
_LISTED = "listed"
_TITLES = {**ORDERS, _LISTED: "as listed on Cases"}


def pick_case() -> None:
    """A searchable list of cases in an order worth reading, with steps to either side."""
    view = state.current()
    order_column, case_column, step_column = st.columns([4, 5, 2], vertical_alignment="bottom")
    steps = step_column.container(horizontal=True)
    order = order_column.selectbox(
        "Show cases",
        _orders(view),
        format_func=_TITLES.__getitem__,
        key=ORDER,
        on_change=_open_first,
        help="Only test and validation cases: the network was not trained on them.",
    )
    ids = _ids(view, order)
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


def follow_list(listing: str) -> None:
    """Go through the cases as the Cases page lists them: its filter, in one of ``LISTINGS``."""
    st.session_state[ORDER], st.session_state[LISTING] = _LISTED, listing


def _orders(view: View) -> list[str]:
    """The list of the Cases page is offered where it is another than those of old."""
    if LISTING in st.session_state or view.cohort != EVERYTHING:
        return list(_TITLES)
    if st.session_state.get(ORDER) == _LISTED:
        del st.session_state[ORDER]
    return list(ORDERS)


def _ids(view: View, order: str) -> tuple[str, ...]:
    if order != _LISTED:
        return cache.ordered_cases(view.model, order, view.policy)
    listing = st.session_state.get(LISTING, "uncertain")
    rows = cache_cases.listed(view.model, unedited(view), view.cohort, listing)
    ids = cache_cases.unseen(view.model).case_ids
    return tuple(ids[row] for row in rows)


def _labelled(model: str, case_id: str) -> str:
    part_name, _ = cache.case_place(model, case_id) or ("", 0)
    return f"{case_id} ({part_name})"


def case_on_screen(view: View) -> str | None:
    """The case asked for, or else the first in the order chosen."""
    if view.case is not None:
        return view.case
    order = st.session_state.get(ORDER, next(iter(ORDERS)))
    ids = _ids(view, order)
    return ids[0] if ids else None


def _open_first() -> None:
    view = state.current()
    ids = _ids(view, st.session_state[ORDER])
    if ids:
        state.open_case(ids[0])
