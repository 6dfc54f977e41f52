"""Case: what it says about one case, how sure, because of what, compared with which."""

from collections.abc import Callable

import streamlit as st

from dashboard import cache, state
from dashboard.widgets import (
    answer,
    attribution,
    changes,
    concepts,
    exemplars,
    experts,
    inputs,
    picker,
    report,
    whatif,
)

view = state.current()
domain = cache.domain_of(view.model)
st.title(domain.question)
st.caption(f"For research and teaching, not for decisions about anyone. {domain.limits[0]}")
picker.pick_case()


@st.fragment
def show_case() -> None:
    """One fragment, so that a moved concept redraws the case and nothing else."""
    now = state.current()
    case = picker.case_on_screen(now)
    if case is None:
        st.info(f"No {domain.case_noun} matches this choice. Pick another order above.")
        return
    answer.show_answer(now, case)
    reasons, paper = st.columns([9, 1], vertical_alignment="top")
    with reasons:
        answer.show_reasons(now, case)
    with paper:
        report.show_report(now, case)
    concepts.show_concepts(now, case)
    left, right = st.columns(2, gap="large")
    with left:
        concepts.show_waterfall(now, case)
    with right:
        inputs.show_inputs(now, case)
    exemplars.show_similar(now, case)
    st.header("What if")
    for title, key, show in (
        ("Which other findings would change the answer", "changes", changes.show_changes),
        ("What if the input were different: try it", "whatif", whatif.show_whatif),
    ):
        show_detail(title, key, lambda show=show: show(now, case))
    st.header("Look inside the network")
    for title, key, show in (
        ("Which experts ran, and what each added to each finding", "experts", experts.show_experts),
        ("Which inputs did it: attribution by captum", "inputs", attribution.show_attribution),
    ):
        show_detail(title, key, lambda show=show: show(now, case))


def show_detail(title: str, key: str, show: Callable[[], None]) -> None:
    """What is shut is not computed, so that the answer comes first."""
    detail = st.expander(title, key=f"inside-{key}", on_change="rerun")
    if detail.open:
        with detail:
            show()


show_case()
