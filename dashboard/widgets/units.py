"""What one unit stands for: classes, findings, and the cases that excite it."""

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import cache, cache_activations, state, text
from dashboard.figures.activations import draw_by_class, draw_intervals, draw_small_signal
from dashboard.figures.pictures import thumbnail
from dashboard.figures.style import CLASSES, CONCEPTS
from dashboard.format import brief, signed
from dashboard.navigation import go_to
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from dashboard.widgets.unit_picker import Chosen
from minspnet.domain import Domain
from minspnet.selectivity import auc_interval, correlation_interval

_TOP = 6
_FEWER = 4
_SAMPLES = 40


def show_unit(view: View, chosen: Chosen) -> None:
    """Selectivity, distribution by class, and the cases at the unit's ends."""
    found = cache_activations.selectivity(view.model, chosen.layer, unedited(view))
    if not len(found.rows):
        st.info("This layer ran for none of these cases: lower a gate threshold on Routing.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        _show_classes(view, chosen, found)
    with right:
        _show_concepts(view, chosen, found)
    known = cache_activations.recorded(view.model)
    values = known.values[:, known.of(chosen.layer)][found.rows, chosen.unit]
    order = np.argsort(-values, kind="stable")
    _show_cases(view, chosen, "The cases that excite it most", found.rows[order], "high")
    if not known.layers[chosen.layer].rests:
        _show_cases(view, chosen, "The cases at its other end", found.rows[order[::-1]], "low")


def _show_classes(view: View, chosen: Chosen, found: cache_activations.Selectivity) -> None:
    domain = cache.domain_of(view.model)
    known = cache_activations.recorded(view.model)
    st.subheader(
        "Which class it is strongest in",
        help="AUC: how often the unit is stronger in a case of the class than in one of another. "
        "0.5 says nothing, 1 tells them apart without error, 0 too, by being weaker.",
    )
    if len(domain.classes) > 2:
        _show_areas(domain, found, chosen.unit)
    else:
        st.markdown(_apart(domain, found, chosen.unit))
    labels = cache_activations.shown_cases(view.model).labels[found.rows]
    values = known.values[:, known.of(chosen.layer)][found.rows, chosen.unit]
    mean = ", mean over places" if known.layers[chosen.layer].sides else ""
    show_chart(
        draw_by_class(
            [values[labels == k] for k in range(len(domain.classes))],
            domain.classes,
            f"activation{mean}",
        ),
        key="unit-spread",
        alt="The unit's activation in every case, by known class",
    )


def _apart(domain: Domain, found: cache_activations.Selectivity, unit: int) -> str:
    """How well a unit tells two classes apart: one number, which needs no chart."""
    area, (others, cases) = float(found.auc[unit, 1]), found.classes
    other, finding = map(text.plain, domain.classes)
    if not others or not cases:
        return f"The layer ran for {finding if cases else other} cases only: nothing to compare."
    low, high = auc_interval(area, cases, others)
    return f"AUC of {finding} against {other}: **{area:.2f}** (95%: {low:.2f} to {high:.2f}). " + (
        "These cases do not tell in which it is stronger."
        if low <= 0.5 <= high
        else f"The unit is {'stronger' if area > 0.5 else 'weaker'} where it is {finding}."
    )


def _show_areas(domain: Domain, found: cache_activations.Selectivity, unit: int) -> None:
    areas = [float(area) for area in found.auc[unit]]
    total = len(found.rows)
    show_chart(
        draw_intervals(
            [
                f"{name} ({count})"
                for name, count in zip(domain.classes, found.classes, strict=True)
            ],
            areas,
            [auc_interval(a, n, total - n) for a, n in zip(areas, found.classes, strict=True)],
            [CLASSES[k % len(CLASSES)] for k in range(len(areas))],
            "AUC against the rest",
            0.5,
            (-0.02, 1.02),
        ),
        key="unit-classes",
        alt="How well the unit tells each class apart, with 95% intervals",
    )


def _show_concepts(view: View, chosen: Chosen, found: cache_activations.Selectivity) -> None:
    domain = cache.domain_of(view.model)
    cases = len(found.rows)
    st.subheader(
        "Which findings it follows",
        help="Spearman's rank correlation with each true finding: 1 rises with it, -1 falls with "
        "it, 0 says nothing. It shows what goes together, not what the unit is for: see the "
        "next tab for that.",
    )
    follows = [float(value) for value in found.follows[chosen.unit]]
    show_chart(
        draw_intervals(
            [concept.title for concept in domain.concepts],
            follows,
            [correlation_interval(value, cases) for value in follows],
            [CONCEPTS[k % len(CONCEPTS)] for k in range(len(follows))],
            "rank correlation with the true finding",
            0.0,
            (-1.04, 1.04),
        ),
        key="unit-concepts",
        alt="Rank correlation of the unit with each true finding, with 95% intervals",
    )
    pairs = found.follows.size
    st.caption(
        f"Bars: 95% intervals, each by itself, from the {cases:,} cases that the layer ran for. Of "
        f"the {pairs:,} pairs of unit and finding in this layer about {max(1, round(pairs / 20))} "
        f"would clear 0 by chance alone.{_dependent(view)}"
    )


def _dependent(view: View) -> str:
    """Warn where several cases come from one person or thing: they are no independent draws."""
    groups = cache_activations.shown_cases(view.model).groups
    noun = cache.domain_of(view.model).group_noun
    if len(set(groups)) == len(groups) or not noun:
        return ""
    return f" Cases of one {noun} go together, so that the true intervals are wider."


def _show_cases(view: View, chosen: Chosen, title: str, rows: np.ndarray, end: str) -> None:
    st.subheader(title)
    domain = cache.domain_of(view.model)
    if domain.modality == "tabular":
        _show_table(view, chosen, rows[:_TOP], end)
        return
    top = rows[: _TOP if domain.modality == "image" else _FEWER]
    ids = [cache_activations.recorded(view.model).case_ids[row] for row in top]
    # Columns line signals up; a row that wraps keeps pictures small on a narrow screen.
    image = domain.modality == "image"
    places = _places(len(top), image)
    for place, (shown, number, case) in enumerate(zip(places, top, ids, strict=True)):
        if image:
            shown.image(
                thumbnail(cache.picture(view.model, case)),
                width=148,
                alt=f"{domain.case_noun} {case}",
            )
        else:
            with shown:
                _show_signal(view, ids, place, end)
        opened = shown.button("Open", key=f"unit-{end}-{case}", width="stretch", help=case)
        shown.caption(f"{text.plain(case)}  \n{_told(view, chosen, int(number))}")
        if opened:
            _open(case)


def _places(count: int, narrow: bool) -> list[DeltaGenerator]:
    if not narrow:
        return st.columns(count)
    row = st.container(horizontal=True)
    return [row.container(width=148) for _ in range(count)]


def _show_signal(view: View, cases: list[str], place: int, end: str) -> None:
    """One of a few cases, on the scale of all of them."""
    signals = [cache.case_inputs(view.model, case) for case in cases]
    every = max(1, -(-signals[0].shape[1] // _SAMPLES))
    # The ends of what is drawn, which may leave out a peak in between.
    drawn = np.stack([signal[:, ::every] for signal in signals])
    low, high = drawn.min(axis=(0, 2)), drawn.max(axis=(0, 2))
    show_chart(
        draw_small_signal(
            signals[place],
            [feature.title for feature in cache.features(view.model)],
            [(float(a), float(b)) for a, b in zip(low, high, strict=True)],
            cache.domain_of(view.model).sample_rate_hz,
            every,
        ),
        key=f"unit-signal-{end}-{place}",
        alt=f"The signal of {cases[place]}, a channel a row",
    )


def _told(view: View, chosen: Chosen, row: int) -> str:
    domain, known = cache.domain_of(view.model), cache_activations.recorded(view.model)
    value = float(known.values[row, known.of(chosen.layer)][chosen.unit])
    label = int(cache_activations.shown_cases(view.model).labels[row])
    said = int(cache_activations.predicted(view.model, unedited(view))[row])
    answer = "" if said == label else f", called {domain.classes[said]}"
    return f"**{brief(value, 3)}** · {domain.classes[label]}{answer}"


def _show_table(view: View, chosen: Chosen, rows: np.ndarray, end: str) -> None:
    """The measurements that the unit follows most, of each of its cases."""
    domain, known = cache.domain_of(view.model), cache_activations.recorded(view.model)
    features, policy = cache.features(view.model), unedited(view)
    followed = cache_activations.followed_columns(view.model, chosen.layer, chosen.unit, policy)
    known_cases = cache_activations.shown_cases(view.model)
    said = cache_activations.predicted(view.model, policy)
    table = pd.DataFrame(
        {
            "Case": [known.case_ids[row] for row in rows],
            "Activation": known.values[rows, known.of(chosen.layer)][:, chosen.unit],
            "Known answer": [domain.classes[known_cases.labels[row]] for row in rows],
            "Network says": [domain.classes[said[row]] for row in rows],
            **{
                f"{features[column].title} ({signed(correlation)})": known_cases.inputs[
                    rows, column
                ]
                for column, correlation in followed
            },
        }
    )
    numbers = [*table.columns[4:], "Activation"]
    event = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"unit-table-{end}-{view.model}-{chosen.layer}-{chosen.unit}",
        alt="The cases at this end of the unit, with the measurements it follows most",
        column_config=dict.fromkeys(
            numbers, st.column_config.NumberColumn(format="%.4g", width=190)
        ),
    )
    st.caption(
        "Select a row to open the case. Shown are the measurements that the unit follows most, "
        "with the rank correlation over all cases that the layer ran for."
    )
    if event["selection"]["rows"]:
        _open(str(table.iloc[event["selection"]["rows"][0]]["Case"]))


def _open(case: str) -> None:
    state.open_case(case)
    go_to("case")
