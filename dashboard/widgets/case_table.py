"""The cases on screen as a table: read, open, tick to compare, take away as a file."""

import base64
import math
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import cache, cache_cases, desk, state, text
from dashboard.figures.pictures import thumbnail
from dashboard.figures.style import CLASSES, NEUTRAL, WRONG, behind_white
from dashboard.navigation import go_to
from dashboard.state import View, unedited
from dashboard.widgets import sets
from dashboard.widgets.classes import chips, class_column
from dashboard.widgets.download import offer
from dashboard.widgets.pager import pick_page
from dashboard.widgets.picker import ORDER
from dashboard.widgets.side_by_side import MOST, show_side_by_side
from minspnet.cohort import EXPERTS, GROUP, PART, SHARE, SURE, VERDICT, VERDICTS
from minspnet.domain import Concept
from minspnet.ranking import LISTINGS, ORDERS
from minspnet.spreadsheet import to_csv

PAGE = 50
ORDER_OF_LIST = "cases-order"
"""Where the session keeps it."""
_PICTURE, _CASE, _KNOWN, _SAID = "Picture", "Case", "Known answer", "The network says"


def show_table(view: View) -> None:
    """A page of cases in an order of interest, and those ticked side by side."""
    if desk.judges_first():
        st.caption(
            "You judge first: this list tells answers, and a case that you have read here is not "
            "judged unseen."
        )
    elif sets.chosen()[1]:
        st.caption("Unsure answers are withheld on Case; this list tells all of them.")
    policy = unedited(view)
    orders = [k for k in LISTINGS if k not in ("costly", "gates") or policy.gate_thresholds]
    top = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    state.follow("order", ORDER_OF_LIST, {k: k for k in orders})
    listing = top.selectbox(
        "Order", orders, format_func=LISTINGS.__getitem__, key=ORDER_OF_LIST, width=320
    )
    state.show("order", None if listing == orders[0] else listing)
    rows = cache_cases.listed(view.model, policy, view.cohort, listing)
    if not len(rows):
        st.info("No case fits all these conditions. Drop one of them above.")
        return
    pages = math.ceil(len(rows) / PAGE)
    with top:
        # A key of its own for each list, so that a new one starts at its first page.
        number = pick_page(pages, f"page-{hash((view.model, policy, view.cohort, listing))}")
    here = rows[PAGE * (number - 1) : PAGE * number]
    with top:
        _download(view, rows, "Download all listed (CSV)", "download-cases")
    key = f"cases-{hash((view.model, policy, view.cohort, listing, number))}"
    ticked = _table(view, here, listing, key)
    shown = "" if pages == 1 else f" Shown: {PAGE * (number - 1) + 1:,} to "
    shown += "" if pages == 1 else f"{PAGE * (number - 1) + len(here):,} of {len(rows):,}."
    st.caption(
        f"Click a case to open it. Tick up to {MOST} to compare them here.{shown} Findings are "
        f"those that the network reads. {cache.domain_of(view.model).concept_reading}"
    )
    if len(ticked):
        show_side_by_side(view, ticked[:MOST])
        if len(ticked) > MOST:
            st.caption(f"The first {MOST} of the {len(ticked)} ticked are compared.")
        _download(view, ticked, f"Download the {len(ticked)} ticked (CSV)", "download-ticked")


def _table(view: View, rows: np.ndarray, listing: str, key: str) -> np.ndarray:
    """Draw the cases; give the rows that are ticked."""
    # What was clicked is only remembered while the page is open: coming back, nothing is.
    event = st.dataframe(
        _frame(view, rows),
        hide_index=True,
        height=min(560, 36 * (len(rows) + 1) + 3) if not _pictures(view) else 560,
        row_height=52 if _pictures(view) else None,
        alt="Cases with known answer, answer, chance, experts, compute and findings",
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"],
        key=key,
        column_config=_columns(view),
    )
    clicked: list[Any] = event["selection"].get("cells", [])
    if clicked:
        case = cache_cases.unseen(view.model).case_ids[rows[clicked[0][0]]]
        state.open_case(case)
        # Back and Next then go on in the order of this list.
        if listing in ORDERS and case in cache.ordered_cases(view.model, listing, unedited(view)):
            st.session_state[ORDER] = listing
        go_to("case")
    return rows[[row for row in event["selection"]["rows"] if row < len(rows)]]


def _pictures(view: View) -> bool:
    return cache.domain_of(view.model).modality == "image"


def _frame(view: View, rows: np.ndarray) -> pd.DataFrame:
    """What is said of each case, on the scales that people read."""
    domain, trace = cache.domain_of(view.model), cache_cases.unseen(view.model)
    facts = cache_cases.facts(view.model, unedited(view))
    found = cache_cases.decided(view.model, unedited(view))
    ids = [trace.case_ids[row] for row in rows]
    columns: dict[str, Any] = {}
    if _pictures(view):
        columns[_PICTURE] = [_as_link(thumbnail(cache.picture(view.model, one), 1)) for one in ids]
    labels = cache_cases.labels(view.model)[rows]
    columns |= {
        _CASE: ids,
        _KNOWN: chips(domain, labels),
        _SAID: chips(domain, found.predicted[rows]),
        "Right?": [[VERDICTS[code]] for code in facts.codes[VERDICT][rows]],
        # As everywhere, no chance claims certainty.
        _chance(view): np.clip(100 * _likely(view)[rows], 0.1, 99.9),
    }
    if trace.tree.names:
        columns["Experts"] = facts.numbers[EXPERTS][rows].astype(int)
        columns["FLOPs"] = 100 * facts.numbers[SHARE][rows]
    readings = cache_cases.readings(view.model, unedited(view))[rows]
    for place, concept in enumerate(domain.concepts):
        # Added to 0, what rounds to nothing has no sign.
        columns[concept.title] = np.round(readings[:, place], max(0, concept.digits)) + 0.0
    columns["Part"] = [cache_cases.PARTS[code] for code in facts.codes[PART][rows]]
    if GROUP in facts.codes:
        columns[domain.group_noun.capitalize()] = [cache_cases.groups(view.model)[r] for r in rows]
    return pd.DataFrame(columns)


def _chance(view: View) -> str:
    classes = cache.domain_of(view.model).classes
    return f"Chance of {classes[1] if len(classes) == 2 else 'its answer'}"


def _likely(view: View) -> np.ndarray:
    """The chance that the table tells."""
    if len(cache.domain_of(view.model).classes) == 2:
        return np.asarray(cache_cases.decided(view.model, unedited(view)).probabilities[:, 1])
    return np.asarray(cache_cases.facts(view.model, unedited(view)).numbers[SURE])


def _as_link(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _columns(view: View) -> dict[str, Any]:
    domain, config = cache.domain_of(view.model), st.column_config
    answers = {name: class_column(domain) for name in (_KNOWN, _SAID)}
    return (
        {
            _PICTURE: config.ImageColumn(width=64, pinned=True),
            _CASE: config.TextColumn(pinned=True),
            "Right?": config.MultiselectColumn(
                options=list(VERDICTS), color=[behind_white(NEUTRAL), WRONG]
            ),
            _chance(view): config.ProgressColumn(
                min_value=0,
                max_value=100,
                format="%.1f%%",
                color=CLASSES[1] if len(domain.classes) == 2 else NEUTRAL,
                help="Calibrated on validation cases.",
            ),
            "Experts": config.NumberColumn(help="How many experts ran."),
            "FLOPs": config.NumberColumn(format="%.0f%%", help="100% where every expert runs."),
        }
        | answers
        | {concept.title: _finding(concept) for concept in domain.concepts}
    )


def _finding(concept: Concept) -> Any:
    return st.column_config.NumberColumn(
        format=f"%.{max(0, concept.digits)}f",
        help=text.plain(f"{concept.explained} Scale: {concept.scale}."),
    )


def _download(view: View, rows: np.ndarray, label: str, key: str) -> None:
    offer(
        label,
        lambda: _csv(view, rows),
        "cases",
        file_name=f"{view.model}-{len(rows)}-cases.csv",
        mime="text/csv",
        key=key,
        icon=":material/download:",
        help="Ids, known answers, answers, chances, experts and findings of these cases. Text that "
        "a spreadsheet would run as a formula gets an apostrophe before it.",
    )


def _csv(view: View, rows: np.ndarray) -> str:
    domain, trace = cache.domain_of(view.model), cache_cases.unseen(view.model)
    found = cache_cases.decided(view.model, unedited(view))
    facts = cache_cases.facts(view.model, unedited(view))
    columns: dict[str, list[str] | list[int] | list[float]] = {
        "case": [trace.case_ids[row] for row in rows],
        "part": [cache_cases.PARTS[code] for code in facts.codes[PART][rows]],
        "known answer": [domain.classes[k] for k in cache_cases.labels(view.model)[rows]],
        "answer": [domain.classes[k] for k in found.predicted[rows]],
        "verdict": [VERDICTS[code] for code in facts.codes[VERDICT][rows]],
    }
    if GROUP in facts.codes:
        columns[domain.group_noun] = [cache_cases.groups(view.model)[row] for row in rows]
    for k, title in enumerate(domain.classes):
        columns[f"chance of {title}"] = found.probabilities[rows, k].astype(float).tolist()
    columns["experts that ran"] = facts.numbers[EXPERTS][rows].astype(int).tolist()
    readings = cache_cases.readings(view.model, unedited(view))[rows]
    columns["share of FLOPs"] = facts.numbers[SHARE][rows].tolist()
    for k, concept in enumerate(domain.concepts):
        columns[f"{concept.title} ({concept.unit})"] = readings[:, k].tolist()
    return to_csv(columns)
