"""How much more a predicted concept says than the concept it is named after."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from sklearn.tree import DecisionTreeClassifier

from minspnet.errors import requirement
from minspnet.metrics import auc

_LEAST = 10
"""Cases on either side of the median that a concept needs; and of a block of like grades."""


@dataclass(frozen=True)
class Leakage:
    """Concept leakage of a network, and where it sits.

    Attributes:
        scores: The oracle impurity score, one for each way of halving the cases.
        harmless: The score of concepts that are off as much, but whose errors say nothing of the
            case: errors are dealt out anew among cases of a like grade. One for each halving.
        told: AUC with which each concept as found tells each true one, mean over the halvings.
        oracle: The same, told by the true concepts.
    """

    scores: tuple[float, ...]
    harmless: tuple[float, ...]
    told: Float[np.ndarray, "given concept"]
    oracle: Float[np.ndarray, "given concept"]

    @property
    def excess(self) -> Float[np.ndarray, "given concept"]:
        """How much better a concept tells another one than it should; on the diagonal, itself."""
        return self.told - self.oracle


def leakage(
    concepts: Float[np.ndarray, "case concept"],
    truth: Float[np.ndarray, "case concept"],
    halvings: int = 5,
) -> Leakage:
    """Measure the impurity of concepts over several halvings, beside that of harmless errors.

    Args:
        concepts: Predicted graded concepts of cases that were not trained on.
        truth: True graded concepts.
        halvings: How often to halve the cases.

    Raises:
        UserError: If there are too few cases, or a concept never varies.
    """
    present = _present(truth)
    scores, harmless, told, oracles = [], [], [], []
    for seed in range(halvings):
        generator = np.random.default_rng(seed)
        halves = _halves(present, seed)
        oracle = _matrix(truth, present, halves)
        said = _matrix(concepts, present, halves)
        blind = _matrix(_errors_dealt_out(concepts, truth, generator), present, halves)
        scores.append(_score(said, oracle))
        harmless.append(_score(blind, oracle))
        told.append(said)
        oracles.append(oracle)
    return Leakage(tuple(scores), tuple(harmless), np.mean(told, axis=0), np.mean(oracles, axis=0))


def varying(truth: Float[np.ndarray, "case concept"]) -> Bool[np.ndarray, " concept"]:
    """Which concepts are above their median often enough, and below, to be told by halves."""
    present = truth > np.median(truth, axis=0)
    least: Bool[np.ndarray, " concept"] = (
        np.minimum(present.sum(axis=0), (~present).sum(axis=0)) >= _LEAST
    )
    return least


def _errors_dealt_out(
    concepts: np.ndarray, truth: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Keep the truth, and give each case the error of another one of about the same true grade."""
    dealt = np.array(truth)
    for k in range(truth.shape[1]):
        order = np.lexsort((generator.random(len(truth)), truth[:, k]))
        for block in np.array_split(order, max(1, len(order) // _LEAST)):
            given = generator.permutation(block)
            dealt[block, k] += concepts[given, k] - truth[given, k]
    return dealt


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
    present = _present(truth)
    halves = _halves(present, seed)
    return _score(_matrix(concepts, present, halves), _matrix(truth, present, halves))


def _present(truth: np.ndarray) -> np.ndarray:
    if len(truth) < 20:
        raise requirement("cases", "number 20 or more", len(truth), "measure on more of them")
    present: np.ndarray = truth > np.median(truth, axis=0)
    return present


def _halves(present: np.ndarray, seed: int) -> list[np.ndarray]:
    halves = np.array_split(np.random.default_rng(seed).permutation(len(present)), 2)
    for part in halves:
        alike = present[part].all(axis=0) | ~present[part].any(axis=0)
        if alike.any():
            raise requirement(
                "each concept",
                "be above its median in some cases and not in others",
                f"column {int(np.argmax(alike))}",
                "leave constant concepts out",
            )
    return halves


def _score(said: np.ndarray, oracle: np.ndarray) -> float:
    return float(2 * np.linalg.norm(said - oracle) / oracle.shape[1])


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
