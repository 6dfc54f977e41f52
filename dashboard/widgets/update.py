"""On Compare: what an update changed, before anybody adopts it."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from dashboard import cache, learning, text, update_words
from dashboard.widgets.adoption import show_adoption

_SHOW = {"worse": st.error, "flagged": st.warning, "fine": st.success}


def show_update(models: Sequence[str]) -> None:
    """Of the models compared, the one that learned from another's reviews; nothing if none did."""
    name = next((one for one in models if learning.parent_of(one) in models), None)
    account = learning.account(name) if name else None
    if name is None or account is None:
        return
    domain = cache.domain_of(name)
    st.header(f"What the update changed: {text.plain(cache.title_of(name))}")
    how, said = update_words.verdict(account, domain)
    _SHOW[how](text.plain(said))
    st.table(
        pd.DataFrame(_on_a_phone_too(update_words.rows(account))),
        hide_index=True,
        alt="What the update learned and what it forgot, each with its 95% interval",
    )
    st.caption(
        "Held out: the update is fitted five times, each time without a fifth of the reviewed "
        "cases, which are then asked about. Intervals redraw whole groups of cases. Measured when "
        "the update was made, under the thresholds then in force."
    )
    with st.expander("How far each finding's part in the reasons moved"):
        titles = {concept.name: concept.title for concept in domain.concepts}
        rows = [
            {
                "Finding": titles.get(one.concept, one.concept),
                "Its share of the reasons moved by": f"{100 * one.moved:.1f}%",
                "Set right in": text.counted(one.corrected, "reviewed case"),
            }
            for one in account.reasons.concepts
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Shift of reasons by finding")
        limits = ", ".join(f"{100 * one:.1f}%" for one in sorted(account.reasons.undisputed))
        st.caption(
            "A finding's share of the reasons is what it adds to the log-odds, against a typical "
            "case, over the sum of what all add. By how much the shares of a case moved, all "
            "together and halved, is 0 if it is explained as before and 100% if by other findings. "
            "The measure to hold that against: as many validation and test cases, with as many "
            "findings and answers set to what is known of them, learned by the same means. Shifts "
            f"of those updates: {limits}."
        )
    parameters = cache.model(name).metrics["parameters"]
    st.caption(text.plain(update_words.made_of(account, parameters, domain)))
    show_adoption(name, "update", in_fragment=True)


def _on_a_phone_too(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """What a measure is of stands under it: a column of its own would be out of sight."""
    return [
        {"Measure": f"**{text.plain(row['Measure'])}**  \n:small[{text.plain(row['On'])}]"}
        | {name: said for name, said in row.items() if name not in ("Measure", "On")}
        for row in rows
    ]
