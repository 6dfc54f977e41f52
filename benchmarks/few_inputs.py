"""Breast cytology from eight of its thirty measurements: as good as logistic regression on all?

In each fold the columns are selected on training cases alone: a network of one concept, the
label, loses its weakest column and is trained on, until eight are left. A network of the seven
concepts and an explicit residual then reads only those. Beside it stands the same one without a
residual. Training and validation parts are both used for training, by every model: nothing else
is chosen in a fold. The recipes below were fixed on other splits (seeds 100 and 101, of the same
cases), but five earlier forms had been looked at on the splits of seed 0, which are reported too.
Tried there and dropped: columns by the weights of the seven concepts, with and
without group lasso, which are those that define the concepts (AUC .0031 to .0035 below logistic
regression).
"""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import spearmanr, t
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from benchmarks.records import Records
from minspnet.data import Cases, ConceptScale, folds
from minspnet.domain import Domain
from minspnet.domains import find_domain, load_cases
from minspnet.metrics import accuracy, mean_auc
from minspnet.network import Network, run
from minspnet.policy import Policy
from minspnet.recipe import TrainSpec
from minspnet.sparsity.compress import cost_shares
from minspnet.sparsity.selection import selected
from minspnet.spec import ModelSpec, StemSpec
from minspnet.trace import replay
from minspnet.training.train import TrainingData, train

MARGIN = 0.003
INPUTS = 8
RECIPE = TrainSpec(
    epochs=60,
    learning_rate=0.01,
    weight_decay=0.3,
    concept_weight=0.3,
    correction_rate=0.0,
    head_strength=3.0,
)
SELECTING = replace(RECIPE, concept_weight=1.0, task_weight=0.0)
AFTER_EACH = replace(SELECTING, epochs=5)


def measure(repeats: int) -> dict[str, Any]:
    """Collect one record a fold."""
    domain = find_domain("breast_cytology")
    cases = load_cases(domain)
    about = {
        "task": domain.key,
        "model": _spec(domain, cases).to_dict(),
        "training": {
            "concepts": RECIPE.to_dict(),
            "selecting": SELECTING.to_dict(),
            "after each": AFTER_EACH.to_dict(),
        },
    }
    records = Records(f"sparsity-{domain.key}", about)
    with tqdm(total=5 * repeats, desc="folds", disable=None) as bar:
        for seed in range(repeats):
            for fold, split in enumerate(folds(cases, seed)):
                key = {"seed": seed, "fold": fold}
                if not records.has(**key):
                    rest = np.sort(np.concatenate([split.train, split.validation]))
                    record = _one_fold(domain, cases.take(rest), cases.take(split.test), seed)
                    records.add(key | record)
                bar.update()
    return records.result


def _spec(domain: Domain, cases: Cases) -> ModelSpec:
    """All that eight columns and some five hundred cases bear: a stem and its exit."""
    shape = cases.inputs.shape[1:]
    return ModelSpec(shape, len(domain.concepts), 2, StemSpec("tabular"), residual=True)


def _one_fold(domain: Domain, known: Cases, test: Cases, seed: int) -> dict[str, Any]:
    scale = ConceptScale.fit(domain.concepts, known)
    data = TrainingData(known.inputs, scale.truth(known.columns), known.labels)
    reads = chosen_columns(known, seed)
    spec = replace(_spec(domain, known), stem=StemSpec("tabular", reads=reads))
    network = _trained(spec, RECIPE, data, seed)
    strict = _trained(replace(spec, residual=False), RECIPE, data, seed)
    names = domain.variants[0].inputs
    return {
        "MINSPNET": _score(network, test, scale, domain),
        "MINSPNET, no residual": _score(strict, test, scale, domain),
        "logistic regression": _logistic(known, test, np.arange(len(names))),
        "logistic regression, same columns": _logistic(known, test, np.array(reads)),
        "reads": [names[column] for column in network.spec.stem.reads],
        "parameters": network.parameters_count,
    }


def chosen_columns(known: Cases, seed: int) -> tuple[int, ...]:
    """Drop the column with the smallest weight and train on, until few enough are left."""
    truth = known.labels[:, None].astype(np.float32)
    data = TrainingData(known.inputs, truth, known.labels)
    spec = ModelSpec(known.inputs.shape[1:], 1, 2, StemSpec("tabular"))
    network = _trained(spec, SELECTING, data, seed)
    for count in range(known.inputs.shape[1] - 1, INPUTS - 1, -1):
        network = selected(network, at_most=count)
        network = _trained(network.spec, AFTER_EACH, data, seed, network)
    return network.spec.stem.reads


def _trained(
    spec: ModelSpec, recipe: TrainSpec, data: TrainingData, seed: int, start: Network | None = None
) -> Network:
    return train(spec, recipe, data, cost_shares(Network(spec)), seed, start=start)


def _score(network: Network, test: Cases, scale: ConceptScale, domain: Domain) -> dict[str, float]:
    trace = run(network, test.ids, test.inputs, domain.concept_names)
    decision = replay(trace, Policy.shared(0, len(trace.tree.names)))
    truth = scale.truth(test.columns)
    ranks = [spearmanr(decision.concepts[:, k], one).statistic for k, one in enumerate(truth.T)]
    return {
        "accuracy": accuracy(decision.predicted, test.labels),
        "auc": mean_auc(decision.probabilities, test.labels),
        "concepts": float(np.mean(ranks)),
    }


def _logistic(known: Cases, test: Cases, columns: np.ndarray) -> dict[str, float]:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(known.inputs[:, columns], known.labels)
    chances = model.predict_proba(test.inputs[:, columns])
    return {
        "accuracy": accuracy(chances.argmax(axis=1), test.labels),
        "auc": mean_auc(chances, test.labels),
    }


def non_inferiority(differences: np.ndarray, test_to_train: float = 0.25) -> tuple[float, float]:
    """Lower end of the one-sided 95 % interval of a mean difference, and p of the margin.

    Source: Nadeau & Bengio 2003 (corrected resampled t-test); each fold tests .2 and trains on
    .8 of the cases.

    Args:
        differences: Ours less the rival's, one a fold.
        test_to_train: Cases tested over cases trained on.
    """
    count = len(differences)
    error = np.sqrt(np.var(differences, ddof=1) * (1 / count + test_to_train))
    lower = np.mean(differences) - t.ppf(0.95, count - 1) * error
    return float(lower), float(t.sf((np.mean(differences) + MARGIN) / error, count - 1))


def table(result: dict[str, Any]) -> str:
    """Write the table of one run in Markdown."""
    records = result["records"]
    lines = [
        f"### breast_cytology from {INPUTS} columns: {len(records)} folds, at most "
        f"{max(r['parameters'] for r in records)} parameters",
        "",
        "| model | columns | accuracy | AUC | concepts |",
        "|---|---|---|---|---|",
    ]
    for name, columns in (
        ("MINSPNET", INPUTS),
        ("MINSPNET, no residual", INPUTS),
        ("logistic regression", 30),
        ("logistic regression, same columns", INPUTS),
    ):
        cells = []
        for key in ("accuracy", "auc", "concepts"):
            values = [r[name][key] for r in records if key in r[name]]
            cells.append(f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}" if values else "")
        lines.append(f"| {name} | {columns} | {' | '.join(cells)} |")
    lines.append("")
    for name in ("MINSPNET", "MINSPNET, no residual"):
        found = np.array([r[name]["auc"] - r["logistic regression"]["auc"] for r in records])
        lower, p = non_inferiority(found)
        lines.append(
            f"- {name}: AUC less that of logistic regression on all 30 columns "
            f"{found.mean():+.4f}; lower end of the one-sided 95 % interval {lower:+.4f}, "
            f"margin -{MARGIN}, p = {p:.3f}: {'' if lower > -MARGIN else 'not '}non-inferior."
        )
    lines += [
        "",
        "| column | read in |",
        "|---|---|",
    ]
    often = Counter(name for record in records for name in record["reads"])
    lines += [f"| {name} | {n / len(records):.0%} |" for name, n in often.most_common()]
    return "\n".join([*lines, ""])
