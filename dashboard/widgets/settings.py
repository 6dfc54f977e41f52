"""Every field of a recipe to edit, made from the recipe itself; its docstring is the help."""

import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from dashboard.commas import read_list
from dashboard.docstrings import said_of_fields
from dashboard.widgets.expert_table import edit_experts
from minspnet.presets import Preset
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec, StemSpec

TRAINING = {
    "Length and pace": (
        ("epochs", "batch_size", "learning_rate"),
        ("schedule", "weight_decay", "patience"),
    ),
    "Findings and decision": (
        ("concept_training", "concept_weight", "task_weight"),
        ("correction_rate", "head_strength", "class_weights"),
        ("label_smoothing", "cluster_weight", "separation_weight"),
    ),
    "Experts and routing": (
        ("practice", "path_weight", "router_cost"),
        ("gate_noise", "gain_target", "gain_weight"),
        ("balance_weight", "activity_weight", "freeze"),
    ),
    "Varied cases": (
        ("augment", "flip", "dropout"),
        ("shift", "jitter", "alignment_weight"),
        ("mixup", "cutmix"),
        ("distillation_weight", "distillation_temperature"),
    ),
}
"""The fields of ``TrainSpec``, by what they are about, a row of the form each."""
NETWORK = (
    ("base_grid", "base_pooling", "base_rank"),
    ("head", "prototypes"),
    ("binary", "residual"),
)
STEM = (("width", "downsample", "inner"), ("missing", "reads"))
GIVEN = {
    ModelSpec: ("input_shape", "concepts", "classes", "stem", "experts", "schema_version"),
    StemSpec: ("kind", "levels"),
}
"""What the data decide, or what has a form of its own."""


def edit_settings(usual: Preset, concepts: Sequence[str], key: str) -> Preset:
    """Show both recipes, filled in, and give them as they are now.

    Args:
        usual: What the form starts from.
        concepts: Names of the findings, by which experts are told which they may change.
        key: Another one starts the form anew.

    Raises:
        UserError: In the recipe's own sentence, once the whole form is drawn.
    """
    *groups, network, experts = st.tabs([*TRAINING, "Network", "Experts"], key=f"{key}-tab")
    training: dict[str, Any] = {}
    for place, rows in zip(groups, TRAINING.values(), strict=True):
        with place:
            training |= _rows(usual.training, rows, f"{key}-training")
    with network:
        built = _rows(usual.model, NETWORK, f"{key}-network")
        st.caption("The stem: the first layers, which every case pays for.")
        stem = _rows(usual.model.stem, STEM, f"{key}-stem")
    with experts:
        described = edit_experts(usual.model.experts, concepts, f"{key}-experts")
    known = {**usual.model.to_dict(), **built, "experts": described()}
    known["stem"] = {**usual.model.stem.to_dict(), **stem}
    return Preset(ModelSpec.from_dict(known), TrainSpec.from_dict(training))


def _rows(recipe: Any, rows: Sequence[Sequence[str]], key: str) -> dict[str, Any]:
    """One widget a field; gives what stands in each."""
    kinds = typing.get_type_hints(type(recipe))
    said = said_of_fields(type(recipe))
    values: dict[str, Any] = {}
    for row in rows:
        columns = st.columns(max(map(len, rows)), vertical_alignment="bottom")
        for column, name in zip(columns, row, strict=False):
            with column:
                shown = getattr(recipe, name)
                values[name] = _field(kinds[name], name, shown, said, f"{key}-{name}")
    return values


def _field(kind: Any, name: str, value: Any, said: Mapping[str, str], key: str) -> Any:
    label, help = name.replace("_", " ").capitalize(), said[name]
    origin = typing.get_origin(kind)
    if kind is bool:
        return st.checkbox(label, value, key=key, help=help)
    if kind is int:
        return st.number_input(label, value=value, step=1, key=key, help=help)
    if kind is float:
        return st.number_input(
            label, value=float(value), step=_step(value), format="%g", key=key, help=help
        )
    if origin is Literal:
        options = typing.get_args(kind)
        return st.selectbox(label, options, options.index(value), key=key, help=help)
    assert origin is tuple, f"{name} has no widget"
    text = st.text_input(
        label, ", ".join(map(str, value)), key=key, help=f"{help} Separated by commas."
    )
    return read_list(text or "", typing.get_args(kind)[0])


def _step(value: float) -> float:
    """A tenth of the size of a number, so that a few clicks change it by something."""
    return float(f"{abs(value) or 0.1:.0e}") / 10
