"""The experts of a network as a table to edit, a row each."""

import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboard.commas import read_list
from dashboard.docstrings import said_of_fields
from minspnet.errors import requirement
from minspnet.spec import ExpertSpec

_FIRST = ("name", "block", "width", "parent", "gate", "reading", "concepts")
_NEEDED = ("name", "block", "width")
_STORED = {int: "Int64", float: "Float64", bool: "boolean"}
"""Columns that may hold empty cells."""


def edit_experts(
    experts: Sequence[ExpertSpec], concepts: Sequence[str], key: str
) -> Callable[[], list[dict[str, Any]]]:
    """Show the table.

    Args:
        experts: What it starts with.
        concepts: Names of the findings.
        key: Another one starts the table anew.

    Returns:
        What reads the experts from it as plain data; raises a sentence about the row that lacks
        something.
    """
    names = [field.name for field in fields(ExpertSpec)]
    order = [*_FIRST, *(name for name in names if name not in _FIRST)]
    rows = [_shown(expert, concepts) for expert in experts]
    kinds = typing.get_type_hints(ExpertSpec)
    table = pd.DataFrame(rows, columns=order).astype(
        {name: _STORED.get(kinds[name], "object") for name in order}
    )
    edited = st.data_editor(
        table,
        key=key,
        hide_index=True,
        num_rows="dynamic",
        column_config=_columns(),
        alt="The experts of the network, to edit",
    )
    st.caption(
        "Parents before children. An empty cell means the usual value. Findings are named "
        f"{', '.join(f'`{name}`' for name in concepts)}."
    )
    return lambda: [
        described(number, row, concepts)
        for number, row in enumerate(edited.to_dict("records"), start=1)
    ]


def _columns() -> dict[str, Any]:
    kinds, said = typing.get_type_hints(ExpertSpec), said_of_fields(ExpertSpec)
    configs: dict[str, Any] = {}
    for name, kind in kinds.items():
        label, help = name.replace("_", " ").capitalize(), said[name]
        if name == "concepts":
            label, help = "Findings", "Which findings the expert may change; none named means all."
        if typing.get_origin(kind) is Literal:
            options = typing.get_args(kind)
            configs[name] = st.column_config.SelectboxColumn(
                label, options=options, help=said[name]
            )
        elif kind is bool:
            configs[name] = st.column_config.CheckboxColumn(label, help=help)
        elif kind is int:
            configs[name] = st.column_config.NumberColumn(label, step=1, help=help)
        elif kind is float:
            configs[name] = st.column_config.NumberColumn(label, format="%g", help=help)
        else:
            configs[name] = st.column_config.TextColumn(label, help=help)
    return configs


def _shown(expert: ExpertSpec, concepts: Sequence[str]) -> dict[str, Any]:
    row = dict(vars(expert))
    row["concepts"] = ", ".join(concepts[place] for place in expert.concepts)
    row["reads"] = ", ".join(map(str, expert.reads))
    return row


def described(number: int, row: Mapping[str, Any], concepts: Sequence[str]) -> dict[str, Any]:
    """One row as plain data; what was left empty is left out."""
    filled = {name: cell for name, cell in row.items() if not pd.isna(cell) and cell != ""}
    for name in _NEEDED:
        if name not in filled:
            must = "have a name, a block and a width"
            raise requirement(
                f"expert {number}", must, f"no {name}", "fill it in, or delete the row"
            )
    for name, kind in typing.get_type_hints(ExpertSpec).items():
        if name in filled and kind is int:
            filled[name] = int(filled[name])
        elif name in filled and typing.get_origin(kind) is tuple:
            known = concepts if name == "concepts" else ()
            filled[name] = read_list(str(filled[name]), int, known)
    return filled
