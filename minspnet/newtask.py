"""The verbs for a task of one's own: look at a table or pictures, and draft their card."""

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minspnet.adapters import (
    Card,
    check_pictures,
    picture_cases,
    picture_profile,
    read_card,
    read_cases,
    read_pictures,
    write_card,
)
from minspnet.collection import Collection, check_card
from minspnet.data import UNLABELLED
from minspnet.errors import UserError, requirement
from minspnet.intake import (
    Profile,
    draft,
    look,
    propose_marks,
    sniff,
    suggest_groups,
    suggest_targets,
    suspects,
)
from minspnet.intake.draft import known_cases
from minspnet.sheets import Table
from minspnet.sheets.grid import SEPARATORS
from minspnet.workspace import Workspace

Command = Callable[[argparse.Namespace], dict[str, Any]]
Show = Callable[[dict[str, Any]], list[str]]
PICTURES = (".zip", ".npz")
"""Ends of files that hold pictures; a folder does so too."""
_LARGEST_CARD = 2**20
_MOST_SHOWN = 60


def add_verbs(commands: Any) -> list[tuple[argparse.ArgumentParser, Command, Show]]:
    """Describe the verbs; of each: its parser, what it does, and how that is shown."""
    domain = commands.add_parser(
        "domain", help="look at a table or pictures of your own, or draft their card"
    )
    verbs = domain.add_subparsers(required=True, metavar="VERB")
    check = verbs.add_parser("check", help="say what a file holds and what in it may mislead")
    check.add_argument(
        "--card", type=Path, metavar="CARD", help="a card it must fit, .toml; exit code 1 if not"
    )
    check.set_defaults(exit_code=lambda result: int(not result.get("card", {"fits": True})["fits"]))
    check.add_argument("--target", default="", metavar="COLUMN", help="column of the answer")
    write = verbs.add_parser("draft", help="write a card that trains as it stands")
    write.add_argument("--target", default="", metavar="COLUMN", help="column of the answer")
    write.add_argument(
        "--out", type=_card_file, required=True, metavar="CARD", help="file to write, .toml"
    )
    for verb in (check, write):
        verb.add_argument(
            "file",
            type=Path,
            metavar="FILE",
            help="a table, CSV and its like; or a zip, npz or folder of pictures",
        )
        verb.add_argument(
            "--group", metavar="COLUMN", help="column of what belongs together, such as patients"
        )
    keep = verbs.add_parser("save", help="keep data with their card, to train on by its key")
    keep.add_argument("file", type=Path, metavar="FILE", help="the table or pictures")
    keep.add_argument("--card", type=Path, required=True, metavar="CARD", help="their card, .toml")
    keep.add_argument(
        "--replace", action="store_true", help="in place of data saved under that key before"
    )
    return [
        (check, _check, _show_check),
        (write, _draft, _show_draft),
        (keep, _save, _show_save),
    ]


def _card_file(text: str) -> Path:
    path = Path(text)
    if path.suffix != ".toml":
        must = "end in .toml"
        raise argparse.ArgumentTypeError(str(requirement("--out", must, text, "rename it")))
    return path


def _of_pictures(path: Path) -> bool:
    return path.suffix.lower() in PICTURES or path.is_dir()


def _check_no_columns(options: argparse.Namespace) -> None:
    for name in ("target", "group"):
        if column := getattr(options, name):
            remedy = "folders, or a labels.csv beside the pictures, say it"
            raise requirement(f"--{name}", "be left out for pictures", column, remedy)


def _check(options: argparse.Namespace) -> dict[str, Any]:
    if _of_pictures(options.file):
        return _check_pictures(options)
    raw = sniff(options.file)
    card = _read_card(options.card) if options.card else None
    target = options.target or (card.target if card else "")
    group = options.group or (card.group if card else "")
    table, found = _look(raw, group)
    for name in filter(None, (options.target, options.group)):
        table.cells(name)
    # A card may name columns that this table has not: then it does not fit.
    known = [name if name in table.names else "" for name in (target, group)]
    result: dict[str, Any] = {
        "file": str(options.file),
        **dataclasses.asdict(found),
        "targets": [dataclasses.asdict(one) for one in suggest_targets(found)],
        "groups": [dataclasses.asdict(one) for one in suggest_groups(found)],
        "target": target,
        "suspects": [dataclasses.asdict(one) for one in suspects(table, found, *known)],
    }
    if card is not None:
        try:
            read_cases(card, raw)
            said = ""
        except UserError as error:
            said = str(error)
        result["card"] = {"key": card.key, "fits": not said, "because": said}
    return result


def _check_pictures(options: argparse.Namespace) -> dict[str, Any]:
    _check_no_columns(options)
    result = {**check_pictures(options.file), "file": str(options.file)}
    del result["card"]  # what the verb draft writes
    if options.card:
        card = _read_card(options.card)
        try:
            _collection(options.file, card)
            said = ""
        except UserError as error:
            said = str(error)
        result["card"] = {"key": card.key, "fits": not said, "because": said}
    return result


def _collection(file: Path, card: Card) -> Collection:
    """Data with their card.

    Raises:
        UserError: If they do not fit together.
    """
    if _of_pictures(file):
        found = read_pictures(file, file.name)
        return Collection(card, picture_cases(card, found), found.split, file.name)
    return Collection(card, read_cases(card, sniff(file)), source=file.name)


def _save(options: argparse.Namespace) -> dict[str, Any]:
    found = _collection(options.file, _read_card(options.card))
    workspace, key = Workspace.from_environment(), found.card.key
    if key in workspace.collections() and not options.replace:
        must, remedy = "be free", "add --replace, or give the card another key"
        raise requirement(f"key {key}", must, "data saved under it before", remedy)
    try:
        workspace.save(found)
    except OSError as error:
        must = f"be a place where files can be written ({error.strerror or error})"
        raise requirement("data folder", must, "none", "set MINSPNET_HOME to one") from error
    return {"key": key, "cases": len(found.cases)}


def _show_save(result: dict[str, Any]) -> list[str]:
    return [f"saved {result['cases']:,} cases: train on them as {result['key']}"]


def _draft(options: argparse.Namespace) -> dict[str, Any]:
    if _of_pictures(options.file):
        return _draft_pictures(options)
    if not options.target:
        raise requirement("--target", "name the column of the answer", "none", "add it")
    raw = sniff(options.file)
    group = options.group
    if group is None:
        group = _sure_group(look(raw)[1], options.target)
    table, found = _look(raw, group)
    card = draft(table, found, options.target, group, name=options.file.stem)
    cases = read_cases(card, raw)
    _write_card(card, options.out)
    features = [feature.name for feature in card.features]
    others = (card.target, card.group, *features)
    return {
        "card": str(options.out),
        "cases": len(cases),
        "labelled": int((cases.labels != UNLABELLED).sum()),
        "target": card.target,
        "classes": list(card.classes),
        "group": card.group,
        "features": features,
        "left_out": [column.name for column in found.columns if column.name not in others],
        "concepts": [concept.title for concept in card.concepts],
        "suspects": [
            dataclasses.asdict(one) for one in suspects(table, found, card.target, card.group)
        ],
    }


def _draft_pictures(options: argparse.Namespace) -> dict[str, Any]:
    _check_no_columns(options)
    found = read_pictures(options.file, options.file.name)
    check_card(found.card)
    _write_card(found.card, options.out)
    return {
        "card": str(options.out),
        "kind": "pictures",
        "cases": len(found.cases),
        "classes": list(found.card.classes),
        "group": found.card.group,
        "concepts": [concept.title for concept in found.card.concepts],
        "suspicions": list(picture_profile(found).suspicions),
    }


def _write_card(card: Card, path: Path) -> None:
    try:
        path.write_text(write_card(card), encoding="utf-8")
    except OSError as error:
        must = f"be a file that can be written ({error.strerror or error})"
        raise requirement("--out", must, path, "name another") from error


def _look(raw: Table, group: str) -> tuple[Table, Profile]:
    """Take cells for what they stand for, but for those that name groups."""
    marks = propose_marks(raw)
    marks.pop(group, None)
    return look(raw, marks)


def _sure_group(found: Profile, target: str) -> str:
    sure = (one.column for one in suggest_groups(found) if one.sure and one.column != target)
    return next(sure, "")


def _read_card(path: Path) -> Card:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_CARD + 1)
        if len(content) > _LARGEST_CARD:
            raise requirement("--card", "be at most 1 MB", path, "name a card")
        return read_card(content.decode())
    except (OSError, UnicodeDecodeError) as error:
        must = "be a TOML file that can be read"
        raise requirement("--card", must, path, "name another") from error


def _show_check(result: dict[str, Any]) -> list[str]:
    if "kind" in result:
        return [*_show_pictures(result), *_show_fit(result)]
    separator = SEPARATORS[result["separator"]]
    lines = [
        f"{result['file']}: {result['rows']:,} rows, {len(result['columns'])} columns, "
        f"{result['encoding']}, {separator} between cells, decimal {result['decimal']}",
        *result["notes"],
        "",
    ]
    for column in result["columns"][:_MOST_SHOWN]:
        lines.append(
            f"  {column['name'][:32]:32s} {column['kind']:9s} {column['unique']:>9,} different"
            f"  {column['missing'] / result['rows']:6.1%} missing  {_middle(column)}".rstrip()
        )
    if len(result["columns"]) > _MOST_SHOWN:
        lines.append(f"  and {len(result['columns']) - _MOST_SHOWN} more (all with --json)")
    for what, one in (("target", "targets"), ("group", "groups")):
        for likely in result[one]:
            lines.append(f"likely {what}: {likely['column']} {likely['reason']}")
    lines += ["", *(f"! {suspect['sentence']}" for suspect in result["suspects"])]
    return [*lines, *_show_fit(result)]


def _show_pictures(result: dict[str, Any]) -> list[str]:
    counts = result["classes"].items()
    parts = result["parts"] or {}
    return [
        f"{result['file']}: {result['notes'][0]}",
        *result["notes"][1:],
        "",
        *(f"  {title[:40]:40s} {count:>9,}" for title, count in counts),
        *([f"  official parts: {', '.join(f'{n} {c:,}' for n, c in parts.items())}"] * bool(parts)),
        f"  findings: {', '.join(result['concepts'])}",
        *(f"left out: {one['name']}: {one['reason']}" for one in result["unreadable"]),
        "",
        *(f"! {sentence}" for sentence in result["suspicions"]),
    ]


def _show_fit(result: dict[str, Any]) -> list[str]:
    if "card" not in result:
        return []
    card = result["card"]
    fits = "fits this file." if card["fits"] else f"does not fit: {card['because']}"
    return [f"The card {card['key']} {fits}"]


def _middle(column: dict[str, Any]) -> str:
    if column["quantiles"]:
        low, _, median, _, high = column["quantiles"]
        return f"{low:.4g} to {high:.4g}, median {median:.4g}"
    return ", ".join(f"{cell[:20]} ({count:,})" for cell, count in column["levels"][:3])


def _show_draft(result: dict[str, Any]) -> list[str]:
    together = f", split by {result['group']}" if result["group"] else ""
    without = result["cases"] - result.get("labelled", result["cases"])
    return [
        f"wrote {result['card']}: {known_cases(result['cases'], without)} of "
        f"{len(result['classes'])} classes ({', '.join(result['classes'][:6])}){together}",
        *([] if "kind" in result else [_show_features(result)]),
        f"  concepts: {'; '.join(result['concepts'])}",
        *(f"! {suspect['sentence']}" for suspect in result.get("suspects", ())),
        *(f"! {sentence}" for sentence in result.get("suspicions", ())),
    ]


def _show_features(result: dict[str, Any]) -> str:
    left_out = ", ".join(result["left_out"]) or "none"
    return f"  {len(result['features'])} features; left out: {left_out}"
