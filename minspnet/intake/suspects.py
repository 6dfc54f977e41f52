"""What in a table may mislead a network trained on it: one sentence each, with a remedy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int

from minspnet.intake.alone import tells
from minspnet.intake.profile import Column, Profile
from minspnet.sheets import Table
from minspnet.sheets.marks import folded

What = Literal[
    "copy", "leak", "id", "group", "slips", "marks", "limit", "spelling", "date", "text", "empty",
    "constant", "missing", "twin", "repeated", "imbalance", "few", "unlabelled",
]  # fmt: skip
_SURE = 0.85
"""Skill of one column alone above which it is suspected to know the answer."""
_LEAST_SURE = 20
"""Cases that a rule without a mistake must have been tried on to be suspected."""
_MOSTLY_MISSING = 0.6
_ALMOST_EMPTY = 0.95
_RARE = 0.05
_FEW_OF_A_CLASS = 50


@dataclass(frozen=True)
class Suspect:
    """Something to look at before training.

    Attributes:
        what: Its kind.
        column: Which column it is about; empty for the table.
        sentence: What was seen, and what to do.
        leave_out: Whether the column had better be no feature.
    """

    what: What
    column: str
    sentence: str
    leave_out: bool


def suspects(
    table: Table, profile: Profile, target: str = "", group: str = ""
) -> tuple[Suspect, ...]:
    """List what may mislead, the gravest first.

    Args:
        table: As it was read.
        profile: What it holds.
        target: Column of the answer; empty if nobody has said.
        group: Column of what belongs together; empty if cases stand alone.
    """
    others = [column for column in profile.columns if column.name not in (target, group)]
    taken = [one for column in profile.columns for one in _taken(column) if column.name != group]
    found = [one for column in others if (one := _of_column(profile, column)) is not None]
    told = {one.column for one in found if one.leave_out}
    if target:
        labels = _labels(table, profile.column(target))
        found = _of_target(table, profile, target, group, labels, told) + found
        found += _of_classes(profile, profile.column(target))
    found += taken
    found += _twins(table, [c for c in others if c.name not in told])
    if profile.repeated:
        verb = "repeats" if profile.repeated == 1 else "repeat"
        found.append(
            Suspect(
                "repeated",
                "",
                f"{_count(profile.repeated, 'row')} of {profile.rows:,} {verb} a row above: one "
                "may end up in training and its twin in the test, which flatters the score; "
                "remove repeats unless they are different cases.",
                False,
            )
        )
    return tuple(found)


def _of_column(profile: Profile, column: Column) -> Suspect | None:
    """What a column's own cells say against it."""
    name, share = column.name, column.missing / profile.rows
    if column.kind == "empty":
        return Suspect("empty", name, f"{name} holds no values; it is left out.", True)
    if column.kind == "constant":
        says = f"{name} holds one value only, {column.levels[0][0][:40]}; it is left out."
        return Suspect("constant", name, says, True)
    if column.kind == "id":
        says = (
            f"{name} is different in every row, as an id is: a network could learn cases by heart "
            "with it; it is left out, and can name the cases."
        )
        return Suspect("id", name, says, True)
    if column.kind == "date":
        says = (
            f"{name} holds dates, which a network cannot read as such; it is left out. If time "
            "matters, add a column such as days since admission."
        )
        return Suspect("date", name, says, True)
    if column.kind == "text":
        says = (
            f"{name} holds {column.unique:,} different words or sentences, too many to be levels; "
            "it is left out. Sort them into a few groups to use them."
        )
        return Suspect("text", name, says, True)
    if column.stray:
        row, cell = column.strays[0]
        are, they = (
            ("is no number", "it is") if column.stray == 1 else ("are no numbers", "they are")
        )
        others = list(dict.fromkeys(repr(c[:30]) for _, c in column.strays if c != cell))[:2]
        says = (
            f"{name} holds numbers, but {_count(column.stray, 'cell')} that {are}, first "
            f"{cell[:30]!r} in row {row}{''.join(f', also {other}' for other in others)}; it is "
            f"left out until {they} corrected, emptied or counted as missing."
        )
        return Suspect("slips", name, says, True)
    if share >= _MOSTLY_MISSING:
        leave = share >= _ALMOST_EMPTY
        says = f"{name} is missing in {share:.0%} of rows; " + (
            "it is left out." if leave else "leave it out if new cases will not have it either."
        )
        return Suspect("missing", name, says, leave)
    return None


def _taken(column: Column) -> list[Suspect]:
    """Cells that were taken for something else than they hold, and spellings that were not."""
    name, marked = column.name, column.marked
    found = []
    held = [(cell, many) for cell, many in marked.missing if many]
    if held:
        many = sum(many for _, many in held)
        says = f"{name}: {_count(many, 'cell')} counted as missing, {_quoted(held)}."
        found.append(Suspect("marks", name, says, False))
    if marked.limits:
        many = sum(many for _, many in marked.limits)
        as_what = "as missing" if marked.beyond == "missing" else "as the limit itself"
        says = (
            f"{name}: {_count(many, 'cell')} beyond a limit of measurement, "
            f"{_quoted(marked.limits)}, counted {as_what}: the true value is not known."
        )
        found.append(Suspect("limit", name, says, False))
    if marked.joined:
        pairs = ", ".join(
            f"{cell[:30]!r} ({many:,}) as {word[:30]!r}" for cell, word, many in marked.joined[:4]
        )
        says = (
            f"{name} spells words in several ways: read {pairs}"
            f"{' and so on' * (len(marked.joined) > 4)}. To keep them apart, write them "
            "differently in the file."
        )
        found.append(Suspect("spelling", name, says, False))
    if column.kind == "category":
        alike: dict[str, list[str]] = {}
        for cell, _ in column.levels:
            alike.setdefault(folded(cell), []).append(cell)
        if apart := [group for group in alike.values() if len(group) > 1]:
            shown = "; ".join(" and ".join(map(repr, sorted(group))) for group in apart[:3])
            says = (
                f"{name} holds {shown}, which differ by capitals or blanks alone: they are kept "
                "apart, as short codes may mean different things; write them alike in the file if "
                "they are the same."
            )
            found.append(Suspect("spelling", name, says, False))
    return found


def _quoted(cells: Sequence[tuple[str, int]]) -> str:
    """Name a few cells with their numbers."""
    named = [f"{cell[:30]!r} ({many:,})" for cell, many in cells[:4]]
    more = len(cells) - len(named)
    return ", ".join(named) + f" and {more:,} other spellings" * bool(more)


def _labels(table: Table, target: Column) -> Int[np.ndarray, " row"]:
    places = {cell: place for place, (cell, _) in enumerate(target.levels)}
    return np.array([places.get(cell, -1) for cell in table.cells(target.name)], np.intp)


def _of_target(
    table: Table,
    profile: Profile,
    target: str,
    group: str,
    labels: Int[np.ndarray, " row"],
    told: set[str],
) -> list[Suspect]:
    """Columns that know the answer: copies of it, and such as tell it nearly alone."""
    if len(profile.column(target).levels) < 2:
        return []
    groups = _numbered(table.cells(group)) if group else np.arange(len(table))
    copies, leaks = [], []
    for column in profile.columns:
        if column.name in (target, group) or column.kind in ("empty", "constant", "id", "date"):
            continue
        if _is_copy(table, column, labels):
            says = (
                f"{column.name} is {target} in other words: each of its values goes with one class "
                "alone; it is left out."
            )
            copies.append(Suspect("copy", column.name, says, True))
        elif column.name not in told or column.levels:
            alone = tells(table, column, labels, groups)
            if alone.skill >= _SURE or (not alone.wrong and alone.cases >= _LEAST_SURE):
                says = (
                    f"{column.name} alone gives the right class of {_percent(alone.recall)} of "
                    "cases that no rule was made from, each class counted alike (at least "
                    f"{_percent(alone.surely)} with 95% confidence): it may "
                    "have been written down after the answer was known. It is left out; take it in "
                    "only if it is known before the answer."
                )
                leaks.append(Suspect("leak", column.name, says, True))
    return copies + leaks


def _is_copy(table: Table, column: Column, labels: Int[np.ndarray, " row"]) -> bool:
    """Whether values and classes go together one to one."""
    if column.unique < 2 or not column.levels:
        return False
    classes: dict[str, int] = {}
    values = {cell for cell, _ in column.levels}
    for cell, label in zip(table.cells(column.name), labels.tolist(), strict=True):
        if label >= 0 and cell in values and classes.setdefault(cell, label) != label:
            return False
    return len(classes) >= 2 and len(set(classes.values())) == len(classes) == _held(labels)


def _held(labels: Int[np.ndarray, " row"]) -> int:
    return len(np.unique(labels[labels >= 0]))


def _of_classes(profile: Profile, target: Column) -> list[Suspect]:
    """What the classes' numbers make of a score."""
    found = []
    if target.missing:
        says = (
            f"{target.name} is missing in {_count(target.missing, 'row')}: those cases teach "
            "concepts, but are never scored."
        )
        found.append(Suspect("unlabelled", target.name, says, False))
    if len(target.levels) < 2:
        return found
    rarest, count = target.levels[-1]
    share = count / sum(held for _, held in target.levels)
    are = "is" if count == 1 else "are"
    if share < _RARE:
        most, commonest = target.levels[0]
        right = commonest / sum(held for _, held in target.levels)
        hides = (
            f"answering {most[:40]} always would be right mostly"
            if right > 0.5
            else "an accuracy hides whether any of them is found"
        )
        says = (
            f"Only {_count(count, 'case')} ({share:.1%}) of {target.name} {are} {rarest[:40]}: "
            f"{hides}, so read the AUC and each class's errors rather than the accuracy."
        )
        found.append(Suspect("imbalance", target.name, says, False))
    elif count < _FEW_OF_A_CLASS:
        says = (
            f"Only {_count(count, 'case')} of {target.name} {are} "
            f"{rarest[:40]}: its score will vary a lot from split to split."
        )
        found.append(Suspect("few", target.name, says, False))
    return found


def _twins(table: Table, columns: Sequence[Column]) -> list[Suspect]:
    """Columns whose cells are those of one before them."""
    first: dict[int, str] = {}
    found = []
    for column in columns:
        cells = table.cells(column.name)
        before = first.setdefault(hash(tuple(cells)), column.name)
        if before != column.name and table.cells(before) == cells:
            says = f"{column.name} repeats {before} cell by cell; it is left out."
            found.append(Suspect("twin", column.name, says, True))
    return found


def _numbered(cells: Sequence[str]) -> Int[np.ndarray, " row"]:
    places: dict[str, int] = {}
    return np.array([places.setdefault(cell, len(places)) for cell in cells], np.intp)


def _percent(share: float) -> str:
    return "all" if share == 1 else f"{100 * share:.1f} %"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
