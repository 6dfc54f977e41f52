"""A cohort: some of the cases, said as conditions that any reader and any link can repeat.

A cohort is data, not a list of rows: what it holds under another policy is worked out anew. Every
condition must hold. Numbers lie in ``low <= value < high``; words are one of those listed.

    known:malignant;verdict:wrong;found.nuclear_size:0.6..;sure:..0.8
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.errors import requirement
from minspnet.metrics import CostTable
from minspnet.trace import Decision, Trace

PART, KNOWN, SAID, VERDICT, GROUP, CASE = "part", "known", "said", "verdict", "group", "case"
CHANCE, SURE, SHARE, EXPERTS = "chance", "sure", "share", "experts"
FOUND, TRUE, GATE, RAN = "found.", "true.", "gate.", "ran."
"""Before the name of a concept or an expert."""
RIGHT, WRONG = VERDICTS = ("right", "wrong")
YES, NO = "yes", "no"
MOST_CASES = 100
"""More case ids than this make a link that mail programs break."""
_KEPT = " ()/-"
"""What stays readable in a name beside letters and digits; the rest is quoted as in addresses."""


@dataclass(frozen=True)
class Within:
    """A number lies in ``low <= value < high``.

    Attributes:
        what: Which number.
        low: Minus infinity for no lower end.
        high: Infinity for no upper end.
    """

    what: str
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))
        if not self.low < self.high:
            raise requirement(
                f"range of {self.what}",
                "start below its end",
                f"{self.low:g} to {self.high:g}",
                "give a wider one or leave it out",
            )

    def to_text(self) -> str:
        """Say it so that ``Cohort.from_text`` reads exactly the same."""
        ends = ("" if math.isinf(end) else repr(end) for end in (self.low, self.high))
        return f"{quote(self.what, _KEPT)}:{'..'.join(ends)}"


@dataclass(frozen=True)
class OneOf:
    """A word is one of these.

    Attributes:
        what: Which word of a case.
        names: Kept sorted, each once.
    """

    what: str
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(sorted(set(self.names))))
        if not self.names or "" in self.names:
            raise requirement(
                f"condition on {self.what}", "list at least one name", "none", "leave it out"
            )

    def to_text(self) -> str:
        """Say it so that ``Cohort.from_text`` reads exactly the same."""
        return f"{quote(self.what, _KEPT)}:{','.join(quote(n, _KEPT) for n in self.names)}"


Condition = Within | OneOf


@dataclass(frozen=True)
class Vocabulary:
    """What conditions on a model's cases can be about.

    Attributes:
        numbers: Names of numbers.
        words: Names of words, with the values of each.
    """

    numbers: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Cohort:
    """Cases for which every condition holds; hashable, so that it can key a cache.

    Attributes:
        conditions: Sorted by what they are about; at most one about each.
    """

    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.conditions, key=lambda one: one.what))
        object.__setattr__(self, "conditions", ordered)
        about = [one.what for one in ordered]
        for what in about:
            if about.count(what) > 1:
                raise requirement(
                    "cohort",
                    "have one condition about each thing",
                    f"several about {what}",
                    "join them",
                )

    def about(self, what: str) -> Condition | None:
        """The condition about something, if there is one."""
        return next((one for one in self.conditions if one.what == what), None)

    def names(self, what: str) -> tuple[str, ...]:
        """The names that a word may have; empty if any."""
        found = self.about(what)
        return found.names if isinstance(found, OneOf) else ()

    def without(self, *whats: str) -> Self:
        """Drop the conditions about some things."""
        return type(self)(tuple(one for one in self.conditions if one.what not in whats))

    def only(self, *whats: str) -> Self:
        """Keep nothing but the conditions about some things."""
        return type(self)(tuple(one for one in self.conditions if one.what in whats))

    def having(self, condition: Condition) -> Self:
        """Put a condition in the place of any other about the same."""
        return type(self)((*self.without(condition.what).conditions, condition))

    def narrowed(self, condition: Within) -> Self:
        """Have a number lie in a range too: the part common to both remains.

        Raises:
            UserError: If nothing is common to both.
        """
        now = self.about(condition.what)
        if isinstance(now, Within):
            low, high = max(now.low, condition.low), min(now.high, condition.high)
            condition = Within(condition.what, low, high)
        return self.having(condition)

    def to_text(self) -> str:
        """Say the cohort in one line that survives an address exactly; nothing if all cases."""
        return ";".join(one.to_text() for one in self.conditions)

    @classmethod
    def from_text(cls, text: str, vocabulary: Vocabulary) -> Self:
        """Read what ``to_text`` wrote.

        Args:
            text: As in a link.
            vocabulary: Of the model whose cases are meant; it says what a condition holds.

        Raises:
            UserError: On anything that is not such a text, or not about these cases.
        """
        return cls(tuple(_condition(part, vocabulary) for part in text.split(";") if part))


EVERYTHING = Cohort()
"""No condition: all cases."""


def _condition(text: str, vocabulary: Vocabulary) -> Condition:
    said, _, value = text.partition(":")
    what = unquote(said)
    if what in vocabulary.words:
        names = tuple(unquote(name) for name in value.split(","))
        known = vocabulary.words[what]
        for name in names:
            if name not in known:
                listed = f"be one of {', '.join(known)}" if len(known) < 12 else "be known"
                raise requirement(f"{what} of the cohort", listed, repr(name), "pick one")
        return OneOf(what, names)
    if what in vocabulary.numbers:
        low, dots, high = value.partition("..")
        if not dots or value == "..":
            raise requirement(
                f"{what} of the cohort", "be a range such as 0.2..0.8", repr(value), "correct it"
            )
        return Within(what, _end(what, low, -math.inf), _end(what, high, math.inf))
    raise requirement(
        "cohort", "be about something known of these cases", repr(what), "set the filter anew"
    )


def _end(what: str, text: str, missing: float) -> float:
    try:
        number = float(text) if text else missing
    except ValueError:
        number = math.nan
    if math.isnan(number) or (text and math.isinf(number)):
        raise requirement(
            f"{what} of the cohort", "run between plain numbers", repr(text), "correct it"
        )
    return number


@dataclass(frozen=True)
class Facts:
    """What a policy makes of cases, and what is known of them: what conditions look at.

    Attributes:
        vocabulary: Names of all there is.
        numbers: Values by name.
        codes: By name, the place of each case's word among the vocabulary's; -1 for none.
    """

    vocabulary: Vocabulary
    numbers: Mapping[str, Float[np.ndarray, " case"]]
    codes: Mapping[str, Int[np.ndarray, " case"]]

    def __len__(self) -> int:
        return len(self.codes[VERDICT])

    @property
    def wrong(self) -> Bool[np.ndarray, " case"]:
        """Which cases are not decided as labelled."""
        return np.asarray(self.codes[VERDICT] == VERDICTS.index(WRONG))

    def holding(self, rows: Bool[np.ndarray, " case"]) -> Self:
        """Keep some cases."""
        numbers = {name: values[rows] for name, values in self.numbers.items()}
        codes = {name: values[rows] for name, values in self.codes.items()}
        return type(self)(self.vocabulary, numbers, codes)


def select(cohort: Cohort, facts: Facts) -> Bool[np.ndarray, " case"]:
    """Say which cases belong to a cohort."""
    chosen = np.ones(len(facts), dtype=bool)
    for one in cohort.conditions:
        if isinstance(one, Within):
            values = facts.numbers[one.what]
            chosen &= (values >= one.low) & (values < one.high)
        else:
            words = facts.vocabulary.words[one.what]
            wanted = [place for place, word in enumerate(words) if word in one.names]
            chosen &= np.isin(facts.codes[one.what], wanted)
    return chosen


def vocabulary(
    trace: Trace, parts: Sequence[str], classes: Sequence[str], groups: Sequence[str]
) -> Vocabulary:
    """Name what is known of a model's cases.

    Args:
        trace: Their evidence.
        parts: Of the split, that the cases come from.
        classes: Titles.
        groups: Of each case; a case that stands alone belongs to none.
    """
    experts, concepts = trace.tree.names, trace.concept_names
    numbers = [CHANCE, SURE] if len(classes) == 2 else [SURE]
    numbers += [SHARE, EXPERTS]
    numbers += [f"{FOUND}{name}" for name in concepts] + [f"{TRUE}{name}" for name in concepts]
    numbers += [f"{GATE}{name}" for name in experts]
    words = {PART: tuple(parts), KNOWN: tuple(classes), SAID: tuple(classes), VERDICT: VERDICTS}
    words |= {f"{RAN}{name}": (YES, NO) for name in experts}
    words[CASE] = trace.case_ids
    if len(set(groups)) < len(trace):
        words[GROUP] = tuple(sorted(set(groups)))
    return Vocabulary(tuple(numbers), words)


def facts(
    known: Vocabulary,
    trace: Trace,
    decision: Decision,
    cost: CostTable,
    truth: Float[np.ndarray, "case concept"],
    labels: Int[np.ndarray, " case"],
    parts: Sequence[str],
    groups: Sequence[str],
) -> Facts:
    """Gather what conditions can be about, under one policy.

    ``sure`` is the chance of the class decided for; ``chance``, with two classes, that of the
    second; ``share`` is of the MACs of a case for which every expert runs.

    Args:
        known: From ``vocabulary``.
        trace: Evidence on the cases.
        decision: Its replay.
        cost: MACs per part.
        truth: True graded concepts.
        labels: Known class of every case.
        parts: Of the split, one a case.
        groups: One a case.

    Raises:
        UserError: If a case has no known class: it would be neither right nor wrong.
    """
    if (labels < 0).any():
        missing = f"{(labels < 0).sum()} unknown"
        raise requirement("labels", "be known for every case", missing, "leave those cases out")
    rows = np.arange(len(trace))
    numbers = {
        SURE: decision.probabilities[rows, decision.predicted],
        SHARE: cost.macs(decision.active) / cost.total,
        EXPERTS: decision.active.sum(axis=1),
    }
    if CHANCE in known.numbers:
        numbers[CHANCE] = decision.probabilities[:, 1]
    for place, name in enumerate(trace.concept_names):
        numbers[f"{FOUND}{name}"] = decision.concepts[:, place]
        numbers[f"{TRUE}{name}"] = truth[:, place]
    codes = {
        PART: _codes(parts, known.words[PART]),
        KNOWN: labels.astype(np.intp),
        SAID: decision.predicted.astype(np.intp),
        VERDICT: (decision.predicted != labels).astype(np.intp),
        CASE: rows,
    }
    for place, name in enumerate(trace.tree.names):
        numbers[f"{GATE}{name}"] = trace.gates[:, place]
        codes[f"{RAN}{name}"] = (~decision.active[:, place]).astype(np.intp)
    if GROUP in known.words:
        codes[GROUP] = _codes(groups, known.words[GROUP])
    return Facts(known, {n: v.astype(np.float64) for n, v in numbers.items()}, codes)


def _codes(words: Sequence[str], values: Sequence[str]) -> Int[np.ndarray, " case"]:
    place = {value: k for k, value in enumerate(values)}
    return np.array([place[word] for word in words], dtype=np.intp)
