"""Fields of a form that keep what was typed, and the words that every task is asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.card_form import Form, Row, proposed_words, words_of
from dashboard.widgets.upload import DRAFT

_GENERATION = "data-generation"
_WORDS = (
    ("title", "Title", "As menus show it."),
    ("case_noun", "One case is called", "Such as patient, loan or part."),
    ("group_noun", "A group is called", "What must not be split; empty where cases stand alone."),
    ("intended_use", "Intended use", "What a model on these data may be used for."),
    ("out_of_scope", "Not to be used for", "What it must not be used for."),
    ("source", "Where the data come from", "A citation, a system, a person."),
    ("licence", "Licence", "Of the data."),
    ("key", "Key", "Name in files and links: letters, digits and underscores."),
)


def show_words(told: Form, found: str, *of: object) -> tuple[tuple[Row, ...], dict[str, str], bool]:
    """Ask for titles of classes and for the texts of a card.

    Args:
        told: The task as it stands.
        found: Heading of what the classes were called in the file.
        of: What else the classes depend on.

    Returns:
        One row a class, all texts, and whether the two classes were just exchanged.
    """
    said = words_of(told)
    said["question"] = _text(told, "question", "The question that the network answers", "")
    left, right = st.columns(2)
    with left:
        st.caption("What the answers are called; of two, the second is the one looked for.")
        rows = edited(
            field_key("classes", told.name, *of),
            told.classes,
            disabled=["cell"],
            column_config={
                "cell": st.column_config.TextColumn(found),
                "title": st.column_config.TextColumn("Class", required=True, max_chars=60),
            },
            alt="Classes: what the file holds, and what they are called",
        )
        swap = len(rows) == 2 and st.button("Swap which one is looked for", key="data-swap")
        said["limits"] = _text(
            told, "limits", "Known limits, one a line", "What readers must know.", area=True
        )
    with right:
        for name, label, note in _WORDS:
            said[name] = _text(told, name, label, note)
    return tuple(rows[::-1] if swap else rows), said, swap


def _text(told: Form, name: str, label: str, note: str, area: bool = False) -> str:
    """Ask for a text; a new proposal gets a new field, which keeps what someone wrote."""
    proposed = proposed_words(told.proposed)[name]
    field = st.text_area if area else st.text_input
    written = field(
        label,
        value=words_of(told)[name],
        key=field_key(f"word-{name}", told.name, proposed),
        help=note or None,
        max_chars=1900,
    )
    return str(written or "")


def edited(
    key: str, rows: Sequence[Mapping[str, Any]], numbers: Sequence[str] = (), **options: Any
) -> list[dict[str, Any]]:
    """Let rows be edited; what was typed outlives a visit to another page.

    An editor adds what was typed to what it was first given, and forgets what was typed with the
    page: so it is given the same rows while it is open, and the edited ones when it opens anew.
    """
    base = f"{key} began"
    if key not in st.session_state or base not in st.session_state:
        frame = pd.DataFrame(list(rows))
        st.session_state[base] = frame.astype({name: float for name in numbers})
    frame = st.data_editor(
        st.session_state[base], hide_index=True, key=key, placeholder="", **options
    )
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _plain(value: Any) -> Any:
    """A cell as the draft keeps it: an empty one is None, a list a tuple."""
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(map(str, value))
    if value is None or value != value:
        return None
    return value.item() if isinstance(value, np.generic) else value


def begin_anew(told: Form) -> None:
    """Show every field as the draft has it, whatever was typed into it."""
    st.session_state[DRAFT] = told
    st.session_state[_GENERATION] = st.session_state.get(_GENERATION, 0) + 1
    st.rerun()


def field_key(part: str, *of: object) -> str:
    """A key of a field: a new one, and with it a new field, for other things proposed."""
    return f"data-{part}-{hash((st.session_state.get(_GENERATION, 0), *of))}"
