"""The verb that writes a model's card."""

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minspnet.arguments import add_point, open_model
from minspnet.behind import cases_of
from minspnet.data import PARTS
from minspnet.errors import requirement
from minspnet.facts import facts
from minspnet.factsheet import Section, Sheet, Table, to_html, to_lines, to_markdown
from minspnet.operating import read

Command = Callable[[argparse.Namespace], dict[str, Any]]
Show = Callable[[dict[str, Any]], list[str]]
_WRITERS = {".md": to_markdown, ".html": to_html}


def add_verbs(commands: Any) -> list[tuple[argparse.ArgumentParser, Command, Show]]:
    """Describe the verb: its parser, what it does, and how that is shown."""
    card = commands.add_parser("facts", help="say what is known of a model, as a model card")
    card.add_argument("model", type=Path, metavar="MODEL", help="folder of a trained model")
    card.add_argument(
        "--out", type=_card_file, metavar="FILE", help="file to write instead, .md or .html"
    )
    add_point(card)
    return [(card, _facts, _show)]


def _card_file(text: str) -> Path:
    path = Path(text)
    if path.suffix not in _WRITERS:
        must = "end in .md or .html"
        raise argparse.ArgumentTypeError(str(requirement("--out", must, text, "rename it")))
    return path


def _facts(options: argparse.Namespace) -> dict[str, Any]:
    model = open_model(options.model, options.point)
    point = None
    if options.point is not None:
        names = tuple(expert.name for expert in model.spec.experts)
        point = read(options.point.read_bytes(), model.digest, names)
    cases = cases_of(model)
    parts = {name: cases.take(cases.rows_of(model.traces[name].case_ids)) for name in PARTS}
    sheet = facts(model, model.domain, parts, point).sheet
    result = {"model": model.name, **dataclasses.asdict(sheet)}
    if options.out is None:
        return result
    try:
        options.out.write_text(_WRITERS[options.out.suffix](sheet), encoding="utf-8")
    except OSError as error:
        must = f"be a file that can be written ({error.strerror or error})"
        raise requirement("--out", must, options.out, "name another") from error
    return result | {"file": str(options.out)}


def _show(result: dict[str, Any]) -> list[str]:
    if "file" in result:
        return [f"saved {result['file']}"]
    sections = tuple(
        Section(**one | {"tables": tuple(Table(**table) for table in one["tables"])})
        for one in result["sections"]
    )
    return to_lines(Sheet(result["title"], sections))
