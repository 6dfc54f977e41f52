"""Write the tables of finished runs into RESULTS.md, each between its marks.

    python -m benchmarks.report

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``; NAME is that of a file under
``benchmarks/results``. What stands around the tables is written by hand. A table is what its
records say: whether they are those of today's recipes, only running the benchmark tells.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import (
    ablation,
    batch,
    class_head,
    few_inputs,
    first_time,
    guarantee,
    journeys,
    learning,
    own_data,
    pneumonia,
    quality,
    realised,
    record,
    regimes,
    replay,
    restore,
    sessions,
    sparsity,
    uncertainty,
    vectors,
    waiting,
)
from benchmarks.fuzz.table import table as fuzz_table
from benchmarks.peers.table import table as peers_table
from benchmarks.records import RESULTS

REPORT = Path(__file__).parent / "RESULTS.md"
_TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "quality": quality.table,
    "parts": ablation.table,
    "pictures": ablation.table,
    "heads": ablation.table,
    "routers": ablation.table,
    "sparsity": sparsity.table,
    "sparsity-breast_cytology": few_inputs.table,
    "pneumonia": pneumonia.table,
    "own_data": own_data.table,
    "class_head": class_head.table,
    "regimes": regimes.table,
    "guarantee": guarantee.table,
    "realised": realised.table,
    "uncertainty": uncertainty.table,
    "learning": learning.table,
    "replay": replay.table,
    "batch": batch.table,
    "sessions": sessions.table,
    "record": record.table,
    "vectors": vectors.table,
    "waiting": waiting.table,
    "journeys": journeys.table,
    "peers": peers_table,
    "first_time": first_time.table,
    "fuzz": fuzz_table,
    "restore": restore.table,
}
_MARKS = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table_of(path: Path) -> str:
    """The table of one run."""
    printer = _TABLES.get(path.stem) or _TABLES[path.stem.split("-")[0]]
    return printer(json.loads(path.read_text()))


def filled(text: str) -> str:
    """Put the newest table between each pair of marks."""

    def newest(mark: re.Match[str]) -> str:
        return f"{mark[1]}\n{table_of(RESULTS / f'{mark[2]}.json').strip()}\n\n{mark[3]}"

    return _MARKS.sub(newest, text)


def named(text: str) -> set[str]:
    """Tables that a text has a place for."""
    return {name for _, name, _ in _MARKS.findall(text)}


def main() -> None:
    """Fill in all tables."""
    REPORT.write_text(filled(REPORT.read_text()))


if __name__ == "__main__":
    main()
