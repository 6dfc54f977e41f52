"""The guided card: what the table is to teach, in a few steps that are filled in already."""

from dataclasses import replace

import streamlit as st

from dashboard import drafts, text
from dashboard.drafts import Draft
from dashboard.widgets.card_file import show_ending
from dashboard.widgets.fields import begin_anew, edited, field_key, show_words
from dashboard.widgets.profile import show_profile
from dashboard.widgets.upload import DRAFT
from minspnet.adapters.card import Card
from minspnet.intake.draft import known_cases

_ALONE = "(each row stands alone)"
_RULES = {
    "spread": "low to high",
    "levels": "is one of",
    "deviation": "unusual, either way",
    "scale": "on a scale",
}


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
            classes, said, swapped = show_words(told, "In the table", told.target)
            told = drafts.write_words(replace(told, classes=classes), said)
            if swapped:
                begin_anew(told)
    st.session_state[DRAFT] = told
    show_ending(told, done, tabs[4], drafts.card_of, _say, drafts.collection_of, drafts.follow)


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
        said = f"{text.plain(seen.column)}: it {text.plain(seen.reason)}."
        if seen.sure:
            right.warning(
                f"Rows of one patient or thing may be in training and in the test, which flatters "
                f"the score. Perhaps {said}"
            )
        else:
            right.caption(f"Perhaps {said}")
    wanted = target or "", "" if group == _ALONE else group
    if wanted == (told.target, told.group):
        return told
    st.session_state[DRAFT] = drafts.aim(told, *wanted)
    st.rerun()


def _say(told: Draft, card: Card) -> None:
    """The task in a sentence or two."""
    together = f", kept together by {card.group}" if card.group else ""
    left_out = len(told.features) - len(card.features)
    concepts = text.in_a_row([concept.title for concept in card.concepts])
    columns = text.counted(len(card.features), "column")
    known = known_cases(told.profile.rows, told.profile.column(card.target).missing)
    findings = text.counted(len(card.concepts), "finding")
    st.markdown(
        f"**{text.plain(card.question)}** One of {len(card.classes)} classes: "
        f"{text.plain(text.few(card.classes))}. A network learns it from **{columns}** "
        f"({left_out:,} left out) of {known}{text.plain(together)}, and says "
        f"why in **{findings}**: {text.plain(concepts)}."
    )


def _features(told: Draft) -> Draft:
    st.caption(
        "Tick what may be known before the answer is. A title and a unit are what every page "
        "will show; columns that were left out say why. **Counts as missing** lists the cells of a "
        "column that hold no value, such as n.b. or -9: add others, or delete one that means "
        "something; empty cells and NA always do. **Limits** says what cells such as "
        "<0.6 are read as."
    )
    config = st.column_config
    marks = [cell for one in told.marks.values() for cell in one.missing]
    strays = [cell for column in told.profile.columns for _, cell in column.strays]
    rows = edited(
        field_key("features", told.name, told.target, told.group),
        told.features,
        disabled=["column", "note"],
        column_config={
            "use": config.CheckboxColumn("Learn", width="small"),
            "column": config.TextColumn("Column", pinned=True),
            "title": config.TextColumn("Title", max_chars=80),
            "unit": config.TextColumn("Unit", max_chars=30, width="small"),
            "missing": config.MultiselectColumn(
                "Counts as missing",
                options=list(dict.fromkeys([*marks, *strays])),
                accept_new_options=True,
            ),
            "beyond": config.SelectboxColumn(
                "Limits",
                options=list(drafts.BEYOND),
                width="small",
                help="For columns with cells such as <0.6, below or above what can be measured: "
                "the limit itself, or missing.",
            ),
            "note": config.TextColumn("Remark", width="large"),
        },
        alt="Columns with whether they are learned from, their title, unit, marks and remark",
    )
    after = drafts.tick(told, rows)
    if after.marks != told.marks:
        begin_anew(after)
    return after


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
    rows = edited(
        field_key("concepts", told.proposed),
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
