"""Does the promise hold? A thousand recalibrations from populations whose truth is known.

    python -m benchmarks.guarantee --data pneumoniamnist.npz
    python -m benchmarks.guarantee --show benchmarks/results/guarantee.json

A population is a pool of evidence, validation and test cases together, from which calibration
cases are drawn one by one and put back: so the pool is the truth, and what every policy of the
line-up loses is known exactly. The line-up comes from training cases. Made-up populations make it
hard: all policies from some point on lose a little more than allowed. PneumoniaMNIST is read from
a path, and a small network is trained for it; without a path it is left out.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.pneumonia import presets
from benchmarks.records import Records
from benchmarks.tables import header, row
from benchmarks.tasks import PneumoniaTask
from benchmarks.ways import Way
from minspnet.artifact import load
from minspnet.certify import ladder, worth_fresh_starts
from minspnet.cost import cost_table
from minspnet.domains import SAMPLE_DATA, find_domain, load_cases
from minspnet.metrics import CostTable
from minspnet.network import run
from minspnet.policy import Policy
from minspnet.sequence import levels, rejected
from minspnet.significance import Counts, betting_p, counts_p, harm_p
from minspnet.trace import Trace, join, replay

DRAWS = 1000
SIZES = (200, 500, 2000)
ERROR = 0.05
BOUND = 0.01
CLASS_BOUND = 0.02
UNLABELLED = 10
"""Unlabelled cases per labelled one, where there are any."""
SHIPPED = (
    "breast_cytology-all_measurements",
    "breast_cytology-mean_and_se",
    "lung_nodules",
    "phishing",
    "shuttle",
    "wrist_exercise",
)
MALIGNANT = ("breast_cytology-mean_and_se", "lung_nodules")
"""Promised for the second class, too."""


@dataclass(frozen=True)
class Population:
    """All that can be drawn, under every policy of the line-up.

    Attributes:
        name: In the table.
        loss: 1 newly wrong, -1 newly right, 0 neither.
        changed: Decided differently.
        shares: Mean MACs over those of all experts on.
        of_class: Cases with a promise of their own; none if there is none.
    """

    name: str
    loss: np.ndarray
    changed: np.ndarray
    shares: np.ndarray
    of_class: np.ndarray

    @property
    def within(self) -> np.ndarray:
        """Which policies truly keep the promise."""
        kept = self.loss.mean(axis=0) <= BOUND
        if self.of_class.any():
            kept &= self.loss[self.of_class].mean(axis=0) <= CLASS_BOUND
        return kept

    @property
    def oracle(self) -> float:
        """Share of the cheapest policy that truly keeps the promise."""
        return float(min(self.shares[self.within], default=1.0))


@dataclass(frozen=True)
class Drawn:
    """Counts of one recalibration, by policy; with and without unlabelled cases.

    Attributes:
        counts: Labelled cases alone.
        more: With unlabelled cases.
        of_class: Of the named class; none if there is none.
    """

    counts: list[Counts]
    more: list[Counts]
    of_class: list[Counts]


def certified(test: Callable[[Counts], float], fresh: bool) -> Callable[[Drawn, bool], np.ndarray]:
    """Certify by one test of counts."""

    def choose(drawn: Drawn, unlabelled: bool) -> np.ndarray:
        given = drawn.more if unlabelled else drawn.counts
        p_values = np.array([test(one) for one in given])
        if drawn.of_class:
            p_values = np.maximum(p_values, [_default(o, CLASS_BOUND) for o in drawn.of_class])
        least = [_LEAST[BOUND], *([_LEAST[CLASS_BOUND]] if drawn.of_class else [])]
        starts = fresh and worth_fresh_starts(given[0].everything, given[0].cases, least)
        return rejected(p_values, levels(len(given), ERROR, starts))

    return choose


def _default(seen: Counts, bound: float = BOUND) -> float:
    return counts_p(seen, bound, ERROR)


_LEAST = {
    bound: next(n for n in range(1, 999) if _default(Counts(0, 0, n, 0, n), bound) <= ERROR)
    for bound in (BOUND, CLASS_BOUND)
}


def _betting(seen: Counts) -> float:
    values = np.repeat(
        [1.0, -1.0, 0.0], [seen.harms, seen.gains, seen.cases - seen.harms - seen.gains]
    )
    return betting_p(values, BOUND)


def naive(drawn: Drawn, unlabelled: bool) -> np.ndarray:
    """Take what keeps the bound on the calibration cases."""
    kept = np.array([o.harms - o.gains <= BOUND * o.cases + 1e-9 for o in drawn.counts])
    if drawn.of_class:
        kept &= [o.harms - o.gains <= CLASS_BOUND * o.cases + 1e-9 for o in drawn.of_class]
    return kept


def risk_control(drawn: Drawn, unlabelled: bool) -> np.ndarray:
    """Conformal risk control: up to the first policy whose inflated loss is over the bound.

    Source: Angelopoulos et al. 2024, Conformal risk control. It is meant for losses
    that only rise along the line-up, and its promise is for the mean over recalibrations.
    """
    kept = np.array([(o.harms - o.gains + 1) / (o.cases + 1) <= BOUND for o in drawn.counts])
    if drawn.of_class:
        kept &= [(o.harms - o.gains + 1) / (o.cases + 1) <= CLASS_BOUND for o in drawn.of_class]
    return np.logical_and.accumulate(kept)


METHODS: dict[str, tuple[Callable[[Drawn, bool], np.ndarray], bool]] = {
    "ours": (certified(_default, True), False),
    "ours, unlabelled": (certified(_default, True), True),
    "ours, fixed sequence": (certified(_default, False), False),
    "harms alone": (certified(lambda o: harm_p(o.harms, o.cases, BOUND), False), False),
    "betting": (certified(_betting, False), False),
    "changes, unlabelled": (
        certified(lambda o: harm_p(o.changed, o.everything, BOUND), False),
        True,
    ),
    "risk control": (risk_control, False),
    "naive": (naive, False),
}
"""How the policy is chosen, and whether it is shown the unlabelled cases."""


def main() -> None:
    """Run what is still missing and print the table, or print that of a finished run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="the file of PneumoniaMNIST at 28 pixels")
    parser.add_argument("--show", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.show:
        print(table(json.loads(options.show.read_text())))
        return
    torch.set_num_threads(1)
    print(table(recalibrate(options.data)))


def recalibrate(data: Path | None) -> dict[str, Any]:
    """Collect one record a population and number of cases."""
    about = {
        "draws": DRAWS,
        "points_lost": 100 * BOUND,
        "class_points_lost": 100 * CLASS_BOUND,
        "confidence": 1 - ERROR,
        "unlabelled_per_case": UNLABELLED,
    }
    records = Records("guarantee", about)
    makers: dict[str, Callable[[], Population]] = {
        name: lambda name=name: shipped(name) for name in SHIPPED
    }
    makers |= {f"{name}, malignant too": lambda name=name: shipped(name, 1) for name in MALIGNANT}
    if data:
        makers["PneumoniaMNIST"] = lambda: pneumonia(data)
    makers |= {name: lambda name=name: made_up(name, *MADE_UP[name]) for name in MADE_UP}
    for name, make in makers.items():
        missing = [n for n in SIZES if not records.has(population=name, cases=n)]
        if missing:
            population = make()
            for cases in missing:
                records.add({"population": name, "cases": cases} | measure(population, cases))
    return records.result


MADE_UP = {
    "made up: every policy loses 1.05": (0, 0.0, False),
    "made up: so, each on other cases": (0, 0.03, True),
    "made up: the cheaper half loses 1.05": (10, 0.0, False),
    "made up: so, with 3 points of gains": (10, 0.03, False),
}
"""First policy that loses too much, the gains of those that do, and whether on cases of its own."""


def made_up(name: str, first: int, gains: float, apart: bool, cases: int = 4000) -> Population:
    """Draw up a population in which everything from one policy on loses 1.05 points."""
    rungs = 20
    loss = np.zeros((cases, rungs))
    better = round(gains * cases)
    loss[: round(0.0105 * cases) + better, first:] = 1
    loss[cases - better :, first:] = -1
    if apart:
        loss = np.random.default_rng(0).permuted(loss, axis=0)
    shares = np.linspace(1, 0.05, rungs + 1)[1:]
    return Population(name, loss, loss != 0, shares, np.zeros(cases, dtype=bool))


def shipped(name: str, class_index: int | None = None) -> Population:
    """Read the evidence of a shipped model on cases it was not trained on."""
    model = load(SAMPLE_DATA / "models" / name)
    everything = load_cases(find_domain(model.domain_key), model.variant)
    pool = join(model.traces["validation"], model.traces["test"])
    labels = everything.take(everything.rows_of(pool.case_ids)).labels
    policies = ladder(model.traces["train"], model.cost)
    return population_of(name, pool, labels, policies, model.cost, class_index)


def pneumonia(data: Path) -> Population:
    """Train the small network once and record its evidence on the other official parts."""
    chosen = presets()["small"]
    parts = next(PneumoniaTask(data, chosen).splits(0))
    network = Way(chosen).network(parts, 0)
    traces = {}
    for name, part in parts.items():
        ids = tuple(f"{name} {n}" for n in range(len(part.labels)))
        traces[name] = run(network, ids, part.inputs, ("pneumonia",))
    pool = join(traces["validation"], traces["test"])
    labels = np.concatenate([parts["validation"].labels, parts["test"].labels])
    cost = cost_table(network)
    return population_of("PneumoniaMNIST", pool, labels, ladder(traces["train"], cost), cost)


def population_of(
    name: str,
    pool: Trace,
    labels: np.ndarray,
    policies: tuple[Policy, ...],
    cost: CostTable,
    class_index: int | None = None,
) -> Population:
    """Decide every case under every policy."""
    before = replay(pool, Policy.shared(0, len(pool.tree.names))).predicted
    after = [replay(pool, policy) for policy in policies]
    predicted = np.stack([one.predicted for one in after], axis=1)
    right = (before == labels)[:, None]
    loss = right.astype(float) - (predicted == labels[:, None])
    shares = np.array([cost.macs(one.active).mean() / cost.total for one in after])
    of_class = labels == class_index if class_index is not None else np.zeros(len(labels), bool)
    return Population(name, loss, predicted != before[:, None], shares, of_class)


def draws(population: Population, cases: int, seed: int = 0) -> Iterator[Drawn]:
    """Recalibrate: draw cases with replacement and count."""
    generator = np.random.default_rng((seed, cases))
    size = len(population.loss)
    even = np.full(size, 1 / size)
    harms, gains = (population.loss == side for side in (1, -1))
    changed = population.changed
    inside = population.of_class
    for _ in range(DRAWS):
        times = generator.multinomial(cases, even)
        more = generator.multinomial(UNLABELLED * cases, even)
        seen = [times @ one for one in (harms, gains, changed)]
        others = seen[2] + more @ changed
        known = [
            Counts(int(h), int(g), cases, int(c), cases) for h, g, c in zip(*seen, strict=True)
        ]
        everything = cases * (1 + UNLABELLED)
        also = [
            Counts(int(h), int(g), cases, int(c), everything)
            for h, g, c in zip(seen[0], seen[1], others, strict=True)
        ]
        of_class = []
        if inside.any():
            count = int(times[inside].sum())
            parts = [times[inside] @ one[inside] for one in (harms, gains, changed)]
            of_class = [
                Counts(int(h), int(g), count, int(c), count) for h, g, c in zip(*parts, strict=True)
            ]
        yield Drawn(known, also, of_class)


def measure(population: Population, cases: int) -> dict[str, Any]:
    """Recalibrate by every method, and look up what each choice truly loses."""
    risks = population.loss.mean(axis=0)
    within = population.within
    chosen: dict[str, list[int]] = {name: [] for name in METHODS}
    title = f"{population.name}, {cases}"
    for drawn in tqdm(draws(population, cases), desc=title, total=DRAWS, disable=None):
        for name, (choose, unlabelled) in METHODS.items():
            kept = np.flatnonzero(choose(drawn, unlabelled))
            best = min(kept, key=lambda place: population.shares[place], default=-1)
            chosen[name].append(int(best))
    said = {}
    for name, places in chosen.items():
        found = np.array([place for place in places if place >= 0], dtype=int)
        said[name] = {
            "broken": float((~within[found]).sum() / DRAWS),
            "share": float((population.shares[found].sum() + DRAWS - len(found)) / DRAWS),
            "nothing": 1 - len(found) / DRAWS,
            "mean_points_lost": float(100 * risks[found].sum() / DRAWS),
        }
    return {
        "pool": len(population.loss),
        "dearest_points_lost": float(100 * risks.max()),
        "oracle": population.oracle,
        "methods": said,
    }


def table(result: dict[str, Any]) -> str:
    """Write the tables in Markdown."""
    names = list(METHODS)
    lines = [
        f"### At most {result['points_lost']:g} point lost with {result['confidence']:.0%} "
        f"confidence: {result['draws']:,} recalibrations",
        "",
        "Share of recalibrations in which the promise was broken:",
        "",
        *header("population", "cases", *names),
    ]
    for one in result["records"]:
        cells = [f"{one['methods'][name]['broken']:.3f}" for name in names]
        lines.append(row(one["population"], f"{one['cases']:,}", *cells))
    lines += ["", "Mean share of the FLOPs paid; 1 where nothing could be promised:", ""]
    lines += header("population", "cases", "oracle", *names, "nothing promised: ours", "unlabelled")
    for one in result["records"]:
        cells = [f"{one['methods'][name]['share']:.2f}" for name in names]
        none = [f"{one['methods'][n]['nothing']:.2f}" for n in ("ours", "ours, unlabelled")]
        lines.append(
            row(one["population"], f"{one['cases']:,}", f"{one['oracle']:.2f}", *cells, *none)
        )
    worst = np.sqrt(ERROR * (1 - ERROR) / result["draws"])
    lines += ["", f"Standard error of a broken share of {ERROR}: {worst:.3f}.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
