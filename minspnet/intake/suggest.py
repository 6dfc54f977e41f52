"""Which column is likely the target, and which names what must stay together; with the reason."""

import re
from dataclasses import dataclass

from minspnet.errors import requirement
from minspnet.intake.naming import in_order
from minspnet.intake.profile import Column, Profile
from minspnet.sheets import Table

MOST_CLASSES = 50
LEAST_GROUPS = 7
"""Groups that each class must come from: five folds, and enough of it left in each to train on."""
_TARGET_NAME = re.compile(
    r"(^|[_\W])(target|label|labels|class|classes|y|outcome|diagnosis|status|result|response|"
    r"species|survived|default|defaulted|churn|fraud|malignant|disease|death|died|event|quality|"
    r"category|type|grade|readmitted|approved|income|sex_is|output|num|diagnose|befund|klasse|"
    r"ergebnis|rezidiv|verstorben|zielgröße)($|[_\W])",
    re.IGNORECASE,
)
_GROUP_NAME = re.compile(
    r"patient|subject|person|participant|customer|client|user|household|family|hospital|site|"
    r"clinic|center|centre|device|machine|batch|session|animal|donor|group|school|company|"
    r"account|vehicle|plot|well|source|proband|klinik|krankenhaus|zentrum|praxis|kunde|betrieb|"
    r"gerät|charge",
    re.IGNORECASE,
)
_FEW_CLASSES = 20
_MANY = 10
"""One in so many cells missing, a column is hardly meant to be the answer."""


@dataclass(frozen=True)
class Suggestion:
    """A column for a part in the task.

    Attributes:
        column: Its name.
        reason: Why, as the end of a sentence that begins with the column.
        sure: False where it is only worth a look.
    """

    column: str
    reason: str
    sure: bool


def suggest_targets(profile: Profile) -> tuple[Suggestion, ...]:
    """Rank up to three columns that may hold the answer, the likeliest first."""
    scored = []
    for place, column in enumerate(profile.columns):
        if not _may_be_target(profile, column):
            continue
        reasons = []
        named = _TARGET_NAME.search(column.name) is not None
        last, first = place == len(profile.columns) - 1, place == 0
        score = 4.0 * named + 3.0 * last + 1.0 * first
        if named:
            reasons.append("has a name that answers often have")
        if last:
            reasons.append("stands last")
        score += 1.5 * (column.unique == 2) + 1.0 * (column.kind == "category")
        score -= 2.0 * min(_MANY * column.missing / profile.rows, 1) + 0.05 * column.unique
        reasons.append(f"has {column.unique} different values")
        scored.append((score, -place, Suggestion(column.name, _and(reasons), named or last)))
    return tuple(one for _, _, one in sorted(scored, key=lambda entry: entry[:2])[:-4:-1])


def suggest_groups(profile: Profile) -> tuple[Suggestion, ...]:
    """Find up to three columns that may name a patient, a machine or the like, seen repeatedly."""
    found = []
    for column in profile.columns:
        repeats = 2 * LEAST_GROUPS <= column.unique < profile.rows - column.missing
        whole = column.kind in ("text", "category", "id") or _is_whole(column)
        if column.missing or not repeats or not whole:
            continue
        named = _GROUP_NAME.search(column.name) is not None
        coded = re.search(r"[_\W]id$|ID$|Id$", column.name) is not None
        if not named and not coded:
            continue
        per = profile.rows / column.unique
        reason = f"repeats: {column.unique:,} different values in {profile.rows:,} rows, " + (
            f"{per:.2g} rows each, and has a name of people, places or things"
            if named
            else f"{per:.2g} rows each"
        )
        found.append((named, Suggestion(column.name, reason, named and per >= 1.05)))
    found.sort(key=lambda entry: not entry[0])
    return tuple(one for _, one in found[:3])


def _may_be_target(profile: Profile, column: Column) -> bool:
    few = 2 <= column.unique <= min(_FEW_CLASSES, max(2, profile.rows // 5))
    return (
        few and column.kind in ("category", "number") and not column.stray and bool(column.levels)
    )


def _is_whole(column: Column) -> bool:
    return column.kind == "number" and all(value == round(value) for value in column.quantiles)


def _and(reasons: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(reasons[:-1]), reasons[-1])))


def classes_of(profile: Profile, target: str) -> tuple[str, ...]:
    """What the cells of a target hold: numbers in their order, words as they sort.

    Raises:
        UserError: If the column cannot be a target.
    """
    if target not in [column.name for column in profile.columns]:
        known = ", ".join(column.name for column in profile.columns)
        raise requirement("target", "be a column of the table", target, f"take one of {known}")
    column = profile.column(target)
    if column.unique < 2 or not column.levels or len(column.levels) > MOST_CLASSES:
        got = f"{column.unique:,}"
        remedy = "take a column of classes, or put ranges of values into one"
        must = f"hold 2 to {MOST_CLASSES} different values"
        raise requirement(f"target {target}", must, got, remedy)
    cells = [cell for cell, _ in column.levels]
    try:
        return tuple(sorted(cells, key=lambda cell: float(cell.replace(",", "."))))
    except ValueError:
        return tuple(sorted(cells, key=in_order))


def check_classes(table: Table, target: str, group: str, classes: tuple[str, ...]) -> None:
    """See that every class comes from enough groups to be split.

    Raises:
        UserError: If one does not.
    """
    groups = table.cells(group) if group else range(len(table))
    seen: dict[str, set[object]] = {cell: set() for cell in classes}
    for cell, one in zip(table.cells(target), groups, strict=True):
        if cell in seen:
            seen[cell].add(one)
    for cell, held in seen.items():
        if len(held) < LEAST_GROUPS:
            what = f"different values of {group}" if group else "cases"
            other = "choose other groups, " if group else ""
            raise requirement(
                f"class {cell} of {target}",
                f"have at least {LEAST_GROUPS} {what}, to learn from and to be tested on",
                len(held),
                f"{other}merge it with another class, or remove its rows",
            )
