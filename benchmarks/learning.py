"""Does a network learn what readers set right, what does it forget, and is it noticed?

    python -m benchmarks.learning
    python -m benchmarks.learning --show benchmarks/results/learning.json

Readers are simulated from what is known of real cases. Validation and test cases of a shipped model
are drawn anew, by group: 100 to be reviewed, two fifths of the rest to choose the weight of replay,
the others to score. A reader sets a finding right where the network is off by more than half a
step of a scale of five (.125), and answers as labelled. The *plain* reader reads findings as the
data have them. Two others read one finding a whole step (.25) higher: the one that reasons rest on
most (*heavy*), or least (*light*). Every update is then told from 19 updates of undisputed cases.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.records import Records
from benchmarks.tables import header, row, spread
from minspnet.artifact import Model, load, load_network
from minspnet.behind import cases_of
from minspnet.data import Cases
from minspnet.domains import SAMPLE_DATA
from minspnet.learned import AdapterSpec
from minspnet.learning.adapter import Taught, readings
from minspnet.learning.lessons import Lessons
from minspnet.learning.trial import Ground, Teacher, undisputed_shifts
from minspnet.metrics import wilson_interval
from minspnet.network import Network, run
from minspnet.sparsity.compress import cost_shares
from minspnet.trace import replay
from minspnet.training.train import TrainingData, train

TASKS = ("breast_cytology-mean_and_se", "lung_nodules", "phishing")
READERS = ("plain", "heavy", "light")
SIZES = (10, 25, 50, 100)
COMPARED = 50
SEEDS = 6
STEP, SEEN = 0.25, 0.125
EPOCHS, RATE = 20, 0.002
"""Of fine-tuning the whole network but its head."""
ADAPTERS = {
    "bias": AdapterSpec("bias"),
    "low rank": AdapterSpec("low_rank", 1),
}
WAYS = (*ADAPTERS, "bias, no replay", "fine-tuning, replay", "fine-tuning, no replay")


def main() -> None:
    """Run what is still missing and print the tables, or print those of a finished run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.show:
        print(table(json.loads(options.show.read_text())))
        return
    torch.set_num_threads(1)
    print(table(collect()))


def collect() -> dict[str, Any]:
    """One record a task, seed and reader."""
    about = {"sizes": SIZES, "seeds": SEEDS, "step": STEP, "seen": SEEN, "ways": WAYS}
    about |= {"adapters": {name: spec.to_dict() for name, spec in ADAPTERS.items()}}
    about |= {"epochs": EPOCHS, "rate": RATE}
    records = Records("learning", about)
    for seed in range(SEEDS):
        for name in TASKS:
            trial = None
            for reader in READERS:
                if records.has(task=name, seed=seed, reader=reader):
                    continue
                trial = trial or Trial.of(name, seed)
                found = {"rows": trial.rows(reader)}
                records.add({"task": name, "seed": seed, "reader": reader} | found)
    return records.result


@dataclass(frozen=True)
class Trial:
    """One draw of the cases of one task.

    Attributes:
        model: Shipped.
        ground: The network, and the cases to choose by and to score.
        pool: Cases to be reviewed, in the order in which they are.
        seed: Of the draw.
    """

    model: Model
    ground: Ground
    pool: Cases
    seed: int

    @classmethod
    def of(cls, name: str, seed: int) -> "Trial":
        """Draw the cases."""
        model = load(SAMPLE_DATA / "models" / name)
        cases = cases_of(model)
        ids = [case for part in ("validation", "test") for case in model.traces[part].case_ids]
        unseen = cases.take(cases.rows_of(tuple(ids)))
        pool, choose, score = _drawn(unseen, seed)
        ground = Ground(
            load_network(model),
            model.policy,
            model.training,
            model.scale,
            model.domain.concept_names,
            cases.take(cases.rows_of(model.traces["train"].case_ids)),
            choose,
            score,
        )
        return cls(model, ground, pool, seed)

    def rows(self, reader: str) -> list[dict[str, Any]]:
        """What one reader's reviews do: biases by size, then every way at one size."""
        found = []
        bias = replace(ADAPTERS["bias"], seed=self.seed)
        teacher = Teacher(self.ground, bias)
        finding = self.finding(teacher, reader)
        for size in SIZES:
            given = self.lessons(size, finding if reader != "plain" else None)
            taught = Taught(readings(self.ground.network, given.inputs), given)
            network, weight = teacher.choose(taught)
            told = self.scores(teacher, network, finding, reader)
            limit = max(undisputed_shifts(teacher, given, weight))
            told |= {"way": "bias", "size": size, "weight": weight, "limit": limit}
            found.append(told | {"set_right": int(given.corrected.sum())})
            if size == COMPARED:
                for way in WAYS[1:]:
                    network, weight = self.learned(way, taught, teacher)
                    told = self.scores(teacher, network, finding, reader)
                    found.append(told | {"way": way, "size": size, "weight": weight})
        return found

    def finding(self, teacher: Teacher, reader: str) -> int:
        """Place of the finding that the reader reads otherwise."""
        shares = np.abs(teacher.reasons(self.ground.network).shares).mean(axis=0)
        weights = shares[: len(self.ground.concepts)]
        return int(weights.argmin() if reader == "light" else weights.argmax())

    def lessons(self, size: int, finding: int | None) -> Lessons:
        """The first cases of the pool, as a reader sees them."""
        chosen = self.pool.take(np.arange(size))
        wanted = _read(self.ground.scale.truth(chosen.columns), finding)
        trace = self.ground.trace(self.ground.network, chosen)
        said = replay(trace, self.ground.policy).concepts[:, : wanted.shape[1]]
        findings = np.where(np.abs(said - wanted) > SEEN, wanted, np.nan).astype(np.float32)
        return Lessons(chosen.ids, chosen.inputs, findings, chosen.labels, chosen.groups)

    def learned(self, way: str, taught: Taught, teacher: Teacher) -> tuple[Network, float]:
        """Learn another way."""
        if way in ADAPTERS:
            return Teacher(self.ground, replace(ADAPTERS[way], seed=self.seed)).choose(taught)
        if way.startswith("bias"):
            return teacher.teach(taught, 0.0), 0.0
        cases = [_whole(self.ground, taught.lessons.inputs, taught.lessons)]
        if way == "fine-tuning, replay":
            sample = teacher.sample
            cases.append(_whole(self.ground, sample.inputs, None))
        data = TrainingData(
            *(np.concatenate(parts) for parts in zip(*cases, strict=True))  # type: ignore[arg-type]
        )
        recipe = replace(
            self.ground.recipe,
            epochs=EPOCHS,
            learning_rate=RATE,
            freeze=("head",),
            patience=0,
            batch_size=min(self.ground.recipe.batch_size, len(data.labels)),
        )
        start = self.ground.network
        shares = cost_shares(start)
        return train(start.spec, recipe, data, shares, self.seed, start=start), 1.0

    def scores(
        self, teacher: Teacher, network: Network, finding: int, reader: str
    ) -> dict[str, Any]:
        """Before and after, on cases that nobody reviewed."""
        ground, part = self.ground, self.ground.test
        known = ground.scale.truth(part.columns)
        wanted = _read(known, finding if reader != "plain" else None)
        others = np.delete(np.arange(known.shape[1]), finding)
        told: dict[str, Any] = {}
        for when, one in (("before", ground.network), ("after", network)):
            decided = replay(ground.trace(one, part), ground.policy)
            said = decided.concepts[:, : known.shape[1]]
            chances = decided.probabilities[np.arange(len(part)), part.labels]
            told[when] = {
                "read": float(np.abs(said - wanted)[:, finding].mean()),
                "known": float(np.abs(said - known)[:, finding].mean()),
                "others": float(np.abs(said - known)[:, others].mean()),
                "accuracy": float((decided.predicted == part.labels).mean()),
                "log_loss": float(-np.log(np.maximum(chances, 1e-6)).mean()),
            }
        apart = teacher.reasons(ground.network).shift(teacher.reasons(network))
        told["shift"] = float(apart.distance.mean())
        told["leading"] = float(apart.leading.mean())
        return told | {"finding": ground.concepts[finding], "cases": len(part)}


def _drawn(unseen: Cases, seed: int) -> tuple[Cases, Cases, Cases]:
    """Cases to be reviewed, to choose by and to score; no group is in two."""
    names, groups = np.unique(np.array(unseen.groups), return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    rank = np.argsort(order)[groups]
    rows = np.argsort(rank, kind="stable")
    border = rank[rows[SIZES[-1] - 1]]
    rest = np.unique(rank[rank > border])
    half = rest[: int(0.4 * len(rest))]
    pool = rows[: SIZES[-1]]
    choose, score = np.flatnonzero(np.isin(rank, half)), np.flatnonzero(rank > half[-1])
    return unseen.take(pool), unseen.take(choose), unseen.take(score)


def _read(known: np.ndarray, finding: int | None) -> np.ndarray:
    """True findings as a reader reads them, one of them a step higher."""
    wanted = known.copy()
    if finding is not None:
        wanted[:, finding] = np.minimum(1, wanted[:, finding] + STEP)
    return wanted


def _whole(ground: Ground, inputs: np.ndarray, given: Lessons | None) -> tuple[Any, Any, Any]:
    """Inputs, findings and answers; what nobody set right is as the network says it now."""
    ids = tuple(map(str, range(len(inputs))))
    decided = replay(run(ground.network, ids, inputs, ground.concepts), ground.policy)
    said = decided.concepts[:, : len(ground.concepts)]
    if given is None:
        return inputs, said, decided.predicted
    return inputs, np.where(given.corrected, given.findings, said), given.labels


# --- Tables -----------------------------------------------------------------------------


def table(result: dict[str, Any]) -> str:
    """Write the tables in Markdown."""
    records = result["records"]
    lines = [
        f"### Biases, by how many cases are reviewed ({result['seeds']} draws)",
        "",
        "*Read*: mean distance to the one finding as this reader reads it, before and after; *as "
        "known*: to what the data say of it; *others*: to what they say of all other findings, "
        "after less before. Accuracy and log loss: after less before. *Flagged*: of the updates "
        "whose reasons moved further than by any of 19 undisputed ones.",
        "",
        *header(
            *("model", "reader", "cases", "set right", "read", "as known", "others"),
            *("accuracy", "log loss", "shift", "limit", "flagged"),
        ),
    ]
    for task in TASKS:
        for reader in READERS:
            for size in result["sizes"]:
                rows = _rows(records, task, reader, "bias", size)
                if rows:
                    lines.append(_size_row(task, reader, size, rows))
    lines += [
        "",
        f"### Ways to learn from {COMPARED} reviewed cases",
        "",
        *header(
            *("model", "reader", "way", "weight of replay", "read", "as known", "others"),
            *("accuracy", "log loss", "shift"),
        ),
    ]
    for task in TASKS:
        for reader in READERS:
            for way in result["ways"]:
                rows = _rows(records, task, reader, way, COMPARED)
                if rows:
                    lines.append(_way_row(task, reader, way, rows))
    lines += ["", "### Is an update that judges otherwise flagged?", ""]
    lines += header("reader", "cases", "updates", "flagged", "95 % interval")
    for reader in READERS:
        for size in result["sizes"]:
            rows = [one for task in TASKS for one in _rows(records, task, reader, "bias", size)]
            if rows:
                count = sum(one["shift"] > one["limit"] for one in rows)
                low, high = wilson_interval(count, len(rows))
                share = f"{count} ({count / len(rows):.0%})"
                span = f"{low:.0%} to {high:.0%}"
                lines.append(row(reader, str(size), str(len(rows)), share, span))
    return "\n".join([*lines, ""])


def _rows(
    records: Sequence[dict[str, Any]], task: str, reader: str, way: str, size: int
) -> list[dict[str, Any]]:
    return [
        one
        for record in records
        if (record["task"], record["reader"]) == (task, reader)
        for one in record["rows"]
        if (one["way"], one["size"]) == (way, size)
    ]


def _size_row(task: str, reader: str, size: int, rows: list[dict[str, Any]]) -> str:
    flagged = sum(one["shift"] > one["limit"] for one in rows)
    right = float(np.mean([one["set_right"] for one in rows]))
    limit = float(np.mean([one["limit"] for one in rows]))
    return row(
        task,
        _named(reader, rows),
        str(size),
        f"{right:.0f}",
        *_told(rows),
        f"{limit:.3f}",
        f"{flagged} of {len(rows)}",
    )


def _way_row(task: str, reader: str, way: str, rows: list[dict[str, Any]]) -> str:
    weights = sorted(one["weight"] for one in rows)
    replayed = f"{weights[len(weights) // 2]:g}" if way in ADAPTERS else "-"
    return row(task, _named(reader, rows), way, replayed, *_told(rows))


def _named(reader: str, rows: list[dict[str, Any]]) -> str:
    found = sorted({one["finding"] for one in rows})
    return f"{reader} ({', '.join(found)})"


def _told(rows: list[dict[str, Any]]) -> list[str]:
    def mean(when: str, name: str) -> float:
        return float(np.mean([one[when][name] for one in rows]))

    def change(name: str) -> str:
        return _signed([one["after"][name] - one["before"][name] for one in rows])

    return [
        f"{mean('before', 'read'):.3f}, {mean('after', 'read'):.3f}",
        f"{mean('before', 'known'):.3f}, {mean('after', 'known'):.3f}",
        change("others"),
        change("accuracy"),
        change("log_loss"),
        spread([one["shift"] for one in rows]).replace("0.", "."),
    ]


def _signed(values: list[float]) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return f"{np.mean(values):+.4f} ± {error:.4f}"


if __name__ == "__main__":
    main()
