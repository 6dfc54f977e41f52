"""What speaks against an answer: other answers that are possible, and a case unlike the known ones.

caution = Caution.of(model, policy)
caution.members(probabilities, ids)   # the classes that are left, case by case
caution.remarks(inputs)               # what is unusual about some cases, in words
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Float

from minspnet.artifact import Model
from minspnet.behind import cases_of
from minspnet.conformal import Rule, usual_rule
from minspnet.data import Cases
from minspnet.domain import Domain, Feature
from minspnet.policy import Policy
from minspnet.titles import in_sentence
from minspnet.trace import replay
from minspnet.traits import Traits, traits
from minspnet.unusual import Familiar, Unusual, familiarise

COVERAGE = 0.9
"""Share of new cases whose set is to hold the true answer, unless another one is asked for."""
_MOST = 3
"""Traits that are named; the others are counted."""
_FAR = 0.5
"""A value is far out where it lies beyond the training cases by so much of their whole range."""

Said = Callable[[str], str]


@dataclass(frozen=True)
class Caution:
    """What a model's known cases say against its answers.

    Attributes:
        domain: The task.
        features: Columns or channels that the model reads; none of pictures.
        rule: Makes sets of answers, from validation cases.
        familiar: What the model has seen, and from where on a case is unlike it.
        titles: Of the traits that this is judged by.
        seen: Of each column with levels, which of them training cases have.
        usual: Median of each column in training, a level's place among them; empty for others.
    """

    domain: Domain
    features: tuple[Feature, ...]
    rule: Rule
    familiar: Familiar
    titles: tuple[str, ...]
    seen: Mapping[int, Bool[np.ndarray, " level"]]
    usual: Float[np.ndarray, " column"]

    @classmethod
    def of(cls, model: Model, policy: Policy, coverage: float = COVERAGE) -> Self:
        """Learn from the training and validation cases behind a model.

        Args:
            model: With its evidence.
            policy: That decides, without what-if edits.
            coverage: Share of new cases whose set is to hold the true answer, in (0, 1).

        Raises:
            UserError: If the coverage is none, or the cases cannot be read.
        """
        domain, cases = model.domain, cases_of(model)
        known = {one.name: one for one in domain.features}
        names = domain.variant(model.variant).inputs
        features = () if domain.modality == "image" else tuple(known[name] for name in names)
        train, validation = (
            cases.take(cases.rows_of(model.traces[part].case_ids))
            for part in ("train", "validation")
        )
        chances = replay(model.traces["validation"], policy).probabilities
        measured = traits(train.inputs, features)
        return cls(
            domain,
            features,
            usual_rule(chances, validation, coverage),
            familiarise(measured, traits(validation.inputs, features), groups=validation.groups),
            measured.titles,
            _seen(train, features),
            _usual(train),
        )

    def members(
        self, probabilities: Float[np.ndarray, "case class"], case_ids: Sequence[str]
    ) -> Bool[np.ndarray, "case class"]:
        """Say which answers are left of each case."""
        return self.rule.members(probabilities, case_ids)

    def look(self, inputs: Float[np.ndarray, "1 *input"]) -> Unusual:
        """Say what is unusual about one case."""
        return self.familiar.look(traits(inputs, self.features))

    def warnings(
        self, inputs: Float[np.ndarray, "1 *input"], inside: Sequence[bool]
    ) -> tuple[str, ...]:
        """Sentences that belong above the answer to one case; none if nothing speaks against it.

        Args:
            inputs: The case.
            inside: Which classes are in its set.
        """
        found = self.look(inputs)
        return warnings(
            *(self.domain, found, self.titles, self.familiar, self.features),
            inside,
            self.rule.coverage,
        )

    def filled(self, inputs: Float[np.ndarray, "case column"]) -> Float[np.ndarray, "case column"]:
        """Put the training cases' median where a number is missing; levels stay as they are."""
        numbers = np.array([not one.levels for one in self.features])
        return np.where(np.isnan(inputs) & numbers, self.usual, inputs).astype(np.float32)

    def remarks(self, inputs: Float[np.ndarray, "case *input"]) -> dict[int, str]:
        """Say in a few words what is unusual about some of many cases, by their places.

        These are the cases beyond the limit; and of a table, whatever the limit, those with a value
        far outside of training or a level that no training case has.
        """
        found = traits(inputs, self.features)
        flagged = self.familiar.flags(found)
        said: dict[int, list[str]] = {}
        told = flagged | self._far(found).any(axis=1)
        rows = np.flatnonzero(told)
        for row, words in zip(rows.tolist(), self._strangest(found.values[rows]), strict=True):
            said[row] = [f"unlike all training cases: {words}" if flagged[row] else words]
        for place, seen in self.seen.items():
            levels = inputs[:, place]
            codes = np.where(np.isnan(levels), 0, levels).astype(np.intp)
            for row in np.flatnonzero(~seen[codes] & ~np.isnan(levels)).tolist():
                feature = self.features[place]
                words = f"no training case has {feature.title} {feature.levels[codes[row]]}"
                said.setdefault(row, []).append(words)
        return {row: "; ".join(words) for row, words in said.items()}

    @property
    def _numbers(self) -> Bool[np.ndarray, " trait"]:
        """Which traits are numbers; the others are places of levels."""
        levelled = {*self.seen}
        return np.array([place not in levelled for place in range(len(self.titles))])

    def _far(self, found: Traits) -> Bool[np.ndarray, "case trait"]:
        if self.domain.modality != "tabular":  # what a trait of a picture may be is not known
            return np.zeros(found.values.shape, dtype=bool)
        least, most = self.familiar.least, self.familiar.most
        room = np.where(np.isfinite(most - least), _FAR * (most - least), 0)
        # Beside nothing to compare with, a missing value is never far out.
        far: np.ndarray = (found.values < least - room) | (found.values > most + room)
        # A number below 0 where none was is no larger measurement, but a code or a slip.
        far |= (found.values < 0) & (least >= 0)
        return far & self._numbers & np.isfinite(least)

    def _strangest(self, values: Float[np.ndarray, "case trait"]) -> list[str]:
        """Of each case the numbers outside the range of training, those farthest out first."""
        if not self._numbers.any():
            return ["a combination that is rare"] * len(values)
        least, most = self.familiar.least, self.familiar.most
        outside = ((values < least) | (values > most)) & self._numbers
        away = np.abs(self.familiar.inputs.scaled(values)) * self._numbers
        told = []
        for row, beyond, far in zip(values, outside, away, strict=True):
            order = np.argsort(-far, kind="stable")
            places = order[beyond[order]].tolist()
            named = [
                f"{self.titles[k]} {row[k]:.4g} (training: {least[k]:.4g} to {most[k]:.4g})"
                for k in places[:_MOST]
            ]
            if len(places) > _MOST:
                named.append(f"{len(places) - _MOST:,} more")
            most_of_all = int(order[0])
            told.append(
                ", ".join(named)
                or f"its values together, {self.titles[most_of_all]} {row[most_of_all]:.4g} most"
            )
        return told


def _seen(train: Cases, features: Sequence[Feature]) -> dict[int, np.ndarray]:
    found = {}
    for place, feature in enumerate(features):
        if feature.levels:
            values = train.inputs[:, place]
            held = values[~np.isnan(values)].astype(np.intp)
            found[place] = np.bincount(held, minlength=len(feature.levels)) > 0
    return found


def _usual(train: Cases) -> Float[np.ndarray, " column"]:
    if train.inputs.ndim != 2:
        return np.zeros(0)
    known = [column[~np.isnan(column)] for column in train.inputs.T]
    return np.array([np.median(column) if len(column) else 0.0 for column in known])


def warnings(
    domain: Domain,
    found: Unusual,
    titles: Sequence[str],
    familiar: Familiar,
    features: Sequence[Feature],
    inside: Sequence[bool],
    coverage: float,
) -> tuple[str, ...]:
    """Sentences that belong above the answer to one case; none if nothing speaks against it."""
    unusual = the_unusual(domain, found, titles, familiar, features) if found.flagged else ""
    several = the_set(domain, inside, coverage) if sum(inside) != 1 else ""
    beyond = the_range(domain, found, titles, features)
    said = unusual, the_missing(found, titles), several, beyond
    return tuple(sentence for sentence in said if sentence)


def the_set(domain: Domain, inside: Sequence[bool], coverage: float, said: Said = str) -> str:
    """Say which answers are left at a coverage; classes stand between ``**``."""
    names = [f"**{said(c)}**" for c, kept in zip(domain.classes, inside, strict=True) if kept]
    at = f"At {coverage:.0%} coverage"
    if not names:
        return (
            f"{at} **no answer stands**: each is less probable than the true one is in "
            f"{coverage:.0%} of cases."
        )
    if len(names) == 1:
        return f"{at} the answer is: {names[0]} only."
    if len(names) == 2:
        return f"{at} it cannot tell {names[0]} from {names[1]}."
    if len(names) == len(domain.classes):
        return f"{at} it can rule nothing out: {_listed(names)} are all possible."
    return f"{at} it cannot tell apart {_listed(names)}."


def the_unusual(
    domain: Domain,
    found: Unusual,
    titles: Sequence[str],
    familiar: Familiar,
    features: Sequence[Feature] = (),
    said: Said = str,
) -> str:
    """Say of a flagged case what is unusual about it."""
    noun = said(domain.case_noun)
    sentence = (
        f"**Unlike the training cases.** This {noun} lies {found.score:.1f} times as far from the "
        f"nearest of them as 95% of them do from each other; from {found.limit:.1f} times on, at "
        f"most {familiar.share:.0%} of {noun}s like those of validation are flagged."
    )
    outside = [one for one in found.strange if one.outside]
    if outside:
        told = [
            f"**{said(in_sentence(titles[one.trait]))}** "
            f"{said(_value(features, one.trait, one.value, '.3g'))}"
            f"{_training(features, one.trait, one.least, one.most, '.3g')}"
            for one in outside[:_MOST]
        ]
        more = len(outside) - len(told)
        sentence += f" Outside of all training cases: {_listed(told)}"
        sentence += f", and {more:,} more." if more else "."
    else:
        name = said(in_sentence(titles[found.strange[0].trait])) if found.strange else "none"
        sentence += (
            f" No measurement alone is out of range: together they are unusual, **{name}** stands "
            "out most."
        )
    return f"{sentence} Take the answer with care."


def the_missing(found: Unusual, titles: Sequence[str], said: Said = str) -> str:
    """Say which inputs a case lacks; nothing if it lacks none."""
    if not found.missing:
        return ""
    names = [said(in_sentence(titles[k])) for k in found.missing[:_MOST]]
    more = len(found.missing) - len(names)
    rest = f" and {more:,} more" * bool(more)
    return (
        f"**Input is missing.** {len(found.missing):,} of {len(titles):,} values were not given: "
        f"{', '.join(names)}{rest}. The answer rests on the others."
    )


def the_range(
    domain: Domain,
    found: Unusual,
    titles: Sequence[str],
    features: Sequence[Feature] = (),
    said: Said = str,
) -> str:
    """Say which columns of a table lie outside of training where the case is not flagged."""
    outside = [one for one in found.strange if one.outside]
    if domain.modality != "tabular" or found.flagged or not outside:
        return ""
    names = [
        f"{said(in_sentence(titles[one.trait]))} "
        f"{said(_value(features, one.trait, one.value, '.4g'))}"
        f"{_training(features, one.trait, one.least, one.most, '.4g')}"
        for one in outside[:_MOST]
    ]
    return f"Beyond all training cases: {_listed(names)}."


def _value(features: Sequence[Feature], trait: int, value: float, form: str) -> str:
    """A number, or the level whose place it is."""
    levels = _levels(features, trait)
    return levels[int(value)] if levels else f"{value:{form}}"


def _levels(features: Sequence[Feature], trait: int) -> tuple[str, ...]:
    # A channel of a signal has several traits, and no levels.
    return features[trait].levels if trait < len(features) else ()


def _training(features: Sequence[Feature], trait: int, least: float, most: float, form: str) -> str:
    """What training cases have instead, in brackets; of levels there is no range."""
    if _levels(features, trait):
        return ""
    return f" (training: {least:{form}} to {most:{form}})"


def _listed(items: Sequence[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
