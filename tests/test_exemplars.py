"""The nearest known cases, against a slow loop."""

import numpy as np
import pytest
from forests import policies, traces
from hypothesis import given
from hypothesis import strategies as st

from minspnet.exemplars import nearest
from minspnet.trace import Head, replay


def head(weights: list[list[float]], concepts: int) -> Head:
    bias = np.zeros(len(weights), np.float32)
    return Head(np.array(weights, np.float32), bias, 1.0, concepts)


@given(st.data())
def test_nearest_equals_a_slow_search(data: st.DataObject) -> None:
    """Weighted mean difference, one output at a time; the nearest come first."""
    trace = data.draw(traces(least=4))
    concepts = replay(trace, data.draw(policies(trace))).concepts
    case = data.draw(st.integers(0, len(trace) - 1))
    count = data.draw(st.integers(1, len(trace)))
    read = trace.head.concepts
    matters = [max(abs(float(w)) for w in column) for column in trace.head.weights.T[:read]]
    distances = []
    for row in concepts:
        apart = [abs(float(a) - float(b)) for a, b in zip(row[:read], concepts[case], strict=False)]
        weighed = sum(m * a for m, a in zip(matters, apart, strict=True))
        distances.append(weighed / sum(matters))
    found = nearest(concepts[case], concepts, trace.head, count)
    assert len(set(found.rows)) == count
    nearest_first = np.array(distances)[found.rows]
    np.testing.assert_allclose(nearest_first, np.sort(distances)[:count], atol=1e-5)
    expected = [min(max(1 - distances[row], 0), 1) for row in found.rows]
    np.testing.assert_allclose(found.similarity, expected, atol=1e-5)


def test_similarity_by_hand() -> None:
    """Weights 2 and -4 count as 1/3 and 2/3; the case is at (1/2, 1/2).

    (1/2, 1/2) is the same; (1, 1/2) is 1/3 * 1/2 = 1/6 away; (1/2, 1/4) is 2/3 * 1/4 = 1/6
    away, too, and listed later; (0, 0) is 1/2 away.
    """
    known = np.array([[0, 0], [1, 0.5], [0.5, 0.25], [0.5, 0.5]], np.float32)
    case = np.array([0.5, 0.5], np.float32)
    found = nearest(case, known, head([[2, -4]], 2), count=9)
    assert found.rows.tolist() == [3, 1, 2, 0]
    assert found.similarity == pytest.approx([1, 5 / 6, 5 / 6, 1 / 2])


def test_the_opposite_end_of_every_scale_is_not_similar() -> None:
    found = nearest(
        np.array([0, 1], np.float32), np.array([[1, 0]], np.float32), head([[2, -3]], 2)
    )
    assert found.similarity == pytest.approx([0], abs=1e-6)


def test_a_concept_counts_as_much_as_it_matters_to_any_class() -> None:
    """A concept without weight does not count; one that any class looks at does.

    The most that any class gives to each concept: 2, 0 and 5, of 7 together.
    """
    known = np.array([[0.5, 1, 0.5], [0.4, 0, 0.5], [0.5, 0, 0.4]], np.float32)
    case = np.array([0.5, 0, 0.5], np.float32)
    found = nearest(case, known, head([[1, 0, 0], [2, 0, -5]], 3))
    assert found.rows.tolist() == [0, 1, 2]
    assert found.similarity == pytest.approx([1, 1 - 0.2 / 7, 1 - 0.5 / 7], rel=1e-5)


def test_residual_channels_are_no_findings() -> None:
    """They have no ends: a large one would make every case unlike every other."""
    known = np.array([[0.9, 0], [0.5, 30]], np.float32)
    found = nearest(np.array([0.5, 0], np.float32), known, head([[2, 1]], 1))
    assert found.rows.tolist() == [1, 0]
    assert found.similarity == pytest.approx([1, 0.6])


def test_without_weights_every_concept_counts_the_same() -> None:
    """A head of prototypes alone, or one untrained: (0.2 + 0.6) / 2 apart, then nothing."""
    known = np.array([[0.9, 0.4], [0.7, 1]], np.float32)
    found = nearest(np.array([0.7, 1], np.float32), known, head([[0, 0]], 2))
    assert found.rows.tolist() == [1, 0]
    assert found.similarity == pytest.approx([1, 0.6])
