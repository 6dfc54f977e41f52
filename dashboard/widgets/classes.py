"""Tables of cases: classes in the colours they have in every chart, and the row clicked."""

from collections.abc import Iterable
from typing import Any

import streamlit as st

from dashboard.figures.style import CLASSES, behind_white
from minspnet.domain import Domain


def chips(domain: Domain, classes: Iterable[int]) -> list[list[str]]:
    """Cells of a column that ``class_column`` draws."""
    return [[domain.classes[k]] for k in classes]


def class_column(domain: Domain) -> Any:
    """A column of classes."""
    colours = [behind_white(CLASSES[k % len(CLASSES)]) for k in range(len(domain.classes))]
    return st.column_config.MultiselectColumn(options=list(domain.classes), color=colours)


def rows_of(event: Any) -> list[int]:
    """Rows of a table that were ticked or clicked."""
    chosen = event["selection"]
    return [*chosen["rows"], *(cell[0] for cell in chosen.get("cells", []))]
