"""Choosing a case: among all unseen ones, or among those that the filter of Cases lets through."""

from dataclasses import replace

import streamlit as st

from dashboard import cache, cache_cases, cohort_words, desk, state, text
from dashboard.state import View, unedited
from dashboard.widgets import sets
from minspnet.cohort import EVERYTHING
from minspnet.ranking import ORDERS

ORDER, _CASE = "case-order", "case-id"


def pick_case() -> None:
    """A searchable list of cases in an order worth reading, with steps to either side."""
    view = state.current()
    order_column, case_column, step_column = st.columns([4, 5, 2], vertical_alignment="bottom")
    steps = step_column.container(horizontal=True)
    order_column.selectbox(
        "Show cases",
        list(ORDERS),
        format_func=ORDERS.__getitem__,
        key=ORDER,
        on_change=_open_first,
        help="Only test and validation cases: the network was not trained on them.",
    )
    listed = _listed(view)
    case = case_on_screen(view)
    ids = listed if case is None or case in listed else (case, *listed)
    if case is not None:
        st.session_state[_CASE] = case
    place = ids.index(case) if case is not None else 0
    case_column.selectbox(
        f"Case ({_place(view, listed, case)}; type to search)",
        ids,
        format_func=lambda case_id: _labelled(view.model, case_id),
        key=_CASE,
        on_change=lambda: state.open_case(st.session_state[_CASE]),
        disabled=not ids,
    )
    among = "in this order" if view.cohort == EVERYTHING else "in your filter, in this order"
    steps.button(
        "Back",
        width="stretch",
        disabled=place == 0,
        on_click=lambda: state.open_case(ids[place - 1]),
        help=f"The case before {among}",
    )
    steps.button(
        "Next",
        width="stretch",
        disabled=place + 1 >= len(ids),
        on_click=lambda: state.open_case(ids[place + 1]),
        help=f"The next case {among}",
    )
    _show_filter(view)
    if st.session_state[ORDER] == "wrong" and desk.judges_first():
        st.caption(
            "That the network is wrong on all of these tells what it says: pick another order to "
            "judge unseen."
        )
    if case is not None and view.case is None:
        state.change(replace(view, case=case))


def case_on_screen(view: View) -> str | None:
    """The case asked for, or else the first in the order chosen."""
    return view.case if view.case is not None else next(iter(_listed(view)), None)


def next_case(view: View, case: str) -> str | None:
    """The case after one, in the order chosen; None after the last."""
    listed = _listed(view)
    after = listed.index(case) + 1 if case in listed else 0
    return listed[after] if after < len(listed) else None


def say_none(view: View) -> None:
    """Say that there is no case to show, and what to do."""
    noun = cache.domain_of(view.model).case_noun
    or_filter = "" if view.cohort == EVERYTHING else " or show all cases"
    st.info(f"No {noun} matches this choice. Pick another order above{or_filter}.")


def _listed(view: View) -> tuple[str, ...]:
    """Ids of the cases to step through, in the order chosen."""
    order = st.session_state.get(ORDER, next(iter(ORDERS)))
    ids = cache.ordered_cases(view.model, order, unedited(view))
    if view.cohort == EVERYTHING:
        return ids
    chosen = cache_cases.chosen(view.model, unedited(view), view.cohort)
    everyone = cache_cases.unseen(view.model).case_ids
    inside = {everyone[row] for row in chosen.nonzero()[0]}
    return tuple(case_id for case_id in ids if case_id in inside)


def _place(view: View, listed: tuple[str, ...], case: str | None) -> str:
    """Say where in the list the case stands."""
    where = "" if view.cohort == EVERYTHING else " in your filter"
    if case in listed:
        return f"{listed.index(case) + 1:,} of {len(listed):,}{where}"
    return f"not among the {len(listed):,}{where or ' listed'}" if listed else f"none{where}"


def _show_filter(view: View) -> None:
    """Say which filter the steps keep to, and offer to drop it."""
    if view.cohort == EVERYTHING:
        return
    said = f"Your filter from Cases: {_conditions(view)}."
    if desk.judges_first() or sets.chosen()[1]:
        # A condition may be about the answer.
        said = "Your filter from Cases holds; its conditions are hidden as answers may be."
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(said, width="content")
        st.button(
            "Show all cases",
            type="tertiary",
            icon=":material/close:",
            key="picker-all",
            on_click=lambda: state.change_cohort(EVERYTHING),
        )


def _conditions(view: View) -> str:
    return text.plain(cohort_words.sentence(cache.domain_of(view.model), view.cohort))


def _labelled(model: str, case_id: str) -> str:
    part_name, _ = cache.case_place(model, case_id) or ("", 0)
    return f"{case_id} ({part_name})"


def _open_first() -> None:
    ids = _listed(state.current())
    if ids:
        state.open_case(ids[0])
