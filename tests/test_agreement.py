"""Agreement of readers: solved by hand, against scikit-learn, and by properties."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from minspnet.agreement import (
    MODEL,
    agreements,
    changes,
    cohens_kappa,
    corrected,
    newest,
    seconds_spent,
    to_columns,
)
from minspnet.errors import UserError
from minspnet.record.reviews import Correction, Review

T = "2026-01-02T03:04:05+00:00"
BASE = Review(
    id="a",
    reader="R",
    case_id="c",
    domain="d",
    model="m" * 64,
    trace="t" * 64,
    gates="0.5",
    cut="0.5",
    predicted="yes",
    probability=0.9,
    verdict="agree",
    opinion="yes",
    started_at=T,
    shown_at=T,
    decided_at=T,
    seconds=10.0,
)


def review(case: str, opinion: str | None, reader: str = "R", **more: object) -> Review:
    """A review of a model that always says yes."""
    verdict = "unsure" if opinion is None else "agree" if opinion == "yes" else "disagree"
    given = {"case_id": case, "opinion": opinion, "reader": reader, "verdict": verdict}
    return replace(BASE, **given, **more)


def paired(table: list[list[int]]) -> tuple[list[str], list[str]]:
    pairs = [
        (i, j) for i, row in enumerate(table) for j, many in enumerate(row) for _ in range(many)
    ]
    return [str(i) for i, _ in pairs], [str(j) for _, j in pairs]


def test_kappa_and_its_interval_solved_by_hand() -> None:
    """Two readers on 50 cases: both yes 20, both no 15, only the first 5, only the second 10.

    They agree on .7; margins (.5, .5) and (.6, .4) make .5 by chance, so kappa = .2/.5 = .4.
    Variance, Fleiss et al. 1969: same answers .4 (1 - 1.1 x .6)^2 + .3 (1 - .9 x .6)^2 = .10972;
    others .36 (.1 x 1.1^2 + .2 x .9^2) = .10188; less (.4 - .5 x .6)^2 = .01. Together .2016, so
    the error is sqrt(.2016 / 50) / .5 = .126996, and 1.95996 of it .24891.
    """
    kappa, low, high = cohens_kappa(*paired([[20, 5], [10, 15]]))
    assert kappa == pytest.approx(0.4)
    assert (low, high) == pytest.approx((0.15109, 0.64891), abs=1e-5)


def test_the_interval_is_about_that_of_redrawn_cases() -> None:
    one, two = map(np.array, paired([[60, 10, 5], [12, 50, 6], [3, 8, 46]]))
    _, low, high = cohens_kappa([*one], [*two])
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(400):
        rows = generator.integers(len(one), size=len(one))
        drawn.append(cohen_kappa_score(one[rows], two[rows]))
    assert (low, high) == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.02)


answers = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2)


@given(answers)
def test_kappa_is_that_of_scikit_learn_and_the_same_either_way(
    pairs: list[tuple[str, str]],
) -> None:
    one, two = map(list, zip(*pairs, strict=True))
    kappa, low, high = cohens_kappa(one, two)
    assert cohens_kappa(two, one) == pytest.approx((kappa, low, high), nan_ok=True)
    if len({*one, *two}) < 2:
        assert math.isnan(kappa)
        return
    assert kappa == pytest.approx(cohen_kappa_score(one, two))
    assert math.isnan(low) == (one == two) or low <= kappa <= high


def test_where_kappa_says_nothing() -> None:
    assert all(map(math.isnan, cohens_kappa([], [])))
    assert all(map(math.isnan, cohens_kappa(["a", "a"], ["a", "a"])))
    kappa, low, high = cohens_kappa(["a", "b"], ["a", "b"])
    assert kappa == 1 and math.isnan(low) and math.isnan(high)
    with pytest.raises(UserError, match="answers must be to the same cases"):
        cohens_kappa(["a"], [])


def test_the_newest_review_of_a_case_counts() -> None:
    found = (review("1", "no", id="new"), review("1", "yes", id="old"), review("2", "yes"))
    assert [one.id for one in newest(found)] == ["new", "a"]
    (alone,) = agreements(found, "end")
    assert (alone.first, alone.second) == ("R", MODEL)
    assert (alone.cases, alone.agreed) == (2, 1)


def test_readers_are_paired_on_shared_cases_with_answers() -> None:
    found = (
        *(review(case, "yes", "A") for case in "1234"),
        review("1", "no", "B"),
        review("2", "yes", "B"),
        review("3", None, "B"),
        review("9", "yes", "B"),
    )
    by_pair = {(one.first, one.second): one for one in agreements(found, "end")}
    assert set(by_pair) == {("A", MODEL), ("B", MODEL), ("A", "B")}
    assert (by_pair["A", "B"].cases, by_pair["A", "B"].agreed) == (2, 1)
    assert by_pair["B", MODEL].cases == 3
    assert by_pair["A", "B"].interval == pytest.approx((0.0945, 0.9055), abs=1e-4)
    assert agreements(found, "before") == ()


def test_changes_are_told_by_their_direction() -> None:
    def judged(own: str, opinion: str | None) -> Review:
        return review("1", opinion, own_opinion=own, own_confidence=0.7)

    found = changes(
        [
            judged("yes", "yes"),
            judged("no", "yes"),
            judged("yes", "no"),
            judged("yes", None),
            judged("no", "maybe"),
            review("1", "no"),
        ]
    )
    assert (found.judged, found.changed) == (5, 4)
    assert (found.towards, found.away, found.undecided, found.otherwise) == (1, 1, 1, 1)


def test_concepts_times_and_columns() -> None:
    both = (Correction("size", 0.5), Correction("edge", 0.25))
    found = (
        review("1", "yes", concepts=both, seconds=10.0),
        review("2", "no", concepts=both[:1], seconds=20.0, text="=1+1"),
        review("3", "no", seconds=60.0),
    )
    assert corrected(found) == (("size", 2), ("edge", 1))
    assert seconds_spent(found) == (15, 20, 40)
    assert all(map(math.isnan, seconds_spent(())))
    columns = to_columns(found)
    assert columns["concepts"] == ["size=0.5; edge=0.25", "size=0.5", ""]
    assert columns["text"] == ["", "=1+1", ""] and columns["own_opinion"] == [None] * 3
    assert to_columns(()) == {}
