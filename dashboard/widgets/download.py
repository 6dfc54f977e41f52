"""One way to take something along: whoever may do so gets a button, and taking it is noted."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import who
from minspnet.access import Action
from minspnet.spreadsheet import to_csv

Content = str | bytes
Place = Any
"""A container of Streamlit, or Streamlit itself."""


def offer(
    label: str,
    data: Callable[[], Content],
    what: str,
    file_name: str,
    mime: str,
    key: str,
    place: Place = st,
    needs: Action = Action.EXPORT,
    **options: Any,
) -> None:
    """A button that hands over a file; it is made, and its leaving noted, at the click.

    Args:
        label: On the button.
        data: Makes the file.
        what: It is, for the audit log.
        file_name: It is given.
        mime: Its type.
        key: Of the button.
        place: Where it goes.
        needs: What else the role must let them do at the click, as to read what is in it.
        options: More of what Streamlit takes.
    """
    said, typed = who.claims(), who.reader()

    def noted() -> Content:
        # Streamlit asks for the file outside of the session, perhaps long after it was offered.
        who.doors_of(who.actor_of(said, typed)).export(what, needs, file=file_name)
        return data()

    _button(label, noted, Action.EXPORT, file_name, mime, key, place, options)


def offer_model(
    label: str, name: str, file_name: str, key: str, place: Place = st, **options: Any
) -> None:
    """The same for a model with its cases, which only some may hand on."""
    said, typed = who.claims(), who.reader()
    _button(
        label,
        lambda: who.doors_of(who.actor_of(said, typed)).export_model(name),
        Action.EXPORT_MODEL,
        file_name,
        "application/zip",
        key,
        place,
        options,
    )


def offer_table(
    called: str,
    columns: Callable[[], Mapping[str, Sequence[Any]]],
    what: str,
    key: str,
    needs: Action = Action.EXPORT,
) -> None:
    """Two buttons for a table of records: CSV, in which nothing runs, and Parquet.

    Args:
        called: The files, without their ending.
        columns: Makes the columns.
        what: They are, for the audit log.
        key: Of the buttons, to which the ending is added.
        needs: What else the role must let them do, as in ``offer``.
    """
    for label, ending, mime, write in (
        ("Download as CSV", "csv", "text/csv", as_csv),
        ("Download as Parquet", "parquet", "application/vnd.apache.parquet", as_parquet),
    ):
        offer(
            label,
            lambda write=write: write(columns()),
            what,
            file_name=f"{called}.{ending}",
            mime=mime,
            key=f"{key}-{ending}",
            needs=needs,
        )


def as_csv(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """A table as CSV; a cell without a value is empty."""
    filled = {name: ["" if v is None else v for v in column] for name, column in columns.items()}
    return to_csv(filled).encode()


def as_parquet(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """A table as Parquet."""
    out = io.BytesIO()
    pd.DataFrame(columns).to_parquet(out, index=False)
    return out.getvalue()


def _button(
    label: str,
    data: Callable[[], Content],
    action: Action,
    file_name: str,
    mime: str,
    key: str,
    place: Place,
    options: dict[str, Any],
) -> None:
    refused = who.why_not(action)
    place.download_button(
        label,
        data,
        file_name=file_name,
        mime=mime,
        on_click="ignore",
        key=key,
        disabled=bool(refused),
        **options | ({"help": refused} if refused else {}),
    )
