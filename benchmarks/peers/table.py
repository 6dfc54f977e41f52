"""The table of a run: one row an action, one column a tool."""

import statistics
from typing import Any

from benchmarks.peers.tool import ACTIONS
from benchmarks.tables import header, row

NONE = "none"
TITLES = {
    "ours": "MINSPNET",
    "explainerdashboard": "explainerdashboard 0.5.8",
    "lit": "LIT 1.3.1",
    "interpret": "InterpretML 0.7.8",
}


WAITS = {"answer_ms": "to its answer", "times_ms": "everything redrawn"}


def table(result: dict[str, Any]) -> str:
    """Write the table in Markdown."""
    said = {(one["tool"], one["action"]): one for one in result["records"]}
    lines = [
        f"### The same actions in Chromium, ms: median (least to most), on {result['machine']}",
        "",
        *header("action", *TITLES.values()),
    ]
    for action, title in ACTIONS.items():
        for wait, words in WAITS.items():
            if action == "start" and wait == "answer_ms":
                continue
            cells = [_cell(said.get((tool, action)), wait) for tool in TITLES]
            lines.append(row(title if action == "start" else f"{title}, {words}", *cells))
    lines.append(
        row(
            "programs that wanted a core meanwhile",
            *(_loads(result["records"], tool) for tool in TITLES),
        )
    )
    return "\n".join([*lines, ""])


def _loads(records: list[dict[str, Any]], tool: str) -> str:
    """How busy the machine was, the benchmark and its server among the busy."""
    loads = [one["load"] for one in records if one["tool"] == tool and "load" in one]
    return f"{min(loads):.0f} to {max(loads):.0f}" if loads else "not measured"


def _cell(record: dict[str, Any] | None, wait: str) -> str:
    if record is None:
        return "not measured"
    times = record.get(wait)
    if not times:
        return str(record["said"])
    middle, least, most = statistics.median(times), min(times), max(times)
    return f"{middle:,.0f} ({least:,.0f} to {most:,.0f})"
