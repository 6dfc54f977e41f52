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


def table(result: dict[str, Any]) -> str:
    """Write the table in Markdown."""
    said = {(one["tool"], one["action"]): _cell(one) for one in result["records"]}
    lines = [
        f"### The same actions in Chromium, ms: median (least to most), on {result['machine']}",
        "",
        *header("action", *TITLES.values()),
    ]
    for action, title in ACTIONS.items():
        cells = (said.get((tool, action), "not measured") for tool in TITLES)
        lines.append(row(title, *cells))
    return "\n".join([*lines, ""])


def _cell(record: dict[str, Any]) -> str:
    times = record.get("times_ms")
    if not times:
        return str(record["said"])
    middle, least, most = statistics.median(times), min(times), max(times)
    return f"{middle:,.0f} ({least:,.0f} to {most:,.0f})"
