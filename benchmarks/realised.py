"""How much of the MACs that routing saves is time saved, in ONNX Runtime on this machine.

    python -m benchmarks.realised --data pneumoniamnist.npz
    python -m benchmarks.realised --show benchmarks/results/realised.json

*Shipped models*: their test cases, one by one and 256 at a time (drawn with replacement), at the
operating point they were saved with, and at a shared threshold found on validation cases: raised
from 0 until accuracy or AUC would be more than half a point lower there. The larger network for
PneumoniaMNIST, which does not ship, is trained first and stands at the budget it was asked for.
*Spines with random weights* of several sizes, their thresholds placed so that a quarter of the
(case, expert) pairs run: where saving starts.

Three graphs of each network take turns, so that a busy machine slows all of them alike: gated;
the same with all gates open; and one without gates or branches, where every expert runs. Times
are medians of single-threaded runs, averaged over the cases. The realised share is the saving in
time over the saving in MACs.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.pneumonia import MOST_MACS, presets
from benchmarks.records import Records
from benchmarks.tables import header, row
from benchmarks.tasks import PneumoniaTask
from benchmarks.ways import Way
from minspnet.artifact import load, load_network
from minspnet.cost import cost_table
from minspnet.deploy import forest
from minspnet.deploy.export import export
from minspnet.deploy.session import Exported
from minspnet.dispatch import dispatch
from minspnet.domains import SAMPLE_DATA, find_domain, load_cases
from minspnet.latency import this_machine
from minspnet.metrics import CostTable
from minspnet.network import Network, run
from minspnet.policy import Policy
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.sweep import Outcomes, most_within
from minspnet.trace import Trace, active_experts

MODELS = ("lung_nodules", "wrist_exercise", "breast_cytology-mean_and_se", "phishing")
BATCH = 256
ONE_BY_ONE = 64
MAY_LOSE = 0.005
SECONDS = 12.0
"""Of each comparison; more rounds make medians steadier."""
REACHED = (0.4, 0.25, 0.2, 0.15)
"""Share of the cases that each stage of a random spine runs on: a quarter in the mean."""

_ANSWER = ["active", "probabilities", "predicted"]
_Timed = dict[str, list[Callable[[], object]]]


@dataclass(frozen=True)
class Shape:
    """A spine of four stages.

    Attributes:
        side: Of the pictures.
        channels: Of the pictures.
        downsample: Of the stem.
        inner: Channels of the stem's layers before the last.
        width: Of stem and stages; the last stage is half as wide again.
        expansion: Inside the stages.
    """

    side: int
    channels: int
    downsample: int
    inner: tuple[int, ...]
    width: int
    expansion: int

    @property
    def spec(self) -> ModelSpec:
        """Three stages at the stem's grid and one at half of it, each behind a gate of doubt."""
        names = ("second look", "third look", "fourth look", "fifth look")
        experts = tuple(
            ExpertSpec(
                name,
                "inverted_bottleneck",
                self.width if place < 3 else self.width * 3 // 2,
                parent=names[place - 1] if place else None,
                expansion=self.expansion,
                stride=1 if place < 3 else 2,
            )
            for place, name in enumerate(names)
        )
        stem = StemSpec("image", self.width, self.downsample, inner=self.inner)
        return ModelSpec((self.channels, self.side, self.side), 8, 2, stem, experts)


SHAPES = (
    Shape(28, 1, 4, (), 4, 2),
    Shape(28, 1, 4, (), 8, 2),
    Shape(28, 1, 4, (), 24, 2),
    Shape(28, 1, 4, (), 48, 3),
    Shape(64, 1, 4, (), 24, 2),
    Shape(128, 1, 8, (8, 16), 32, 3),
    Shape(224, 3, 8, (8, 16), 32, 4),
    Shape(224, 3, 8, (8, 16), 64, 4),
)


def medians(work: _Timed, seconds: float) -> dict[str, float]:
    """Milliseconds of each kind of work, averaged over its cases; all of it takes turns."""
    calls = [(kind, place, call) for kind, many in work.items() for place, call in enumerate(many)]
    start = time.perf_counter()
    for _ in range(2):
        for _, _, call in calls:
            call()
    once = (time.perf_counter() - start) / 2
    rounds = int(np.clip(seconds / once, 5, 400))
    taken = np.empty((rounds, len(calls)))
    generator = np.random.default_rng(0)
    for turn in range(rounds):
        for place in generator.permutation(len(calls)):
            start = time.perf_counter()
            calls[place][2]()
            taken[turn, place] = time.perf_counter() - start
    middle = 1000 * np.median(taken, axis=0)
    return {
        kind: float(np.mean([middle[i] for i, one in enumerate(calls) if one[0] == kind]))
        for kind in work
    }


@dataclass(frozen=True)
class Subject:
    """A network, its policy, and cases with what was found in them."""

    network: Network
    policy: Policy
    inputs: np.ndarray
    trace: Trace
    cost: CostTable

    def compared(self, batch: int, seconds: float) -> dict[str, float]:
        """Times of the three graphs and of eager torch, and the saving in MACs."""
        generator = np.random.default_rng(batch)
        count = min(ONE_BY_ONE, len(self.inputs)) if batch == 1 else BATCH
        drawn = generator.choice(len(self.inputs), count, replace=batch > 1)
        sets = [drawn[start : start + batch] for start in range(0, count, batch)]
        open_gates = Policy.shared(0, len(self.trace.tree.names))
        way: forest.Way = "case" if batch == 1 else "batch"
        gated, always = self.opened(way), self.opened("always")
        work: _Timed = {
            "gated": [server(gated, self.inputs[rows], self.policy) for rows in sets],
            "all_on": [server(gated, self.inputs[rows], open_gates) for rows in sets],
            "always": [server(always, self.inputs[rows], open_gates) for rows in sets],
        }
        eager: _Timed = {
            f"eager_{name}": [
                partial(dispatch, self.network, self.inputs[rows], policy, _names(self.network))
                for rows in sets[:16]
            ]
            for name, policy in (("gated", self.policy), ("all_on", open_gates))
        }
        active = active_experts(self.trace, self.policy)[drawn]
        return {
            "macs_saved": 1 - float(self.cost.macs(active).mean()) / self.cost.total,
            **medians(work, seconds),
            **medians(eager, seconds / 3),
        }

    def opened(self, way: forest.Way) -> Exported:
        classes = tuple(f"class {k}" for k in range(self.network.spec.classes))
        made = export(self.network, self.policy, _names(self.network), classes, way)
        return Exported.open(made.SerializeToString())


def server(exported: Exported, inputs: np.ndarray, policy: Policy) -> Callable[[], None]:
    """What a server runs for these inputs: the decision, without checks of what it is given."""
    starts = range(0, len(inputs), exported.rows)
    thresholds = exported.feed(policy)
    feeds = [{"inputs": inputs[s : s + exported.rows], **thresholds} for s in starts]

    def decide() -> None:
        for feed in feeds:
            exported.session.run(_ANSWER, feed)

    return decide


def _names(network: Network) -> tuple[str, ...]:
    return tuple(f"concept {k}" for k in range(network.spec.concepts))


def shipped(name: str) -> tuple[Subject, dict[str, Outcomes]]:
    """A shipped model as it was saved, its test cases, and what thresholds do to its cases."""
    domain = find_domain(name.split("-")[0])
    model = load(SAMPLE_DATA / "models" / name)
    cases = load_cases(domain, model.variant)
    outcomes = {}
    for part in ("validation", "test"):
        trace = model.traces[part]
        labels = cases.labels[cases.rows_of(trace.case_ids)]
        outcomes[part] = Outcomes(trace, labels, model.cost)
    trace = model.traces["test"]
    inputs = cases.inputs[cases.rows_of(trace.case_ids)].astype(np.float32)
    return Subject(load_network(model), model.policy, inputs, trace, model.cost), outcomes


def pneumonia(path: Path) -> tuple[Subject, dict[str, Outcomes]]:
    """The larger network of ``benchmarks.pneumonia``, trained here, gated to its budget."""
    large = presets()["large"]
    parts = next(PneumoniaTask(path, large).splits(0))
    network = Way(large).network(parts, 0)
    cost, outcomes = cost_table(network), {}
    for part in ("validation", "test"):
        ids = tuple(map(str, range(len(parts[part].inputs))))
        trace = run(network, ids, parts[part].inputs, _names(network))
        outcomes[part] = Outcomes(trace, parts[part].labels, cost)
    within = most_within(outcomes["validation"].curve(), MOST_MACS / cost.total, cost.total)
    policy = Policy(within.gate_thresholds)
    inputs = parts["test"].inputs.astype(np.float32)
    return Subject(network, policy, inputs, outcomes["test"].trace, cost), outcomes


def trained(
    name: str, chosen: str, subject: Subject, outcomes: dict[str, Outcomes], records: Records
) -> None:
    """Add the records of a trained network: two policies, two sizes of a batch."""
    full = Policy.shared(0, len(subject.trace.tree.names))
    cut = subject.policy.decision_threshold
    for point, policy in (
        (chosen, subject.policy),
        ("half a point", raised(outcomes["validation"], cut)),
    ):
        score = outcomes["test"].score(policy)
        about = {
            "name": name,
            "point": point,
            "gate_threshold": policy.gate_thresholds[0],
            "macs": subject.cost.total,
            "accuracy": score.accuracy,
            "accuracy_all_on": outcomes["test"].score(full).accuracy,
            "auc": outcomes["test"].auc(policy),
            "auc_all_on": outcomes["test"].auc(full),
        }
        for batch in (1, BATCH):
            if not records.has(name=name, point=point, batch=batch):
                timed = replace(subject, policy=policy).compared(batch, records.about["seconds"])
                records.add(about | {"batch": batch} | timed)


def raised(outcomes: Outcomes, decision_threshold: float) -> Policy:
    """The last shared threshold before the first one at which accuracy or AUC falls too far.

    The cheapest of all that keep to it would be one that was lucky on a hundred cases.
    """
    experts = len(outcomes.trace.tree.names)
    kept = full = Policy.shared(0, experts).with_cut(decision_threshold)
    accuracy, area = outcomes.score(full).accuracy, outcomes.auc(full)
    for step in range(1, 202):
        policy = Policy.shared(min(step / 200, 1.01), experts).with_cut(decision_threshold)
        right = outcomes.score(policy).accuracy
        if min(right - accuracy, outcomes.auc(policy) - area) < -MAY_LOSE:
            break
        kept = policy
    return kept


def random_spine(shape: Shape) -> Subject:
    """A spine with random weights that has seen its pictures, and thresholds for a quarter."""
    spec = shape.spec
    inputs = pictures(BATCH, shape)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        network = Network(spec).train()
        network.head.weights.normal_(std=3)
        network.stem.standardise.fit(torch.from_numpy(inputs[:32]))
        for _ in range(15):
            network.evidence(torch.from_numpy(inputs[:32]))
    trace = run(network, tuple(map(str, range(BATCH))), inputs, _names(network), batch_size=32)
    return Subject(network, quarter(trace), inputs, trace, cost_table(network))


def pictures(count: int, shape: Shape) -> np.ndarray:
    """Patches of grey and some noise: noise alone would look alike everywhere."""
    generator = np.random.default_rng(0)
    patches = generator.normal(size=(count, shape.channels, 7, 7))
    patches *= generator.exponential(size=(count, 1, 1, 1))
    large = np.kron(patches, np.ones((1, 1, *[-(-shape.side // 7)] * 2)))
    large = large[:, :, : shape.side, : shape.side]
    return (large + generator.normal(0, 0.2, large.shape)).astype(np.float32)


def quarter(trace: Trace) -> Policy:
    """Thresholds with which each stage runs on the share of the cases named for it."""
    left = np.ones(len(trace), dtype=bool)
    thresholds = []
    for gates, share in zip(trace.gates.T, REACHED, strict=True):
        known = np.sort(gates[left])[::-1].astype(float)
        last = round(share * len(trace)) - 1
        thresholds.append((known[last] + known[min(last + 1, len(known) - 1)]) / 2)
        left &= gates >= np.float32(thresholds[-1])
    return Policy(tuple(thresholds))


def spine(shape: Shape, records: Records, seconds: float) -> None:
    """Add the records of a random spine: two sizes of a batch."""
    name = f"{shape.side} px, width {shape.width}"
    if all(records.has(name=name, batch=batch) for batch in (1, BATCH)):
        return
    subject = random_spine(shape)
    about = {
        "name": name,
        "shape": asdict(shape),
        "macs": subject.cost.total,
        "base": subject.cost.base / subject.cost.total,
        "ran": float(active_experts(subject.trace, subject.policy).mean()),
    }
    for batch in (1, BATCH):
        if not records.has(name=name, batch=batch):
            records.add(about | {"batch": batch} | subject.compared(batch, seconds))


def table(result: dict[str, Any]) -> str:
    """Write both tables in Markdown."""
    machine = result["machine"]
    lines = [
        f"### {machine['processor']}, {machine['threads']} of {machine['cores']} cores, ONNX "
        f"Runtime {machine['runtime']}",
        "",
        "Trained networks, test cases:",
        "",
        *header(
            "model, gate threshold",
            "batch",
            "accuracy",
            "less",
            *_TIMES,
            "torch, all on",
            "torch, gated",
        ),
    ]
    for one in result["records"]:
        if "point" in one:
            said = f"{one['name']}, {one['gate_threshold']:g} ({one['point']})"
            less = f"{one['accuracy'] - one['accuracy_all_on']:+.4f}"
            eager = [f"{one[key]:.3g}" for key in ("eager_all_on", "eager_gated")]
            cells = [said, str(one["batch"]), f"{one['accuracy']:.4f}", less]
            lines.append(row(*cells, *_times(one), *eager))
    lines += ["", "Spines with random weights, a quarter of the stages run:", ""]
    lines += header("spine", "MACs", "base", "batch", *_TIMES, "torch, realised")
    for one in result["records"]:
        if "shape" in one:
            eager = (1 - one["eager_gated"] / one["eager_all_on"]) / one["macs_saved"]
            macs = f"{one['macs'] / 1e6:.2f} M"
            cells = [one["name"], macs, f"{one['base']:.1%}", str(one["batch"])]
            lines.append(row(*cells, *_times(one), f"{eager:.2f}"))
    return "\n".join([*lines, ""])


_TIMES = (
    "no gates, ms",
    "all on, ms",
    "gated, ms",
    "speed-up",
    "MACs saved",
    "time saved",
    "realised",
    "against no gates",
)


def _times(one: dict[str, Any]) -> list[str]:
    saved = 1 - one["gated"] / one["all_on"]
    against = 1 - one["gated"] / one["always"]
    return [
        *(f"{one[key]:.3g}" for key in ("always", "all_on", "gated")),
        f"{one['all_on'] / one['gated']:.2f} x",
        f"{one['macs_saved']:.1%}",
        f"{saved:.1%}",
        f"{saved / one['macs_saved']:.2f}",
        f"{against / one['macs_saved']:.2f}",
    ]


def main() -> None:
    """Measure what is not there yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", type=Path, metavar="FILE", help="only print a finished run")
    parser.add_argument("--data", type=Path, help="the file of PneumoniaMNIST at 28 pixels")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each comparison")
    options = parser.parse_args()
    if options.show:
        print(table(json.loads(options.show.read_text())))
        return
    torch.set_num_threads(1)
    tiny = random_spine(SHAPES[0])
    machine = asdict(this_machine(tiny.opened("case")))
    records = Records("realised", {"machine": machine, "seconds": options.seconds})
    for name in tqdm(MODELS, desc="shipped models", disable=None):
        if not all(records.has(name=name, batch=batch) for batch in (1, BATCH)):
            trained(name, "as shipped", *shipped(name), records)
    if options.data and not records.has(name="pneumonia", point="half a point", batch=BATCH):
        trained("pneumonia", "within 150 kMACs", *pneumonia(options.data), records)
    for shape in tqdm(SHAPES, desc="random spines", disable=None):
        spine(shape, records, options.seconds)
    print(table(records.result))


if __name__ == "__main__":
    main()
