"""How much more a predicted concept says than the concept it is named after."""

import numpy as np
from jaxtyping import Float
from sklearn.tree import DecisionTreeClassifier

from minspnet.errors import requirement
from minspnet.metrics import auc


def impurity(
    concepts: Float[np.ndarray, "case concept"],
    truth: Float[np.ndarray, "case concept"],
    seed: int = 0,
) -> float:
    """Measure concept leakage: the oracle impurity score, 0 for none, 1 for the most.

    How well each predicted concept tells each true concept (present or absent, cut at its
    median), against how well the true concepts tell one another. A helper, here a small tree,
    learns this on one half of the cases and is scored by AUC on the other half.

    Args:
        concepts: Predicted graded concepts of cases that were not trained on.
        truth: True graded concepts.
        seed: Of the halves.

    Raises:
        UserError: If there are too few cases, or a concept never varies.

    Source: Espinosa Zarlenga et al. 2023, Towards Robust Metrics for Concept Representation
    Evaluation, definition 3.2; concepts are graded here, so the oracle grades are used too.
    """
    if len(truth) < 20:
        raise requirement("cases", "number 20 or more", len(truth), "measure on more of them")
    present = truth > np.median(truth, axis=0)
    halves = np.array_split(np.random.default_rng(seed).permutation(len(truth)), 2)
    for part in halves:
        alike = present[part].all(axis=0) | ~present[part].any(axis=0)
        if alike.any():
            raise requirement(
                "each concept",
                "be above its median in some cases and not in others",
                f"column {int(np.argmax(alike))}",
                "leave constant concepts out",
            )
    said = _matrix(concepts, present, halves)
    oracle = _matrix(truth, present, halves)
    return float(2 * np.linalg.norm(said - oracle) / truth.shape[1])


def _matrix(
    given: np.ndarray, present: np.ndarray, halves: list[np.ndarray]
) -> Float[np.ndarray, "given concept"]:
    """AUC of telling each true concept from each given one alone."""
    table = np.zeros((given.shape[1], present.shape[1]))
    for i in range(given.shape[1]):
        for j in range(present.shape[1]):
            for fit, score in (halves, halves[::-1]):
                helper = DecisionTreeClassifier(max_leaf_nodes=8, min_samples_leaf=5)
                helper.fit(given[fit, i : i + 1], present[fit, j])
                guess = helper.predict_proba(given[score, i : i + 1])[:, 1]
                table[i, j] += auc(guess, present[score, j]) / 2
    return table
