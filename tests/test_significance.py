"""P-values of a bounded loss: by hand, by brute force, and over all outcomes there are."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, binomtest, multinomial

from minspnet.sequence import levels, rejected
from minspnet.significance import Counts, betting_p, counts_p, exact_p, harm_p, most_share


def outcomes(cases: int) -> list[tuple[int, int]]:
    """All pairs of harms and gains."""
    return [(w, r) for w in range(cases + 1) for r in range(cases + 1 - w)]


def chances(pairs: list[tuple[int, int]], cases: int, harm: float, gain: float) -> np.ndarray:
    """How likely each pair is."""
    rows = np.array([(w, r, cases - w - r) for w, r in pairs])
    return multinomial.pmf(rows, cases, [harm, gain, max(0.0, 1 - harm - gain)])


def test_one_case_by_hand() -> None:
    """With shares h = g + .1: seeing a gain has chance g, at most .45; no harm 1 - h, at most .9.

    If at most half of the cases change, then 2 g + .1 <= .5, and a gain has a chance of .2.
    """
    assert exact_p(0, 1, 1, 0.1) == pytest.approx(0.45)
    assert exact_p(0, 0, 1, 0.1) == pytest.approx(0.9)
    assert exact_p(1, 0, 1, 0.1) == 1
    assert exact_p(0, 1, 1, 0.1, 0.5) == pytest.approx(0.2)
    assert exact_p(0, 0, 1, 0.1, 0.05) == 0


def test_nothing_seen_in_299_cases() -> None:
    """ln .05 / ln .99 = 298.1."""
    for cases, enough in ((298, False), (299, True)):
        for p in (harm_p(0, cases, 0.01), exact_p(0, 0, cases, 0.01)):
            assert p == pytest.approx(0.99**cases, rel=1e-3)
            assert (p <= 0.05) == enough


@given(st.integers(1, 300), st.data(), st.floats(0.001, 0.5))
def test_harms_alone_are_scipys_binomial_test(
    cases: int, data: st.DataObject, bound: float
) -> None:
    harms = data.draw(st.integers(0, cases))
    whole = binomtest(harms, cases, bound, alternative="less").pvalue
    assert harm_p(harms, cases, bound) == pytest.approx(whole)


def slow_p(harms: int, gains: int, cases: int, bound: float) -> float:
    """The same test by optimising numerically and trying many shares."""

    def log_likelihood(w: int, r: int, harm: float, gain: float) -> float:
        return float(chances([(w, r)], cases, harm, gain)[0])

    def ratio(w: int, r: int) -> float:
        held = minimize_scalar(
            lambda g: -log_likelihood(w, r, g + bound, g),
            bounds=(0, (1 - bound) / 2),
            method="bounded",
            options={"xatol": 1e-10},
        )
        return math.log(log_likelihood(w, r, w / cases, r / cases)) - math.log(
            max(-held.fun, 1e-300)
        )

    least = ratio(harms, gains) - 1e-6
    ranked = [p for p in outcomes(cases) if p[0] - p[1] < bound * cases and ratio(*p) >= least]
    shares = np.linspace(0, (1 - bound) / 2, 2001)
    return max(float(chances(ranked, cases, g + bound, g).sum()) for g in shares)


@pytest.mark.parametrize(("harms", "gains"), [(0, 0), (0, 2), (1, 3), (2, 2), (1, 1), (0, 8)])
def test_against_brute_force(harms: int, gains: int) -> None:
    slow = slow_p(harms, gains, 8, 0.3)
    fast = exact_p(harms, gains, 8, 0.3)
    assert slow <= fast + 1e-9
    assert fast == pytest.approx(slow, rel=0.03)


@pytest.mark.parametrize(("cases", "bound"), [(12, 0.1), (30, 0.1), (40, 0.05)])
def test_a_true_hypothesis_is_rarely_rejected(cases: int, bound: float) -> None:
    """Over all outcomes; and the level is nearly used up somewhere, so that nothing is wasted."""
    pairs = outcomes(cases)
    exact = np.array([exact_p(w, r, cases, bound) for w, r in pairs])
    bets = np.array(
        [betting_p(np.repeat([1.0, -1.0, 0.0], [w, r, cases - w - r]), bound) for w, r in pairs]
    )
    used = []
    for gain, level in itertools.product(np.linspace(0, (1 - bound) / 2, 25), (0.01, 0.05, 0.2)):
        likely = chances(pairs, cases, gain + bound, gain)
        used.append(likely[exact <= level].sum() / level)
        assert likely[bets <= level].sum() <= level
    assert 0.7 < max(used) <= 1


@pytest.mark.parametrize("neutral", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("gain", [0.0, 0.03, 0.2])
def test_unlabelled_cases_break_nothing(gain: float, neutral: float) -> None:
    """Ten labelled and twenty unlabelled cases, at the bound: over all outcomes."""
    bound, level = 0.1, 0.2
    harm = gain + bound
    broken = 0.0
    more = binom.pmf(range(21), 20, harm + gain + neutral)
    for w, r, m in itertools.product(range(11), repeat=3):
        if w + r + m <= 10:
            rest = 10 - w - r - m
            shares = [harm, gain, neutral, 1 - harm - gain - neutral]
            chance = multinomial.pmf([w, r, m, rest], 10, shares)
            for others, share in enumerate(more):
                seen = Counts(w, r, 10, w + r + m + others, 30)
                if chance * share > 1e-12 and counts_p(seen, bound, level) <= level:
                    broken += chance * share
    assert broken <= level


@given(st.integers(5, 400), st.data(), st.sampled_from([0.01, 0.05, 0.2]))
def test_p_values_move_the_right_way(cases: int, data: st.DataObject, bound: float) -> None:
    harms = data.draw(st.integers(0, min(20, cases // 2)))
    gains = data.draw(st.integers(0, min(20, cases // 2 - 1)))
    p = exact_p(harms, gains, cases, bound)
    slack = 1.02 * p + 1e-5  # the search over shares stops within a hundredth
    assert 0 <= p <= 1
    assert exact_p(harms, gains + 1, cases, bound) <= slack
    assert exact_p(harms, gains, cases, bound, 0.5) <= slack
    assert exact_p(harms + 1, gains, cases, bound) >= p / 1.02 - 1e-5


def test_cases_without_labels_that_agree_speak_for_the_policy() -> None:
    alone, few, many = (
        counts_p(Counts(0, 0, 200, 0, 200 + more), 0.01, 0.05) for more in (0, 200, 2000)
    )
    assert alone == pytest.approx(0.99**200 + 0.0001, rel=1e-3)
    assert many < 0.001 < few < 0.07 < alone
    assert counts_p(Counts(0, 0, 0, 0, 0), 0.01, 0.05) == 1
    assert counts_p(Counts(0, 0, 0, 0, 3000), 0.01, 0.05) < 0.001


@pytest.mark.parametrize("seen", [Counts(1, 0, 400, 9, 1000), Counts(2, 3, 900, 30, 2000)])
def test_two_tests_share_the_error(seen: Counts) -> None:
    """Seven tenths for harms and gains, three for changes: either may be the one that tells."""
    most = math.ceil(most_share(seen.changed, seen.everything, 0.0001) / 0.0005) * 0.0005
    by_labels = 0.0001 + exact_p(seen.harms, seen.gains, seen.cases, 0.01, most)
    by_changes = binom.cdf(seen.changed, seen.everything, 0.01)
    expected = min(1, by_labels / 0.7, by_changes / 0.3)
    assert expected < 1
    assert counts_p(seen, 0.01, 0.05) == pytest.approx(expected)


def test_most_share_is_clopper_and_pearson() -> None:
    assert most_share(3, 40, 0.025) == pytest.approx(
        binomtest(3, 40).proportion_ci(0.95, method="exact").high
    )
    assert most_share(4, 4, 0.1) == 1


def test_bets_by_hand() -> None:
    """Of 16 equal stakes, the n-th grows by 1 + (n / 16) * .01 / .99 a case."""
    fortune = sum((1 + n / 16 * 0.01 / 0.99) ** 500 for n in range(1, 17)) / 16
    assert betting_p(np.zeros(500), 0.01) == pytest.approx(1 / fortune)
    assert betting_p(np.ones(5), 0.01) == 1
    mixed = np.array([0.5, -0.25, 0.0, 0.0] * 100)
    assert betting_p(mixed, 0.2) == pytest.approx(betting_p(mixed[::-1].copy(), 0.2))


def test_levels_and_their_ring_by_hand() -> None:
    """Of seven, the fourth and the seventh are starts; the last to fall hands on to the first."""
    assert levels(7, 0.05, False).tolist() == [0.05, 0, 0, 0, 0, 0, 0]
    first = levels(7, 0.05, True)
    assert first == pytest.approx([0.025, 0, 0, 0.0125, 0, 0, 0.0125])
    p = np.array([0.02, 0.03, 0.001, 0.012, 0.03, 0.9, 0.01])
    # 0 hands .025 to 1, which stands; 3 to 4; 6 to 1, which now has .0375 and falls, and so on.
    assert rejected(p, first).tolist() == [True, True, True, True, True, False, True]
    assert levels(2, 0.05, True).tolist() == [0.05, 0]


def test_a_fixed_sequence_stops_at_the_first_failure() -> None:
    p = np.array([0.01, 0.05, 0.051, 0.0, 0.0])
    assert rejected(p, levels(5, 0.05, False)).tolist() == [True, True, False, False, False]


@given(st.data(), st.integers(1, 9), st.booleans())
def test_true_hypotheses_together_never_have_more_than_the_error(
    data: st.DataObject, count: int, fresh: bool
) -> None:
    """If a true one falls, some true one is below what it can inherit from the false ones.

    These inheritances sum to the error, whatever is true, so Bonferroni bounds the chance.
    """
    p = np.array(data.draw(st.lists(st.floats(0, 0.06), min_size=count, max_size=count)))
    true = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    first = levels(count, 0.05, fresh)
    if not true.any():
        return
    held = np.zeros(count)
    for place, level in enumerate(first):
        heir = next(k % count for k in range(place, place + count) if true[k % count])
        held[heir] += level
    assert held.sum() == pytest.approx(0.05)
    if (rejected(p, first) & true).any():
        assert (p <= held + 1e-12)[true].any()
