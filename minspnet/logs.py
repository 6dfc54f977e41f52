"""The verb that checks what people saved."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from minspnet.errors import requirement
from minspnet.record.database import open_engine, url_from_environment
from minspnet.record.verify import verify
from minspnet.workspace import Workspace

Command = Callable[[argparse.Namespace], dict[str, Any]]
Show = Callable[[dict[str, Any]], list[str]]
EXIT_TAMPERED = 1


def add_verbs(commands: Any) -> list[tuple[argparse.ArgumentParser, Command, Show]]:
    """Describe the verb: its parser, what it does, and how that is shown."""
    parser = commands.add_parser(
        "verify-log", help="check that nothing saved was changed, moved, removed or put in"
    )
    parser.add_argument(
        "--url", metavar="URL", help="database; by default, the one that the dashboard uses"
    )
    parser.add_argument(
        "--anchor",
        default="",
        metavar="DIGEST",
        help="an anchor noted after an earlier check, to see that its past is still this one",
    )
    parser.set_defaults(exit_code=lambda result: EXIT_TAMPERED if result["findings"] else 0)
    return [(parser, _verify, _show)]


def _verify(options: argparse.Namespace) -> dict[str, Any]:
    url = options.url or url_from_environment(Workspace.from_environment().root)
    _check_file(url)
    engine = open_engine(url)
    try:
        found = verify(engine, options.anchor.strip().lower())
    finally:
        engine.dispose()
    findings = [
        {"log": one.log, "record": one.number, "problem": one.problem} for one in found.findings
    ]
    return {"records": dict(found.records), "anchor": found.anchor, "findings": findings}


def _check_file(url: str) -> None:
    """A check must not make the file that it is to look at."""
    try:
        named = sa.make_url(url)
    except sa.exc.ArgumentError:
        return  # said when it is opened
    if named.get_backend_name() == "sqlite" and not Path(named.database or "").is_file():
        must = "name a database that is there"
        raise requirement("--url", must, named.database or "none", "name another")


def _show(result: dict[str, Any]) -> list[str]:
    lines = [f"{name}: {count:,} records" for name, count in result["records"].items()]
    if result["anchor"] and not result["findings"]:
        lines.append(f"anchor, to be noted elsewhere: {result['anchor']}")
    for one in result["findings"]:
        which = f"record {one['record']}, " if one["record"] else ""
        lines.append(f"FOUND in {one['log']}: {which}{one['problem']}")
    return [*lines, "not as it was written" if result["findings"] else "as it was written"]
