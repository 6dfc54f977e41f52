"""What a check may find and what it is worth: by hand, and by slower ways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from minspnet.errors import UserError
from minspnet.policy import Policy
from minspnet.trace import Head, Prototypes
from minspnet.worth_checking import (
    GUESSES,
    likely_values,
    ranks_by_doubt,
    ranks_by_worth,
    worth,
)

PLAIN = Policy(())


def head(*weights: float, bias: float = 0.0, binary: bool = False) -> Head:
    row = np.array([weights], np.float32)
    return Head(row, np.array([bias], np.float32), 1.0, len(weights), None, binary)


def equally(values: list[list[float]]) -> np.ndarray:
    """One case whose concepts may each be found to have any of these, equally often."""
    rows = [np.repeat(v, GUESSES // len(v)) for v in values]
    return np.array([rows], np.float32)


def test_by_hand() -> None:
    """Weights 2 ln 3 and 0 on two concepts at .5, bias -ln 3: log-odds 0 now.

    The first may be found 0 or 1: log-odds -ln 3 or ln 3, chances 1/4 or 3/4. Their mean is 1/2:
    1 bit before, H(1/4) = .8113 after, .1887 gained. Now at 1/2 it decides for the second class,
    so half of what may be found changes the answer, and the chance shifts by 1/4. The second
    concept has no weight: nothing.
    """
    plain = head(2 * np.log(3), 0.0, bias=-np.log(3))
    now = np.array([[0.5, 0.5]], np.float32)
    found = worth(plain, PLAIN, now, equally([[0, 1], [0, 1]]))
    np.testing.assert_allclose(found.bits, [[0.18872, 0]], atol=1e-4)
    np.testing.assert_allclose(found.shift, [[0.25, 0]], atol=1e-6)
    # In floats the log-odds of 0 may fall to either side: the other half is the same half.
    np.testing.assert_allclose(found.changes, [[0.5, 0]])


def test_the_cut_off_says_what_changes_the_answer() -> None:
    """Chances 1/4 or 3/4 as above: above a cut-off of .8 neither changes anything."""
    plain = head(2 * np.log(3), bias=-np.log(3))
    now, values = np.array([[0.5]], np.float32), equally([[0, 1]])
    assert worth(plain, PLAIN.with_cut(0.8), now, values).changes[0, 0] == 0
    assert worth(plain, PLAIN.with_cut(0.2), now, values).changes[0, 0] == 0


@given(st.integers(0, 200))
def test_it_is_the_mutual_information_of_find_and_class(seed: int) -> None:
    """scikit-learn's, of a table of equally likely finds and the class chances each leaves."""
    generator = np.random.default_rng(seed)
    row = generator.normal(0, 3, (2, 3)).astype(np.float32)
    known = Prototypes(
        generator.random((2, 3), np.float32), generator.normal(size=(2, 2)).astype(np.float32), 2.0
    )
    three = Head(row, np.zeros(2, np.float32), 1.3, 3, known if seed % 2 else None)
    now = generator.random((2, 3), np.float32)
    values = np.sort(generator.random((2, 3, GUESSES), np.float32), axis=2)
    bits = worth(three, PLAIN, now, values).bits
    tried = np.repeat(now[:1], GUESSES, axis=0)
    tried[:, 1] = values[0, 1]
    chances = three.probabilities(three.class_logits(tried)).astype(np.float64)
    counts = (chances * 1e7).astype(np.int64)  # the library's tables are of counts
    expected = mutual_info_score(None, None, contingency=counts) / np.log(2)
    assert bits[0, 1] == pytest.approx(expected, abs=1e-4)
    assert (bits >= 0).all() and (bits <= np.log2(3)).all()


def test_without_error_there_is_nothing_to_find() -> None:
    known = np.random.default_rng(0).random((60, 2)).astype(np.float32)
    values = likely_values(known, known, known[:5])
    np.testing.assert_allclose(values, np.repeat(known[:5, :, None], GUESSES, axis=2))
    assert worth(head(5, -5), PLAIN, known[:5], values).bits == pytest.approx(0, abs=1e-9)


@given(st.integers(0, 50), st.booleans())
def test_finds_are_errors_of_the_nearest_grades(seed: int, themselves: bool) -> None:
    """A slow loop: sort by grade, take those around the middle of equals, add their errors."""
    generator = np.random.default_rng(seed)
    predicted = np.round(generator.random((70, 2)), 1 if seed % 2 else 6).astype(np.float32)
    truth = generator.random((70, 2)).astype(np.float32)
    given_ = predicted if themselves else generator.random((9, 2)).astype(np.float32)
    values = likely_values(predicted, truth, given_, themselves)
    assert values.shape == (len(given_), 2, GUESSES)
    assert (np.diff(values, axis=2) >= 0).all() and values.min() >= 0 and values.max() <= 1
    for case in range(len(given_)):
        grades = np.sort(predicted[:, 0])
        order = np.argsort(predicted[:, 0], kind="stable")
        middle = (np.sum(grades < given_[case, 0]) + np.sum(grades <= given_[case, 0])) // 2
        width = 21 if themselves else 20
        start = min(max(middle - width // 2, 0), 70 - width)
        near = list(order[start : start + width])
        if themselves:
            near.remove(case) if case in near else near.pop()
        seen = {
            float(np.clip(given_[case, 0] + (truth[n, 0] - predicted[n, 0]), 0, 1)) for n in near
        }
        assert len(near) == 20
        assert all(min(abs(v - s) for s in seen) < 1e-6 for v in values[case, 0].tolist())


def test_a_case_does_not_learn_from_its_own_error() -> None:
    """One case alone is far off; its own finds must not know it."""
    grades = np.linspace(0.3, 0.7, 50, dtype=np.float32)[:, None]
    truth = grades.copy()
    truth[25] = 1
    own = likely_values(grades, truth, grades, themselves=True)
    assert own[25].max() == pytest.approx(grades[25, 0])
    assert own[24].max() == pytest.approx(grades[24, 0] + 1 - grades[25, 0], abs=1e-6)


def test_too_few_known_cases_are_refused() -> None:
    one = np.zeros((2, 1), np.float32)
    with pytest.raises(UserError, match="known cases must number 3 or more, got 2"):
        likely_values(one, one, one)


def test_what_is_found_changes_what_is_checked_next() -> None:
    """Of three concepts the first is worth most. Found at 1 it settles the answer for good, and
    then the third, whose weight is twice the second's, still comes before it; the order of a case
    is a permutation.
    """
    plain = head(30, 2, 4, bias=-16)
    values = equally([[0, 1], [0, 1], [0, 1]])
    now = np.array([[0.5, 0.5, 0.5]], np.float32)
    ranks = ranks_by_worth(plain, PLAIN, now, np.array([[1, 1, 1]], np.float32), values)
    assert ranks.tolist() == [[0, 2, 1]]


@given(st.integers(0, 100))
def test_each_concept_is_checked_once_and_the_first_is_worth_most(seed: int) -> None:
    generator = np.random.default_rng(seed)
    four = Head(generator.normal(0, 4, (2, 4)).astype(np.float32), np.zeros(2, np.float32), 1.0, 4)
    now, truth = generator.random((2, 6, 4), np.float32)
    values = np.sort(generator.random((6, 4, GUESSES), np.float32), axis=2)
    ranks = ranks_by_worth(four, PLAIN, now, truth, values)
    assert (np.sort(ranks, axis=1) == np.arange(4)).all()
    first = worth(four, PLAIN, now, values).bits.argmax(axis=1)
    assert (ranks[np.arange(6), first] == 0).all()
    doubt = ranks_by_doubt(values)
    assert (values.std(axis=2).argmax(axis=1) == doubt.argmin(axis=1)).all()


def test_binary_concepts_are_there_or_not() -> None:
    """Right in 30 of 40 known cases graded 1: a check finds 1 three times in four."""
    predicted = np.ones((40, 1), np.float32)
    truth = np.ones((40, 1), np.float32)
    truth[::4] = 0
    values = likely_values(predicted, truth, np.ones((1, 1), np.float32))
    assert set(values.ravel().tolist()) == {0.0, 1.0}
    assert values.mean() == pytest.approx(0.75, abs=0.05)
    ranks = ranks_by_worth(head(3, binary=True), PLAIN, predicted[:1], np.array([[0.3]]), values)
    assert ranks.tolist() == [[0]]
