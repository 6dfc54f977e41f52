"""Pictures that were brought in: what was found, and the card that they are to be learned by."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import picture_drafts, text
from dashboard.picture_drafts import PictureDraft
from dashboard.widgets.card_file import show_ending
from dashboard.widgets.fields import begin_anew, edited, field_key, show_words
from dashboard.widgets.upload import DRAFT, warn
from minspnet.adapters.card import Card
from minspnet.data import PARTS, UNLABELLED

_SIZES_TOLD, _CLASSES_TOLD = 3, 6
_TALL_SHEET, _SHEET_HEIGHT = 9, 520
"""Classes from which the contact sheet scrolls, and how high it is then."""


def show_pictures_found(told: PictureDraft) -> None:
    """Say what the file holds, and what in it may mislead."""
    found = told.pictures
    count, *notes = found.notes
    st.markdown(f"**{text.plain(told.name)}**: {text.plain(count[:-1])}; {_sizes(told)}.")
    if notes:
        st.caption(text.plain(" ".join(notes)))
    warn(told.profile.suspicions)
    if found.unreadable:
        noun = "picture" if len(found.unreadable) == 1 else "pictures"
        with st.expander(f"{len(found.unreadable):,} {noun} left out, because unreadable"):
            st.dataframe(
                pd.DataFrame(
                    [(one.name, one.reason) for one in found.unreadable],
                    columns=["Picture", "Why"],
                ),
                hide_index=True,
                alt="Pictures that were left out, and why",
                column_config={"Why": st.column_config.TextColumn(width="large")},
            )


def _sizes(told: PictureDraft) -> str:
    """How large the pictures came."""
    sizes = told.profile.sizes
    named = [f"{high:,} x {wide:,}" for high, wide, _ in sizes[:_SIZES_TOLD]]
    if len(sizes) == 1:
        return f"each came with {named[0]}"
    return f"they came in {len(sizes):,} sizes, most often {', '.join(named)}"


def show_picture_task(told: PictureDraft) -> None:
    """Ask for what the pictures do not say; every answer is proposed."""
    done = st.container()
    tabs = st.tabs(["Pictures", "Findings", "Words", "Card as a file"])
    with tabs[0]:
        _show_sheet(told)
    with tabs[1]:
        told = _concepts(told)
    with tabs[2]:
        classes, said, swapped = show_words(told, "In the file")
        told = picture_drafts.write_words(replace(told, classes=classes), said)
        if swapped:
            begin_anew(told)
    st.session_state[DRAFT] = told
    show_ending(
        told,
        done,
        tabs[3],
        picture_drafts.card_of,
        _say,
        picture_drafts.collection_of,
        picture_drafts.follow,
    )


def _say(told: PictureDraft, card: Card) -> None:
    """The task in a sentence or two."""
    rest = len(card.classes) - _CLASSES_TOLD
    classes = ", ".join(card.classes[:_CLASSES_TOLD]) + (f" and {rest} more" if rest > 0 else "")
    concepts = text.in_a_row([concept.title for concept in card.concepts])
    together = ", kept together by group" if card.group else ""
    labels = told.pictures.cases.labels
    known = int((labels != UNLABELLED).sum())
    others = len(labels) - known
    without = f" with a known answer ({others:,} more without one)" if others else ""
    st.markdown(
        f"**{text.plain(card.question)}** One of {len(card.classes)} classes: "
        f"{text.plain(classes)}. A network learns it from **{known:,} pictures**"
        f"{without}{together}, and says why in **{len(card.concepts)} findings**: "
        f"{text.plain(concepts)}."
    )


def _show_sheet(told: PictureDraft) -> None:
    """How many pictures each class has, and what some of them look like."""
    found, profile, split = told.pictures, told.profile, told.pictures.split
    titles = found.card.classes
    table = pd.DataFrame({"Class": titles, "Pictures": profile.counts})
    if split is not None:
        for part in PARTS:
            labels = found.cases.labels[getattr(split, part)]
            counts = np.bincount(labels[labels >= 0], minlength=len(titles))
            table[part.capitalize()] = counts
    tall = len(titles) >= _TALL_SHEET
    left, right = st.columns(2, gap="large")
    with left:
        st.dataframe(
            table,
            hide_index=True,
            alt="How many pictures each class has"
            + ("" if split is None else ", and how many of them in each official part"),
            column_config={"Class": st.column_config.TextColumn(pinned=True)},
        )
        if profile.unlabelled:
            st.caption(f"{profile.unlabelled:,} pictures have no class: none of them is learned.")
        if split is None:
            st.caption(
                "There are no official parts: which pictures train and which test is drawn by the "
                "seed of each training."
            )
    with right:
        with st.container(height=_SHEET_HEIGHT if tall else "content", border=False):
            st.image(profile.sheet)
        st.caption(
            f"As the network is given them. A row a class, from the top: "
            f"{text.plain(', '.join(titles))}."
        )


def _concepts(told: PictureDraft) -> PictureDraft:
    st.caption(
        "Findings are what the network says first, and what its answer is the sum of. "
        + text.plain(told.proposed.concept_note)
        + " Untick what means nothing in your field, and change titles and words to those of it."
    )
    config = st.column_config
    rows = edited(
        field_key("concepts", told.name, told.proposed),
        told.concepts,
        numbers=("low", "high"),
        column_order=["use", "title", "low_word", "high_word", "meaning"],
        column_config={
            "use": config.CheckboxColumn("Learn it", width="small"),
            "title": config.TextColumn("Finding", required=True, max_chars=80, pinned=True),
            "low_word": config.TextColumn("Low is called", max_chars=30),
            "high_word": config.TextColumn("High is called", max_chars=30),
            "meaning": config.TextColumn("Meaning", width="large", max_chars=300),
        },
        alt="Findings with whether they are learned, their title, words and meaning",
    )
    return replace(told, concepts=tuple(rows))
