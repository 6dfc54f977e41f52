"""Concepts proposed where nobody has named any: columns that go together, and single levels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from minspnet.adapters.card import CardConcept
from minspnet.domain import Feature
from minspnet.intake.naming import key_of, listed, spoken
from minspnet.intake.profile import Column, Profile
from minspnet.sheets import Table

MOST_CONCEPTS = 8
TOGETHER = (0.9, 0.8, 0.7, 0.6, 0.5)
"""Mean rank correlation above which columns are one concept: the first that leaves few enough
concepts, or the last."""
_MOST_CASES = 5_000
_LEAST_SHARE = 0.1
_LEVELS_A_COLUMN = 3


@dataclass(frozen=True)
class Proposal:
    """Concepts, and how they came about.

    Attributes:
        concepts: At most ``MOST_CONCEPTS``, in the order of the file.
        groups: How many there were to choose from.
    """

    concepts: tuple[CardConcept, ...]
    groups: int


@dataclass(frozen=True)
class _Candidate:
    concept: CardConcept
    place: int
    columns: int


def propose(table: Table, profile: Profile, features: Sequence[Feature]) -> Proposal:
    """Group numbers that rise and fall together, and take the commonest levels of categories.

    The class has no say in it: no split is drawn yet, so that it would be asked of the cases that
    are to be tested on as well.

    Args:
        table: Where the columns stand.
        profile: What they hold.
        features: Those that may be used.
    """
    titles = {feature.name: feature.title for feature in features}
    places = {name: place for place, name in enumerate(table.names)}
    numbers = [profile.column(f.name) for f in features if not f.levels]
    varied = [column for column in numbers if _varies(column)]
    levels = [(f, cell) for f in features if f.levels for cell in _telling_levels(f, profile)]
    groups = _together(table, varied, MOST_CONCEPTS - len(levels))
    count = len(groups) + len(levels)

    candidates: list[_Candidate] = []
    taken: list[str] = []
    for group in groups:
        concept = _of_numbers(group, titles, tuple(taken))
        candidates.append(_Candidate(concept, places[group[0].name], len(group)))
        taken.append(concept.name)
    for feature, cell in levels:
        concept = _of_level(feature, cell, tuple(taken))
        candidates.append(_Candidate(concept, places[feature.name], 1))
        taken.append(concept.name)
    kept = sorted(candidates, key=lambda one: (-one.columns, one.place))[:MOST_CONCEPTS]
    kept.sort(key=lambda one: one.place)
    return Proposal(tuple(one.concept for one in kept), count)


def _varies(column: Column) -> bool:
    """Whether a spread rule would tell cases apart, on any training part too."""
    return column.unique == 2 or (
        bool(column.quantiles) and column.quantiles[1] < column.quantiles[3]
    )


def _together(table: Table, columns: Sequence[Column], most: int) -> list[list[Column]]:
    """Group columns by their rank correlation, signs kept: what runs against is not together.

    Of the cuts in ``TOGETHER``, the first that leaves at most so many groups, or the last.

    Source: Sokal and Michener 1958 (average linkage).
    """
    if len(columns) < 2:
        return [[column] for column in columns]
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    ranks = _ranks(table, columns)
    distance = np.clip(1 - np.corrcoef(ranks, rowvar=False), 0, 2)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average")
    for together in TOGETHER:
        of = fcluster(tree, 1 - together, "distance")
        if of.max() <= most:
            break
    groups: dict[int, list[Column]] = {}
    for column, group in zip(columns, of.tolist(), strict=True):
        groups.setdefault(group, []).append(column)
    return list(groups.values())


def _ranks(table: Table, columns: Sequence[Column]) -> Float[np.ndarray, "chosen column"]:
    from scipy.stats import rankdata

    rows = np.arange(len(table))
    if len(table) > _MOST_CASES:
        rows = np.random.default_rng(0).choice(rows, _MOST_CASES, replace=False)
    ranks = np.empty((len(rows), len(columns)))
    for place, column in enumerate(columns):
        values = table.numbers(column.name)
        values = np.where(np.isfinite(values), values, column.quantiles[2])[rows]
        ranks[:, place] = rankdata(values)
        if np.ptp(ranks[:, place]) == 0:
            # Among the chosen cases it never varies: it goes with nothing.
            ranks[:, place] = np.random.default_rng(place).permutation(len(rows))
    return ranks


def _of_numbers(
    group: Sequence[Column], titles: dict[str, str], taken: tuple[str, ...]
) -> CardConcept:
    names = [titles[column.name] for column in group]
    within = [spoken(column.name) for column in group]
    title = _shared(names) or listed([*names[:1], *within[1:]])
    columns = tuple(column.name for column in group)
    name = key_of(title, taken)
    only = group[0]
    if len(group) == 1 and only.unique == 2:
        low, high = only.quantiles[0], only.quantiles[-1]
        meaning = f"{title}: one of two values, {low:g} or {high:g}."
        return CardConcept(
            name, title, columns, "scale", low, high, (), meaning, f"{low:g}", f"{high:g}"
        )
    what = listed(within, 6)
    meaning = f"Where a case stands in the spread of {what}" + (
        ", on average." if len(group) > 1 else "."
    )
    return CardConcept(name, title, columns, "spread", meaning=meaning)


def _shared(titles: Sequence[str]) -> str:
    """The words that all of several titles have, such as "radius"; empty if there are none."""
    if len(titles) < 2:
        return ""
    written = {word.lower(): word for title in reversed(titles) for word in title.split()}
    words = [title.lower().split() for title in titles]
    shared = [word for word in words[0] if all(word in others for others in words)]
    telling = [word for word in shared if len(word) > 2 and not word.isdigit()]
    # Of pixel 0 0 and pixel 0 1, all share a word that tells nothing.
    rests = {tuple(word for word in some if word not in shared) for some in words}
    if not telling or any(word.isdigit() for some in rests for word in some):
        return ""
    title = " ".join(written[word] for word in telling)
    return title[:1].upper() + title[1:] if title.islower() else title


def _telling_levels(feature: Feature, profile: Profile) -> list[str]:
    """Levels worth a concept: the second of two, else the commonest."""
    counted = dict(profile.column(feature.name).levels)
    if len(feature.levels) == 2:
        return [min(feature.levels, key=lambda level: counted[level])]
    known = sum(counted.values())
    common = [level for level, count in counted.items() if count >= _LEAST_SHARE * known]
    return [level for level in common if level in feature.levels][:_LEVELS_A_COLUMN]


def _of_level(feature: Feature, level: str, taken: tuple[str, ...]) -> CardConcept:
    title = f"{feature.title}: {level}"
    others = [other for other in feature.levels if other != level]
    return CardConcept(
        key_of(title, taken),
        title,
        (feature.name,),
        "levels",
        levels=(level,),
        meaning=f"Whether “{feature.title}” is “{level}”.",
        low_word=others[0] if len(others) == 1 else _other_than(level),
        high_word=level,
    )


def _other_than(level: str) -> str:
    """Say that a case has another level: not that it is "not not known"."""
    return "another" if level.lower().startswith(("not", "no ", "non", "un")) else f"not {level}"
