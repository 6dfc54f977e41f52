"""Cases, their split into training, validation and test, and their true concepts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Int

from minspnet.domain import (
    Concept,
    DeviationRule,
    Domain,
    LevelsRule,
    Rule,
    ScaleRule,
    SpreadRule,
)
from minspnet.errors import requirement

UNLABELLED = -1
PARTS = ("train", "validation", "test")
"""Names of the parts of a ``Split``, in files and traces too."""
_SPREAD = (0.025, 0.975)
"""Training quantiles that a spread rule grades 0 and 1."""
_REACH = 0.99
"""Training quantile of the distance to the median that a deviation rule grades 1."""


@dataclass(frozen=True)
class Cases:
    """What is known about a set of cases.

    Attributes:
        ids: Unique.
        inputs: What the network reads, as float32: columns (a missing number is NaN, a level
            its index), pictures in [0, 1], or signals, a channel a row.
        labels: Class index, or ``UNLABELLED``.
        columns: Every measured or rated column by name, one value per case.
        groups: What must stay on one side of a split, such as the patient.
    """

    ids: tuple[str, ...]
    inputs: Float[np.ndarray, "case *input"]
    labels: Int[np.ndarray, " case"]
    columns: Mapping[str, Float[np.ndarray, " case"]]
    groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Int[np.ndarray, " row"]) -> Self:
        """Keep some cases, in the order given."""
        return type(self)(
            tuple(self.ids[i] for i in rows),
            self.inputs[rows],
            self.labels[rows],
            {name: column[rows] for name, column in self.columns.items()},
            tuple(self.groups[i] for i in rows),
        )

    def rows_of(self, ids: tuple[str, ...]) -> Int[np.ndarray, " row"]:
        """Find cases by id.

        Raises:
            UserError: If one is not among them.
        """
        places = {case_id: row for row, case_id in enumerate(self.ids)}
        for case_id in ids:
            if case_id not in places:
                raise requirement(
                    "case id",
                    f"be one of the {len(self)} cases",
                    repr(case_id),
                    "check the spelling",
                )
        return np.array([places[case_id] for case_id in ids], dtype=np.intp)


@dataclass(frozen=True)
class Split:
    """Rows for fitting, for choosing and for reporting once; no group is on two sides."""

    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]
    test: Int[np.ndarray, " test"]


def levels_given(
    domain: Domain, names: Sequence[str], inputs: Float[np.ndarray, " column"]
) -> dict[int, str]:
    """Of each concept that asks for levels of an input, by its place: the level that a case has.

    What a network reads of such a concept is an estimate all the same; this is no estimate.

    Args:
        domain: The task.
        names: Of the inputs.
        inputs: Of one case.
    """
    features = {feature.name: feature for feature in domain.features}
    found = {}
    for place, concept in enumerate(domain.concepts):
        column = concept.rule.columns[0]
        if isinstance(concept.rule, LevelsRule) and column in names:
            value = float(inputs[list(names).index(column)])
            levels = features[column].levels
            if not np.isnan(value):
                found[place] = levels[int(value)]
    return found


def folds(cases: Cases, seed: int, count: int = 5) -> Iterator[Split]:
    """Split by group, classes balanced; one fifth of each training part is for validation.

    Cases without a label are for training only, and only if their group is neither in the
    validation nor in the test part.

    Raises:
        UserError: If a class has fewer groups than there are folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    labelled = np.flatnonzero(cases.labels != UNLABELLED)
    groups = np.array(cases.groups)
    outer = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    inner = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    labels = cases.labels[labelled]
    for label in np.unique(labels):
        held = len(set(groups[labelled][labels == label]))
        if held < count:
            raise requirement(
                f"cases of class {label}",
                f"come from at least {count} groups, one a fold",
                held,
                "add cases or ask for fewer folds",
            )
    for rest, test in outer.split(labelled, labels, groups[labelled]):
        train, validation = next(inner.split(rest, labels[rest], groups[labelled][rest]))
        held_out = labelled[np.concatenate([rest[validation], test])]
        free = np.flatnonzero(
            (cases.labels == UNLABELLED) & ~np.isin(groups, np.unique(groups[held_out]))
        )
        yield Split(
            np.sort(np.concatenate([labelled[rest[train]], free])),
            np.sort(labelled[rest[validation]]),
            np.sort(labelled[test]),
        )


@dataclass(frozen=True)
class ConceptScale:
    """How measured columns become true concepts; fitted on training cases only.

    A concept's grade is the mean of the grades of its columns, of those that a case has.

    Attributes:
        concepts: Whose rules are applied.
        spreads: Two numbers a column: low and high end of ``name`` under a spread rule, median
            and reach of ``|name|`` under a deviation rule. One number a concept: the median
            grade, for cases that have none of its columns; models saved without it know no such
            cases.
    """

    concepts: tuple[Concept, ...]
    spreads: Mapping[str, Float[np.ndarray, " number"]]

    @classmethod
    def fit(cls, concepts: tuple[Concept, ...], train: Cases) -> Self:
        """Take the spread of the training cases."""
        spreads = {}
        for name in _columns(concepts, SpreadRule):
            known = _known(train.columns[name])
            spreads[name] = np.quantile(known, _SPREAD) if len(known) else np.zeros(2)
        for name in _columns(concepts, DeviationRule):
            known = _known(train.columns[name])
            median = np.median(known) if len(known) else 0.0
            reach = np.quantile(np.abs(known - median), _REACH) if len(known) else 0.0
            spreads[_deviation(name)] = np.array([median, reach])
        scale = cls(concepts, {n: ends.astype(np.float32) for n, ends in spreads.items()})
        return cls(concepts, {**scale.spreads, **scale._medians(train)})

    def _medians(self, train: Cases) -> dict[str, Float[np.ndarray, " number"]]:
        medians = {}
        for concept in self.concepts:
            known = _known(self._graded(concept, train.columns))
            medians[_median(concept)] = np.array([np.median(known) if len(known) else 0.5], "f4")
        return medians

    def truth(
        self, columns: Mapping[str, Float[np.ndarray, " case"]]
    ) -> Float[np.ndarray, "case concept"]:
        """Grade every concept of every case in [0, 1]."""
        graded = []
        for concept in self.concepts:
            grades = self._graded(concept, columns)
            if np.isnan(grades).any():
                grades = np.where(np.isnan(grades), self.spreads[_median(concept)], grades)
            graded.append(grades)
        return np.stack(graded, axis=1).astype(np.float32)

    def measured(
        self, names: Sequence[str], inputs: Float[np.ndarray, " column"]
    ) -> dict[int, float]:
        """Grades of concepts that the inputs of a case give themselves, by their places.

        What a network reads of such a concept is an estimate all the same; this is none. NaN where
        the case has none of the concept's columns; other concepts ask for more than the inputs.

        Args:
            names: Of the inputs.
            inputs: Of one case.
        """
        columns = {name: inputs[[k]] for k, name in enumerate(names)}
        return {
            place: float(self._graded(concept, columns)[0])
            for place, concept in enumerate(self.concepts)
            if columns.keys() >= {*concept.rule.columns}
        }

    def _graded(
        self, concept: Concept, columns: Mapping[str, Float[np.ndarray, " case"]]
    ) -> Float[np.ndarray, " case"]:
        """Grade a concept by the columns that each case has; NaN where it has none."""
        rule = concept.rule
        grades = np.stack([self._grade(rule, name, columns[name]) for name in rule.columns])
        known = ~np.isnan(grades)
        if known.all():
            return np.mean(grades, axis=0)
        count = known.sum(axis=0)
        mean = np.where(known, grades, 0).sum(axis=0) / np.maximum(count, 1)
        return np.where(count, mean, np.nan)

    def _grade(
        self, rule: Rule, name: str, values: Float[np.ndarray, " case"]
    ) -> Float[np.ndarray, " case"]:
        if isinstance(rule, LevelsRule):
            return np.where(np.isnan(values), np.nan, np.isin(values, rule.places))
        if isinstance(rule, ScaleRule):
            return _scaled(values, rule.low, rule.high)
        if isinstance(rule, SpreadRule):
            return _scaled(values, *self.spreads[name])
        median, reach = self.spreads[_deviation(name)]
        return _scaled(np.abs(values - median), 0, reach)


def _columns(concepts: tuple[Concept, ...], kind: type[Rule]) -> list[str]:
    return sorted({name for k in concepts if isinstance(k.rule, kind) for name in k.rule.columns})


def _deviation(name: str) -> str:
    return f"|{name}|"


def _median(concept: Concept) -> str:
    # Names of columns are one line, so that none is in the way.
    return f"median\n{concept.name}"


def _known(values: Float[np.ndarray, " case"]) -> Float[np.ndarray, " known"]:
    return values[~np.isnan(values)]


def _scaled(
    values: Float[np.ndarray, " case"], low: float | np.float32, high: float | np.float32
) -> Float[np.ndarray, " case"]:
    """Grade ``low`` as 0 and ``high`` as 1; a column that never varies says nothing: 0.5."""
    if high == low:
        return np.where(np.isnan(values), np.nan, 0.5)
    return np.clip((values - low) / (high - low), 0, 1)
