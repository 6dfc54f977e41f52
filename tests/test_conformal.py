"""Prediction sets: solved by hand, and by simulation where the truth is known."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import uncertainty
from minspnet.artifact import load
from minspnet.conformal import (
    Held,
    Rule,
    abstention,
    alike,
    answers,
    aps_scores,
    calibrate,
    lac_scores,
    limit_of,
    measure,
    needed,
    tickets_of,
    usual_rule,
)
from minspnet.domains import SAMPLE_DATA, find_domain, load_cases
from minspnet.errors import UserError
from minspnet.trace import replay


def names(count: int) -> tuple[str, ...]:
    return tuple(f"case {k}" for k in range(count))


# --- By hand ----------------------------------------------------------------------------


def test_scores_by_hand() -> None:
    """Of .5, .3, .2: LAC is what is left; APS the more probable ones and a part of its own."""
    chances = np.array([[0.3, 0.5, 0.2]])
    assert lac_scores(chances)[0] == pytest.approx([0.7, 0.5, 0.8])
    assert aps_scores(chances)[0] == pytest.approx([0.8, 0.5, 1.0])
    assert aps_scores(chances, np.array([0.5]))[0] == pytest.approx([0.65, 0.25, 0.9])


def test_a_chance_near_one_is_still_told_apart() -> None:
    chances = np.array([[1e-12, 1], [1e-11, 1]], np.float32)
    scores = lac_scores(chances)[:, 1]
    assert 0 < scores[0] < scores[1]


def test_limits_by_hand() -> None:
    """Nine scores: the (9 + 1) x .9 = 9th is the largest. Eight are too few."""
    scores = np.arange(9, 0, -1.0)
    assert limit_of(scores, 0.9) == 9
    assert limit_of(scores, 0.8) == 8
    assert limit_of(scores[1:], 0.9) == math.inf
    assert [needed(c) for c in (0.8, 0.9, 0.95, 0.99)] == [4, 9, 19, 99]


@pytest.mark.parametrize("coverage", ["0.8", "0.9", "0.95", "0.99"])
def test_ranks_are_those_of_fractions(coverage: str) -> None:
    """In floats .9 / (1 - .9) comes out above 9, and others may: no draw is lost to rounding."""
    for cases in range(1, 501):
        rank = math.ceil((cases + 1) * Fraction(coverage))
        expected = rank - 1.0 if rank <= cases else math.inf
        scores = np.arange(cases, dtype=float)
        assert limit_of(scores, float(coverage)) == expected, cases
        pairs = np.repeat(np.arange(cases), 3)
        assert limit_of(np.repeat(scores, 3), float(coverage), pairs) == expected, cases
        assert (needed(float(coverage)) <= cases) == (rank <= cases), cases


def test_a_group_counts_once_by_hand() -> None:
    """Three groups, coverage one half: weights must reach (3 + 1) / 2 = 2.

    In order: .1 (half of a, .5 so far), .2 (c, 1.5), .3 (b, 2.5): the limit is .3.
    """
    scores, groups = np.array([0.1, 0.5, 0.3, 0.2]), np.array([0, 0, 1, 2])
    assert limit_of(scores, 0.5, groups) == 0.3
    assert limit_of(scores, 0.75, groups) == 0.5
    assert limit_of(scores, 0.8, groups) == math.inf


@given(st.integers(1, 60), st.sampled_from([0.5, 0.8, 0.9, 0.95]), st.integers(0, 99))
def test_the_limit_is_numpys_higher_quantile(cases: int, coverage: float, seed: int) -> None:
    """A second opinion: the form in which papers state it."""
    scores = np.random.default_rng(seed).random(cases)
    level = math.ceil((cases + 1) * coverage - 1e-9) / cases
    expected = np.quantile(scores, level - 1e-12, method="inverted_cdf") if level <= 1 else math.inf
    assert limit_of(scores, coverage) == expected
    assert (level <= 1) == (cases >= needed(coverage))
    assert limit_of(scores, coverage, np.arange(cases)) == expected


# --- Coverage ---------------------------------------------------------------------------


def test_further_scores_keep_the_limit_as_often_as_promised() -> None:
    """Of uniform scores the limit is its own coverage: on average rank / (n + 1), here 19 / 21."""
    generator = np.random.default_rng(0)
    limits = [limit_of(generator.random(20), 0.9) for _ in range(4000)]
    assert np.mean(limits) == pytest.approx(19 / 21, abs=0.004)


def test_groups_keep_their_promise_where_counting_cases_breaks_it() -> None:
    """Large groups are easy ones here, so that cases say too low a limit for a further group."""
    generator = np.random.default_rng(1)
    kept = {"group": [], "case": []}
    for _ in range(1500):
        hard = generator.random(20)
        sizes = np.where(hard < 0.5, 10, 1)
        groups = np.repeat(np.arange(19), sizes[:19])
        scores = hard[groups]
        kept["group"].append(hard[19] <= limit_of(scores, 0.9, groups))
        kept["case"].append(hard[19] <= limit_of(scores, 0.9))
    assert np.mean(kept["group"]) >= 0.88
    assert np.mean(kept["case"]) < 0.85


def drawn(generator: np.random.Generator, cases: int) -> tuple[np.ndarray, np.ndarray]:
    """Chances that are too sure of the first class, and true classes; the second is rare."""
    labels = (generator.random(cases) < 0.2).astype(int)
    logit = generator.normal(labels * 1.5 - 2, 1)
    chance = 1 / (1 + np.exp(-logit))
    return np.stack([1 - chance, chance], axis=1), labels


@pytest.mark.parametrize("score", ["lac", "aps"])
@pytest.mark.parametrize("by_class", [False, True])
def test_coverage_holds_for_a_network_that_is_wrong(score: str, by_class: bool) -> None:
    generator = np.random.default_rng(2)
    shares, of_class = [], []
    for _ in range(120):
        chances, labels = drawn(generator, 250)
        rule = calibrate(chances, labels, names(250), 0.9, score, by_class)
        chances, labels = drawn(generator, 1000)
        found = measure(rule.members(chances, names(1000)), labels)
        shares.append(found.everything.share)
        of_class.append([one.share for one in found.classes])
    assert 0.895 <= np.mean(shares) <= (0.925 if by_class else 0.91)
    classes = np.mean(of_class, axis=0)
    # Only limits of their own cover the rare class; LAC leaves it out most often.
    assert (classes > 0.89).all() if by_class else classes[1] < 0.85


def test_shipped_models_are_covered_over_resplits() -> None:
    """A short run of the benchmark."""
    model = load(SAMPLE_DATA / "models" / "breast_cytology-mean_and_se")
    cases = load_cases(find_domain(model.domain_key), model.variant)
    for one in uncertainty.coverage(model, cases, False, 25):
        if not one["by_class"]:
            assert one["coverage"] == pytest.approx(one["asked"], abs=0.03)
        else:
            assert min(one["classes"]) > one["asked"] - 0.03


# --- Rules ------------------------------------------------------------------------------


@given(st.integers(0, 500), st.sampled_from(["lac", "aps"]), st.booleans())
def test_more_coverage_never_takes_a_class_out(seed: int, score: str, by_class: bool) -> None:
    generator = np.random.default_rng(seed)
    chances, labels = drawn(generator, 60)
    sets = [
        calibrate(chances, labels, names(60), coverage, score, by_class).members(chances, names(60))
        for coverage in (0.5, 0.8, 0.9, 0.99)
    ]
    assert all((less <= more).all() for less, more in pairwise(sets))
    assert calibrate(chances, labels, names(60), 0.99).members(chances, names(60)).all()


def test_too_few_cases_leave_every_class_in_and_say_so() -> None:
    chances, labels = drawn(np.random.default_rng(0), 12)
    rule = calibrate(chances, labels, names(12), 0.95)
    assert (rule.enough, rule.needed, rule.draws) == (False, 19, (12, 12))
    assert rule.members(chances, names(12)).all()


def test_few_groups_make_a_promise_for_their_own_cases_only() -> None:
    chances, labels = drawn(np.random.default_rng(0), 200)
    few = calibrate(chances, labels, names(200), groups=["a", "b"] * 100)
    assert (few.grouped, few.groups, few.enough) == (False, 2, True)
    many = calibrate(chances, labels, names(200), groups=[str(k // 4) for k in range(200)])
    assert (many.grouped, many.groups, many.draws) == (True, 50, (50, 50))


def test_pages_cover_each_class_unless_one_is_too_rare() -> None:
    model = load(SAMPLE_DATA / "models" / "lung_nodules")
    cases = load_cases(find_domain("lung_nodules"))
    held = cases.take(cases.rows_of(model.traces["validation"].case_ids))
    chances = replay(model.traces["validation"], model.policy).probabilities
    assert usual_rule(chances, held, 0.9).by_class
    few = np.concatenate([np.flatnonzero(held.labels == 0), np.flatnonzero(held.labels == 1)[:5]])
    rule = usual_rule(chances[few], held.take(few), 0.9)
    assert not rule.by_class and rule.enough and rule.grouped


def test_lots_are_the_same_at_every_look_and_spread_evenly() -> None:
    lots = tickets_of(names(4000))
    assert (lots == tickets_of(names(4000))).all()
    assert np.histogram(lots, 4, (0, 1))[0] == pytest.approx(1000, abs=110)


def test_what_does_not_fit_is_refused() -> None:
    chances, labels = drawn(np.random.default_rng(0), 20)
    with pytest.raises(UserError, match="coverage must lie strictly between 0 and 1, got 1"):
        calibrate(chances, labels, names(20), 1.0)
    with pytest.raises(UserError, match="groups must have 20 values, got 3"):
        calibrate(chances, labels, names(20), groups=["a", "b", "c"])


def test_unlabelled_cases_are_left_out() -> None:
    chances, labels = drawn(np.random.default_rng(0), 40)
    some = labels.copy()
    some[30:] = -1
    rule = calibrate(chances, some, names(40))
    assert rule == calibrate(chances[:30], labels[:30], names(30))
    assert measure(rule.members(chances, names(40)), some).everything.cases == 30


# --- Counting ---------------------------------------------------------------------------


def test_counts_by_hand() -> None:
    """Four cases: {0}, {0, 1}, {}, {1}; the truth is 0, 1, 0, 0; the third is unusual anyway."""
    members = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], bool)
    labels = np.array([0, 1, 0, 0])
    found = measure(members, labels)
    assert (found.everything.held, found.sizes, found.mean_size) == (2, (1, 2, 1), 1.0)
    assert [one.held for one in found.classes] == [1, 1]
    assert alike(members, labels, np.array([False, True])) == Held.of(
        np.array([False]), np.arange(1)
    )
    predicted = np.array([0, 1, 0, 1])
    given = answers(members, predicted, np.zeros(4, bool))
    assert given.tolist() == [True, False, False, True]
    told = abstention(given, predicted, labels)
    assert (told.answered, told.referred, told.right, told.right_of_all) == (2, 2, 1, 3)
    strange = answers(members, predicted, np.array([True, False, False, False]))
    assert strange.tolist() == [False, False, False, True]
    against = answers(members, 1 - predicted, np.zeros(4, bool))
    assert not against.any(), "a decision that its own set leaves out is no answer"


def test_a_rule_says_what_it_rests_on() -> None:
    rule = Rule(0.9, "lac", True, (0.1, 0.2), (9, 8), None, False)
    assert not rule.enough
    assert math.isnan(Held.of(np.zeros(0, bool), np.zeros(0, int)).share)
