"""Which concepts can be trusted: agreement with the truth, error and calibration."""

import math
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cache, cache_concepts
from dashboard.cache_concepts import Trust
from dashboard.figures.concepts import draw_trust
from dashboard.format import score
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from dashboard.widgets.concept_closer import SHOWN, show_concept
from minspnet.domain import Concept

_KINDS = {"present": "AUC", "rated": "rank correlation, rated", "graded": "rank correlation"}


def show_trust(view: View, part: str) -> None:
    """A chart and a table, the most trustworthy first; a click shows one concept closer."""
    domain = cache.domain_of(view.model)
    with st.spinner("Comparing with the truth..."):
        found = cache_concepts.trust(view.model, part, unedited(view))
    order = sorted(range(len(found)), key=lambda k: -_or_lowest(found[k].score))
    names = [domain.concepts[k].title for k in order]
    turn = st.session_state.setdefault("trust-turn", 0)
    # On a narrow screen the columns stand below one another.
    left, right = st.columns([5, 6], gap="large")
    with left:
        event = show_chart(
            draw_trust(
                names,
                order,
                [found[k].score for k in order],
                [found[k].interval for k in order],
                [found[k].linear for k in order],
            ),
            alt="Agreement of each finding with its truth, with 95 % intervals",
            key=f"trust-{view.model}-{part}-{turn}",
            clickable=True,
        )
    with right:
        table = st.dataframe(
            pd.DataFrame([_row(domain.concepts[k], found[k]) for k in order]),
            hide_index=True,
            alt="Each finding's agreement, error and calibration",
            on_select="rerun",
            selection_mode="single-row",
            key=f"trust-table-{view.model}-{part}-{turn}",
        )
    _follow(view, event, table["selection"]["rows"], order)
    cases, few = len(cache.part(view.model, part)), cache_concepts.few_groups(view.model, part)
    narrow = (
        f" They come from {few} {domain.group_noun}s alone: on new ones, expect more than the "
        "intervals show."
        if few
        else ""
    )
    st.caption(
        f"{cases:,} {part} cases. Agreement: rank correlation of the network's grade with the true "
        "one, 0 by chance and 1 for the same order; AUC where a finding is only there or not, .5 "
        "by chance. Intervals: 95 %, over 500 draws of "
        f"{cache_concepts.resampled(view.model, part)}s.{narrow} The plain linear model is a ridge "
        "regression on the same inputs, trained on the same cases. Error: mean distance to the "
        "truth; beside it, that of always saying the usual value. Calibration: mean distance of "
        "grade and truth over up to 10 bins of equally many cases."
    )
    weakest = min(range(len(found)), key=lambda k: _or_lowest(found[k].score))
    st.session_state.setdefault(SHOWN.format(view.model), weakest)
    show_concept(view, part, found)


def _or_lowest(value: float) -> float:
    return -2.0 if math.isnan(value) else value


def _row(concept: Concept, trust: Trust) -> dict[str, str]:
    low, high = trust.interval
    return {
        "Finding": concept.title + ("" if concept.visible else " (guessed)"),
        "Agreement": f"{score(trust.score)} ({low:.2f} to {high:.2f})",
        "Linear": score(trust.linear),
        "Error": f"{_apart(concept, trust.error)} {concept.unit}",
        "Usual value": _apart(concept, trust.usual_error),
        "Grades": _off(concept, trust),
        "Calibration": _apart(concept, trust.reliability.calibration_error),
        "Measured by": _KINDS[trust.kind],
    }


def _apart(concept: Concept, distance: float) -> str:
    """A distance on the scale shown, with a digit more than its steps."""
    span = abs(concept.shown_high - concept.shown_low)
    return f"{distance * span:.{max(0, concept.digits + 1)}f}"


def _off(concept: Concept, trust: Trust) -> str:
    low, high = trust.off_interval
    if low <= 0 <= high:
        return "as true"
    upwards = (trust.off > 0) == (concept.shown_high > concept.shown_low)
    return f"{_apart(concept, abs(trust.off))} too {'high' if upwards else 'low'}"


def _follow(view: View, event: Any, rows: list[int], order: list[int]) -> None:
    """Show the concept that was clicked; a new key forgets the click."""
    points = event["selection"]["points"]
    if not points and not rows:
        return
    chosen = order[rows[0]] if rows else int(points[0]["customdata"])
    st.session_state[SHOWN.format(view.model)] = chosen
    st.session_state["trust-turn"] += 1
    st.rerun(scope="fragment")
