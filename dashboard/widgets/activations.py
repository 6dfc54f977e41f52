"""Units by cases: which work where, and how sparse each layer is."""

import math

import pandas as pd
import streamlit as st

from dashboard import cache, cache_activations, text, unit_words
from dashboard.cache_activations import PART
from dashboard.figures.activations import draw_activations
from dashboard.format import percent
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from dashboard.widgets.unit_picker import Chosen
from minspnet.activity import Layer

_FEW = 0.2
"""Where a layer ran for a smaller share, the others are left out of the map at first."""
_SPANS = {"layer": "this layer", "part": "its part", "all": "all layers"}


def show_heat_map(view: View, chosen: Chosen) -> None:
    """Every unit in every case, in an order that shows structure."""
    policy = unedited(view)
    known = cache_activations.recorded(view.model)
    title, choice = st.columns([5, 4], vertical_alignment="bottom")
    title.header(
        "Which units work in which cases",
        help="Green above 0, purple below, the paper's colour at 0; hatched where the layer did "
        "not run, which is not 0. Each unit is scaled by its own largest value.",
    )
    span = choice.segmented_control(
        "Show",
        list(_SPANS),
        format_func=_SPANS.__getitem__,
        default="layer",
        required=True,
        key="activations-span",
        label_visibility="collapsed",
        width="stretch",
    )
    part = known.layers[chosen.layer].part
    layers = tuple(
        n
        for n, layer in enumerate(known.layers)
        if span == "all" or n == chosen.layer or (span == "part" and layer.part == part)
    )
    active = cache_activations.active(view.model, policy)
    share = max(float(known.ran(layer, active).mean()) for layer in layers)
    all_cases = not 0 < share < 1 or st.toggle(
        "Also the cases that it did not run for",
        value=share > _FEW,
        key=f"activations-all-cases-{view.model}-{layers}",
    )
    drawn = cache_activations.heat_map(view.model, layers, policy, all_cases)
    domain = cache.domain_of(view.model)
    names = [
        unit_words.unit_name(view.model, known.layers[layer], unit) for layer, unit in drawn.units
    ]
    of_rows = [layer for layer, _ in drawn.units]
    borders = [
        (row, _layer_name(known.layers[layer], span))
        for row, layer in enumerate(of_rows)
        if not row or layer != of_rows[row - 1]
    ]
    show_chart(
        draw_activations(
            drawn.values,
            names,
            [len(group) for group in drawn.columns],
            drawn.labels,
            drawn.said,
            domain.classes,
            drawn.units.index((chosen.layer, chosen.unit)),
            borders,
            st.context.theme.type == "dark",
        ),
        key="activations-map",
        alt=f"Heat map of {len(names)} units by {len(known.case_ids)} cases of {part}",
    )
    st.caption(_about_map(view, drawn, span))


def _layer_name(layer: Layer, span: str | None) -> str:
    if layer.outputs:
        return f"{layer.part}: exit"
    title, _, _ = layer.title.partition(",")
    return f"{layer.part}: {title}" if span == "all" else title


def _about_map(view: View, drawn: cache_activations.HeatMap, span: str | None) -> str:
    known = cache_activations.recorded(view.model)
    total, cases = len(cache.part(view.model, PART)), len(known.case_ids)
    shown = sum(map(len, drawn.columns))
    which = f"all {cases:,}" if cases == total else f"{cases:,} of {total:,}, drawn at random,"
    which = which if shown == cases else f"the {shown:,} that it ran for, of {which}"
    places = any(layer.sides for layer in known.layers)
    mean = " A channel is told by its mean over places." if places else ""
    most = max(map(len, drawn.columns))
    merged = f" Each column is the mean of up to {most} neighbouring cases." if most > 1 else ""
    rows = "" if span == "layer" else " Lines part the layers, in the order they run."
    return (
        f"A row a unit, a column a case: {which} {PART} cases under the policy on screen. "
        "**Hatched: the expert did not run**, which is not 0. ◀ is the unit chosen above. Cases "
        "stand by known class, then by what the network says, then by the experts that ran; units "
        f"by the class they are strongest in.{rows}{merged}{mean}"
    )


def show_layers(view: View) -> None:
    """A row a layer: activity against its target, weights, dead and always-on units."""
    known = cache_activations.recorded(view.model)
    found = cache_activations.activities(view.model, unedited(view))
    targets = any(layer.target for layer in known.layers)
    rows = [
        {
            "Part": layer.part,
            "Layer": layer.title,
            "Activation": layer.kind,
            "Units": layer.units,
            "Ran for": seen.cases,
            "Not 0": 100 * seen.active,
            "By place": 100 * seen.places,
            "Target": percent(layer.target) if layer.target else "none",
            "Evenness": 100 * seen.evenness,
            "Dead": str(len(seen.dead)) if layer.rests and seen.cases else "-",
            "Always on": str(len(seen.always)) if layer.rests and seen.cases else "-",
            "Still": str(len(seen.still)) if seen.cases else "-",
            "Zero weights": _zeros(layer.zeros, layer.weights),
        }
        for layer, seen in zip(known.layers, found, strict=True)
    ]
    table = pd.DataFrame(rows)
    st.dataframe(
        table if targets else table.drop(columns="Target"),
        hide_index=True,
        height=35 * (len(rows) + 1) + 3,
        alt="A row a layer: activity, target, dead units and zero weights",
        column_config={
            "Ran for": st.column_config.NumberColumn(
                width=54, help="Cases that the layer ran for."
            ),
            "Part": st.column_config.TextColumn(width=108),
            "Layer": st.column_config.TextColumn(width=184),
            "Activation": st.column_config.TextColumn(width=86),
            "Units": st.column_config.NumberColumn(width=44),
            "Not 0": st.column_config.NumberColumn(
                width=50,
                format="%.0f%%",
                help="Share of unit × case pairs that are not 0 at some place, among the cases "
                "that it ran for.",
            ),
            "By place": st.column_config.ProgressColumn(
                width=98,
                min_value=0,
                max_value=100,
                format="%.0f%%",
                help="Share of unit × case × place that is not 0. A target limits this one.",
            ),
            "Target": st.column_config.TextColumn(width=50),
            "Evenness": st.column_config.ProgressColumn(
                width=94,
                min_value=0,
                max_value=100,
                format="%.0f%%",
                help="100%: all units equally strong in a case; low: a few do the work. It tells "
                "of smooth layers too, whose units are never exactly 0 (Treves-Rolls sparseness).",
            ),
            "Dead": st.column_config.TextColumn(
                alignment="right",
                width=44,
                help="0 in every case that the layer ran for. No number where a unit cannot be 0.",
            ),
            "Always on": st.column_config.TextColumn(
                alignment="right",
                width=66,
                help="0 in no case that the layer ran for. No number where a unit cannot be 0.",
            ),
            "Still": st.column_config.TextColumn(
                alignment="right",
                width=44,
                help="Hardly moves: standard deviation below 1% of the layer's root mean square.",
            ),
            "Zero weights": st.column_config.TextColumn(
                width=88,
                help="Zeros / weights that make the layer; biases and norms are not counted.",
            ),
        },
    )
    zeros = sum(layer.zeros for layer in known.layers)
    weights = sum(layer.weights for layer in known.layers)
    kinds = sorted({layer.kind for layer in known.layers if not layer.rests})
    target = (
        "A target is the share of units that may be active at a place (k-winners)."
        if targets
        else "This network has no target for its activity: no layer keeps winners only."
    )
    st.caption(
        f"{target} Weight sparsity of all these layers: {zeros:,} of {weights:,} weights are 0. "
        f"A unit behind {text.listed(kinds)} is never exactly 0, so that there 100% says nothing; "
        "look at evenness. Dead on these cases is not dead for ever: look at how many it ran for."
    )


def _zeros(zeros: int, weights: int) -> str:
    if not weights:
        return "no weights"
    share = zeros / weights
    return f"{percent(share, 0 if math.isclose(share, round(share)) else 1)} of {weights:,}"
