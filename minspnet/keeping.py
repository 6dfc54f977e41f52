"""The verbs for the registry: list models, export one as a file, bring one in."""

import argparse
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minspnet.errors import requirement
from minspnet.package import SUFFIX, pack, unpack
from minspnet.registry import entries, folder_of
from minspnet.workspace import Workspace

Command = Callable[[argparse.Namespace], dict[str, Any]]
Show = Callable[[dict[str, Any]], list[str]]


def add_verbs(commands: Any) -> list[tuple[argparse.ArgumentParser, Command, Show]]:
    """Describe the verbs; of each: its parser, what it does, and how that is shown."""
    models = commands.add_parser("models", help="list models, export one as a file, import one")
    verbs = models.add_subparsers(metavar="VERB")
    export = verbs.add_parser("export", help="write a model and its cases as one file")
    export.add_argument("name", metavar="NAME", help="a model that models lists")
    export.add_argument(
        "--out", type=_packed_file, required=True, metavar="FILE", help=f"to write, {SUFFIX}"
    )
    bring = verbs.add_parser("import", help="bring in a model that was exported")
    bring.add_argument("file", type=Path, metavar="FILE", help=f"file to read, {SUFFIX}")
    return [
        (models, _list, _show_list),
        (export, _export, lambda result: [f"saved {result['file']}, with the model's cases"]),
        (bring, _import, lambda result: [f"{result['model']} is now among the models"]),
    ]


def _packed_file(text: str) -> Path:
    path = Path(text)
    if path.suffix != SUFFIX:
        must = f"end in {SUFFIX}"
        raise argparse.ArgumentTypeError(str(requirement("--out", must, text, "rename it")))
    return path


def _list(options: argparse.Namespace) -> dict[str, Any]:
    found, unreadable = entries(Workspace.from_environment())
    return {"models": [dataclasses.asdict(entry) for entry in found], "unreadable": unreadable}


def _show_list(result: dict[str, Any]) -> list[str]:
    rows = [
        (
            one["name"],
            one["task"],
            one["inputs"],
            "ships" if one["shipped"] else one["created"][:10],
            "" if one["accuracy"] is None else f"{one['accuracy']:.3f}",
            f"{one['parameters']:,}",
            f"{one['size'] / 2**20:.1f} MB",
            one["digest"][:12],
        )
        for one in result["models"]
    ]
    head = ("model", "task", "inputs", "since", "accuracy", "parameters", "size", "hash")
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *rows)]
    return lines + result["unreadable"]


def _export(options: argparse.Namespace) -> dict[str, Any]:
    folder = folder_of(Workspace.from_environment(), options.name)
    new = options.out.with_name(f".{options.out.name}.new")
    try:
        with new.open("wb") as file:
            pack(folder, file)
        os.replace(new, options.out)
    except OSError as error:
        must = f"be a file that can be written ({error.strerror or error})"
        raise requirement("--out", must, options.out, "name another") from error
    finally:
        new.unlink(missing_ok=True)
    return {"model": options.name, "file": str(options.out), "bytes": options.out.stat().st_size}


def _import(options: argparse.Namespace) -> dict[str, Any]:
    try:
        with options.file.open("rb") as file:
            name = unpack(file, options.file.name, Workspace.from_environment())
    except OSError as error:
        must = f"be a file that can be read ({error.strerror or error})"
        raise requirement("file", must, options.file, "name another") from error
    return {"model": name}
