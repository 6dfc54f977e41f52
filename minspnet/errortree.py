"""Where a model fails: a small tree of rules, found on some cases and counted on others.

A tree looks for branches with many wrong answers, so on the cases it was grown on it finds some
even where there are none. Each branch is therefore counted anew on cases the tree has not seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from minspnet.cohort import EVERYTHING, Cohort, Facts, Within, select
from minspnet.metrics import wilson_interval

DEPTH = 3
LEAST_ERRORS = 4
"""With fewer, a branch would be drawn around single cases."""
LEAST_LEAF = 5
"""Cases in the smallest branch; the root of their number where that is more."""


@dataclass(frozen=True)
class Branch:
    """One node of the tree.

    Attributes:
        cohort: Its cases, as conditions.
        parent: Place of the branch that it is part of; -1 for the root, which comes first.
        depth: Splits above it.
        leaf: Whether it is not split further.
        grown_wrong: Wrong answers among the cases that the tree was grown on.
        grown_cases: How many those are.
        wrong: Wrong answers among the cases it is counted on.
        cases: How many those are.
        low: Lower end of the 95 % Wilson interval of the error rate, on the latter.
        high: Upper end.
    """

    cohort: Cohort
    parent: int
    depth: int
    leaf: bool
    grown_wrong: int
    grown_cases: int
    wrong: int
    cases: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Share of wrong answers among the cases it is counted on; NaN if there are none."""
        return self.wrong / self.cases if self.cases else float("nan")


def error_tree(grown: Facts, counted: Facts, numbers: Sequence[str]) -> tuple[Branch, ...] | None:
    """Grow a tree that tells wrong answers from right ones, and count its branches elsewhere.

    Args:
        grown: Cases to grow it on.
        counted: Other cases of the same model and policy.
        numbers: What splits may be about.

    Returns:
        The branches, each before its parts, those of the left first; None if there are fewer than
        ``LEAST_ERRORS`` wrong answers to grow it on.
    """
    if grown.wrong.sum() < LEAST_ERRORS:
        return None
    from sklearn.tree import DecisionTreeClassifier

    values = np.stack([grown.numbers[name] for name in numbers], axis=1)
    least = max(LEAST_LEAF, round(math.sqrt(len(grown))))
    fitted = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=least, random_state=0)
    tree = fitted.fit(values, grown.wrong).tree_
    branches: list[Branch] = []

    def visit(node: int, cohort: Cohort, parent: int, depth: int) -> None:
        here = select(cohort, grown)
        # Parts without any wrong answer, or with nothing else, tell nothing apart.
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        name = numbers[tree.feature[node]] if left >= 0 else ""
        below = grown.numbers[name][here] <= tree.threshold[node] if name else None
        rates = _rates(grown.wrong[here], below)
        split = below is not None and rates[0] != rates[1]
        branches.append(_count(cohort, parent, depth, not split, grown, counted))
        if below is None or not split:
            return
        cut = _between(grown.numbers[name][here], below)
        place = len(branches) - 1
        visit(left, cohort.narrowed(Within(name, high=cut)), place, depth + 1)
        visit(right, cohort.narrowed(Within(name, low=cut)), place, depth + 1)

    visit(0, EVERYTHING, -1, 0)
    return tuple(branches)


def _rates(
    wrong: Bool[np.ndarray, " case"], below: Bool[np.ndarray, " case"] | None
) -> tuple[float, float]:
    if below is None:
        return 0.0, 0.0
    return float(wrong[below].mean()), float(wrong[~below].mean())


def _between(values: Float[np.ndarray, " case"], below: Bool[np.ndarray, " case"]) -> float:
    """The shortest decimal that parts the values as the tree does: ``below`` and at least it."""
    last, first = float(values[below].max()), float(values[~below].min())
    middle = (last + first) / 2
    for digits in range(1, 17):
        cut = round(middle, digits)
        if last < cut <= first:
            return cut
    return first


def _count(
    cohort: Cohort, parent: int, depth: int, leaf: bool, grown: Facts, counted: Facts
) -> Branch:
    before, here = select(cohort, grown), select(cohort, counted)
    wrong, cases = int(counted.wrong[here].sum()), int(here.sum())
    return Branch(
        cohort,
        parent,
        depth,
        leaf,
        int(grown.wrong[before].sum()),
        int(before.sum()),
        wrong,
        cases,
        *wilson_interval(wrong, cases),
    )
