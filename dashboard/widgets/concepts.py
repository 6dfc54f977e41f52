"""The concepts of a case: read them, set them, see what each adds."""

import streamlit as st

from dashboard import cache, state, text
from dashboard.figures.contributions import draw_waterfall
from dashboard.state import View
from dashboard.widgets.chart import show_chart
from minspnet.domain import Concept
from minspnet.trace import replay


def show_concepts(view: View, case_id: str) -> None:
    """One slider a concept; moving it decides the case anew."""
    domain = cache.domain_of(view.model)
    st.subheader("What it sees")
    st.caption(f"You see it otherwise? Move the slider. {domain.concept_reading}")
    st.button(
        "Undo my changes",
        width="stretch",
        disabled=not view.policy.interventions,
        on_click=lambda: state.change_policy(state.current().policy.without_interventions()),
    )
    graded = replay(cache.one_case(view.model, case_id), view.policy).concepts[0]
    usual = cache.usual_range(view.model, 0)
    edited = dict(view.policy.interventions)
    for concept, value, (low, high) in zip(domain.concepts, graded, usual, strict=False):
        ordinary = f"{text.concept_value(concept, low)} to {text.concept_value(concept, high)}"
        notes = [
            text.concept_word(concept, float(value)),
            f"{text.concept_value(concept, float(value))} {concept.unit}",
            f"{domain.classes[0]}: {ordinary}",
        ]
        if concept.name in edited:
            notes.append("**set by you**")
        elif not concept.visible:
            notes.append("*a guess: not visible in the input*")
        _slider(case_id, concept, float(value), f"**{concept.title}** {' · '.join(notes)}")


def _slider(case_id: str, concept: Concept, value: float, label: str) -> None:
    key = f"concept-{case_id}-{concept.name}"
    low, high = float(concept.shown_low), float(concept.shown_high)
    step = 1.0 if high - low >= 20 else 0.1
    st.session_state[key] = min(
        high, round(low + step * round((concept.shown(value) - low) / step), 6)
    )
    st.slider(
        label,
        low,
        high,
        step=step,
        key=key,
        format="%.0f" if high - low >= 20 else "%.1f",
        help=f"{concept.meaning} From {concept.low_word} to {concept.high_word}. The range after "
        "the class name is where 9 in 10 of its training cases lie.",
        on_change=_set_concept,
        args=(case_id, concept.name, key, low, high),
    )


def _set_concept(case_id: str, name: str, key: str, low: float, high: float) -> None:
    if state.current().case != case_id:
        # A slider still on the screen while the next case is on its way.
        return
    value = round((st.session_state[key] - low) / (high - low), 4)
    state.change_policy(state.current().policy.intervene(name, min(1.0, max(0.0, value))))


def show_waterfall(view: View, case_id: str) -> None:
    """From a typical case to this one's log-odds, concept by concept."""
    domain = cache.domain_of(view.model)
    st.subheader("Why: what each finding adds")
    st.caption(
        f"Orange pushes towards {domain.classes[-1]}, blue towards {domain.classes[0]}. "
        + text.EXACT
    )
    fall = cache.waterfall(view.model, case_id, view.policy)
    titles = {concept.name: concept.title for concept in domain.concepts}
    steps = [
        (titles.get(name, name), float(value))
        for name, value in zip(fall.outputs, fall.by_output, strict=True)
    ]
    show_chart(
        draw_waterfall(
            fall.start, steps, fall.logit, "a typical case", "this case", domain.classes[-1]
        ),
        key="waterfall-concepts",
        alt="Waterfall of what each concept adds to the log-odds",
    )
    head = cache.model(view.model).traces["test"].head
    st.caption(text.TYPICAL)
    st.caption(text.LOG_ODDS.format(temperature=head.temperature))
