"""A table and a chosen target become a card that trains as it stands."""

from collections.abc import Sequence

from minspnet.adapters.card import Card
from minspnet.domain import Feature
from minspnet.errors import requirement
from minspnet.intake.concepts import MOST_CONCEPTS, Proposal, propose
from minspnet.intake.naming import in_order, key_of, listed, spoken, title_and_unit
from minspnet.intake.profile import MOST_LEVELS, Column, Profile
from minspnet.intake.suggest import check_classes, classes_of
from minspnet.intake.suspects import Suspect, suspects
from minspnet.sheets import Table

_INPUTS = ("number", "category", "text", "id", "constant")
"""Kinds of columns that can be features at all, wise or not."""
_NO = (
    "0", "no", "n", "false", "f", "negative", "neg", "absent", "normal", "benign", "healthy",
    "nein", "falsch", "negativ", "gesund", "gutartig", "unauffällig",
)  # fmt: skip
"""Of two classes, titles of the one that is not looked for."""
_SAYS_NOTHING = ("target", "class", "label", "y", "output", "outcome class", "num", "category")
"""What a target may be called without saying what it is."""


def usual_features(profile: Profile, found: Sequence[Suspect], *others: str) -> tuple[str, ...]:
    """Columns that are features unless someone decides otherwise.

    Args:
        profile: What the table holds.
        found: What may mislead in it.
        others: Columns with another part, such as the target.
    """
    out = {suspect.column for suspect in found if suspect.leave_out} | {*others}
    return tuple(column.name for column in profile.columns if column.name not in out)


def usual_id(profile: Profile, *others: str) -> str:
    """The column that names the cases, if one does; empty if they are numbered."""
    for column in profile.columns:
        whole = column.kind == "id" and not column.missing and column.unique == profile.rows
        if whole and column.name not in others:
            return column.name
    return ""


def draft(
    table: Table,
    profile: Profile,
    target: str,
    group: str = "",
    features: Sequence[str] | None = None,
    name: str = "",
) -> Card:
    """Write the card of a table: every part filled, to be corrected by someone who knows.

    Args:
        table: As it was read.
        profile: What it holds.
        target: Column of the answer.
        group: Column of what belongs together; empty if cases stand alone.
        features: Columns to learn from; None takes the usual ones.
        name: What the task is called, such as the file's name; empty takes the target's.

    Raises:
        UserError: If the target is none, a class is too rare, or there is nothing to learn from.
    """
    cells = classes_of(profile, target)
    cells = _ordered(profile.column(target), cells)
    if group == target or group not in ("", *table.names):
        raise requirement("group", "be another column of the table", group, "pick one, or none")
    check_classes(table, target, group, cells)
    found = suspects(table, profile, target, group)
    chosen = usual_features(profile, found, target, group) if features is None else features
    if not chosen:
        raise requirement(
            "features", "be at least one column", "none left", "take in a column that was left out"
        )
    read = tuple(_feature(profile, column, target) for column in chosen)
    proposal = propose(table, profile, read)
    if not proposal.concepts:
        raise requirement(
            "features", "vary enough to grade a concept", listed([*chosen]), "take in another"
        )
    title, _ = title_and_unit(target)
    nameless = title.lower() in _SAYS_NOTHING
    task, _ = title_and_unit(name or target)
    title = spoken(target)
    classes = _class_titles("class" if nameless else title, cells)
    asked = "Which class does this case belong to?"
    return Card(
        key=key_of(name or target),
        title=task,
        question=asked if nameless else f"What is the {title} of this case?",
        target=target,
        classes=classes,
        features=read,
        concepts=proposal.concepts,
        target_values=() if classes == cells else cells,
        target_missing=profile.column(target).marked.marks.missing,
        id=usual_id(profile, target, group),
        group=group,
        group_noun=_noun(group),
        summary=summary_of(profile, target, len(read)),
        concept_reading="Of the cases trained on, 0 is the low end and 100 the high end.",
        concept_note=_concept_note(proposal, read),
        limits=_limits(found),
    )


def known_cases(rows: int, without: int) -> str:
    """Say how many cases a network can learn the answer from; some have none."""
    if not without:
        return f"{rows:,} cases"
    return f"{rows - without:,} cases with a known answer ({without:,} more without one)"


def summary_of(profile: Profile, target: str, columns: int) -> str:
    """How many cases a network learns from, and from how many columns."""
    without = profile.column(target).missing
    also = "and" if without else "with"
    return (
        f"{known_cases(profile.rows, without)} {also} {columns:,} column{'s' * (columns != 1)} to "
        "learn from."
    )


def _feature(profile: Profile, name: str, target: str) -> Feature:
    if name == target or name not in [column.name for column in profile.columns]:
        raise requirement("features", "be columns other than the target", name, "pick others")
    column = profile.column(name)
    if column.kind not in _INPUTS:
        must = "be numbers or words, to be a feature"
        raise requirement(
            f"column {name}", must, f"a column that is {_called(column)}", "untick it"
        )
    title, unit = title_and_unit(name)
    if column.quantiles or not column.levels or column.unique < 2:
        if not column.quantiles:
            must = f"hold 2 to {MOST_LEVELS} different words, or numbers, to be a feature"
            raise requirement(f"column {name}", must, f"{column.unique:,}", "untick it")
        marks = column.marked.marks
        return Feature(name, title, unit, missing=marks.missing, beyond=marks.beyond)
    levels = tuple(sorted((level for level, _ in column.levels), key=in_order))
    return Feature(name, title, unit, levels, missing=column.marked.marks.missing)


def _called(column: Column) -> str:
    return {"date": "a date", "empty": "empty"}[column.kind]


def _ordered(column: Column, cells: tuple[str, ...]) -> tuple[str, ...]:
    """Of two classes, put the one second that is looked for: yes, or else the rarer."""
    if len(cells) != 2:
        return cells
    plain = [cell.lower() in _NO for cell in cells]
    if any(plain):
        return cells if plain[0] else cells[::-1]
    if column.quantiles:
        return cells
    counted = dict(column.levels)
    return cells if counted[cells[0]] >= counted[cells[1]] else cells[::-1]


def _class_titles(title: str, cells: tuple[str, ...]) -> tuple[str, ...]:
    """Numbers say what they are numbers of."""
    bare = any(cell.lstrip("+-").replace(".", "").replace(",", "").isdigit() for cell in cells)
    return tuple(f"{title} {cell}" for cell in cells) if bare else cells


def _noun(group: str) -> str:
    words = [word for word in spoken(group).split() if word.lower() not in ("id", "nr")]
    return " ".join(words) if group else ""


def _concept_note(proposal: Proposal, features: tuple[Feature, ...]) -> str:
    used = {column for concept in proposal.concepts for column in concept.columns}
    unused = [spoken(feature.name) for feature in features if feature.name not in used]
    said = [
        "Proposed by the program, to be corrected by someone who knows the columns: numbers that "
        "rise and fall together are one concept, and so is a common level of a category."
    ]
    if proposal.groups > MOST_CONCEPTS:
        said.append(
            f"Of {proposal.groups} such groups the {len(proposal.concepts)} that hold most columns "
            "are kept, the first of the file where they hold as many."
        )
    if unused:
        said.append(f"No concept is graded from {listed(unused, 6)}.")
    said.append(
        "A missing cell is left out of a concept's mean; where all are missing, the case is graded "
        "as the middle one of the training cases."
    )
    return " ".join(said)


def _limits(found: Sequence[Suspect]) -> tuple[str, ...]:
    """What was seen in the table that its readers should know."""
    told = [one for one in found if not one.leave_out and one.what not in ("group", "marks")]
    # What counts as missing stands with each column on the card; what a limit is worth is news.
    told = [one for one in told if one.what != "limit"][:5] + [
        one for one in told if one.what == "limit"
    ]
    return (
        *(one.sentence for one in told),
        "The concepts were proposed from the columns by a program; no expert has confirmed them.",
    )
