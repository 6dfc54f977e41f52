"""One gate threshold an expert, or one for all: what each is worth within the same budget.

    python -m benchmarks.vectors

Thresholds are searched for on the validation cases of the shipped models, all vectors of a grid at
once, and scored on their test cases. *Most accurate* takes the best on validation cases within the
budget, *dearest* the shared threshold that spends most of it and looks at no label.
"""

import time

from tqdm import tqdm

from benchmarks.records import Records
from benchmarks.tables import header, row
from minspnet.artifact import load
from minspnet.domains import SAMPLE_DATA, find_domain, load_cases
from minspnet.metrics import CostTable
from minspnet.policy import Policy
from minspnet.search import pareto_front
from minspnet.sweep import Outcomes, Score, breakpoints, most_within

BUDGETS = (0.25, 0.4, 0.6)


def main() -> None:
    """Run what is missing and print the table."""
    records = Records("vectors", {"budgets": BUDGETS})
    for folder in tqdm(sorted((SAMPLE_DATA / "models").iterdir()), disable=None):
        if not records.has(model=folder.name):
            records.add({"model": folder.name} | measure(folder.name))
    print(table(records.result))


def measure(name: str) -> dict[str, object]:
    """Search one model within each budget."""
    model = load(SAMPLE_DATA / "models" / name)
    cases = load_cases(find_domain(model.domain_key), model.variant)
    held, test = (
        Outcomes(trace, cases.labels[cases.rows_of(trace.case_ids)], model.cost)
        for trace in (model.traces["validation"], model.traces["test"])
    )
    start = time.perf_counter()
    front = pareto_front(held.tally(), model.cost.price)
    seconds = time.perf_counter() - start
    curve = held.curve(breakpoints(held.trace, 1001))
    found = {}
    for budget in BUDGETS:
        most = budget * model.cost.total
        within = [point for point in curve if point.mean_macs <= most]
        if not within or front.prices[0] > most:
            continue
        vector = Policy(front.gate_thresholds[front.within(most)])
        best = max(within, key=lambda point: (point.accuracy, -point.mean_macs))
        dearest = most_within(curve, budget, model.cost.total)
        found[str(budget)] = {
            "one each": _both(held.score(vector), test.score(vector), model.cost),
            "one for all": _of(best, test, model.cost),
            "dearest": _of(dearest, test, model.cost),
        }
    return {
        "cases": [len(held.trace), len(test.trace)],
        "exact": front.exact,
        "points": len(front.prices),
        "seconds": seconds,
        "found": found,
    }


def _of(point: Score, test: Outcomes, cost: CostTable) -> dict[str, float]:
    return _both(point, test.score(Policy(point.gate_thresholds)), cost)


def _both(held: Score, test: Score, cost: CostTable) -> dict[str, float]:
    return {
        "validation": held.accuracy,
        "test": test.accuracy,
        "share": test.mean_macs / cost.total,
    }


def table(result: dict[str, object]) -> str:
    """Write the table in Markdown."""
    lines = [
        "### Shipped models: accuracy on validation, then on test cases (share of MACs there)",
        "",
        *header(
            "model", "cases", "budget", "one each, most accurate", "one for all, most accurate",
            "one for all, dearest",
        ),
    ]  # fmt: skip
    for one in result["records"]:  # type: ignore[attr-defined]
        for budget, found in one["found"].items():
            cells = [
                f"{way['validation']:.4f}, {way['test']:.4f} ({way['share']:.2f})"
                for way in (found["one each"], found["one for all"], found["dearest"])
            ]
            held, test = one["cases"]
            lines.append(row(one["model"], f"{held:,} / {test:,}", budget, *cells))
    slowest = max(one["seconds"] for one in result["records"])  # type: ignore[attr-defined]
    return "\n".join([*lines, "", f"The longest search took {slowest:.2f} s.", ""])


if __name__ == "__main__":
    main()
