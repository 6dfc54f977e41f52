"""How surely a loss stays below a bound: p-values that hold exactly, however few the cases.

Per case, a cheaper way of deciding makes right what was wrong (a gain, -1), wrong what was right
(a harm, +1), or neither (0). Its loss is the mean of these over the population. A p-value here is
that of "the loss is more than the bound": when that is so, it falls to ``x`` or below with a
probability of at most ``x``, whatever the shares of harms and gains.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

UNLABELLED_WEIGHT = 0.3
"""Of the test that asks no label, where there are cases without one."""
_OF_CHANGES = 1 / 500
"""Part of the error spent on not knowing how many decisions change at most."""
_BETS = 16
_ROUNDS = 4
_PIECES = 24


def harm_p(harms: int, cases: int, bound: float) -> float:
    """Test that the share of harms alone is within the bound; gains earn nothing.

    Also a test of the share of changed decisions, which bounds harms: it needs no labels.

    Source: the exact binomial tail, one of the p-values of Angelopoulos et al. 2021, Learn then
    Test.
    """
    from scipy.special import bdtr

    return float(bdtr(harms, cases, bound))


def most_share(count: int, cases: int, error: float) -> float:
    """Upper end of a binomial share, too low with a probability of at most ``error``.

    Source: Clopper and Pearson (1934).
    """
    from scipy.special import betaincinv

    return float(betaincinv(count + 1, cases - count, 1 - error)) if count < cases else 1.0


def betting_p(losses: Float[np.ndarray, " draw"], bound: float) -> float:
    """Test the mean of independent losses in [-1, 1], which need not be whole.

    A gambler stakes on each loss being below the bound. If it is not, no stake makes the expected
    fortune grow, so that a fortune of ``1 / x`` is met with a probability of at most ``x``. The
    fortune is shared out over several constant stakes, so the order of the draws is of no
    consequence.

    Source: Waudby-Smith and Ramdas 2024, Estimating means of bounded random variables by betting;
    stakes are mixed rather than learned on the way.
    """
    # The largest stake would be ruined by one whole harm.
    stakes = np.arange(1, _BETS + 1) / _BETS / (1 - bound)
    with np.errstate(divide="ignore"):
        growth = np.log(np.maximum(1 + stakes[:, None] * (bound - losses[None]), 0)).sum(axis=1)
    most = growth.max()
    fortune = most + np.log(np.exp(growth - most).mean())
    return float(np.exp(min(0.0, -fortune)))


@dataclass(frozen=True)
class Counts:
    """What was seen of one policy.

    Attributes:
        harms: Among the labelled cases.
        gains: Among the labelled cases.
        cases: Labelled.
        changed: Decisions that differ, among all cases.
        everything: All cases, labelled or not.
    """

    harms: int
    gains: int
    cases: int
    changed: int
    everything: int


def counts_p(seen: Counts, bound: float, error: float) -> float:
    """Test that the loss is within the bound, with all that cases without labels can tell.

    What changes no decision loses nothing: the share of changed decisions, known from all cases
    but for a small part of the error, limits what harms and gains can be. Where there are cases
    without labels, that changed decisions alone are within the bound is tested beside it, at a
    fixed weight (Bonferroni).

    Source: Berger and Boos 1994, P values maximized over a confidence set for the nuisance
    parameter.
    """
    if not seen.everything:
        return 1.0
    spent = error * _OF_CHANGES
    step = bound / 20  # rounded up, so that like counts need not be worked out again
    most = math.ceil(most_share(seen.changed, seen.everything, spent) / step) * step
    exact = spent + exact_p(seen.harms, seen.gains, seen.cases, bound, most)
    if seen.everything == seen.cases:
        return min(1.0, exact)
    agreed = harm_p(seen.changed, seen.everything, bound)
    return min(1.0, exact / (1 - UNLABELLED_WEIGHT), agreed / UNLABELLED_WEIGHT)


@lru_cache(maxsize=1 << 16)
def exact_p(harms: int, gains: int, cases: int, bound: float, most_changed: float = 1.0) -> float:
    """Test the loss by counts of harms and gains, exactly.

    Outcomes are ranked by their likelihood ratio against losing the bound or more. The p-value is
    the greatest probability, over all shares of gains that are possible, of an outcome that ranks
    as high. Between grid points nothing is left to chance: fewer harms and more gains always rank
    higher, so taking the share of harms at the lower end of a piece, and that of gains at its
    upper end, bounds the whole piece.

    The ranking depends on the bound: with few cases a larger bound may get a greater p-value.

    Args:
        harms: Cases newly decided wrongly.
        gains: Cases newly decided rightly.
        cases: Of all, changed or not.
        bound: In (0, 1).
        most_changed: What harms and gains are known to make up at most, as a share.

    Source: Barnard 1945, A new test for 2 x 2 tables (the greatest probability over the unknown
    share, and outcomes ranked monotonically). Chan 1998, Exact tests of equivalence and efficacy
    with a non-zero lower bound, does the same for two groups and ranks by scores.
    """
    top = (min(most_changed, 1.0) - bound) / 2
    if top < 0:
        return 0.0  # so few changes cannot lose so much
    if harms - gains >= bound * cases:
        return 1.0
    reach = int(min(cases, np.ceil(cases * top + 6 * np.sqrt(cases * top) + 20)))
    rows = np.arange(reach + 1)
    limits = _harms_ranked_as_high(harms, gains, rows, cases, bound)
    beyond = _tail(reach, cases, top)
    # Square roots: the probability moves fastest where gains are rare.
    edges = top * np.linspace(0, 1, _PIECES + 1) ** 2
    low, high = edges[:-1], edges[1:]
    reached = 0.0
    settled = 0.0
    for _ in range(_ROUNDS):
        reached = max(reached, float(_probability(low, low, rows, limits, cases, bound).max()))
        bounds = _probability(low, high, rows, limits, cases, bound)
        loose = bounds > reached * 1.01
        settled = max(settled, float(bounds[~loose].max(initial=0)))
        if not loose.any():
            return min(1.0, settled + beyond)
        steps = np.linspace(0, 1, _PIECES // 4 + 1)
        finer = low[loose, None] + (high - low)[loose, None] * steps
        low, high = finer[:, :-1].ravel(), finer[:, 1:].ravel()
    last = float(_probability(low, high, rows, limits, cases, bound).max())
    return min(1.0, max(settled, last) + beyond)


def _tail(reach: int, cases: int, share: float) -> float:
    """More gains than are counted: taken as if they all ranked as high."""
    from scipy.special import bdtrc

    return float(bdtrc(reach, cases, share)) if reach < cases else 0.0


def _probability(
    low: Float[np.ndarray, " piece"],
    high: Float[np.ndarray, " piece"],
    rows: Int[np.ndarray, " gains"],
    limits: Int[np.ndarray, " gains"],
    cases: int,
    bound: float,
) -> Float[np.ndarray, " piece"]:
    """Of at most ``limits`` harms by number of gains; harms at ``low``, gains at ``high``."""
    from scipy.special import betainc, gammaln, xlog1py, xlogy

    gain = high[:, None]
    ways = gammaln(cases + 1) - gammaln(rows + 1) - gammaln(cases - rows + 1)
    of_gains = np.exp(ways + xlogy(rows, gain) + xlog1py(cases - rows, -gain))
    harm = np.clip((low[:, None] + bound) / (1 - gain), 0, 1)
    left = cases - rows
    some = np.clip(left - limits, 1, None)
    of_harms = betainc(some, np.clip(limits, 0, None) + 1, 1 - harm)
    of_harms = np.where(limits < 0, 0.0, np.where(limits >= left, 1.0, of_harms))
    return (of_gains * of_harms).sum(axis=1)


def _harms_ranked_as_high(
    harms: int, gains: int, rows: Int[np.ndarray, " gains"], cases: int, bound: float
) -> Int[np.ndarray, " gains"]:
    """Most harms, by number of gains, that speak as much for a smaller loss; -1: none do."""
    least = float(_likelihood_ratio(np.array([harms]), np.array([gains]), cases, bound)[0])
    least -= 1e-9 * (1 + least)  # ties belong to it
    low = np.full(len(rows), -1)
    high = np.minimum(np.ceil(bound * cases + rows).astype(int), cases - rows + 1)
    while (high - low > 1).any():
        middle = (low + high) // 2
        valid = np.maximum(middle, 0)
        ranked = _likelihood_ratio(valid, rows, cases, bound) >= least
        ranked &= (middle - rows) < bound * cases
        ranked |= middle < 0
        low, high = np.where(ranked, middle, low), np.where(ranked, high, middle)
    return np.maximum.accumulate(low)


def _likelihood_ratio(
    harms: Int[np.ndarray, " outcome"],
    gains: Int[np.ndarray, " outcome"],
    cases: int,
    bound: float,
) -> Float[np.ndarray, " outcome"]:
    """Log likelihood of the outcome, less the greatest with a loss of just the bound.

    With a Lagrange multiplier ``m >= 0`` for the loss and ``k`` for the sum of shares, the shares
    under the bound are harms / (k - m), gains / (k + m) and the rest / k. So the ratio falls with
    each harm and rises with each gain.
    """
    from scipy.special import xlogy

    same = cases - harms - gains
    slope = (harms + gains) * (1 - bound) - 2 * bound * (cases - harms)
    root = np.sqrt(slope.astype(float) ** 2 + 8 * cases * gains * bound * (1 - bound))
    share = np.clip((slope + root) / (4 * cases), 0, (1 - bound) / 2)
    free = xlogy(harms, harms / cases) + xlogy(gains, gains / cases) + xlogy(same, same / cases)
    held = xlogy(harms, share + bound) + xlogy(gains, share) + xlogy(same, 1 - bound - 2 * share)
    return free - held
