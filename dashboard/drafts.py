"""A task on its way from a file to a card: what was typed so far, whatever page was visited.

Nothing here draws; ``widgets.task`` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dashboard.card_form import class_rows, concept_rows, own_words, written
from minspnet.adapters import Card, read_cases
from minspnet.collection import Collection, check_card
from minspnet.errors import UserError, requirement
from minspnet.intake import (
    Profile,
    Suggestion,
    Suspect,
    Table,
    draft,
    look,
    propose_marks,
    sniff,
    suggest_groups,
    suggest_targets,
    suspects,
    usual_features,
)
from minspnet.intake.draft import summary_of
from minspnet.intake.naming import in_order, key_of, title_and_unit
from minspnet.sheets.marks import Beyond, Marks

_OWN_NOTE = (
    "Chosen by whoever brought the data. A missing cell is left out of a finding's mean; where all "
    "are missing, the case is graded as the middle one of the training cases."
)

_SAID: dict[Beyond | None, str] = {None: "", "limit": "the limit", "missing": "missing"}
BEYOND = tuple(filter(None, _SAID.values()))
"""What a cell beyond a limit may count as, as the form says it."""
_BEYOND = {said: beyond for beyond, said in _SAID.items()}


@dataclass(frozen=True)
class Draft:
    """A file, and what has been said of it.

    Attributes:
        name: Of the file.
        raw: What is in it.
        marks: Cells that stand for something else than they hold, by column.
        table: The same with its cells as they are taken.
        profile: What each column holds.
        targets: Columns that are likely the answer.
        groups: Columns that likely name what belongs together.
        taken: Keys that other tasks have.
        target: Column of the answer; empty until one is chosen.
        group: Column of what belongs together; empty if cases stand alone.
        suspects: What may mislead, given both.
        refusal: Why there is no task yet with this target; empty if there is one.
        features: One row a column: ``use``, ``column``, ``title``, ``unit``, ``missing`` and
            ``beyond`` as in ``domain.Feature``, and ``note``.
        classes: One row a class: ``cell`` and ``title``, the one looked for last.
        concepts: One row a concept, as ``adapters.card.CardConcept`` names its parts.
        proposed: The card that these began as.
        words: Texts that someone wrote in place of the card's, by the name of their key;
            ``limits`` a line each.
    """

    name: str
    raw: Table
    marks: Mapping[str, Marks]
    table: Table
    profile: Profile
    targets: tuple[Suggestion, ...]
    groups: tuple[Suggestion, ...]
    taken: tuple[str, ...] = ()
    target: str = ""
    group: str = ""
    suspects: tuple[Suspect, ...] = ()
    refusal: str = ""
    features: tuple[Mapping[str, Any], ...] = ()
    classes: tuple[Mapping[str, Any], ...] = ()
    concepts: tuple[Mapping[str, Any], ...] = ()
    proposed: Card | None = None
    words: Mapping[str, str] = field(default_factory=dict)


def begin(name: str, source: Path | bytes, taken: Sequence[str] = ()) -> Draft:
    """Read a file and say of it what can be said without asking.

    Args:
        name: Of the file.
        source: Where it lies, or what is in it.
        taken: Keys that other tasks have.

    Raises:
        UserError: If it is no sound table.
    """
    raw = sniff(source)
    marks = propose_marks(raw)
    table, found = look(raw, marks)
    targets, groups = suggest_targets(found), suggest_groups(found)
    target = targets[0].column if targets else ""
    group = next((one.column for one in groups if one.sure and one.column != target), "")
    start = Draft(name, raw, marks, table, found, targets, groups, tuple(taken))
    return aim(start, target, group)


def aim(before: Draft, target: str, group: str) -> Draft:
    """Choose target and group; words that were written before are kept."""
    if before.group != group and before.marks.keys() & {before.group, group}:
        table, seen = _look(before.raw, before.marks, group)
        before = replace(before, table=table, profile=seen)
    found = suspects(before.table, before.profile, target, group)
    usual = usual_features(before.profile, found, target, group)
    after = replace(before, target=target, group=group, suspects=found, proposed=None)
    after = replace(after, features=_feature_rows(after, usual))
    if not target:
        return replace(after, refusal="Choose the column that holds the answer.")
    return propose(after)


def _look(raw: Table, marks: Mapping[str, Marks], group: str) -> tuple[Table, Profile]:
    """Take cells for what they stand for, but for those that name groups.

    What tells patients apart is never guessed; its marks wait for another choice.
    """
    return look(raw, {name: one for name, one in marks.items() if name != group})


def propose(before: Draft) -> Draft:
    """Propose classes, concepts and words anew, for the columns that are ticked."""
    stem = Path(before.name).stem
    try:
        card = draft(before.table, before.profile, before.target, before.group, used(before), stem)
    except UserError as error:
        return replace(before, refusal=str(error))
    card = replace(card, key=key_of(stem, before.taken))
    return replace(
        before,
        refusal="",
        classes=class_rows(card),
        concepts=concept_rows(card),
        proposed=card,
    )


def tick(before: Draft, rows: Sequence[Mapping[str, Any]]) -> Draft:
    """Take over which columns are features, what they are called, and what counts as missing.

    Concepts are proposed anew for other columns, unless someone has changed them.
    """
    after = replace(before, features=tuple(rows))
    if (marks := _marks_of(after)) != before.marks:
        return _look_anew(after, marks)
    return after if used(after) == used(before) or _own_concepts(before) else propose(after)


def _marks_of(told: Draft) -> dict[str, Marks]:
    """What the rows of the features say, and what holds for the other columns."""
    marks = dict(told.marks)
    for row in told.features:
        name = str(row["column"])
        missing = tuple(filter(None, map(str.strip, row["missing"] or ())))
        one = Marks(missing, _BEYOND.get(row["beyond"]), marks.get(name, Marks()).spellings)
        marks.pop(name, None)
        if one != Marks():
            marks[name] = one
    return marks


def _look_anew(before: Draft, marks: Mapping[str, Marks]) -> Draft:
    """Read the table with other marks; a column that can be learned from now is ticked."""
    table, found = _look(before.raw, marks, before.group)
    told = suspects(table, found, before.target, before.group)
    after = replace(before, marks=marks, table=table, profile=found, suspects=told)
    usual = usual_features(found, told, before.target, before.group)
    left_out = {one.column for one in before.suspects if one.leave_out}
    notes = _notes(after)
    rows = tuple(
        {
            **row,
            "use": name in usual if (name in left_out) == (name in usual) else row["use"],
            "note": notes.get(name, ""),
        }
        for row in before.features
        for name in (str(row["column"]),)
    )
    after = replace(after, features=rows)
    return after if _own_concepts(before) else propose(after)


def follow(before: Draft, card: Card) -> Draft:
    """Take over a card that was written elsewhere, or edited by hand.

    Raises:
        UserError: If the table is not as it says.
    """
    check_card(card)
    read_cases(card, before.raw)
    marks = dict(before.marks)
    for one in card.features:
        spellings = marks.get(one.name, Marks()).spellings
        marks[one.name] = Marks(one.missing, one.beyond, spellings)
    marks[card.target] = replace(
        marks.get(card.target, Marks()), missing=card.target_missing, beyond=None
    )
    marks = {name: one for name, one in marks.items() if one != Marks()}
    table, seen = _look(before.raw, marks, card.group)
    found = suspects(table, seen, card.target, card.group)
    after = replace(
        before,
        marks=marks,
        table=table,
        profile=seen,
        target=card.target,
        group=card.group,
        suspects=found,
        refusal="",
        proposed=card,
        words={},
        concepts=concept_rows(card),
        classes=class_rows(card),
    )
    said = {feature.name: feature for feature in card.features}
    rows = _feature_rows(after, tuple(said))
    told = (
        {"title": f.title, "unit": f.unit} if (f := said.get(r["column"])) else {} for r in rows
    )
    return replace(
        after, features=tuple({**row, **own} for row, own in zip(rows, told, strict=True))
    )


def write_words(before: Draft, words: Mapping[str, str]) -> Draft:
    """Keep the texts that someone has written, and those alone."""
    return replace(before, words=own_words(before, words))


def card_of(told: Draft) -> Card:
    """The card that all this says.

    Raises:
        UserError: If it says too little or a wrong thing.
    """
    if told.refusal:
        raise UserError(told.refusal)
    assert told.proposed is not None
    features = [_feature(told, row) for row in told.features if row["use"]]
    card = Card.from_dict(
        told.proposed.to_dict()
        | written(told, told.concepts)
        | {"features": features}
        | ({} if used(told) == tuple(f.name for f in told.proposed.features) else _summary(told))
        | ({"concept_note": _OWN_NOTE} if _own_concepts(told) else {})
    )
    check_card(card)
    return card


def collection_of(told: Draft) -> Collection:
    """The task with its cases, as it can be kept.

    Raises:
        UserError: If the card says a wrong thing, or the table is not as it says.
    """
    card = card_of(told)
    return Collection(card, read_cases(card, told.raw), source=told.name)


def used(told: Draft) -> tuple[str, ...]:
    """Columns that are features."""
    return tuple(str(row["column"]) for row in told.features if row["use"])


def _own_concepts(told: Draft) -> bool:
    """Whether someone has changed the concepts that were proposed."""
    return told.proposed is not None and told.concepts != concept_rows(told.proposed)


def _summary(told: Draft) -> dict[str, str]:
    return {"summary": summary_of(told.profile, told.target, len(used(told)))}


def _feature_rows(told: Draft, usual: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
    notes = _notes(told)
    rows = []
    for column in told.profile.columns:
        if column.name in (told.target, told.group):
            continue
        title, unit = title_and_unit(column.name)
        rows.append(
            {
                "use": column.name in usual,
                "column": column.name,
                "title": title,
                "unit": unit,
                "missing": told.marks.get(column.name, Marks()).missing,
                "beyond": _SAID[told.marks.get(column.name, Marks()).beyond],
                "note": notes.get(column.name, ""),
            }
        )
    return tuple(rows)


def _notes(told: Draft) -> dict[str, str]:
    """What was remarked on each column, all in one."""
    notes: dict[str, str] = {}
    for one in told.suspects:
        if one.column:
            notes[one.column] = f"{notes.get(one.column, '')} {one.sentence}".strip()
    return notes


def _feature(told: Draft, row: Mapping[str, Any]) -> dict[str, Any]:
    column = told.profile.column(str(row["column"]))
    listed = told.proposed.features if told.proposed else ()
    levels = next((feature.levels for feature in listed if feature.name == column.name), ())
    if not levels and not column.quantiles:
        levels = tuple(sorted((level for level, _ in column.levels), key=in_order))
    if not column.quantiles and len(levels) < 2:
        must = "hold numbers, or 2 to 50 different words, to be learned from"
        raise requirement(f"column {column.name}", must, f"{column.unique:,}", "untick it")
    title = str(row["title"] or "").strip() or column.name
    marks = told.marks.get(column.name, Marks())
    return {
        "name": column.name,
        "title": title,
        "unit": str(row["unit"] or "").strip(),
        "levels": levels,
        "missing": marks.missing,
        "beyond": None if levels else marks.beyond,
    }
