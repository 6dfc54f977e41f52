"""A million new cases scored and explained from a file, beside a plain loop over pandas and captum.

    python -m benchmarks.batch

The file: cases of breast cytology, drawn with replacement and jittered, all 30 columns. Ours is the
whole command, from the start of its process to its end: reading, the network, the explanation,
writing. The plain loop does the same in the obvious way, in pieces that pandas reads: class,
probabilities and integrated gradients of each row towards the finding, by captum; its time is that
of a part of the file, scaled up, without starting Python. Memory is the process's largest resident
set. Both may use all cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records import RESULTS, Records
from benchmarks.tables import header, row
from minspnet.domains import SAMPLE_DATA, find_domain, load_cases
from minspnet.latency import processor

MODEL = "breast_cytology-all_measurements"
NAME = "batch"
_PIECE = 1_000
"""Rows that the plain loop reads at a time."""


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=4_000, help="rows of the plain loop")
    parser.add_argument("--show", action="store_true", help="print what was measured before")
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write is not None:
        write_cases(options.write, options.rows)
        print("{}")
        return
    if options.plain is not None:
        print(json.dumps(plain_loop(options.plain, options.sample)))
        return
    if options.show:
        print(table(json.loads((RESULTS / f"{NAME}.json").read_text())))
        return
    about = {"machine": processor(), "cores": os.cpu_count(), "model": MODEL, "rows": options.rows}
    records = Records(NAME, about)
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        # In a process of its own: a child's peak memory is at least what its parent had.
        command = [sys.executable, "-m", "benchmarks.batch", "--rows", str(options.rows)]
        _run([*command, "--write", room])
        for given, out in (("csv", "parquet"), ("parquet", "parquet"), ("csv", "csv")):
            key = {"what": "ours", "from": given, "to": out}
            if not records.has(**key):
                records.add(key | ours(folder / f"new.{given}", folder / f"out.{out}"))
        key = {"what": "plain", "from": "csv", "to": "csv"}
        if not records.has(**key):
            records.add(key | plain(folder / "new.csv", options.sample))
    print(table(records.result))


def write_cases(folder: Path, rows: int) -> None:
    """Draw cases and write them in both forms."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    domain = find_domain("breast_cytology")
    cases = load_cases(domain, "all_measurements")
    generator = np.random.default_rng(0)
    drawn = cases.inputs[generator.integers(len(cases), size=rows)]
    drawn = drawn * (1 + 0.01 * generator.standard_normal(drawn.shape, dtype=np.float32))
    columns = {"id": [f"case-{number}" for number in range(rows)]}
    names = domain.variant("all_measurements").inputs
    columns |= {name: drawn[:, place].round(5) for place, name in enumerate(names)}
    pa.csv.write_csv(pa.table(columns), folder / "new.csv")
    pa.parquet.write_table(pa.table(columns), folder / "new.parquet")


def ours(source: Path, out: Path) -> dict[str, Any]:
    """Time the command as a whole."""
    command = [sys.executable, "-m", "minspnet", "predict", str(SAMPLE_DATA / "models" / MODEL)]
    start = time.perf_counter()
    said, memory = _run([*command, str(source), "--out", str(out), "--json"])
    seconds = time.perf_counter() - start
    assert said["rejected"] == 0
    return {"rows": said["scored"], "seconds": seconds, "memory_mb": memory}


def plain(source: Path, sample: int) -> dict[str, Any]:
    """Have another process run the plain loop on a part of the file."""
    command = [sys.executable, "-m", "benchmarks.batch", "--sample", str(sample)]
    said, memory = _run([*command, "--plain", str(source)])
    return said | {"memory_mb": memory}


def _run(command: list[str]) -> tuple[dict[str, Any], float]:
    """What a command prints as JSON, and the most memory that it held, in MB."""
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    said = started.stdout.read()
    _, status, usage = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    assert started.returncode == 0, command
    return json.loads(said), usage.ru_maxrss / 1000


def plain_loop(source: Path, sample: int) -> dict[str, float]:
    """Score and explain as one would without our help."""
    import pandas as pd
    import torch
    from captum.attr import IntegratedGradients

    from minspnet.artifact import load, load_network
    from minspnet.dispatch import dispatch

    model = load(SAMPLE_DATA / "models" / MODEL)
    network, names = load_network(model), model.domain.concept_names
    inputs = list(model.domain.variant(model.variant).inputs)
    baseline = torch.zeros(1, len(inputs))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as room:
        for piece in pd.read_csv(source, chunksize=_PIECE, nrows=sample):
            values = piece[inputs].to_numpy(np.float32)
            decision = dispatch(network, values, model.policy, names)
            results = pd.DataFrame({"id": piece["id"], "class": decision.predicted})
            results["probability"] = decision.probabilities[:, 1]
            given = torch.from_numpy(values)
            found = torch.zeros_like(given)
            # The function that a case was routed through: cases of one route go together.
            routes, which = np.unique(decision.active, axis=0, return_inverse=True)
            for place, route in enumerate(routes):
                rows = np.flatnonzero(which == place)

                def logit(x: torch.Tensor, route: np.ndarray = route) -> torch.Tensor:
                    return network.head(network(x, route))[:, 1]

                gradients = IntegratedGradients(logit)
                found[rows] = gradients.attribute(given[rows], baseline).float()
            attributed = pd.DataFrame(found.numpy(), columns=inputs, index=piece.index)
            whole = pd.concat([results, attributed], axis=1)
            whole.to_csv(Path(room) / "out.csv", mode="a", index=False)
    return {"rows": sample, "seconds": time.perf_counter() - start}


def table(result: dict[str, Any]) -> str:
    """Write the table in Markdown."""
    records = result["records"]
    slow = next(one for one in records if one["what"] == "plain")
    usual = slow["rows"] / slow["seconds"]
    lines = [
        f"### {result['rows']:,} rows of 30 columns, on {result['machine']}, "
        f"{result['cores']} cores",
        "",
        *header(
            "what",
            "from",
            "to",
            "rows",
            "seconds",
            "rows a second",
            "peak memory, MB",
            "times faster",
        ),
    ]
    names = {"ours": "`minspnet predict`, whole process", "plain": "pandas and captum, the loop"}
    for one in records:
        speed = one["rows"] / one["seconds"]
        cells = [names[one["what"]], one["from"], one["to"], f"{one['rows']:,}"]
        cells += [f"{one['seconds']:.1f}", f"{speed:,.0f}", f"{one['memory_mb']:,.0f}"]
        lines.append(row(*cells, "" if one is slow else f"{speed / usual:,.0f} x"))
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
