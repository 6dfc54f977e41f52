"""Do experts mean something? A task whose regimes are known, and experts that must share it.

    python -m benchmarks.regimes

In each of four regimes another pair of the columns decides: the answer is whether their product
is positive, which no linear exit can tell. Two further columns place a case in its regime; no
label of the regime is ever given. Four experts compete for each case (gates of kind ``choice``);
practised is only what the router chooses. For each seed several starts are trained and the one
with the best validation accuracy is kept; the test cases are scored once.

Two figures a seed: how much the expert chosen and the regime say of one another (normalised
mutual information), and which share of the answers lost by switching an expert off lie in the one
regime where it loses most (the least over the experts). Beside it, the same network with
independent gates and every path practised, which shows neither.
"""

import argparse
from typing import Any

import numpy as np
from sklearn.metrics import normalized_mutual_info_score
from tqdm import tqdm

from benchmarks.records import Records
from benchmarks.tables import header, row
from minspnet.cost import cost_table
from minspnet.network import Network, run
from minspnet.policy import CLOSED, Policy
from minspnet.recipe import TrainSpec
from minspnet.spec import ExpertSpec, Gate, ModelSpec, StemSpec
from minspnet.trace import Trace, replay
from minspnet.training.train import TrainingData, train

PLACES = np.array([[2, 2], [2, -2], [-2, 2], [-2, -2]])
PAIRS = ((0, 1), (1, 2), (2, 3), (3, 4))
CASES = 4000
COMPETING = TrainSpec(
    epochs=40,
    batch_size=128,
    learning_rate=0.02,
    head_strength=30.0,
    correction_rate=0.0,
    router_cost=0.0,
    balance_weight=1.0,
    practice="router",
)
INDEPENDENT = TrainSpec(
    epochs=40, batch_size=128, learning_rate=0.02, head_strength=30.0, correction_rate=0.0
)


def draw(seed: int) -> tuple[TrainingData, np.ndarray]:
    """Cases and their regimes; the one concept is the answer itself."""
    generator = np.random.default_rng(seed)
    regimes = generator.integers(0, len(PAIRS), CASES)
    place = PLACES[regimes] + generator.normal(0, 0.35, (CASES, 2))
    columns = generator.normal(size=(CASES, 5))
    pairs = np.array(PAIRS)[regimes]
    rows = np.arange(CASES)
    labels = (columns[rows, pairs[:, 0]] * columns[rows, pairs[:, 1]] > 0).astype(np.intp)
    inputs = np.concatenate([place, columns], axis=1).astype(np.float32)
    return TrainingData(inputs, labels[:, None].astype(np.float32), labels), regimes


def network_spec(gate: Gate) -> ModelSpec:
    """Four experts on the columns as they are."""
    experts = tuple(
        ExpertSpec(f"expert {k + 1}", "dense", 6, reading="add", gate=gate, activation="silu")
        for k in range(len(PAIRS))
    )
    return ModelSpec((7,), 1, 2, StemSpec("tabular"), experts)


def evidence(network: Network, data: TrainingData) -> Trace:
    """Run on all cases."""
    return run(network, tuple(map(str, range(CASES))), data.inputs, ("answer",))


def measure(network: Network, data: TrainingData, regimes: np.ndarray) -> dict[str, float]:
    """Accuracy with each case's likeliest experts, and the two figures."""
    trace = evidence(network, data)
    policy = Policy.shared(0.5, len(PAIRS))
    right = replay(trace, policy).predicted == data.labels
    concentration = []
    for expert in range(len(PAIRS)):
        without = replay(trace, policy.with_gate(expert, CLOSED)).predicted == data.labels
        lost = right.astype(int) - without
        by_regime = np.array([max(0, lost[regimes == r].sum()) for r in range(len(PAIRS))])
        concentration.append(by_regime.max() / max(1, by_regime.sum()))
    return {
        "accuracy": float(right.mean()),
        "base_accuracy": float(
            (replay(trace, Policy.shared(CLOSED, len(PAIRS))).predicted == data.labels).mean()
        ),
        "mutual_information": float(
            normalized_mutual_info_score(regimes, trace.gates.argmax(axis=1))
        ),
        "least_concentration": float(min(concentration)),
    }


def best_start(gate: Gate, recipe: TrainSpec, seed: int, starts: int) -> dict[str, float]:
    """Train several times, keep the best on validation cases, score on test cases."""
    (known, _), (held, held_regimes), (test, test_regimes) = (
        draw(3 * seed + part) for part in range(3)
    )
    spec = network_spec(gate)
    cost = cost_table(Network(spec))
    shares = np.array(cost.experts) / cost.total
    networks = [train(spec, recipe, known, shares, 1000 * seed + k) for k in range(starts)]
    best = max(networks, key=lambda each: measure(each, held, held_regimes)["accuracy"])
    return measure(best, test, test_regimes)


def main() -> None:
    """Run the seeds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--starts", type=int, default=6)
    options = parser.parse_args()
    ways: dict[str, tuple[Gate, TrainSpec]] = {
        "experts that compete": ("choice", COMPETING),
        "independent gates, every path": ("learned", INDEPENDENT),
    }
    about = {
        "starts": options.starts,
        "recipes": {
            name: {"model": network_spec(gate).to_dict(), "training": recipe.to_dict()}
            for name, (gate, recipe) in ways.items()
        },
    }
    records = Records("regimes", about)
    with tqdm(total=len(ways) * options.seeds, disable=None) as bar:
        for seed in range(options.seeds):
            for name, (gate, recipe) in ways.items():
                if not records.has(way=name, seed=seed):
                    scores = best_start(gate, recipe, seed, options.starts)
                    records.add({"way": name, "seed": seed} | scores)
                bar.update()
    print(table(records.result))


def table(result: dict[str, Any]) -> str:
    """Mean, and the least over seeds, of every figure."""
    keys = ("accuracy", "base_accuracy", "mutual_information", "least_concentration")
    seeds = len({record["seed"] for record in result["records"]})
    lines = [
        f"### Known regimes: {seeds} seeds, the best of {result['starts']} starts each",
        "",
        *header("", "accuracy", "base alone", "mutual information", "damage in one regime"),
    ]
    for name in result["recipes"]:
        scores = [record for record in result["records"] if record["way"] == name]
        cells = [
            f"{np.mean([s[k] for s in scores]):.3f} (least {min(s[k] for s in scores):.3f})"
            for k in keys
        ]
        lines.append(row(name, *cells))
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
