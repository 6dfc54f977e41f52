"""Policies over many cases: one, a sweep, and all vectors of thresholds; in memory and in files.

    python -m benchmarks.replay

Random evidence: the time of counting does not depend on what the network is. Beside each figure
stands reading once the bytes that it needs, and the same policy replayed case by case in numpy,
both timed in the same run; results are compared, and differ nowhere. Times are medians.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.records import Records
from benchmarks.tables import header, row
from benchmarks.timing import median_ms
from minspnet.latency import processor
from minspnet.metrics import CostTable, accuracy
from minspnet.policy import Policy
from minspnet.search import MOST_VECTORS, pareto_front
from minspnet.sweep import STEPS, Outcomes
from minspnet.trace import ExpertTree, Head, Trace, replay

FORESTS = {
    "spine of 4": (-1, 0, 1, 2),
    "spine of 2, 3 readers": (-1, 0, 1, 1, 1),
    "6 parallel": (-1,) * 6,
}


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    options = parser.parse_args()
    records = Records("replay", {"machine": processor(), "steps": len(STEPS)})
    for cases in options.cases:
        for name, parents in FORESTS.items():
            for kept in ("memory", "files"):
                key = {"forest": name, "cases": cases, "kept": kept}
                if not records.has(**key):
                    with tempfile.TemporaryDirectory() as folder:
                        trace = random_trace(parents, cases)
                        trace = in_files(trace, Path(folder)) if kept == "files" else trace
                        records.add(key | measure(trace))
    print(table(records.result))


def random_trace(parents: tuple[int, ...], cases: int) -> Trace:
    """Evidence without meaning; gates are even, contributions normal."""
    generator = np.random.default_rng(0)
    experts = len(parents)
    return Trace(
        tuple(map(str, range(cases))),
        generator.random((cases, experts), dtype=np.float32),
        generator.standard_normal((cases, 2), dtype=np.float32),
        generator.standard_normal((cases, experts, 2), dtype=np.float32),
        ExpertTree(tuple(map(str, range(experts))), parents),
        Head(np.array([[2, -1]], np.float32), np.zeros(1, np.float32), 1.0, 2),
        ("one", "two"),
    )


def in_files(trace: Trace, folder: Path) -> Trace:
    """The same evidence, memory-mapped."""
    arrays = {
        "gates": trace.gates.T,
        "base": trace.base,
        "contributions": np.moveaxis(trace.contributions, 1, 0),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array))
    gates, base, contributions = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in arrays)
    parts = (trace.tree, trace.head, trace.concept_names)
    return Trace(trace.case_ids, gates.T, base, np.moveaxis(contributions, 0, 1), *parts)


def measure(trace: Trace) -> dict[str, float]:
    """Milliseconds of each thing to do, and whether the results agree."""
    generator = np.random.default_rng(1)
    experts = len(trace.tree.names)
    labels = generator.integers(2, size=len(trace))
    outcomes = Outcomes(trace, labels, CostTable(5, tuple(range(1, experts + 1))))
    start = time.perf_counter()
    counted = outcomes.tally()
    index = 1000 * (time.perf_counter() - start)
    policies = [Policy(tuple(generator.random(experts))) for _ in range(5)]
    for policy in policies[:2]:
        decided = replay(trace, policy)
        score = outcomes.score(policy)
        assert score.accuracy == accuracy(decided.predicted, labels)
        assert np.isclose(score.mean_macs, outcomes.cost.macs(decided.active).mean())
    turn = iter(range(10_000))
    return {
        "index_ms": index,
        "vector_ms": median_ms(lambda: outcomes.score(policies[next(turn) % 5]), 15),
        "vector_bytes_ms": median_ms(lambda: (counted.gates.max(), counted.right.max()), 15),
        "sweep_ms": median_ms(lambda: outcomes.curve(STEPS), 5),
        "replay_ms": median_ms(lambda: replay(trace, policies[next(turn) % 5]), 5),
        "front_ms": median_ms(lambda: pareto_front(counted, outcomes.cost.price), 1),
        "vectors": float(MOST_VECTORS),
    }


def table(result: dict[str, object]) -> str:
    """Write the table in Markdown."""
    lines = [
        f"### Many cases, ms, on {result['machine']}",
        "",
        *header(
            "forest",
            "cases",
            "evidence in",
            "once: which case is right under which set",
            "one vector of thresholds",
            "reading what that needs",
            f"sweep of {result['steps']}",
            "one vector replayed",
            "all vectors of a grid, and finer ones",
        ),
    ]
    for one in result["records"]:  # type: ignore[attr-defined]
        figures = ("index_ms", "vector_ms", "vector_bytes_ms", "sweep_ms", "replay_ms", "front_ms")
        cells = [f"{one[name]:.2f}" if one[name] < 10 else f"{one[name]:,.0f}" for name in figures]
        lines.append(row(one["forest"], f"{one['cases']:,}", one["kept"], *cells))
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
