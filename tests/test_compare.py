"""Paired comparisons: solved by hand, against scikit-learn, and against slow loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import (
    brier_score_loss,
    cohen_kappa_score,
    log_loss,
    roc_auc_score,
)

from minspnet.cohorts import Cohort
from minspnet.compare import (
    MEASURES,
    Answers,
    agreement,
    cohort_differences,
    discordance,
    measure,
    more_is_better,
)
from minspnet.errors import UserError
from minspnet.estimate import resampling
from minspnet.metrics import accuracy, mean_auc


def random_answers(cases: int, classes: int, seed: int, ties: bool = False) -> Answers:
    """Chances drawn at random; with ties, of few different values."""
    generator = np.random.default_rng(seed)
    if ties:
        second = generator.choice([0.2, 0.5, 0.7], size=cases)
        chances = np.column_stack([1 - second, second])
    else:
        chances = generator.dirichlet(np.ones(classes), size=cases)
    return Answers(chances, chances.argmax(axis=1))


def some_labels(cases: int, classes: int, seed: int) -> np.ndarray:
    """Every class at least once."""
    rest = np.random.default_rng(seed + 1).integers(classes, size=cases - classes)
    return np.concatenate([np.arange(classes), rest])


def sure_of(*decided: int) -> Answers:
    """Two classes, each case decided with a chance of 0.8."""
    predicted = np.array(decided)
    return Answers(np.where(np.eye(2)[predicted] == 1, 0.8, 0.2), predicted)


def alone(cases: int, **options: int) -> object:
    return resampling([str(k) for k in range(cases)], **options)


@given(st.integers(2, 5), st.integers(0, 200))
def test_measures_equal_scikit_learn(classes: int, seed: int) -> None:
    answers, labels = random_answers(30, classes, seed), some_labels(30, classes, seed)
    (found,) = measure([answers], labels, alone(30, draws=2))
    assert tuple(found) == MEASURES
    chances = answers.probabilities
    score = chances[:, 1] if classes == 2 else chances
    expected = {
        "accuracy": (answers.predicted == labels).mean(),
        "auc": roc_auc_score(labels, score, multi_class="ovr"),
        "log_loss": log_loss(labels, chances),
        "brier": brier_score_loss(labels, score, labels=range(classes)),
    }
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value), name


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
def test_every_draw_is_the_measure_of_the_cases_drawn(ties: bool, grouped: bool) -> None:
    """A slow loop repeats each case as often as it was drawn."""
    answers, labels = random_answers(36, 2, 3, ties), some_labels(36, 2, 3)
    groups = [str(k // 3) for k in range(36)] if grouped else [str(k) for k in range(36)]
    how = resampling(groups, draws=15, seed=5)
    assert how.grouped == grouped
    (found,) = measure([answers], labels, how)
    weights = np.concatenate(list(how.weights())).astype(int)
    for draw, times in enumerate(weights):
        rows = np.repeat(np.arange(36), times)
        assert len(rows) == 36
        if grouped:
            assert (times.reshape(12, 3) == times[::3, None]).all()
        right = accuracy(answers.predicted[rows], labels[rows])
        assert found["accuracy"].draws[draw] == pytest.approx(right)
        area = mean_auc(answers.probabilities[rows], labels[rows])
        assert found["auc"].draws[draw] == pytest.approx(area)


def test_draws_in_pieces_are_those_of_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    how = alone(20, draws=9)
    whole = np.concatenate(list(how.weights()))
    monkeypatch.setattr("minspnet.estimate._NUMBERS_AT_ONCE", 50)
    pieces = list(how.weights())
    assert len(pieces) == 5
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_a_contestant_against_itself_differs_by_nothing() -> None:
    answers, labels = random_answers(40, 3, 0), some_labels(40, 3, 0)
    first, second = measure([answers, answers], labels, alone(40))
    for name in MEASURES:
        gap = first[name].minus(second[name])
        assert gap.value == 0 and not gap.bounded
        assert not gap.excludes_zero
    how = alone(40)
    assert discordance(answers, answers, labels, how).p == 1
    assert agreement(answers, answers, how).kappa.value == pytest.approx(1)


def test_pairing_narrows_the_interval() -> None:
    """Two contestants that are wrong on nearly the same half of the cases differ surely."""
    labels = np.zeros(200, int)
    first = sure_of(*[0] * 110, *[1] * 90)
    second = sure_of(*[0] * 100, *[1] * 100)
    one, two = measure([first, second], labels, alone(200))
    gap = one["accuracy"].minus(two["accuracy"])
    assert gap.value == pytest.approx(0.05)
    assert gap.low > 0
    apart = [each["accuracy"].estimate for each in (one, two)]
    assert apart[0].low < apart[1].high
    # Ten of 200 cases differ, all one way: the sd of the mean is sqrt(.05 * .95 / 200).
    spread = math.sqrt(0.05 * 0.95 / 200)
    assert gap.high - gap.low == pytest.approx(2 * 1.96 * spread, rel=0.12)


def test_intervals_hold_what_they_promise() -> None:
    """A difference of 10 points is inside about 95 of 100 intervals."""
    generator = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        labels = np.zeros(150, int)
        right = generator.random((2, 150)) < np.array([[0.8], [0.7]])
        pair = [sure_of(*(~side).astype(int)) for side in right]
        one, two = measure(pair, labels, alone(150, draws=400, seed=trial))
        gap = one["accuracy"].minus(two["accuracy"])
        held += gap.low <= 0.1 <= gap.high
    assert 180 <= held <= 199


def test_whole_groups_widen_the_interval() -> None:
    """Cases of one group are all alike here: 50 groups tell as much as 50 cases."""
    labels = np.zeros(200, int)
    answers = sure_of(*np.repeat(np.arange(50) % 2, 4))
    groups = [str(k // 4) for k in range(200)]
    (by_group,) = measure([answers], labels, resampling(groups))
    (by_case,) = measure([answers], labels, alone(200))
    widths = [
        found["accuracy"].estimate.high - found["accuracy"].estimate.low
        for found in (by_group, by_case)
    ]
    assert widths[0] == pytest.approx(math.sqrt(4) * widths[1], rel=0.15)


def test_few_groups_are_not_redrawn() -> None:
    how = resampling(["a", "b"] * 10)
    assert not how.grouped and how.count == 20
    assert resampling([str(k // 2) for k in range(20)]).grouped


def test_no_cases_are_refused() -> None:
    with pytest.raises(UserError, match="cases must number 1 or more, got 0"):
        resampling([])
    with pytest.raises(UserError, match="contestants must answer the same 3 cases, got 2"):
        measure([sure_of(0, 1)], np.zeros(3, int), alone(3))


def test_an_impossible_chance_costs_much_but_not_everything() -> None:
    answers = Answers(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([0, 0]))
    (found,) = measure([answers], np.array([1, 0]), alone(2, draws=1))
    assert found["log_loss"].value == pytest.approx((-math.log(1e-6) + math.log(2)) / 2)


def test_a_perfect_accuracy_is_not_certain() -> None:
    """Wilson's of 20 of 20 begins at 20 / (20 + 3.84); in pairs, they count as 20 * 11 / 23."""
    labels = np.zeros(20, int)
    right, wrong = measure([sure_of(*[0] * 20), sure_of(*[1] * 20)], labels, alone(20, draws=5))
    found = right["accuracy"].estimate
    assert (found.value, found.low, found.high) == pytest.approx((1, 20 / 23.8415, 1), abs=1e-5)
    found = wrong["accuracy"].estimate
    assert (found.value, found.low, found.high) == pytest.approx((0, 0, 3.8415 / 23.8415), abs=1e-5)
    (grouped,) = measure([sure_of(*[0] * 20)], labels, resampling([str(k // 2) for k in range(20)]))
    few = 20 * 11 / 23
    assert grouped["accuracy"].estimate.low == pytest.approx(few / (few + 3.8415), abs=1e-5)


def test_discordance_by_hand() -> None:
    """All cases are of class 0. Right: first on 0 to 6, second on 6 and 7; both on 6.

    Six cases to one: the sign test says 2 * (1 + 7) / 128 = 0.125.
    """
    labels = np.zeros(8, int)
    first, second = sure_of(0, 0, 0, 0, 0, 0, 0, 1), sure_of(1, 1, 1, 1, 1, 1, 0, 0)
    found = discordance(first, second, labels, alone(8))
    assert (found.first, found.second) == (6, 1)
    assert found.p == pytest.approx(0.125)
    assert found.p == pytest.approx(binomtest(6, 7).pvalue)


def test_groups_count_once_in_the_sign_test() -> None:
    """Twelve groups of two; in six the first is right alone, twice over: p = 2 / 64."""
    labels = np.zeros(24, int)
    first, second = sure_of(*[0] * 24), sure_of(*[1] * 12, *[0] * 12)
    found = discordance(first, second, labels, resampling([str(k // 2) for k in range(24)]))
    assert (found.first, found.second) == (12, 0)
    assert found.p == pytest.approx(2 / 64)


@given(st.integers(2, 4), st.integers(0, 200))
def test_kappa_equals_scikit_learn(classes: int, seed: int) -> None:
    one, two = random_answers(25, classes, seed), random_answers(25, classes, seed + 1000)
    found = agreement(one, two, alone(25, draws=20))
    assert found.share.value == pytest.approx((one.predicted == two.predicted).mean())
    assert found.kappa.value == pytest.approx(cohen_kappa_score(one.predicted, two.predicted))
    assert found.share.low <= found.share.value <= found.share.high


def test_kappa_by_hand() -> None:
    """20 cases both say 0, 15 both say 1, 5 and 10 apart: share .7, by chance .5, kappa .4.

    The example of Cohen's kappa that is worked through most often.
    """
    one = sure_of(*[0] * 25, *[1] * 25)
    two = sure_of(*[0] * 20, *[1] * 5, *[0] * 10, *[1] * 15)
    found = agreement(one, two, alone(50))
    assert found.share.value == pytest.approx(0.7)
    assert found.kappa.value == pytest.approx(0.4)


def test_kappa_is_undefined_where_all_say_one_class() -> None:
    same = sure_of(*[0] * 12)
    found = agreement(same, same, alone(12))
    assert found.share.value == 1 and math.isnan(found.kappa.value)


def test_cohort_differences_by_hand() -> None:
    """First is right on all, second wrong on half of the ten of one cohort, none of the other."""
    labels = np.zeros(20, int)
    first, second = sure_of(*[0] * 20), sure_of(*[1] * 5, *[0] * 15)
    members = np.arange(20) < 10
    alike = [Cohort("half", "easy", ~members), Cohort("half", "hard", members)]
    hard, easy = cohort_differences(alike, first, second, labels, alone(20))
    assert (hard.name, hard.cases, hard.first, hard.second) == ("hard", 10, 1, 0.5)
    assert (hard.alone.value, hard.disputed) == (0.5, 5)
    assert (easy.name, easy.alone.value, easy.disputed) == ("easy", 0, 0)
    assert math.isnan(easy.together.low)
    assert hard.together.low <= hard.alone.value <= hard.together.high


def test_a_handful_of_cases_or_groups_is_no_cohort() -> None:
    """All of three cases differ alike, as do all of 24 cases of one group in 13: no draw varies."""
    labels, members = np.zeros(48, int), np.arange(48) < 3
    first, second = sure_of(*[0] * 48), sure_of(*[1] * 24, *[0] * 24)
    few, rest = Cohort("class", "few", members), Cohort("class", "rest", ~members)
    (found,) = cohort_differences([few, rest], first, second, labels, alone(48))
    assert found.name == "rest"
    assert cohort_differences([few], first, second, labels, alone(48)) == ()
    one_group = Cohort("group", "first", np.arange(48) < 24)
    how = resampling(["0"] * 24 + [str(k // 2) for k in range(24, 48)])
    assert how.grouped
    assert cohort_differences([one_group], first, second, labels, how) == ()


def test_many_cohorts_are_seldom_all_missed() -> None:
    """Nothing differs but by chance: together, hardly ever does any cohort exclude 0."""
    generator = np.random.default_rng(1)
    alarms = {"alone": 0, "together": 0}
    for trial in range(60):
        labels = np.zeros(300, int)
        first, second = (sure_of(*generator.integers(2, size=300)) for _ in range(2))
        alike = [Cohort("part", str(k), np.arange(300) % 15 == k) for k in range(15)]
        found = cohort_differences(alike, first, second, labels, alone(300, draws=300, seed=trial))
        alarms["alone"] += any(one.alone.excludes_zero for one in found)
        alarms["together"] += any(one.together.excludes_zero for one in found)
    assert alarms["alone"] > 25
    assert alarms["together"] < 10


def test_which_measures_are_better_when_more() -> None:
    assert [more_is_better(name) for name in MEASURES] == [True, True, False, False]
