"""A tour of real cases, for those who have a minute."""

from dataclasses import dataclass, replace

import streamlit as st

from dashboard import cache, cache_tour, state, text
from dashboard.format import chance, measured, number, percent
from dashboard.navigation import go_to
from dashboard.state import View
from minspnet.policy import Policy
from minspnet.titles import in_sentence
from minspnet.tour import Stop
from minspnet.trace import replay

_TOUR = "tour"
_TITLES = {
    "easy": "an easy case",
    "hard": "a hard case",
    "wrong": "a case it gets wrong",
    "mended": "a case that a correction puts right",
    "disputed": "the case where attributions agree least",
}


@dataclass(frozen=True)
class _Tour:
    """Where somebody is on a tour."""

    model: str
    policy: Policy
    stops: tuple[Stop, ...]
    place: int = 0


def start() -> None:
    """Begin at the first stop, under the operating point in force."""
    view = state.current()
    policy = state.operating_point(view.model)
    # Which case is disputed takes a while to tell, and is asked once somebody gets there.
    stops = (*cache_tour.stops(view.model, policy), Stop("disputed", ""))
    _go(_Tour(view.model, policy, stops))


def start_if_asked() -> None:
    """Follow a link that ends in ``?demo``, once in a session."""
    if "demo" in st.query_params and _TOUR not in st.session_state:
        start()


def _go(tour: _Tour) -> None:
    stop = tour.stops[tour.place]
    if not stop.case:
        stop = replace(stop, case=cache_tour.disputed(tour.model, tour.policy).case)
        tour = replace(tour, stops=(*tour.stops[:-1], stop))
    st.session_state[_TOUR] = tour
    state.change(View(tour.model, tour.policy, stop.case))
    go_to("attributions" if stop.kind == "disputed" else "case")


def show_tour() -> None:
    """Say at which stop this is, what there is to see, and where to go on; if on a tour."""
    tour: _Tour | None = st.session_state.get(_TOUR)
    view = state.current()
    if tour is None or view.model != tour.model:
        return
    stop, many = tour.stops[tour.place], len(tour.stops)
    with st.container(border=True, key="tour"):
        st.write(f"**Stop {tour.place + 1} of {many}: {_TITLES[stop.kind]}.** {_told(tour, stop)}")
        row = st.container(horizontal=True)
        back = row.button("Back", key="tour-back", disabled=tour.place == 0)
        last = tour.place + 1 == many
        on = row.button("End the tour" if last else "Next stop", key="tour-on", type="primary")
        if stop.kind == "mended" and stop.correction and view.case == stop.case:
            row.button(
                "Correct it",
                key="tour-correct",
                disabled=bool(view.policy.interventions),
                on_click=lambda: state.change_policy(
                    state.current().policy.intervene(*stop.correction or ("", 0.0))
                ),
            )
        elif view.case != stop.case and row.button("Back to this stop", key="tour-here"):
            _go(tour)
        leave = not last and row.button("Leave the tour", key="tour-leave", type="tertiary")
    if leave or (on and last):
        st.session_state[_TOUR] = None
        go_to("overview") if on else st.rerun()
    if on or back:
        _go(_Tour(tour.model, tour.policy, tour.stops, tour.place + (1 if on else -1)))


def _told(tour: _Tour, stop: Stop) -> str:
    """What there is to see at a stop, with the numbers of its case."""
    domain, case = cache.domain_of(tour.model), cache.one_case(tour.model, stop.case)
    decision = replay(case, tour.policy)
    said = int(decision.predicted[0])
    ran, experts = int(decision.active[0].sum()), decision.active.shape[1]
    cost = cache.model(tour.model).cost
    share = percent(float(cost.macs(decision.active)[0]) / cost.total)
    compute = f"{ran} of {experts} experts ran, {share} of all FLOPs"
    truth = domain.classes[cache_tour.label(tour.model, stop.case)]
    sure = chance(float(decision.probabilities[0, said]))
    answer = domain.classes[said]
    if stop.kind == "easy":
        return f"{compute}: the short way was sure enough of **{answer}** ({sure})."
    if stop.kind == "hard":
        alone = "The base exit alone would have been wrong: the experts changed the answer."
        same = "The base exit alone was in doubt, though it would have answered the same."
        return f"{compute}, to say **{answer}**. {alone if stop.changed else same}"
    if stop.kind == "wrong":
        return (
            f"It says **{answer}** ({sure}), and the known answer is **{truth}**. See below which "
            "findings led it there, and which known cases it took this one for."
        )
    if stop.kind == "mended" and stop.correction:
        name, value = stop.correction
        place = domain.concept_names.index(name)
        concept, read = domain.concepts[place], float(decision.concepts[0, place])
        now = state.current().policy.interventions
        after = "The answer follows." if not now else f"**It now says {truth}, which is right.**"
        return (
            f"It says **{answer}**, but the known answer is **{truth}**. It read "
            f"**{in_sentence(concept.title)}** as "
            f"{measured(text.concept_value(concept, read), concept.unit)} "
            f"({text.concept_word(concept, read)}); its true value is "
            f"{measured(text.concept_value(concept, value), concept.unit)} "
            f"({text.concept_word(concept, value)}). {after}"
        )
    found = cache_tour.disputed(tour.model, tour.policy)
    return (
        f"Of {found.asked} cases, two well-known methods agree least about this one: rank "
        f"correlation {number(found.alike, 2)} between integrated gradients and leaving inputs "
        "out. Which inputs did it can only be estimated; what each finding adds is the computation "
        "itself."
    )
