"""The guided card: what the table is to teach, in a few steps that are filled in already."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import drafts, navigation, text
from dashboard.drafts import Draft
from dashboard.widgets.profile import show_profile
from dashboard.widgets.upload import DRAFT
from minspnet.adapters import read_card, write_card
from minspnet.adapters.card import Card
from minspnet.collection import LONGEST_CARD
from minspnet.errors import UserError, requirement
from minspnet.workspace import Workspace

SAVED = "data-saved"
"""Key of the collection that was saved last, for the page that trains on it."""
_GENERATION = "data-generation"
_ALONE = "(each row stands alone)"
_RULES = {
    "spread": "low to high",
    "levels": "is one of",
    "deviation": "unusual, either way",
    "scale": "on a scale",
}
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


def show_task(told: Draft) -> None:
    """Ask for what the file does not say; every answer is proposed."""
    told = _aim(told)
    done = st.container()
    tabs = st.tabs(["Columns", "What to learn from", "Findings", "Words", "Card as a file"])
    with tabs[0]:
        show_profile(told)
    if told.proposed is not None:
        with tabs[1]:
            told = _features(told)
        with tabs[2]:
            told = _concepts(told)
        with tabs[3]:
            told = _words(told)
    st.session_state[DRAFT] = told
    card = None
    with done:
        try:
            card = drafts.card_of(told)
        except UserError as error:
            st.error(text.plain(str(error)))
        else:
            _say(told, card)
            _save(told)
    with tabs[4]:
        _file(told, card)


def _aim(told: Draft) -> Draft:
    """Which column is the answer, and which rows belong together."""
    names = told.table.names
    left, right = st.columns(2)
    target = left.selectbox(
        "Which column holds the answer?",
        names,
        index=names.index(told.target) if told.target else None,
        key=f"data-target-{told.name}-{told.target}",
        placeholder="Choose a column",
    )
    likely = {one.column: one.reason for one in told.targets}
    if target in likely:
        left.caption(f"{text.plain(target)} {text.plain(likely[target])}.")
    groups = [_ALONE, *(name for name in names if name != target)]
    group = right.selectbox(
        "Which rows belong together?",
        groups,
        index=groups.index(told.group) if told.group in groups else 0,
        key=f"data-group-{told.name}-{told.target}-{told.group}",
        help="Rows of one patient, machine or site must not stand in training and in the test: "
        "the network would be asked what it has seen. Choose the column that names them.",
    )
    reasons = {one.column: one.reason for one in told.groups}
    if group in reasons:
        right.caption(f"{text.plain(group)} {text.plain(reasons[group])}.")
    elif told.groups:
        seen = told.groups[0]
        right.caption(f"Perhaps {text.plain(seen.column)}: it {text.plain(seen.reason)}.")
    wanted = target or "", "" if group == _ALONE else group
    if wanted == (told.target, told.group):
        return told
    st.session_state[DRAFT] = drafts.aim(told, *wanted)
    st.rerun()


def _say(told: Draft, card: Card) -> None:
    """The task in a sentence or two."""
    together = f", kept together by {card.group}" if card.group else ""
    left_out = len(told.features) - len(card.features)
    concepts = ", ".join(concept.title for concept in card.concepts)
    columns = text.counted(len(card.features), "column")
    findings = text.counted(len(card.concepts), "finding")
    st.markdown(
        f"**{text.plain(card.question)}** One of {len(card.classes)} classes: "
        f"{text.plain(text.few(card.classes))}. A network learns it from **{columns}** "
        f"({left_out:,} left out) of {told.profile.rows:,} cases{text.plain(together)}, and says "
        f"why in **{findings}**: {text.plain(concepts)}."
    )


def _save(told: Draft) -> None:
    """Keep the task where training finds it."""
    onward = "train" in navigation.pages()
    label = "Save and go to Train" if onward else "Save"
    place = st.container(horizontal=True, vertical_alignment="center")
    if not place.button(label, type="primary", key="data-save"):
        note = "Everything below is filled in; change what you know better."
        if drafts.words_of(told)["key"] in told.taken:
            note = "There are data under this key already: saving replaces them."
        place.caption(note)
        return
    try:
        collection = drafts.collection_of(told)
        Workspace.from_environment().save(collection)
    except UserError as error:
        st.error(text.plain(str(error)))
        return
    except OSError as error:
        st.error(text.plain(f"The data could not be kept ({error.strerror}); make room there."))
        return
    st.session_state[SAVED] = collection.card.key
    if onward:
        navigation.go_to("train")
    st.success(
        f"Saved as {text.plain(collection.card.key)}: {len(collection.cases):,} cases.",
        icon=":material/check:",
    )


def _features(told: Draft) -> Draft:
    st.caption(
        "Tick what may be known before the answer is. A title and a unit are what every page "
        "will show; columns that were left out say why."
    )
    config = st.column_config
    rows = _edited(
        _key("features", told.name, told.target, told.group),
        told.features,
        disabled=["column", "note"],
        column_config={
            "use": config.CheckboxColumn("Learn from", width="small"),
            "column": config.TextColumn("Column", pinned=True),
            "title": config.TextColumn("Title", max_chars=80),
            "unit": config.TextColumn("Unit", max_chars=30, width="small"),
            "note": config.TextColumn("Remark", width="large"),
        },
        alt="Columns with whether they are learned from, their title, unit and remark",
    )
    return drafts.tick(told, rows)


def _concepts(told: Draft) -> Draft:
    st.caption(
        "Findings are what the network says first, and what its answer is the sum of. Each is "
        "graded from columns: where a case stands from low to high, how unusual it is, where it "
        "lies on a scale that experts have rated, or whether it is one of some levels. Change "
        "titles and words to those of your field, add a row, or delete one."
    )
    numeric = [c.name for c in told.profile.columns if c.quantiles and c.name != told.target]
    words = [c for c in told.profile.columns if c.kind == "category" and c.name != told.target]
    levels = sorted({level for column in words for level, _ in column.levels})
    config = st.column_config
    rows = _edited(
        _key("concepts", told.proposed),
        told.concepts,
        numbers=("low", "high"),
        num_rows="dynamic",
        column_order=[
            "title", "columns", "rule", "levels", "low_word", "high_word", "low", "high", "meaning",
        ],
        column_config={
            "title": config.TextColumn("Finding", required=True, max_chars=80, pinned=True),
            "columns": config.MultiselectColumn(
                "Graded from", options=[*numeric, *(column.name for column in words)]
            ),
            "rule": config.SelectboxColumn(
                "How",
                options=list(_RULES),
                format_func=lambda rule: _RULES[str(rule)],
                required=True,
            ),
            "levels": config.MultiselectColumn(
                "Levels", options=levels, help="For “is one of”: the levels that count as yes."
            ),
            "low_word": config.TextColumn("Low is called", max_chars=30),
            "high_word": config.TextColumn("High is called", max_chars=30),
            "low": config.NumberColumn("Scale from", help="For “on a scale” only."),
            "high": config.NumberColumn("Scale to", help="For “on a scale” only."),
            "meaning": config.TextColumn("Meaning", width="large", max_chars=300),
        },
        alt="Findings with the columns they are graded from, how, and their words",
    )  # fmt: skip
    return replace(told, concepts=tuple(rows))


def _words(told: Draft) -> Draft:
    words = drafts.words_of(told)
    said = dict(words)
    said["question"] = _text(told, "question", "The question that the network answers", "")
    left, right = st.columns(2)
    with left:
        st.caption("What the cells of the answer mean; of two, the second is the one looked for.")
        rows = _edited(
            _key("classes", told.name, told.target),
            told.classes,
            disabled=["cell"],
            column_config={
                "cell": st.column_config.TextColumn("In the table"),
                "title": st.column_config.TextColumn("Class", required=True, max_chars=60),
            },
            alt="Classes: what the table holds, and what they are called",
        )
        swap = len(rows) == 2 and st.button("Swap which one is looked for", key="data-swap")
        said["limits"] = _text(
            told, "limits", "Known limits, one a line", "What readers must know.", area=True
        )
    with right:
        for name, label, note in _WORDS:
            said[name] = _text(told, name, label, note)
    told = drafts.write_words(replace(told, classes=tuple(rows[::-1] if swap else rows)), said)
    if swap:
        _begin_anew(told)
    return told


def _text(told: Draft, name: str, label: str, note: str, area: bool = False) -> str:
    """Ask for a text; a new proposal gets a new field, which keeps what someone wrote."""
    proposed = drafts.words_of(replace(told, words={}))[name]
    field = st.text_area if area else st.text_input
    written = field(
        label,
        value=drafts.words_of(told)[name],
        key=_key(f"word-{name}", told.name, proposed),
        help=note or None,
        max_chars=1900,
    )
    return str(written or "")


def _file(told: Draft, card: Card | None) -> None:
    st.caption(
        "The same as a TOML file: keep it beside your data, edit it by hand, bring it back. "
        "`python -m minspnet domain check FILE --card CARD` says whether a table fits it."
    )
    given = st.file_uploader("Bring a card back", type=["toml"], key=f"data-card-{told.name}")
    if given is not None and st.session_state.get("data-card-seen") != given.file_id:
        st.session_state["data-card-seen"] = given.file_id
        _follow(told, given.getvalue())
    if card is None:
        return
    written = write_card(card)
    edited = st.text_area(
        "The card", value=written, height=420, key=_key("toml", told.name, written)
    )
    with st.container(horizontal=True):
        st.download_button(
            "Download the card",
            written,
            file_name=f"{card.key}.toml",
            mime="application/toml",
            on_click="ignore",
            icon=":material/download:",
        )
        if st.button("Use what I changed", disabled=edited == written, key="data-follow"):
            _follow(told, edited.encode())


def _follow(told: Draft, content: bytes) -> None:
    try:
        if len(content) > LONGEST_CARD:
            raise requirement("card", "be at most 1 MB", f"{len(content):,} bytes", "shorten it")
        _begin_anew(drafts.follow(told, read_card(content.decode())))
    except UnicodeDecodeError:
        st.error("The card must be text in UTF-8; save it as such.")
    except UserError as error:
        st.error(text.plain(str(error)))


def _edited(
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
    edited = st.data_editor(
        st.session_state[base], hide_index=True, key=key, placeholder="", **options
    )
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in edited.to_dict("records")
    ]


def _plain(value: Any) -> Any:
    """A cell as the draft keeps it: an empty one is None, a list a tuple."""
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(map(str, value))
    if value is None or value != value:
        return None
    return value.item() if isinstance(value, np.generic) else value


def _begin_anew(told: Draft) -> None:
    """Show every field as the draft has it, whatever was typed into it."""
    st.session_state[DRAFT] = told
    st.session_state[_GENERATION] = st.session_state.get(_GENERATION, 0) + 1
    st.rerun()


def _key(part: str, *of: object) -> str:
    """A key of a field: a new one, and with it a new field, for other things proposed."""
    return f"data-{part}-{hash((st.session_state.get(_GENERATION, 0), *of))}"
