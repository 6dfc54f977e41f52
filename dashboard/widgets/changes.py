"""What would change the answer: the smallest changes of findings, to try at a click."""

import streamlit as st

from dashboard import cache, cache_case, state, text
from dashboard.state import View
from minspnet.counterfactual import Counterfactual
from minspnet.trace import replay


def show_changes(view: View, case_id: str) -> None:
    """Several sets of findings, each of which alone would change the answer."""
    domain = cache.domain_of(view.model)
    decision = replay(cache.one_case(view.model, case_id), view.policy)
    found = cache_case.changes(view.model, case_id, view.policy)
    answer = domain.classes[int(decision.predicted[0])]
    held = " What you set stays as you set it." if view.policy.interventions else ""
    if not found.found:
        st.write(f"{text.no_change(domain, found)}{held}")
        st.caption(text.PLAUSIBLE)
        return
    several = "Any one of these" if len(found.found) > 1 else "This, and no smaller change,"
    st.write(f"{several} would change the answer from **{answer}**.{held}")
    concepts = decision.concepts[0].tolist()
    for number, one in enumerate(found.found):
        said, button = st.columns([6, 1], vertical_alignment="center")
        said.markdown(
            f"{text.change_of(domain, one, concepts)}: **{domain.classes[one.decided]}** "
            f":gray[· shift {one.shift:.2g} SD]"
        )
        button.button(
            "Try this",
            key=f"try-{case_id}-{number}",
            on_click=_apply,
            args=(case_id, one),
            help="Sets these findings on the sliders above; undo it there.",
            width="stretch",
        )
    st.caption(text.PLAUSIBLE)


def _apply(case_id: str, one: Counterfactual) -> None:
    view = state.current()
    if view.case in (case_id, None):
        names = cache.domain_of(view.model).concept_names
        state.change_policy(one.apply(view.policy, names))
