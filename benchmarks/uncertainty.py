"""Do sets hold the truth as often as asked, and are inputs that do not belong noticed?

    python -m benchmarks.uncertainty --data pneumoniamnist.npz
    python -m benchmarks.uncertainty --show benchmarks/results/uncertainty.json

Coverage: validation and test cases of a shipped model are put together and split in half anew, by
group, 200 times; limits come from one half, and the other is counted. Unusual inputs: test cases
as they are against the same ones damaged, and for pictures against those of another task. With
PneumoniaMNIST, read from a path, a small network is trained on it too, and each of the two is
foreign to the other. Validation cases, which the table shows too, are for choosing a distance.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from benchmarks.corruptions import NUMBERS, PICTURES
from benchmarks.guarantee import SHIPPED
from benchmarks.pneumonia import presets
from benchmarks.records import Records
from benchmarks.tables import header, row
from benchmarks.tasks import PneumoniaTask
from benchmarks.ways import Way
from minspnet.adapters.medmnist import read_medmnist
from minspnet.artifact import Model, load, load_network
from minspnet.conformal import calibrate, measure
from minspnet.data import PARTS, Cases
from minspnet.domain import Feature
from minspnet.domains import SAMPLE_DATA, find_domain, load_cases
from minspnet.metrics import auc
from minspnet.network import Network, run
from minspnet.policy import Policy
from minspnet.trace import Decision, Trace, join, replay
from minspnet.traits import traits
from minspnet.unusual import Neighbourhood, familiarise

RESPLITS = 200
COVERAGES = (0.8, 0.9, 0.95)
REDRAWS = 200
SCORES = ("input", "evidence", "both", "softmax", "energy")
"""Distances to training cases of the input's traits, of the evidence, the greater of both; and two
that are usual elsewhere: chance of the most probable class, and energy of the class logits."""
GOAL = 0.95


def main() -> None:
    """Run what is still missing and print the tables, or print those of a finished run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="the file of PneumoniaMNIST at 28 pixels")
    parser.add_argument("--show", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.show:
        print(table(json.loads(options.show.read_text())))
        return
    torch.set_num_threads(1)
    print(table(collect(options.data)))


def collect(data: Path | None) -> dict[str, Any]:
    """One record a model and question."""
    records = Records("uncertainty", {"resplits": RESPLITS, "redraws": REDRAWS})
    for name in SHIPPED:
        model = load(SAMPLE_DATA / "models" / name)
        cases = load_cases(find_domain(model.domain_key), model.variant)
        ways = ["group", "case"] if model.domain.group_noun else ["case"]
        for way in ways:
            if not records.has(asked="coverage", model=name, split_by=way):
                found = {"rows": coverage(model, cases, way == "group")}
                records.add({"asked": "coverage", "model": name, "split_by": way} | found)
        if not records.has(asked="unusual", model=name):
            found = unusual(shipped(model, cases, data))
            records.add({"asked": "unusual", "model": name} | found)
    if data and not records.has(asked="unusual", model="PneumoniaMNIST"):
        records.add({"asked": "unusual", "model": "PneumoniaMNIST"} | unusual(pneumonia(data)))
    return records.result


# --- Coverage ---------------------------------------------------------------------------


def coverage(
    model: Model, cases: Cases, by_group: bool, resplits: int = RESPLITS
) -> list[dict[str, Any]]:
    """Resplit, calibrate and count, by way of making sets."""
    pool = join(model.traces["validation"], model.traces["test"])
    known = cases.take(cases.rows_of(pool.case_ids))
    chances = replay(pool, model.policy).probabilities
    names = known.groups if by_group else known.ids
    groups = np.unique(np.array(names), return_inverse=True)[1]
    count = int(groups.max()) + 1
    found: dict[tuple[str, float, bool], list[list[float]]] = {}
    for seed in range(resplits):
        first = np.random.default_rng(seed).permutation(count)[: count // 2]
        inside = np.isin(groups, first)
        here, there = np.flatnonzero(inside), np.flatnonzero(~inside)
        for score in ("lac", "aps"):
            for asked in COVERAGES:
                for by_class in (False, True):
                    rule = calibrate(
                        chances[here],
                        known.labels[here],
                        [known.ids[k] for k in here],
                        asked,
                        score,
                        by_class,
                        [names[k] for k in here],
                    )
                    members = rule.members(chances[there], [known.ids[k] for k in there])
                    counted = measure(members, known.labels[there])
                    held = members[np.arange(len(there)), known.labels[there]]
                    of_group = np.bincount(groups[there], held, count)
                    present = np.bincount(groups[there], minlength=count)
                    alike = float((of_group[present > 0] / present[present > 0]).mean())
                    classes = [one.share for one in counted.classes]
                    sizes = [counted.mean_size, counted.sizes[0] / len(there)]
                    found.setdefault((score, asked, by_class), []).append(
                        [counted.everything.share, alike, *sizes, float(rule.enough), *classes]
                    )
    return [
        {
            "score": score,
            "asked": asked,
            "by_class": by_class,
            "pool": len(pool),
            "draws": count,
            "coverage": means[0],
            "error": float(np.nanstd([one[0] for one in runs]) / np.sqrt(resplits)),
            "draws_alike": means[1],
            "mean_size": means[2],
            "empty": means[3],
            "enough": means[4],
            "classes": means[5:],
        }
        for (score, asked, by_class), runs in found.items()
        for means in [[float(x) for x in np.nanmean(np.array(runs), axis=0)]]
    ]


# --- Unusual inputs ---------------------------------------------------------------------


@dataclass(frozen=True)
class Home:
    """A network, the cases it knows, and what they are told from.

    Attributes:
        inputs: Of each part.
        groups: Of the validation cases.
        features: Of columns or channels; none of pictures.
        foreign: Name of another task, and its pictures by part; none of columns.
    """

    network: Network
    policy: Policy
    concepts: tuple[str, ...]
    inputs: dict[str, np.ndarray]
    groups: tuple[str, ...]
    features: tuple[Feature, ...]
    foreign: tuple[str, dict[str, np.ndarray]] | None

    def trace(self, inputs: np.ndarray) -> Trace:
        """Run the network."""
        return run(self.network, tuple(map(str, range(len(inputs)))), inputs, self.concepts)


def shipped(model: Model, cases: Cases, data: Path | None) -> Home:
    """A model that ships; chest X-rays are foreign to its pictures."""
    known = {one.name: one for one in model.domain.features}
    features = tuple(known[name] for name in model.domain.variant(model.variant).inputs)
    parts = {name: cases.take(cases.rows_of(t.case_ids)) for name, t in model.traces.items()}
    inputs = {name: part.inputs for name, part in parts.items()}
    foreign = None
    if data and model.domain.modality == "image":
        side = inputs["test"].shape[2]
        foreign = "PneumoniaMNIST", {k: resized(x, side) for k, x in _pneumonia(data).items()}
    return Home(
        load_network(model),
        model.policy,
        model.domain.concept_names,
        inputs,
        parts["validation"].groups,
        features,
        foreign,
    )


def pneumonia(data: Path) -> Home:
    """The small network of ``benchmarks.pneumonia``, trained once; nodules are foreign to it."""
    chosen = presets()["small"]
    parts = next(PneumoniaTask(data, chosen).splits(0))
    network = Way(chosen).network(parts, 0)
    inputs = {name: part.inputs for name, part in parts.items()}
    nodules = load(SAMPLE_DATA / "models" / "lung_nodules")
    cases = load_cases(nodules.domain)
    foreign = {
        name: resized(cases.inputs[cases.rows_of(trace.case_ids)], inputs["test"].shape[2])
        for name, trace in nodules.traces.items()
    }
    ids = tuple(map(str, range(len(inputs["validation"]))))
    policy = Policy.shared(0, len(network.tree.names))
    return Home(network, policy, ("pneumonia",), inputs, ids, (), ("lung_nodules", foreign))


def unusual(home: Home) -> dict[str, Any]:
    """How well each score tells inputs that do not belong, on validation and on test cases."""
    known = {part: traits(home.inputs[part], home.features) for part in ("train", "validation")}
    learned = familiarise(known["train"], known["validation"], groups=home.groups)
    inside = Neighbourhood.of(evidence(home.trace(home.inputs["train"])))

    def scored(x: np.ndarray) -> dict[str, np.ndarray]:
        trace = home.trace(x)
        decided = replay(trace, home.policy)
        near = learned.scores(traits(x, home.features)), inside.distance(evidence(trace))
        return scores(*near, decided)

    damages = PICTURES if home.inputs["test"].ndim == 4 else NUMBERS
    rows = []
    for part in ("validation", "test"):
        inputs = _some(home.inputs[part])
        plain = scored(inputs)
        others = {
            name: scored(damage(inputs, np.random.default_rng(place)))
            for place, (name, damage) in enumerate(damages.items())
        }
        if home.foreign:
            name, pictures = home.foreign
            others[name] = scored(pictures[part])
        rows += [
            {
                "part": part,
                "damage": name,
                "cases": [len(inputs), len(other["input"])],
                "flagged": float((other["input"] > learned.limit).mean()),
                "auroc": {score: interval(other[score], plain[score]) for score in SCORES},
            }
            for name, other in others.items()
        ]
        rows.append(
            {
                "part": part,
                "damage": "as they are",
                "cases": [len(inputs), 0],
                "flagged": float((plain["input"] > learned.limit).mean()),
            }
        )
    return {"rows": rows}


def _some(inputs: np.ndarray, most: int = 1000) -> np.ndarray:
    order = np.random.default_rng(0).permutation(len(inputs))
    return inputs[order[:most]] if len(inputs) > most else inputs


def evidence(trace: Trace) -> np.ndarray:
    """All that a trace recorded of each case, side by side, before any threshold."""
    parts = (trace.base, trace.contributions.reshape(len(trace), -1), trace.gates)
    return np.concatenate(parts, axis=1).astype(np.float64)


def scores(near: np.ndarray, inside: np.ndarray, decided: Decision) -> dict[str, np.ndarray]:
    """Each of ``SCORES``: more is stranger.

    Source: Hendrycks and Gimpel 2017, A baseline for detecting misclassified and
    out-of-distribution examples (softmax); Liu et al. 2020, Energy-based out-of-distribution
    detection.
    """
    logits = decided.class_logits.astype(np.float64)
    return {
        "input": near,
        "evidence": inside,
        "both": np.maximum(near, inside),
        "softmax": -decided.probabilities.max(axis=1),
        "energy": -np.logaddexp.reduce(logits, axis=1),
    }


def _pneumonia(data: Path) -> dict[str, np.ndarray]:
    collection = read_medmnist(data, ("normal", "pneumonia"))
    return {name: collection.cases.inputs[getattr(collection.split, name)] for name in PARTS}


def resized(pictures: np.ndarray, side: int) -> np.ndarray:
    """Pictures of another task as large as those that a network knows."""
    zoom = (1, 1, side / pictures.shape[2], side / pictures.shape[3])
    return np.clip(ndimage.zoom(pictures, zoom, order=1), 0, 1).astype(np.float32)


def interval(strange: np.ndarray, plain: np.ndarray) -> list[float]:
    """AUROC, and 95 % of it over redraws of both sides."""
    generator = np.random.default_rng(0)
    found = [_auroc(strange, plain)]
    for _ in range(REDRAWS):
        drawn = (one[generator.integers(len(one), size=len(one))] for one in (strange, plain))
        found.append(_auroc(*drawn))
    low, high = np.quantile(found[1:], [0.025, 0.975])
    return [found[0], float(low), float(high)]


def _auroc(strange: np.ndarray, plain: np.ndarray) -> float:
    belongs = np.concatenate([np.ones(len(strange), bool), np.zeros(len(plain), bool)])
    return auc(np.concatenate([strange, plain]), belongs)


# --- Tables -----------------------------------------------------------------------------


def table(result: dict[str, Any]) -> str:
    """Write the tables in Markdown."""
    asked = [one for one in result["records"] if one["asked"] == "coverage"]
    lines = [
        f"### Coverage over {result['resplits']} resplits of validation and test cases",
        "",
        "Mean share of sets that hold the truth (in brackets: each draw counting alike, where a "
        "draw is a group), then by class (least to most), mean size and share of empty sets.",
        "",
    ]
    titles = ("model, split by", "sets", "asked", "coverage", "classes", "size", "empty")
    for by_class in (False, True):
        lines += ["Each class by itself:" if by_class else "All classes together:", ""]
        lines += header(*titles)
        for record in asked:
            for one in record["rows"]:
                if one["by_class"] == by_class:
                    lines.append(_coverage_row(record, one))
        lines.append("")
    lines += [
        "### Inputs that do not belong: AUROC against the same cases as they are",
        "",
        *header("model", "part", "damage", "cases", "flagged", *SCORES),
    ]
    for record in result["records"]:
        if record["asked"] == "unusual":
            lines += [_unusual_row(record["model"], one) for one in record["rows"]]
    return "\n".join([*lines, ""])


def _coverage_row(record: dict[str, Any], one: dict[str, Any]) -> str:
    alike = f" ({one['draws_alike']:.3f})" if record["split_by"] == "group" else ""
    return row(
        f"{record['model']}, {record['split_by']}",
        one["score"].upper(),
        f"{one['asked']:.0%}",
        f"{one['coverage']:.3f} ± {one['error']:.3f}{alike}",
        f"{min(one['classes']):.3f} to {max(one['classes']):.3f}",
        f"{one['mean_size']:.2f}",
        f"{one['empty']:.3f}",
    )


def _unusual_row(name: str, one: dict[str, Any]) -> str:
    told = [
        "{:.3f} ({:.3f} to {:.3f})".format(*one["auroc"][score]) if "auroc" in one else "-"
        for score in SCORES
    ]
    cases = " / ".join(f"{n:,}" for n in one["cases"])
    return row(name, one["part"], one["damage"], cases, f"{one['flagged']:.3f}", *told)


if __name__ == "__main__":
    main()
