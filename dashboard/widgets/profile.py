"""Every column of a table with a small picture of what it holds."""

import math
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.drafts import Draft
from dashboard.format import brief
from dashboard.widgets.pager import pick_page
from minspnet.intake import Column

PAGE = 40
_KINDS = {
    "number": "number",
    "category": "category",
    "date": "date",
    "text": "text",
    "id": "id",
    "constant": "never varies",
    "empty": "empty",
}
_MOST_BARS = 20


def show_profile(told: Draft) -> None:
    """One row a column; of a wide table, a page at a time."""
    columns = told.profile.columns
    pages = math.ceil(len(columns) / PAGE)
    number = pick_page(pages, f"data-profile-{len(columns)}")
    here = columns[PAGE * (number - 1) : PAGE * number]
    config = st.column_config
    st.dataframe(
        pd.DataFrame([_row(told, column) for column in here]),
        hide_index=True,
        height=36 * (min(len(here), 12) + 1) + 3,
        alt="Columns with kind, missing cells, different values, a small picture and typical cells",
        column_config={
            "Column": config.TextColumn(pinned=True),
            "Holds": config.BarChartColumn(
                y_min=0,
                help="Numbers from low to high, the outermost 2 % at the ends; categories from the "
                "commonest on.",
            ),
            "Missing": config.NumberColumn(format="%.1f%%", width=90),
            "Different": config.NumberColumn(help="How many different values."),
        },
    )


def _row(told: Draft, column: Column) -> dict[str, Any]:
    bars = column.counts or tuple(count for _, count in column.levels[:_MOST_BARS])
    return {
        "Column": column.name,
        "Kind": _KINDS[column.kind],
        "Holds": list(bars),
        "Typical": _typical(column),
        "Missing": 100 * column.missing / told.profile.rows,
        "Different": column.unique,
    }


def _typical(column: Column) -> str:
    if column.quantiles:
        low, _, median, _, high = column.quantiles
        return f"{brief(low)} to {brief(high)}, median {brief(median)}"
    return ", ".join(f"{cell[:24]} ({count:,})" for cell, count in column.levels[:3])
