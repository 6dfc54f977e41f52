"""Which concepts can be trusted: agreement with the truth, error and calibration."""

import math
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cache, cache_concepts, text
from dashboard.cache_concepts import Trust
from dashboard.figures.concepts import draw_trust
from dashboard.format import number, score
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from dashboard.widgets.classes import rows_of
from dashboard.widgets.concept_closer import SHOWN, distance, grades_it, show_concept
from minspnet.domain import Concept, Domain

_KINDS = {"present": "AUC", "rated": "rank correlation, rated", "graded": "rank correlation"}
_COLUMNS = {
    name: st.column_config.TextColumn(help=meaning)
    for name, meaning in {
        "Agreement (95%)": "Rank correlation of the network's grade with the true one: 0 by "
        "chance, 1 for the same order. AUC where a finding is only there or not: 0.5 by chance.",
        "Linear model": "Agreement of a ridge regression on the same inputs, trained on the same "
        "cases.",
        "Mean error": "Mean distance of the network's grade from the truth.",
        "Error of the median": "Mean error of always saying the training cases' median.",
        "Grades it": "Whether its grades are too high or too low on average.",
        "Calibration error": "Mean distance of grade and truth over up to 10 bins of equally many "
        "cases.",
    }.items()
} | {"Finding": st.column_config.TextColumn(pinned=True)}


def show_trust(view: View, part: str) -> None:
    """A chart and a table, the most trustworthy first; a click shows one concept closer."""
    domain = cache.domain_of(view.model)
    with st.spinner("Comparing with the truth..."):
        found = cache_concepts.trust(view.model, part, unedited(view))
    order = sorted(range(len(found)), key=lambda k: -_or_lowest(found[k].score))
    names = [domain.concepts[k].title for k in order]
    st.markdown(_in_short(domain, found, order))
    turn = st.session_state.setdefault("trust-turn", 0)
    event = show_chart(
        draw_trust(
            names,
            order,
            [found[k].score for k in order],
            [found[k].interval for k in order],
            [found[k].linear for k in order],
        ),
        alt="Agreement of each finding with its truth, with 95% intervals",
        key=f"trust-{view.model}-{part}-{turn}",
        clickable=True,
    )
    table = st.dataframe(
        pd.DataFrame([_row(domain.concepts[k], found[k]) for k in order]),
        hide_index=True,
        alt="Each finding's agreement, error and calibration",
        on_select="rerun",
        selection_mode=["single-row", "single-cell"],
        key=f"trust-table-{view.model}-{part}-{turn}",
        column_config=_COLUMNS,
    )
    _follow(view, event, rows_of(table), order)
    cases = len(cache.part(view.model, part))
    st.caption(
        f"{cases:,} {part} cases; intervals are over 500 draws of "
        f"{cache_concepts.resampled(view.model, part)}s.{narrow_because(view, part)} Click a "
        "finding to see it closer; the titles of the columns explain them."
    )
    weakest = min(range(len(found)), key=lambda k: _or_lowest(found[k].score))
    st.session_state.setdefault(SHOWN.format(view.model), weakest)
    show_concept(view, part, found)


def _in_short(domain: Domain, found: tuple[Trust, ...], order: list[int]) -> str:
    """Say which finding agrees best with the truth, and which least."""
    said = []
    for k, how in ((order[0], "most"), (order[-1], "least")):
        low, high = found[k].interval
        name, known = text.plain(domain.concepts[k].title), not math.isnan(found[k].score)
        ends = f"{number(low, 2)} to {number(high, 2)}"
        agrees = f"{number(found[k].score, 2)}, 95%: {ends}" if known else "not known"
        said.append(f"**{name}** {how} ({text.plain(agrees)})")
    return f"By their agreement with the truth, trust {text.listed(said)}."


def narrow_because(view: View, part: str) -> str:
    """A sentence where cases come from too few people for an interval to tell of new ones."""
    few = cache_concepts.few_groups(view.model, part)
    group = cache.domain_of(view.model).group_noun
    return (
        f" They come from {few} {group}s alone: on new ones, expect more than the intervals show."
        if few
        else ""
    )


def _or_lowest(value: float) -> float:
    return -2.0 if math.isnan(value) else value


def _row(concept: Concept, trust: Trust) -> dict[str, str]:
    low, high = trust.interval
    return {
        "Finding": concept.title + ("" if concept.visible else " (guessed)"),
        "Agreement (95%)": f"{score(trust.score)} ({number(low, 2)} to {number(high, 2)})",
        "Linear model": score(trust.linear),
        "Mean error": f"{distance(concept, trust.error)} {text.distance_unit(concept)}",
        "Error of the median": distance(concept, trust.usual_error),
        "Grades it": grades_it(concept, trust),
        "Calibration error": distance(concept, trust.reliability.calibration_error),
        "Measured by": _KINDS[trust.kind],
    }


def _follow(view: View, event: Any, rows: list[int], order: list[int]) -> None:
    """Show the concept that was clicked; the next run's key forgets the click."""
    points = event["selection"]["points"]
    if not points and not rows:
        return
    chosen = order[rows[0]] if rows else int(points[0]["customdata"])
    st.session_state[SHOWN.format(view.model)] = chosen
    st.session_state["trust-turn"] += 1
