"""What changes when a unit is switched off, and which units of a layer matter most."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from dashboard import cache, cache_activations, state, text, unit_words
from dashboard.cache_activations import PART
from dashboard.figures.activations import draw_intervals
from dashboard.figures.style import CONCEPTS
from dashboard.format import change, number, percent, score
from dashboard.navigation import go_to
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from dashboard.widgets.tile import show_tile
from dashboard.widgets.unit_picker import Chosen, choose_unit
from minspnet.metrics import wilson_interval

if TYPE_CHECKING:
    from minspnet.ablation import Ablation

_RANKED = "activations-ranked"
_LEAST_P = 0.05


def show_ablation(view: View, chosen: Chosen) -> None:
    """One unit at 0, everything run anew; then the same for its whole layer, if asked."""
    with st.spinner("Running without it ..."):
        found = cache_activations.ablation(view.model, *chosen, unedited(view))
    layer = cache_activations.recorded(view.model).layers[chosen.layer]
    name = unit_words.unit_name(view.model, layer, chosen.unit)
    named = text.plain(name[:1].upper() + name[1:])
    at_zero = f"**{named}** is held at 0 in all {found.cases:,} {PART} cases"
    if layer.part == "stem" and not layer.weights:
        at_zero += " (for a measurement that is the mean of the training cases)"
    st.write(
        f"{at_zero}, and the whole network runs anew under the same thresholds. Gates are worked "
        "out anew, too: a case may go another way."
    )
    _show_tiles(found)
    _say_what_is_taken(view)
    left, right = st.columns([6, 5], gap="large")
    with left:
        _show_moved(view, found)
    with right:
        _show_flips(view, found)
    _show_ranking(view, chosen.layer)


def _show_tiles(found: "Ablation") -> None:
    row = st.container(horizontal=True)
    flips, rerouted = len(found.flipped), found.rerouted
    low, high = (number(100 * end, 1, "+") for end in found.accuracy_interval)
    show_tile(
        row,
        "Accuracy without it",
        score(found.accuracy + found.accuracy_change),
        f"{change(found.accuracy_change)}, {low} to {high}",
        _clear(found.accuracy_change, found.accuracy_interval, found.accuracy_p),
        help=f"With it {score(found.accuracy)}; 95% interval of the change {low} to {high} points, "
        f"paired, n = {found.cases:,}. Coloured where that leaves out 0 and a sign test on the "
        f"answers made right or wrong is below 0.05 (p = {found.accuracy_p:.2g}). Where no answer "
        "changes the interval is empty: see how many flips can be excluded.",
    )
    low, high = (number(end, 3, "+") for end in found.auc_interval)
    show_tile(
        row,
        "AUC without it",
        score(found.auc + found.auc_change),
        f"{number(found.auc_change, 3, '+')}, {low} to {high}",
        _clear(found.auc_change, found.auc_interval),
        help=f"With it {score(found.auc)}; 95% interval of the change {low} to {high} (DeLong), "
        f"n = {found.cases:,}.",
    )
    low, high = (percent(end, 1) for end in wilson_interval(flips, found.cases))
    show_tile(
        row,
        "Decisions that flip",
        f"{flips:,} of {found.cases:,}",
        f"{low} to {high} of cases",
        help="95% interval of the share of cases (Wilson).",
    )
    show_tile(
        row,
        "Cases routed otherwise",
        f"{rerouted:,} of {found.cases:,}",
        "another set of experts" if rerouted else "same experts for all",
        help="Gate scores are evidence: what a unit says can move them.",
    )


def _clear(moved: float, interval: tuple[float, float], p: float = 0.0) -> float:
    """A change that is coloured as good or bad: its interval leaves out 0, a test bears it out."""
    low, high = interval
    return moved if low * high > 0 and p < _LEAST_P else 0.0


def _say_what_is_taken(view: View) -> None:
    """Only where it is not so."""
    group = cache.domain_of(view.model).group_noun
    if group:
        st.caption(
            f"Intervals and colours take cases as independent. Cases of one {group} are alike: the "
            "intervals are then too narrow."
        )


def _show_moved(view: View, found: "Ablation") -> None:
    domain = cache.domain_of(view.model)
    names = [concept.title for concept in domain.concepts]
    names += ["beyond the findings"] * (len(found.moved) - len(names))
    if len(names) > len(domain.concepts) + 1:
        names = [*names[: len(domain.concepts)], *_beyond(domain.classes[1:])]
    st.subheader(
        "What it moves",
        help="Mean change of each finding's logit when the unit is switched off: above 0 the "
        "unit had kept the finding down.",
    )
    show_chart(
        draw_intervals(
            names,
            [float(value) for value in found.moved],
            [(float(low), float(high)) for low, high in found.moved_interval],
            [CONCEPTS[k % len(CONCEPTS)] for k in range(len(names))],
            "mean change of the finding's logit without it",
            0.0,
            None,
            3,
        ),
        key="ablation-moved",
        alt="Mean change of each finding's logit without the unit, with 95% intervals",
    )
    st.caption(
        f"Over all {found.cases:,} cases, those included that the unit's layer did not run for "
        f"(change 0); bars are 95% intervals. Mean absolute change: {found.strength:.3g}."
    )


def _beyond(classes: tuple[str, ...]) -> list[str]:
    return [f"beyond the findings: {name}" for name in classes]


def _show_flips(view: View, found: "Ablation") -> None:
    st.subheader("Cases that flip")
    if not len(found.flipped):
        st.write("None: every case is decided as before.")
        return
    domain, labels = cache.domain_of(view.model), cache.part(view.model, PART).labels
    was = cache.decision(view.model, PART, unedited(view)).predicted
    ids = cache.model(view.model).traces[PART].case_ids
    table = pd.DataFrame(
        {
            "Case": [ids[row] for row in found.flipped],
            "Known answer": [domain.classes[labels[row]] for row in found.flipped],
            "With it": [domain.classes[was[row]] for row in found.flipped],
            "Without it": [domain.classes[k] for k in found.now],
        }
    ).head(200)
    event = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"ablation-flips-{view.model}-{found.layer}-{found.unit}",
        alt="Cases decided otherwise without the unit",
    )
    st.caption("Select a row to open the case as it is, with the unit.")
    if event["selection"]["rows"]:
        state.open_case(str(table.iloc[event["selection"]["rows"][0]]["Case"]))
        go_to("case")


def _show_ranking(view: View, layer: int) -> None:
    st.subheader("Which units of this layer matter most")
    policy, about = unedited(view), cache_activations.recorded(view.model).layers[layer]
    wanted = st.session_state.get(_RANKED) == (view.model, layer)
    place = st.empty()
    if not wanted:
        place.button(
            f"Switch off all {about.units} units, one at a time",
            key="rank-units",
            on_click=lambda: st.session_state.update({_RANKED: (view.model, layer)}),
        )
        return
    stop = place.container(horizontal=True, vertical_alignment="center")
    bar = stop.progress(0.0, "Running without each unit ...")
    # A click starts the page anew, which ends this loop at its next sign of progress.
    stop.button("Stop", key="stop-ranking", on_click=_stop)
    effects = []
    for unit in range(about.units):
        effects.append(cache_activations.ablation(view.model, layer, unit, policy))
        bar.progress((unit + 1) / about.units, f"{unit + 1} of {about.units} units")
    place.empty()
    effects.sort(key=lambda e: (-len(e.flipped), -e.strength))
    _show_ranked(view, layer, effects)


def _stop() -> None:
    st.session_state.pop(_RANKED, None)


def _show_ranked(view: View, layer: int, effects: list["Ablation"]) -> None:
    policy = unedited(view)
    table = pd.DataFrame(
        {
            "Unit": [unit_words.short(view.model, layer, e.unit, policy) for e in effects],
            "Flips": [len(e.flipped) for e in effects],
            "Accuracy, points": [100 * e.accuracy_change for e in effects],
            "AUC": [e.auc_change for e in effects],
            "Mean change of a logit": [e.strength for e in effects],
            "Routed otherwise": [e.rerouted for e in effects],
        }
    )
    key = f"ranked-{view.model}-{layer}"
    st.dataframe(
        table,
        hide_index=True,
        key=key,
        on_select=lambda: _choose(view.model, layer, st.session_state[key], effects),
        selection_mode="single-row",
        alt="Units of the layer by what changes without them",
        column_config={
            "Accuracy, points": st.column_config.NumberColumn(format="%+.1f"),
            "AUC": st.column_config.NumberColumn(format="%+.4f"),
            "Mean change of a logit": st.column_config.ProgressColumn(
                min_value=0, max_value=float(max(e.strength for e in effects)) or 1.0, format="%.3f"
            ),
        },
    )
    st.caption(
        f"Ranked by decisions that flip, then by the mean absolute change of the findings' logits, "
        f"on {effects[0].cases:,} {PART} cases. One at a time: units that can stand in for each "
        "other all look harmless. Select a row to look at that unit."
    )


def _choose(model: str, layer: int, event: Mapping[str, Any], effects: list["Ablation"]) -> None:
    rows = event["selection"]["rows"]
    if rows:
        choose_unit(model, layer, effects[rows[0]].unit)
