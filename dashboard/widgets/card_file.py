"""A card as a file that leaves and comes back, and a task that is kept for training."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import navigation, text, who
from dashboard.card_form import Form, words_of
from dashboard.widgets.download import offer
from dashboard.widgets.fields import begin_anew, field_key
from minspnet.adapters import read_card, write_card
from minspnet.adapters.card import Card
from minspnet.collection import LONGEST_CARD, Collection
from minspnet.errors import UserError, requirement

Draftlike = TypeVar("Draftlike", bound=Form)
SAVED = "data-saved"
"""Key of the collection that was saved last, for the page that trains on it."""


def show_ending(
    told: Draftlike,
    top: DeltaGenerator,
    last_tab: DeltaGenerator,
    card_of: Callable[[Draftlike], Card],
    say: Callable[[Draftlike, Card], None],
    collect: Callable[[Draftlike], Collection],
    follow: Callable[[Draftlike, Card], Draftlike],
) -> None:
    """Say the task and offer to keep it, or say what is wrong with it; its card is the last tab.

    Args:
        told: The task as it stands.
        top: Where it is said and kept.
        last_tab: Where the card is.
        card_of: Gives the card, or refuses what was written.
        say: Tells the task in words.
        collect: Gives the task with its cases.
        follow: Makes the task that another card says, or refuses it.
    """
    card = None
    with top:
        try:
            card = card_of(told)
        except UserError as error:
            st.error(text.plain(str(error)))
        else:
            say(told, card)
            show_save(told, lambda: collect(told))
    with last_tab:
        show_card_file(told, card, lambda card: follow(told, card))


def show_save(told: Form, collect: Callable[[], Collection]) -> None:
    """Keep the task where training finds it.

    Args:
        told: The task as it stands.
        collect: Gives it with its cases.
    """
    place = st.container(horizontal=True, vertical_alignment="center")
    if not place.button("Save and go to Train", type="primary", key="data-save"):
        note = "Everything below is filled in; change what you know better."
        if words_of(told)["key"] in told.taken:
            note = "There are data under this key already: saving replaces them."
        place.caption(note)
        return
    try:
        collection = collect()
        who.doors().save_data(collection)
    except UserError as error:
        st.error(text.plain(str(error)))
        return
    except OSError as error:
        st.error(text.plain(f"The data could not be kept ({error.strerror}); make room there."))
        return
    st.session_state[SAVED] = collection.card.key
    navigation.go_to("train")


def show_card_file(told: Form, card: Card | None, follow: Callable[[Card], Form]) -> None:
    """Let the card be taken along, edited by hand and brought back.

    Args:
        told: The task as it stands.
        card: What it says; None while it says something wrong.
        follow: Makes the task that another card says, or refuses it.
    """
    st.caption(
        "The same as a TOML file: keep it beside your data, edit it by hand, bring it back. "
        "`python -m minspnet domain check FILE --card CARD` says whether a file fits it."
    )
    given = st.file_uploader("Bring a card back", type=["toml"], key=f"data-card-{told.name}")
    if given is not None and st.session_state.get("data-card-seen") != given.file_id:
        st.session_state["data-card-seen"] = given.file_id
        _follow(given.getvalue(), follow)
    if card is None:
        return
    written = write_card(card)
    edited = st.text_area(
        "The card", value=written, height=420, key=field_key("toml", told.name, written)
    )
    with st.container(horizontal=True):
        offer(
            "Download the card",
            lambda: written,
            "card of data",
            file_name=f"{card.key}.toml",
            mime="application/toml",
            key="data-card-download",
            icon=":material/download:",
        )
        if st.button("Use what I changed", disabled=edited == written, key="data-follow"):
            _follow(edited.encode(), follow)


def _follow(content: bytes, follow: Callable[[Card], Form]) -> None:
    try:
        if len(content) > LONGEST_CARD:
            raise requirement("card", "be at most 1 MB", f"{len(content):,} bytes", "shorten it")
        begin_anew(follow(read_card(content.decode())))
    except UnicodeDecodeError:
        st.error("The card must be text in UTF-8; save it as such.")
    except UserError as error:
        st.error(text.plain(str(error)))
