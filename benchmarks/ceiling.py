"""What the true concepts alone can say about the class, against trees on the inputs.

The class head of a network is linear over its concepts, so a logistic regression on the *true*
concepts is what a pure bottleneck can reach with a perfect concept predictor. Run for example

    python -m benchmarks.ceiling phishing --repeats 5

Protocol: the five folds of ``minspnet.data.folds``, no group on two sides; scales and models are
fitted on all of a fold but its test part (nothing is chosen, so validation cases are used too).
"""

import argparse
import json

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from minspnet.data import Cases, ConceptScale, folds
from minspnet.domain import Domain
from minspnet.domains import DOMAINS, find_domain, load_cases
from minspnet.metrics import accuracy, mean_auc

_HEAD_STRENGTH = 10.0
"""Inverse L2 penalty of the class head, as recipes have it by default."""
_QUANTILES = (0, 0.25, 0.5, 0.75, 1)


def window_statistics(signals: np.ndarray) -> np.ndarray:
    """Describe each channel by mean, spread, quantiles and mean change; the usual first try.

    Args:
        signals: Shape [case, channel, sample].

    Returns:
        Shape [case, statistic].
    """
    quantiles = np.quantile(signals, _QUANTILES, axis=2)
    change = np.abs(np.diff(signals, axis=2)).mean(axis=2)
    return np.concatenate([signals.mean(axis=2), signals.std(axis=2), *quantiles, change], axis=1)


def rivals(
    domain: Domain, cases: Cases, rows: np.ndarray
) -> dict[str, tuple[ClassifierMixin, np.ndarray]]:
    """Models by name, each with what it reads of all cases; scales are fitted on ``rows``."""
    truth = ConceptScale.fit(domain.concepts, cases.take(rows)).truth(cases.columns)
    head = LogisticRegression(C=_HEAD_STRENGTH, max_iter=2000)
    if domain.modality == "signal":
        forest = RandomForestClassifier(300, random_state=0)
        trees = "random forest, window statistics", (forest, window_statistics(cases.inputs))
    else:
        boosting = HistGradientBoostingClassifier(random_state=0)
        trees = "gradient boosting, inputs", (boosting, cases.inputs)
    return {"true concepts, logistic regression": (head, truth), trees[0]: trees[1]}


def measure(domain: Domain, seeds: range) -> dict[str, dict[str, list[float]]]:
    """Score every model on every fold of every seed."""
    cases = load_cases(domain)
    scores: dict[str, dict[str, list[float]]] = {}
    for seed in seeds:
        for split in folds(cases, seed):
            rows = np.concatenate([split.train, split.validation])
            rows = rows[cases.labels[rows] >= 0]
            for name, (model, read) in rivals(domain, cases, rows).items():
                model.fit(read[rows], cases.labels[rows])
                probabilities = model.predict_proba(read[split.test])
                labels = cases.labels[split.test]
                found = scores.setdefault(name, {"accuracy": [], "auc": []})
                found["accuracy"].append(accuracy(probabilities.argmax(axis=1), labels))
                found["auc"].append(mean_auc(probabilities, labels))
    return scores


def main() -> None:
    """Print mean and standard deviation over all folds, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("domain", choices=list(DOMAINS))
    parser.add_argument("--repeats", type=int, default=1, help="seeds of the folds: 0, 1, ...")
    options = parser.parse_args()
    scores = measure(find_domain(options.domain), range(options.repeats))
    table = {
        name: {key: [round(float(f(v)), 4) for f in (np.mean, np.std)] for key, v in kinds.items()}
        for name, kinds in scores.items()
    }
    print(json.dumps({"domain": options.domain, "folds": 5 * options.repeats, **table}, indent=1))


if __name__ == "__main__":
    main()
