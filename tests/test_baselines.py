"""Baselines: fair on columns as the network reads them, missing cells and levels included."""

import numpy as np
import pytest

from minspnet.baselines import linear_concepts, score_baselines


def told_by_a_level(cases: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Class 1 for the middle one of three levels: no scaling of its index can tell."""
    generator = np.random.default_rng(seed)
    level = generator.integers(0, 3, cases)
    inputs = np.column_stack([generator.normal(size=cases), level]).astype(np.float32)
    return inputs, (level == 1).astype(np.intp)


def test_levels_are_told_apart() -> None:
    (train, labels), (test, known) = told_by_a_level(120, 0), told_by_a_level(120, 1)
    as_numbers = score_baselines(train, labels, test, known, 20, 0)["logistic regression"]
    as_levels = score_baselines(train, labels, test, known, 20, 0, (0, 3))["logistic regression"]
    assert as_numbers.accuracy < 0.8
    assert as_levels.accuracy == 1
    assert as_levels.parameters == 1 + 3 + 1


def test_missing_cells_are_filled_and_said() -> None:
    """Where a number is missing, class 1 is the rule: the indicator tells it."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(200, 3)).astype(np.float32)
    labels = generator.integers(0, 2, 200)
    inputs[labels == 1, 0] = np.nan
    scores = score_baselines(inputs[:100], labels[:100], inputs[100:], labels[100:], 20, 0)
    assert scores["logistic regression"].accuracy == 1
    assert all(np.isfinite(score.auc) for score in scores.values())


def test_unknown_levels_and_later_missing_cells_are_no_error() -> None:
    (train, labels), (test, known) = told_by_a_level(120, 0), told_by_a_level(120, 1)
    test[:3, 1] = np.nan
    test[3:6, 0] = np.nan
    scores = score_baselines(train, labels, test, known, 20, 0, (0, 3))
    assert scores["extra trees"].accuracy == pytest.approx(1, abs=0.03)


def test_concepts_that_are_linear_in_the_inputs_are_found() -> None:
    """One is a sum of numbers, one is a level; of the third nothing can be told: its mean."""
    generator = np.random.default_rng(0)
    inputs = np.column_stack([generator.random((300, 2)), generator.integers(0, 3, 300)])
    inputs = inputs.astype(np.float32)
    truth = np.column_stack(
        [inputs[:, :2].mean(axis=1), inputs[:, 2] == 1, generator.random(300)]
    ).astype(np.float32)
    said = linear_concepts(inputs[:200], truth[:200], inputs[200:], (0, 0, 3))
    np.testing.assert_allclose(said[:, :2], truth[200:, :2], atol=0.02)
    assert said[:, 2].std() < 0.1 and said[:, 2].mean() == pytest.approx(0.5, abs=0.05)
    assert said.min() >= 0 and said.max() <= 1
