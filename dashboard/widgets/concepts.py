"""The concepts of a case: read them, set them, see what each adds."""

import math

import streamlit as st

from dashboard import cache, cache_case, cell_words, state, text
from dashboard.figures.contributions import draw_waterfall
from dashboard.format import measured
from dashboard.state import View
from dashboard.widgets.chart import show_chart
from minspnet.domain import Concept, ScaleRule
from minspnet.trace import replay
from minspnet.waterfall import RESIDUAL, is_silent, output_title

_APART = 0.1
"""Of its scale, by which what the network reads must miss what was measured to be remarked."""


def show_concepts(view: View, case_id: str) -> None:
    """One slider a concept; moving it decides the case anew."""
    domain = cache.domain_of(view.model)
    title, flip, undo = st.columns([8, 3, 2], vertical_alignment="bottom")
    title.header("What it sees: move a slider where you see it otherwise")
    with flip:
        _show_flip(view, case_id)
    undo.button(
        "Undo my changes",
        width="stretch",
        wrap=True,
        disabled=not view.policy.interventions,
        on_click=lambda: state.change_policy(state.current().policy.without_interventions()),
    )
    decided = replay(cache.one_case(view.model, case_id), view.policy)
    graded = decided.concepts[0]
    # Of two classes the first is what is ordinary; of more, none is.
    beside = int(decided.predicted[0]) if len(domain.classes) > 2 else 0
    usual = cache.usual_range(view.model, beside)
    ordinary = text.plain(domain.classes[beside])
    edited = dict(view.policy.interventions)
    given = cache_case.given(view.model, case_id)
    graded_in = cache_case.measured(view.model, case_id)
    half = (len(domain.concepts) + 1) // 2
    columns = st.columns(2, gap="large")
    for place, concept in enumerate(domain.concepts):
        value = float(graded[place])
        low, high = (text.concept_value(concept, float(end)) for end in usual[place])
        read = text.plain(text.concept_word(concept, value))
        if place in given:
            # Nobody needs to guess what the data say: the word is theirs, the number the network's.
            read = f"in the data: {text.plain(given[place])} · the network reads"
        told = graded_in.get(place, value)
        notes = [
            read,
            measured(text.concept_value(concept, value), text.plain(concept.unit)),
            f"{_beside(value, *usual[place])} {ordinary} ({low} to {high})",
        ]
        if concept.name in edited:
            notes.append("set by you")
        elif not concept.visible:
            notes.append("guessed")
        elif math.isnan(told):
            notes.append("guessed, for it is missing here")
        elif place not in given and abs(told - value) >= _APART:
            notes.append(_by_inputs(view, case_id, concept, told))
        said = " · ".join(notes).replace("reads · ", "reads ")
        # Not bold: a screen reader reads a label as it is written, stars and all.
        with columns[place >= half]:
            _slider(case_id, concept, value, f"{text.plain(concept.title)}: {said}")
    guessed = not all(concept.visible for concept in domain.concepts)
    st.caption(
        f"{domain.concept_reading} In brackets: where 9 in 10 {ordinary} training "
        f"cases lie.{' Guessed: the input cannot show it.' if guessed else ''}"
    )


def _by_inputs(view: View, case_id: str, concept: Concept, grade: float) -> str:
    """What the inputs say of a finding: the cell where it is read off a single one; or a grade."""
    rule = concept.rule
    if not isinstance(rule, ScaleRule) or len(rule.columns) > 1:
        return f"by its inputs {text.plain(text.concept_value(concept, grade))}"
    columns = cache.features(view.model)
    place = [one.name for one in columns].index(rule.columns[0])
    value = float(cache.case_inputs(view.model, case_id)[place])
    return f"measured: {text.plain(cell_words.cell(columns[place], value))}"


def _show_flip(view: View, case_id: str) -> None:
    """What the sentence above says would change the answer, at a click."""
    domain = cache.domain_of(view.model)
    _, flip = cache.explained(view.model, case_id, view.policy)
    if flip is None or view.policy.interventions:
        return
    concept = domain.concepts[flip.concept]
    graded = replay(cache.one_case(view.model, case_id), view.policy).concepts[0]
    st.button(
        text.flip_in_short(concept, flip, float(graded[flip.concept])),
        key="try-flip",
        width="stretch",
        wrap=True,
        on_click=_set_on,
        args=(case_id, concept.name, flip.value),
        help="Tries what would change the answer on the slider below.",
    )


def _beside(value: float, low: float, high: float) -> str:
    """Say where a value lies beside the usual range of a class."""
    return "above" if value > high else "below" if value < low else "as in"


def _slider(case_id: str, concept: Concept, value: float, label: str) -> None:
    key = f"concept-{case_id}-{concept.name}"
    low, step = float(concept.shown_low), 10.0**-concept.digits
    grades = concept.grades
    nearest = min(range(len(grades)), key=lambda n: abs(grades[n] - value))
    st.session_state[key] = round(low + step * nearest, 6)
    st.slider(
        label,
        low,
        float(concept.shown_high),
        step=step,
        key=key,
        format=f"%.{max(0, concept.digits)}f",
        help=concept.explained,
        on_change=_set_concept,
        args=(case_id, concept, key),
    )


def _set_concept(case_id: str, concept: Concept, key: str) -> None:
    place = round((st.session_state[key] - concept.shown_low) * 10**concept.digits)
    _set_on(case_id, concept.name, concept.grades[place])


def _set_on(case_id: str, name: str, value: float) -> None:
    # What was pressed may still be on the screen while the next case is on its way.
    if state.current().case == case_id:
        state.change_policy(state.current().policy.intervene(name, value))


def show_waterfall(view: View, case_id: str) -> None:
    """From a typical case to this one's log-odds, concept by concept."""
    domain = cache.domain_of(view.model)
    head = cache.model(view.model).traces["test"].head
    fall = cache.waterfall(view.model, case_id, view.policy)
    told, against = cache.told(view.model, case_id, view.policy)
    meaning = text.LOG_ODDS.format(
        told=domain.classes[told], against=domain.classes[against], temperature=head.temperature
    )
    beyond = any(name.startswith(RESIDUAL) for name in fall.outputs)
    notes = (text.EXACT, text.TYPICAL, *([text.BEYOND] if beyond else []), meaning)
    st.header("Why: what each finding adds", help="\n\n".join(notes))
    st.caption(
        f"Orange pushes towards {domain.classes[told]}, blue towards {domain.classes[against]}. "
        "The sum is exact."
    )
    steps = [
        (output_title(domain, name), float(value))
        for name, value in zip(fall.outputs, fall.by_output, strict=True)
        if not is_silent(name, float(value))
    ]
    show_chart(
        draw_waterfall(
            fall.start,
            steps,
            fall.logit,
            "a typical case",
            "this case",
            text.odds_of(domain, told, against),
        ),
        key="waterfall-concepts",
        alt="Waterfall of what each finding adds to the log-odds",
    )
    if beyond:
        st.caption(text.BEYOND)
