"""One concept, closer: grade against truth, where the classes lie, where it is most wrong."""

import math

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import cache, cache_concepts, state, text
from dashboard.cache_concepts import Trust
from dashboard.figures.concepts import draw_by_class, draw_reliability
from dashboard.format import number, percent
from dashboard.navigation import go_to
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from dashboard.widgets.classes import chips, class_column, rows_of
from minspnet.domain import Concept

SHOWN = "concept-shown-{}"
"""Where the concept looked at is remembered, by model."""
_POINTS, _WRONG = 700, 12
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def show_concept(view: View, part: str, found: tuple[Trust, ...]) -> None:
    """One concept: grade against truth, where the classes lie, and where it is most wrong."""
    domain, loaded = cache.domain_of(view.model), cache.model(view.model)
    st.header("One finding, closer")
    key = SHOWN.format(view.model)
    state.follow("finding", key, {name: n for n, name in enumerate(domain.concept_names)})
    k = st.selectbox(
        "Finding (or click one above)",
        range(len(found)),
        format_func=lambda n: domain.concepts[n].title,
        key=key,
    )
    state.show("finding", domain.concept_names[k])
    concept, trust = domain.concepts[k], found[k]
    st.write(text.plain(concept.explained))
    policy, labels = unedited(view), cache.part(view.model, part).labels
    given = _shown(concept, cache_concepts.grades(view.model, part, policy)[:, k])
    true = _shown(concept, cache_concepts.true_grades(view.model, part)[:, k])
    ids = loaded.traces[part].case_ids
    drawn = np.random.default_rng(0).permutation(len(ids))[:_POINTS]
    curve = trust.reliability
    ends = (_shown(concept, one) for one in (curve.given, curve.true, curve.low, curve.high))
    bins = list(zip(*map(np.ndarray.tolist, (*ends, curve.cases)), strict=True))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Given against true**")
        event = show_chart(
            draw_reliability(
                [(ids[n], float(given[n]), float(true[n]), int(labels[n])) for n in drawn],
                domain.classes,
                bins,
                (concept.shown_low, concept.shown_high),
                concept.unit,
            ),
            alt=f"{concept.title} as given by the network against the true value, by case and bin",
            key=f"reliability-{view.model}-{part}-{k}",
            clickable=True,
        )
        sampled = f" {_POINTS} of {len(ids):,} are drawn." if len(ids) > _POINTS else ""
        st.caption(
            "On the dotted line a grade is right; below it the network grades too high. Squares: "
            "bins of equally many cases, with 95% Wilson intervals, which take cases as "
            f"independent. Click a case to open it.{sampled}"
        )
    with right:
        st.markdown("**In short**")
        st.markdown(_summary(concept, trust, len(ids)))
        st.markdown("**Where each class lies**")
        show_chart(
            draw_by_class(
                domain.classes, _spread(given, labels), _spread(true, labels), concept.unit
            ),
            alt=f"Distribution of {concept.title} by class, as given and in truth",
            key=f"by-class-{view.model}-{part}-{k}",
        )
        st.caption("Boxes hold the middle half of a class's cases, whiskers 9 in 10.")
    picked = [p["customdata"] for p in event["selection"]["points"] if p.get("customdata") in ids]
    _show_wrong(view, part, concept, given, true, picked)


def distance(concept: Concept, grades: float) -> str:
    """A distance of grades on the scale shown, with a digit more than its steps."""
    span = abs(concept.shown_high - concept.shown_low)
    return f"{grades * span:.{max(0, concept.digits + 1)}f}"


def grades_it(concept: Concept, trust: Trust) -> str:
    """Say whether a finding is graded too high or too low on the whole."""
    low, high = trust.off_interval
    if low <= 0 <= high:
        return "right on average"
    upwards = (trust.off > 0) == (concept.shown_high > concept.shown_low)
    return f"{distance(concept, abs(trust.off))} too {'high' if upwards else 'low'}"


def _summary(concept: Concept, trust: Trust, cases: int) -> str:
    """Three lines on what the charts show."""
    unit, (low, high) = text.distance_unit(concept), trust.interval
    known = "AUC" if trust.kind == "present" else "rank correlation"
    gain = 1 - trust.error / trust.usual_error if trust.usual_error else math.nan
    less = "" if math.isnan(gain) else f", {percent(abs(gain))} {'less' if gain > 0 else 'more'}"
    than = " than always saying the usual value" if less else ""
    agreement = text.plain(f"{number(trust.score, 2)} ({number(low, 2)} to {number(high, 2)})")
    return (
        f"- Agreement: {known} **{agreement}**, {cases:,} cases\n"
        f"- Off by **{distance(concept, trust.error)} {text.plain(unit)}** on average{less}{than}\n"
        f"- Graded **{grades_it(concept, trust)}**; calibration error "
        f"{distance(concept, trust.reliability.calibration_error)} {text.plain(unit)}, "
        f"{len(trust.reliability.cases)} bins"
    )


def _shown(concept: Concept, grades: np.ndarray) -> np.ndarray:
    """Grades on the scale that people read."""
    span = concept.shown_high - concept.shown_low
    shown: np.ndarray = concept.shown_low + grades.astype(float) * span
    return shown


def _spread(values: np.ndarray, labels: np.ndarray) -> list[list[float]]:
    classes = range(int(labels.max()) + 1)
    return [
        [float(v) for v in np.quantile(values[labels == c], _QUANTILES)]
        if (labels == c).any()
        else [math.nan] * len(_QUANTILES)
        for c in classes
    ]


def _show_wrong(
    view: View,
    part: str,
    concept: Concept,
    given: np.ndarray,
    true: np.ndarray,
    picked: list[str],
) -> None:
    """The cases furthest off; selecting one opens it, as does a click on the chart."""
    domain, ids = cache.domain_of(view.model), cache.model(view.model).traces[part].case_ids
    labels = cache.part(view.model, part).labels
    decided = cache.decision(view.model, part, unedited(view)).predicted
    worst = np.argsort(-np.abs(given - true), kind="stable")[:_WRONG]
    digits = max(0, concept.digits)
    table = pd.DataFrame(
        {
            "Case": [ids[n] for n in worst],
            "Given": [number(given[n], digits) for n in worst],
            "True": [number(true[n], digits) for n in worst],
            "Off by": [number(given[n] - true[n], digits, "+") for n in worst],
            "Known answer": chips(domain, labels[worst]),
            "The network says": chips(domain, decided[worst]),
        }
    )
    st.markdown(
        f"**Where it is most wrong about it** (in {text.plain(text.distance_unit(concept))})"
    )
    event = st.dataframe(
        table,
        hide_index=True,
        alt="Cases with the largest errors of this finding",
        on_select="rerun",
        selection_mode=["single-row", "single-cell"],
        key=f"wrong-{view.model}-{part}-{concept.name}",
        column_config={name: class_column(domain) for name in ("Known answer", "The network says")},
    )
    rows = rows_of(event)
    chosen = str(table["Case"].iloc[rows[0]]) if rows else picked[0] if picked else None
    if chosen is not None:
        state.open_case(chosen)
        go_to("case")
    st.caption("Click a case to open it.")
