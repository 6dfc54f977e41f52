"""The access log: who came, saw, decided and changed what, and who was refused."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time

import pandas as pd
import streamlit as st

from dashboard import cache, who
from dashboard.widgets.download import offer_table
from minspnet.access import Action
from minspnet.record.audit import AuditEntry

_ANYONE, _ANYTHING = "everybody", "everything"
_SHOWN = 500
_ID = re.compile(r"[0-9a-f-]{32,}")


def show_access_log() -> None:
    """Filters, the entries under them, newest first, and files of them."""
    doors = who.doors()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = [_ANYONE, *doors.known_actors()]
        name = st.selectbox("Who", names, key="access-who", width=280)
        action = st.selectbox("What", [_ANYTHING, *Action], key="access-what", width=240)
        since = st.date_input("Since (UTC)", None, key="access-since", width=160)
    wanted = (
        None if name == _ANYONE else name,
        None if action == _ANYTHING else Action(action),
        datetime.combine(since, time(), UTC).isoformat() if since else None,
    )
    found = doors.access_log(*wanted, most=_SHOWN + 1)
    if not found:
        st.info("Nothing is noted for this choice.")
        return
    shown = found[:_SHOWN]
    st.dataframe(
        pd.DataFrame(columns_of(shown, models_here())),
        hide_index=True,
        height=min(560, 36 * (len(shown) + 1) + 3),
        alt="Who did what: when, who, in which role, what, to what, and details",
        column_config={
            name: st.column_config.TextColumn(width=width)
            for name, width in (("What", 150), ("Of", 170), ("Detail", 480))
        },
    )
    if len(found) > _SHOWN:
        st.caption(f"The newest {_SHOWN:,}; the files hold all.")
    with st.container(horizontal=True):
        offer_table(
            "access-log",
            lambda: columns_of(doors.access_log(*wanted, most=None), {}),
            "access log",
            "access",
            Action.READ_ACCESS_LOG,
        )
    st.caption(
        "A case is noted each time it comes on the screen, not each time it is drawn. Entries are "
        "only ever added; `python -m minspnet verify-log` finds any that was changed."
    )


def models_here() -> dict[str, str]:
    """Titles of the models that are here, by digest."""
    names = [name for group in cache.models().values() for name in group]
    return {
        cache.model(name).digest: f"{cache.domain_of(name).title}, {cache.title_of(name)}"
        for name in names
    }


def columns_of(entries: Sequence[AuditEntry], titles: dict[str, str]) -> dict[str, list[str]]:
    """Entries as a table.

    Args:
        entries: Of the audit log.
        titles: Of models, by digest; those that are not among them are called by their digest.
    """
    return {
        "When (UTC)": [one.at[:19].replace("T", " ") for one in entries],
        "Who": [one.who for one in entries],
        "Role": [one.role for one in entries],
        "What": [str(one.action) for one in entries],
        "Of": [one.object for one in entries],
        "Detail": [_detail(one, titles) for one in entries],
    }


def _detail(entry: AuditEntry, titles: dict[str, str]) -> str:
    """All of it; what is told by a hash or an id comes last, where a narrow column cuts it."""
    said = {
        name: titles.get(str(value), str(value)) if name == "model" else str(value)
        for name, value in entry.detail.items()
    }
    ordered = sorted(said.items(), key=lambda one: _ID.fullmatch(one[1]) is not None)
    return ", ".join(f"{name}: {value}" for name, value in ordered)
