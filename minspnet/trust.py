"""What was measured about attribution methods, how far they agree, and which to doubt.

Numbers only: what they are measured on stands in ``minspnet.attribution``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

from minspnet.spec import ModelSpec

FEWEST = 8
"""Cases below which nothing is said against a method."""
MOST_ALIKE = 0.5
"""Rank correlation with the attributions of a network of shuffled weights, from which a method
is doubted. A choice: an attribution that is so much alike depends little on what was learned."""
MOST_MISSED = 0.05
"""Share of the logit's difference that a method which promises the sum may miss."""
_NORMAL = 1.96


NAMES = (
    "integrated_gradients",
    "gradient_shap",
    "deep_lift",
    "kernel_shap",
    "lime",
    "feature_ablation",
    "occlusion",
    "input_x_gradient",
    "saliency",
)
"""The methods of ``minspnet.attribution``, in the order of menus."""


def left_out(spec: ModelSpec) -> Mapping[str, str]:
    """Methods that a network cannot be asked by, or not sensibly, with the reason in words."""
    found = {}
    if spec.stem.kind == "tabular":
        found["occlusion"] = "a window over one column is leaving it out"
    if any(e.weights_of or (e.shared and e.repeats > 2) for e in spec.experts):
        found["deep_lift"] = "this network runs some layers more than once, which it cannot follow"
    return found


@dataclass(frozen=True)
class Measured:
    """One method on one case.

    Attributes:
        values: What each place adds, in log-odds (for saliency: its sensitivity).
        deletion: How far, in log-odds and averaged over all steps, the answer falls below where
            a random order leaves it, if places are emptied by falling value. More is better.
        insertion: How far it rises above, if they are filled in by falling value.
        infidelity: Mean squared error, in squared log-odds, of the change predicted for random
            sets of places, after the best scaling of the values. Less is better.
        sensitivity: Largest relative change of the values under a small change of the inputs.
        effective: Number of places that an even attribution of the same entropy would name.
        shuffled: Rank correlation of the sizes with those that the same network gives with its
            weights shuffled, over the places that differ from the baseline (all methods agree
            that the others add nothing); near 0, the method depends on what was learned.
        missed: Share of the difference between the logits that the sum of the values misses;
            NaN where the method promises no sum.
    """

    values: Float[np.ndarray, " place"]
    deletion: float
    insertion: float
    infidelity: float
    sensitivity: float
    effective: float
    shuffled: float
    missed: float


MEASURES = tuple(field.name for field in fields(Measured) if field.name != "values")


@dataclass(frozen=True)
class Mean:
    """A mean over cases.

    Attributes:
        value: NaN if no case has one.
        margin: Half the width of its 95 % interval (normal approximation); NaN below two cases.
        cases: How many have a value.
    """

    value: float
    margin: float
    cases: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Mean":
        """Average the values that are numbers."""
        kept = np.array([value for value in values if not math.isnan(value)])
        if not len(kept):
            return cls(math.nan, math.nan, 0)
        spread = _NORMAL * kept.std(ddof=1) / math.sqrt(len(kept)) if len(kept) > 1 else math.nan
        return cls(float(kept.mean()), float(spread), len(kept))


def quality(measured: Sequence[Measured]) -> Mapping[str, Mean]:
    """Each of ``MEASURES`` over the cases of one method."""
    return {name: Mean.of([getattr(one, name) for one in measured]) for name in MEASURES}


def doubts(measured: Sequence[Measured]) -> tuple[str, ...]:
    """What speaks against a method here, as names of measures; empty if nothing does.

    ``deletion``: the 95 % interval of its lead over a random order reaches 0. ``shuffled``: the
    mean correlation with shuffled weights is ``MOST_ALIKE`` or more. ``missed``: it promises to
    sum to the answer and the median case misses it by ``MOST_MISSED`` or more.
    """
    if len(measured) < FEWEST:
        return ()
    found = quality(measured)
    missed = [one.missed for one in measured if not math.isnan(one.missed)]
    poor = {
        "deletion": found["deletion"].value - found["deletion"].margin <= 0,
        "shuffled": found["shuffled"].value >= MOST_ALIKE,
        "missed": bool(missed) and float(np.median(missed)) >= MOST_MISSED,
    }
    return tuple(name for name, holds in poor.items() if holds)


def rank_correlation(
    first: Float[np.ndarray, " place"], second: Float[np.ndarray, " place"]
) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; NaN if either is constant."""
    if not len(first):
        return math.nan
    ranks = [rankdata(values) - (len(values) + 1) / 2 for values in (first, second)]
    lengths = [float(np.sqrt(rank @ rank)) for rank in ranks]
    return float(ranks[0] @ ranks[1]) / (lengths[0] * lengths[1]) if all(lengths) else math.nan


def likeness(
    first: Float[np.ndarray, " place"], second: Float[np.ndarray, " place"], signed: bool
) -> float:
    """How alike two methods rank the places of a case: with their signs, or by size alone."""
    return rank_correlation(first, second) if signed else rank_correlation(abs(first), abs(second))


def agreement(
    measured: Mapping[str, Sequence[Measured]], unsigned: Sequence[str] = ()
) -> Float[np.ndarray, "method method"]:
    """Mean rank correlation between methods over the same cases.

    Args:
        measured: Of each method, the same cases in the same order.
        unsigned: Methods without a direction; with them only sizes are compared.
    """
    names = list(measured)
    matrix = np.ones((len(names), len(names)))
    for row, first in enumerate(names):
        for column, second in enumerate(names[:row]):
            signed = first not in unsigned and second not in unsigned
            pairs = zip(measured[first], measured[second], strict=True)
            found = Mean.of([likeness(a.values, b.values, signed) for a, b in pairs])
            matrix[row, column] = matrix[column, row] = found.value
    return matrix


def effective_places(values: Float[np.ndarray, " place"]) -> float:
    """Exponential of the entropy of the shares: 1 if one place has it all, else up to all.

    Source: Bhatt et al. 2020, Evaluating and Aggregating Feature-based Model Explanations (the
    entropy is their complexity, eq. 5); Hill 1973 (its exponential).
    """
    sizes = np.abs(values)
    if not sizes.any():
        return math.nan
    shares = sizes[sizes > 0] / sizes.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def global_shares(
    measured: Sequence[Measured],
) -> tuple[Float[np.ndarray, " place"], Float[np.ndarray, " place"]]:
    """Mean absolute value of each place as a share of their sum, and half its 95 % interval."""
    sizes = np.stack([np.abs(one.values) for one in measured])
    total = float(sizes.mean(axis=0).sum()) or 1.0
    spread = sizes.std(axis=0, ddof=1) if len(sizes) > 1 else np.full(sizes.shape[1], math.nan)
    return sizes.mean(axis=0) / total, _NORMAL * spread / math.sqrt(len(sizes)) / total


def top_places(values: Float[np.ndarray, " place"], count: int = 3) -> tuple[int, ...]:
    """The places with the largest values by size, largest first."""
    return tuple(map(int, np.argsort(-np.abs(values), kind="stable")[:count]))
