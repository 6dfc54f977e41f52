"""Case: what it says about one case, how sure, because of what, compared with which."""

import streamlit as st

from dashboard import cache, cache_uncertain, desk, state, text
from dashboard.widgets import (
    adoption,
    answer,
    attribution,
    blind,
    changes,
    concepts,
    detail,
    exemplars,
    experts,
    inputs,
    picker,
    review,
    review_queue,
    sets,
    upwards,
    whatif,
)

view = state.current()
domain = cache.domain_of(view.model)
question, side = st.columns([7, 3], vertical_alignment="center")
question.title(domain.question)
with side, st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right"):
    desk.show_switch()
    st.markdown("[Your verdict ↓](#your-verdict)", width="content")
st.caption(
    " ".join(["For research and teaching, not for decisions about anyone.", *domain.limits[:1]])
)
upwards.go_up(desk.recorded())
adoption.show_notice(view, "case")
if warning := cache_uncertain.no_better_than_guessing(view.model):
    st.warning(text.plain(warning))
picker.pick_case()


@st.fragment
def show_case() -> None:
    """One fragment, so that a moved concept redraws the case and nothing else."""
    now = state.current()
    case = picker.case_on_screen(now)
    if case is None:
        picker.say_none(now)
        return
    now = desk.begin(now, case)
    unseen = desk.hides_answer(now, case)
    withheld = sets.is_withheld(now, case)
    desk.open_cases(now, case, hidden=unseen or withheld)
    if saved := desk.saved():
        st.caption(f":material/check: {saved}")
    review_queue.show_progress(case)
    if unseen:
        blind.show_question(now, case)
        return
    sets.show_warning(now, case)
    answer.show_answer(now, case)
    if withheld:
        # Whatever else the network has to say would tell the answer.
        sets.show_set(now, case)
        sets.offer_answer(now, case)
        review.show_verdict()
        inputs.show_inputs(now, case)
        return
    answer.show_reasons(now, case)
    concepts.show_concepts(now, case)
    sets.show_set(now, case)
    review.show_verdict()
    left, right = st.columns(2, gap="large")
    with left:
        concepts.show_waterfall(now, case)
    with right:
        inputs.show_inputs(now, case)
    exemplars.show_similar(now, case)
    st.header("What if")
    show = detail.show_detail
    show("Which findings would change the answer", "changes", changes.show_changes, now, case)
    show("What if the input were different: try it", "whatif", whatif.show_whatif, now, case)
    st.header("Look inside the network")
    show("Which experts ran, and what each added", "experts", experts.show_experts, now, case)
    show("Which inputs did it", "inputs", attribution.show_attribution, now, case)


show_case()
