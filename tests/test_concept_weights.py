"""Exact weights: a step from low to high adds them to the log-odds, whatever the reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minspnet.concept_weights import class_weights
from minspnet.trace import Head


@given(st.integers(0, 100), st.sampled_from([None, 0, 1, 2]))
def test_a_step_moves_the_log_odds_by_the_weight(seed: int, against: int | None) -> None:
    """Decide a case at both ends of a concept: differences of class logits are the weights."""
    generator = np.random.default_rng(seed)
    head = Head(generator.normal(size=(2, 3)).astype(np.float32), np.ones(2, np.float32), 1.5, 3)
    known = generator.random((50, 3)).astype(np.float32)
    found = class_weights(head, known, against)
    low, high = known[:1].copy(), known[:1].copy()
    low[0, 1], high[0, 1] = 0, 1
    moved = (head.class_logits(high) - head.class_logits(low))[0].astype(float)
    moved -= moved.mean() if against is None else moved[against]
    np.testing.assert_allclose(found.steps[:, 1], moved, atol=1e-5)
    usual = np.quantile(known[:, 1], 0.9) - np.quantile(known[:, 1], 0.1)
    np.testing.assert_allclose(found.swings[:, 1], moved * usual, atol=1e-5)


def test_two_classes_by_hand() -> None:
    head = Head(np.array([[4, -2]], np.float32), np.zeros(1, np.float32), 1.0, 2)
    known = np.array([[0, 0.5], [1, 0.5]], np.float32)
    found = class_weights(head, known, 0)
    assert found.steps.tolist() == [[0, 0], [4, -2]]
    # A tenth on either side of two cases at 0 and 1 leaves .1 to .9.
    assert found.swings[1].tolist() == pytest.approx([3.2, 0])
    assert class_weights(head, known).steps.tolist() == [[-2, 1], [2, -1]]


def test_a_head_of_prototypes_alone_has_none() -> None:
    head = Head(np.zeros((1, 2), np.float32), np.zeros(1, np.float32), 1.0, 2)
    assert class_weights(head, np.ones((3, 2), np.float32)) is None
