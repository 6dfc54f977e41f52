"""The verbs for a task of one's own: look at a table, and draft its card."""

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minspnet.adapters import Card, read_card, read_cases, write_card
from minspnet.errors import UserError, requirement
from minspnet.intake import (
    Profile,
    draft,
    profile,
    sniff,
    suggest_groups,
    suggest_targets,
    suspects,
)
from minspnet.sheets.grid import SEPARATORS

Command = Callable[[argparse.Namespace], dict[str, Any]]
Show = Callable[[dict[str, Any]], list[str]]
_LARGEST_CARD = 2**20
_MOST_SHOWN = 60


def add_verbs(commands: Any) -> list[tuple[argparse.ArgumentParser, Command, Show]]:
    """Describe the verbs; of each: its parser, what it does, and how that is shown."""
    domain = commands.add_parser("domain", help="look at a table of your own, or draft its card")
    verbs = domain.add_subparsers(required=True, metavar="VERB")
    check = verbs.add_parser("check", help="say what a table holds and what in it may mislead")
    check.add_argument("--card", type=Path, metavar="CARD", help="a card it must fit, .toml")
    check.add_argument("--target", default="", metavar="COLUMN", help="column of the answer")
    write = verbs.add_parser("draft", help="write a card that trains as it stands")
    write.add_argument("--target", required=True, metavar="COLUMN", help="column of the answer")
    write.add_argument(
        "--out", type=_card_file, required=True, metavar="CARD", help="file to write, .toml"
    )
    for verb in (check, write):
        verb.add_argument("file", type=Path, metavar="FILE", help="the table: CSV and its like")
        verb.add_argument(
            "--group", metavar="COLUMN", help="column of what belongs together, such as patients"
        )
    return [(check, _check, _show_check), (write, _draft, _show_draft)]


def _card_file(text: str) -> Path:
    path = Path(text)
    if path.suffix != ".toml":
        must = "end in .toml"
        raise argparse.ArgumentTypeError(str(requirement("--out", must, text, "rename it")))
    return path


def _check(options: argparse.Namespace) -> dict[str, Any]:
    table = sniff(options.file)
    found = profile(table)
    card = _read_card(options.card) if options.card else None
    target = options.target or (card.target if card else "")
    group = options.group or (card.group if card else "")
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
            read_cases(card, table)
            said = ""
        except UserError as error:
            said = str(error)
        result["card"] = {"key": card.key, "fits": not said, "because": said}
    return result


def _draft(options: argparse.Namespace) -> dict[str, Any]:
    table = sniff(options.file)
    found = profile(table)
    group = options.group
    if group is None:
        group = _sure_group(found, options.target)
    card = draft(table, found, options.target, group, name=options.file.stem)
    cases = read_cases(card, table)
    try:
        options.out.write_text(write_card(card), encoding="utf-8")
    except OSError as error:
        must = f"be a file that can be written ({error.strerror or error})"
        raise requirement("--out", must, options.out, "name another") from error
    features = [feature.name for feature in card.features]
    others = (card.target, card.group, *features)
    return {
        "card": str(options.out),
        "cases": len(cases),
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
    if "card" in result:
        card = result["card"]
        fits = "fits this table." if card["fits"] else f"does not fit: {card['because']}"
        lines.append(f"The card {card['key']} {fits}")
    return lines


def _middle(column: dict[str, Any]) -> str:
    if column["quantiles"]:
        low, _, median, _, high = column["quantiles"]
        return f"{low:.4g} to {high:.4g}, median {median:.4g}"
    return ", ".join(f"{cell[:20]} ({count:,})" for cell, count in column["levels"][:3])


def _show_draft(result: dict[str, Any]) -> list[str]:
    left_out = ", ".join(result["left_out"]) or "none"
    together = f", split by {result['group']}" if result["group"] else ""
    return [
        f"wrote {result['card']}: {result['cases']:,} cases of {len(result['classes'])} classes "
        f"({', '.join(result['classes'][:6])}){together}",
        f"  {len(result['features'])} features; left out: {left_out}",
        f"  concepts: {'; '.join(result['concepts'])}",
        *(f"! {suspect['sentence']}" for suspect in result["suspects"]),
    ]
