"""The map of the Cases page: who lies near whom, and where the wrong answers are."""

import numpy as np
import streamlit as st

from dashboard import cache, cache_cases, cohort_words, state
from dashboard.cache_cases import FINDINGS, GATES, Places
from dashboard.figures.cases import Dot, draw_map
from dashboard.format import chance, percent
from dashboard.navigation import go_to
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from minspnet.cohort import CASE, FOUND, GATE, MOST_CASES, SURE, OneOf

_TURN = "map-turn"
_PICK, _ONE, _SEVERAL = "map-pick", "click to open", "draw around some"
_MAIN = "main directions"
_NAMED = 0.5
"""A column is named on an axis if it weighs this share of the heaviest."""


def show_map(view: View) -> None:
    """A dot a case; what is clicked or drawn around becomes the cohort on screen."""
    what, pair = _axes(view)
    policy = unedited(view)
    places = cache_cases.places(view.model, policy, what, pair)
    names = _titles(view, what)
    at, axes = places.at[places.rows], tuple(_axis(places.axes[k], names) for k in (0, 1))
    if pair:
        axes = names[pair[0]], names[pair[1]]
        if what == FINDINGS:
            at = cache_cases.readings(view.model, policy)[places.rows][:, pair]
    several = st.session_state.get(_PICK) == _SEVERAL
    turn = st.session_state.setdefault(_TURN, 0)
    classes = cache.domain_of(view.model).classes
    event = show_chart(
        draw_map(_dots(view, places, at), classes, (axes[0], axes[1]), several),
        key=f"map-{several}-{turn}",
        alt="Map of the cases by their findings or gates, coloured by known class",
        clickable=not several,
        lasso=several,
    )
    _caption(view, places, what, pair)
    picked = [str(point["customdata"][0]) for point in event["selection"]["points"]]
    if picked and several:
        _list(view, picked)
    elif picked:
        state.open_case(picked[0])
        go_to("case")


def _axes(view: View) -> tuple[str, tuple[int, int] | None]:
    """Ask what the map goes by: all findings or gates in two directions, or two of them."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    what = FINDINGS
    if len(cache_cases.unseen(view.model).tree.names) > 1:
        what = row.segmented_control(
            "Map by",
            [FINDINGS, GATES],
            default=FINDINGS,
            required=True,
            key="map-by",
            help="Cases near each other are alike in these: in what is found in them, or in which "
            "experts they call for.",
        )
    row.segmented_control(
        "Pick",
        [_ONE, _SEVERAL],
        default=_ONE,
        required=True,
        key=_PICK,
        help="A click on a case opens it. A line drawn around some, with the button held, makes "
        "them the choice on screen.",
    )
    names = _titles(view, what)
    way = row.segmented_control(
        "Axes",
        [_MAIN, "two of them"],
        default=_MAIN,
        required=True,
        key="map-axes",
        help="Main directions: the first two principal components, fitted on the training cases. "
        "No other flat map keeps more of how cases differ.",
    )
    if way == _MAIN or len(names) < 2:
        return what, None
    picked = []
    for label, first in (("To the right", 0), ("Upwards", 1)):
        picked.append(
            row.selectbox(
                label,
                range(len(names)),
                index=first,
                format_func=names.__getitem__,
                key=f"map-{view.model}-{what}-{first}",
                width=220,
            )
        )
    return what, (picked[0], picked[1])


def _titles(view: View, what: str) -> list[str]:
    domain, trace = cache.domain_of(view.model), cache_cases.unseen(view.model)
    if what == GATES:
        return [cohort_words.number(domain, f"{GATE}{name}") for name in trace.tree.names]
    return [cohort_words.number(domain, f"{FOUND}{name}") for name in trace.concept_names]


def _axis(weights: np.ndarray, names: list[str]) -> str:
    """Say what grows along a main direction, the heaviest first."""
    order = [k for k in np.argsort(-np.abs(weights), kind="stable")[:3]]
    heavy = [k for k in order if abs(weights[k]) >= _NAMED * abs(weights[order[0]])]
    said = ", ".join(f"{'more' if weights[k] > 0 else 'less'} {names[k]}" for k in heavy)
    return f"{said} →"


def _dots(view: View, places: Places, at: np.ndarray) -> list[Dot]:
    domain, policy = cache.domain_of(view.model), unedited(view)
    facts, found = cache_cases.facts(view.model, policy), cache_cases.decided(view.model, policy)
    within = cache_cases.chosen(view.model, policy, view.cohort)
    ids, labels = cache_cases.unseen(view.model).case_ids, cache_cases.labels(view.model)
    dots = []
    for (x, y), row in zip(at.tolist(), places.rows.tolist(), strict=True):
        said, known = int(found.predicted[row]), int(labels[row])
        sure = chance(float(facts.numbers[SURE][row]))
        note = f"{ids[row]}\n{domain.classes[said]}, {sure} sure"
        note += "" if said == known else f"\nwrong: it is {domain.classes[known]}"
        dots.append(Dot(ids[row], x, y, known, said != known, bool(within[row]), note))
    return dots


def _caption(view: View, places: Places, what: str, pair: tuple[int, int] | None) -> None:
    everyone = len(cache_cases.unseen(view.model))
    wrong = int(cache_cases.facts(view.model, unedited(view)).wrong.sum())
    drawn = ""
    if len(places.rows) < everyone:
        shown = min(wrong, len(places.rows))
        rest = len(places.rows) - shown
        drawn = (
            f" Drawn: {len(places.rows)} of {everyone:,} cases, {shown} of the {wrong:,} wrong "
            f"ones and {rest} of the others at random."
        )
    fitted = "" if pair else " They were fitted on the training cases."
    st.caption(
        f"The two axes hold **{percent(places.held)}** of the spread of these cases in all their "
        f"{what} ({percent(places.known_held)} for the training cases): what is near here may "
        f"still differ in the rest.{fitted}{drawn}"
    )


def _list(view: View, picked: list[str]) -> None:
    """Make the cases that were drawn around the cohort, as far as the other conditions hold."""
    facts = cache_cases.facts(view.model, unedited(view))
    others = cache_cases.chosen(view.model, unedited(view), view.cohort.without(CASE))
    ids = facts.vocabulary.words[CASE]
    cases = sorted({ids[row] for row in np.flatnonzero(others)}.intersection(picked))
    if len(cases) > MOST_CASES:
        st.warning(
            f"{len(cases)} cases lie within this line; at most {MOST_CASES} fit a link. Draw a "
            "smaller one, or set a filter above."
        )
        return
    # A new key forgets the line, so that the next one starts anew.
    st.session_state[_TURN] += 1
    if cases:
        state.change_cohort(view.cohort.having(OneOf(CASE, tuple(cases))))
    st.rerun()
