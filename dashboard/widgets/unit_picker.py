"""Choosing a part of the network, one of its layers, and one unit."""

from typing import NamedTuple

import streamlit as st

from dashboard import cache_activations, state, text, unit_words
from dashboard.state import View, unedited

UNIT = "activations-unit"


class Chosen(NamedTuple):
    """What is looked at: a layer by its place among all, and a unit within it."""

    layer: int
    unit: int


def pick_unit(view: View) -> Chosen:
    """Three menus in a row; the last lists the clearest units first."""
    known, policy = cache_activations.recorded(view.model), unedited(view)
    _follow_link(view.model)
    parts = list(dict.fromkeys(layer.part for layer in known.layers))
    one, two, three = st.columns([3, 5, 6], vertical_alignment="bottom")
    part = one.selectbox(
        "Part",
        parts,
        index=min(2, len(parts) - 1),
        format_func=text.plain,
        key=f"activations-part-{view.model}",
        help="The stem and the base exit run for every case; an expert where its gate opened.",
    )
    layers = [n for n, layer in enumerate(known.layers) if layer.part == part]
    layer = two.selectbox(
        "Layer",
        layers,
        format_func=lambda n: _layer_title(view.model, n),
        key=f"activations-layer-{view.model}-{part}",
        help="Taken behind its activation function: what the next layer reads.",
    )
    order = cache_activations.selectivity(view.model, layer, policy).order.tolist()
    unit = three.selectbox(
        f"Unit ({len(order)}; type to search)",
        order,
        format_func=lambda unit: unit_words.short(view.model, layer, unit, policy),
        key=f"{UNIT}-{view.model}-{layer}",
        help="Those that follow a finding or tell a class apart most clearly come first. Units "
        "without a name of their own are numbered from 0, as in the weights.",
    )
    state.show("unit", f"{layer}.{unit}")
    return Chosen(layer, unit)


def _follow_link(model: str) -> None:
    """Set all three menus to the unit that a link names by its layer's place and its number."""
    wanted = state.asked("unit")
    if wanted is None:
        return
    layers = cache_activations.recorded(model).layers
    place, _, number = wanted.partition(".")
    whole = place.isdecimal() and number.isdecimal() and len(wanted) < 12
    if not whole or int(place) >= len(layers) or int(number) >= layers[int(place)].units:
        state.refuse("unit", wanted, (f"0.0 to {len(layers) - 1}.{layers[-1].units - 1}",))
        return
    layer, part = int(place), layers[int(place)].part
    st.session_state[f"activations-part-{model}"] = part
    st.session_state[f"activations-layer-{model}-{part}"] = layer
    choose_unit(model, layer, int(number))


def choose_unit(model: str, layer: int, unit: int) -> None:
    """Set the last menu from elsewhere; for a callback, before the menu is drawn."""
    st.session_state[f"{UNIT}-{model}-{layer}"] = unit


def _layer_title(model: str, place: int) -> str:
    layer = cache_activations.recorded(model).layers[place]
    title = f"{layer.title[:1].upper()}{layer.title[1:]}"
    return f"{title} ({layer.units} units)"
