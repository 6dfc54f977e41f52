"""A few cases next to each other: answers, what they took, and what each finding adds."""

import numpy as np
import streamlit as st

from dashboard import cache, cache_cases, desk, state, text
from dashboard.figures.cases import draw_side_by_side
from dashboard.figures.pictures import thumbnail
from dashboard.format import chance, percent
from dashboard.navigation import go_to
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from minspnet.cohort import SHARE
from minspnet.waterfall import output_title

MOST = 4
"""More columns could not be read."""


def show_side_by_side(view: View, rows: np.ndarray) -> None:
    """A card a case, and below them one row a finding."""
    ids = cache_cases.unseen(view.model).case_ids
    desk.open_cases(view, *(ids[row] for row in rows))
    st.header("Side by side")
    for column, row in zip(st.columns(MOST), rows, strict=False):
        with column.container(border=True, height="stretch"):
            _card(view, int(row))
    _what_adds(view, rows)


def _card(view: View, row: int) -> None:
    domain, trace = cache.domain_of(view.model), cache_cases.unseen(view.model)
    found = cache_cases.decided(view.model, unedited(view))
    case, said = trace.case_ids[row], int(found.predicted[row])
    known = int(cache_cases.labels(view.model)[row])
    st.markdown(f"**{text.plain(case)}**")
    if domain.modality == "image":
        picture = thumbnail(cache.picture(view.model, case))
        st.image(picture, width=128, alt=f"{domain.case_noun} {case}")
    likely = float(found.probabilities[row, said])
    verdict = "right" if said == known else f"wrong: it is {domain.classes[known]}"
    ran = [name for name, on in zip(trace.tree.names, found.active[row], strict=True) if on]
    share = float(cache_cases.facts(view.model, unedited(view)).numbers[SHARE][row])
    st.markdown(
        f"{text.plain(domain.classes[said].capitalize())}, {chance(likely)} sure: "
        f"**{text.plain(verdict)}**"
    )
    if trace.tree.names:
        experts = text.listed(ran) if ran else "no expert"
        st.markdown(f"{text.plain(experts)} ran, {percent(share)} of all FLOPs")
    if st.button("Open", key=f"open-{case}", width="stretch"):
        state.open_case(case)
        go_to("case")


def _what_adds(view: View, rows: np.ndarray) -> None:
    domain, policy = cache.domain_of(view.model), unedited(view)
    ids = [cache_cases.unseen(view.model).case_ids[row] for row in rows]
    falls = [cache.waterfall(view.model, case, policy) for case in ids]
    found = cache_cases.decided(view.model, policy).concepts[rows]
    pushes = np.array([fall.by_output for fall in falls]).T
    values = [["" for _ in ids] for _ in range(len(pushes))]
    for k, concept in enumerate(domain.concepts):
        values[k] = [f"{text.concept_value(concept, float(one))}:" for one in found[:, k]]
    told = [text.odds_of(domain, *cache.told(view.model, case, policy)) for case in ids]
    several = len(domain.classes) > 2
    show_chart(
        draw_side_by_side(
            [f"{case}\n{of}" if several else case for case, of in zip(ids, told, strict=True)],
            [fall.start for fall in falls],
            [output_title(domain, name) for name in falls[0].outputs],
            values,
            pushes,
            [fall.logit for fall in falls],
        ),
        key="side-by-side",
        alt="What each finding of the ticked cases is, and what it adds to the answer",
    )
    towards = "the class named above the column" if several else domain.classes[1]
    away = "the other" if several else domain.classes[0]
    st.caption(
        "The finding as read, then in bold what it adds to the log-odds, from a typical case on: "
        f"orange pushes towards {towards}, blue towards {away}. The last row is the sum. "
        f"{text.EXACT}"
    )
