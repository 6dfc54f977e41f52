"""The impurity score: nothing for a faithful concept, much for one that says all of them."""

import numpy as np
import pytest

from minspnet.errors import UserError
from minspnet.leakage import impurity, leakage, varying


def independent_truth(cases: int = 600) -> np.ndarray:
    return np.random.default_rng(0).random((cases, 3)).astype(np.float32)


def test_true_concepts_do_not_leak() -> None:
    truth = independent_truth()
    assert impurity(truth, truth) == 0
    assert impurity(truth**3, truth) < 0.02  # another scale says nothing more


def test_a_concept_that_says_another_one_leaks() -> None:
    """Truth is independent: cross AUC is .5. If all three say the first, four of the nine
    cells are wrong by one half (two own cells fall to .5, two others rise to 1):
    2 * sqrt(4 * .25) / 3 = 2/3.
    """
    truth = independent_truth()
    copies = np.repeat(truth[:, :1], 3, axis=1)
    assert impurity(copies, truth) == pytest.approx(2 / 3, abs=0.05)


def test_leakage_that_is_not_monotone_is_seen() -> None:
    """The first concept keeps its own meaning and says the second one by how extreme it is.

    One cell of nine rises from .5 to 1: 2 * .5 / 3 = 1/3.
    """
    truth = independent_truth(2000)
    said = truth.copy()
    noise = np.random.default_rng(1).random(2000)
    away = np.where(truth[:, 1] > np.median(truth[:, 1]), 0.25, 0.0) + noise / 8
    said[:, 0] = 0.5 + np.where(truth[:, 0] > np.median(truth[:, 0]), away, -away)
    assert impurity(said, truth) == pytest.approx(1 / 3, abs=0.06)


def test_bad_input_is_refused() -> None:
    with pytest.raises(UserError, match="cases must number 20 or more, got 5"):
        impurity(np.zeros((5, 2), np.float32), np.zeros((5, 2), np.float32))
    flat = independent_truth(40)
    flat[:, 1] = 0.5
    with pytest.raises(UserError, match="each concept must be above its median"):
        impurity(flat, flat)


def test_over_halvings_it_is_the_same_score_and_says_where() -> None:
    """The third concept also says the first, by whether it is even: cell (2, 0) has the excess."""
    truth = independent_truth(400)
    said = truth.copy()
    above = truth[:, 0] > np.median(truth[:, 0])
    steps = np.floor(truth[:, 2] * 6) / 6
    said[:, 2] = steps + np.where(above, 0.12, 0.02)
    found = leakage(said, truth, halvings=3)
    assert found.scores == tuple(impurity(said, truth, seed) for seed in range(3))
    rows, columns = np.unravel_index(np.argmax(found.excess), (3, 3))
    assert (rows, columns) == (2, 0) and found.excess[2, 0] > 0.1
    assert min(found.scores) > 1.5 * max(found.harmless)


def test_errors_that_say_nothing_score_as_harmless_ones() -> None:
    """Noise costs a concept its own meaning, but tells nothing about the others."""
    truth = independent_truth(600)
    said = np.clip(truth + np.random.default_rng(3).normal(0, 0.2, truth.shape), 0, 1)
    found = leakage(said.astype(np.float32), truth)
    assert np.mean(found.scores) == pytest.approx(np.mean(found.harmless), abs=0.05)
    assert leakage(truth, truth, 1).scores == (0,)


def test_concepts_that_hardly_vary_can_be_left_out() -> None:
    truth = independent_truth(40)
    truth[:, 1] = 0
    truth[:3, 1] = 1
    assert varying(truth).tolist() == [True, False, True]
