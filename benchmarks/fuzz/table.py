"""The table of a campaign of bad input."""

from typing import Any

from benchmarks.tables import header, row

NAME = "fuzz"


def table(result: dict[str, Any]) -> str:
    """Write the table in Markdown, an entry a line."""
    records = result["records"]
    lines = [
        f"Seed {result['seed']}, on {result['machine']}, {result['cores']} cores; at most "
        f"{result['seconds_core']:g} s an input ({result['seconds_page']:g} s on a page) and "
        f"{result['memory_mb']:,} MB of address space on top of the loaded program.",
        "",
        *header(
            "entry",
            "inputs",
            "taken",
            "refused in a sentence",
            "faults",
            "files touched outside",
            "slowest, s",
            "most memory, MB on top",
        ),
    ]
    for entry in dict.fromkeys(one["entry"] for one in records):
        lines.append(_line(entry, [one for one in records if one["entry"] == entry]))
    lines.append(_line("all", records))
    return "\n".join([*lines, ""])


def _line(name: str, records: list[dict[str, Any]]) -> str:
    inputs, taken, refused = (sum(one[key] for one in records) for key in _COUNTED)
    faults = sum(len(one["faults"]) for one in records)
    outside = len({path for one in records for path in one["outside"]})
    slowest = max((one["slowest"][0] for one in records), default=0.0)
    peak = max((one["peak_mb"] for one in records), default=0.0)
    counts = (f"{one:,}" for one in (inputs, taken, refused, faults, outside))
    return row(name, *counts, f"{slowest:.1f}", f"{max(peak, 0):,.0f}")


_COUNTED = ("inputs", "taken", "refused")
