"""What a task is: features, concepts, classes, and what may be claimed. Data only."""

import math
from dataclasses import dataclass
from typing import Literal

from minspnet.errors import requirement


@dataclass(frozen=True)
class Feature:
    """A measured input column, or a channel of a signal.

    Attributes:
        name: Column of the case file.
        title: In plain words.
        unit: As the source states it; empty where it states none.
        levels: The values of a categorical column, which an input holds as their index; empty
            for a number.
        missing: Cells that count as missing in this column, besides those that always do.
        beyond: What a cell beyond a limit, such as ``<0.6``, counts as: the limit in it, or as
            missing; None where there are none.
    """

    name: str
    title: str
    unit: str = ""
    levels: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    beyond: Literal["limit", "missing"] | None = None

    def __post_init__(self) -> None:
        if self.levels and len(set(self.levels)) != max(2, len(self.levels)):
            raise requirement(
                f"levels of {self.name}", "be two or more, each once", self.levels, "correct them"
            )
        if both := set(self.levels) & set(self.missing):
            must = "be no levels of it"
            raise requirement(f"missing of {self.name}", must, sorted(both), "list each once")
        if self.levels and self.beyond:
            must = "be left out of a category"
            raise requirement(f"beyond of {self.name}", must, self.beyond, "remove it")


@dataclass(frozen=True)
class SpreadRule:
    """A graded concept: where a case stands in the spread of the training cases.

    The mean over ``columns`` of the value, scaled so that the middle 95 % of the training
    cases run from 0 to 1, and clipped there.
    """

    columns: tuple[str, ...]


@dataclass(frozen=True)
class ScaleRule:
    """A graded concept read off a scale: ``low`` becomes 0, ``high`` becomes 1, clipped.

    The mean over ``columns``; a ``low`` above ``high`` reads the scale backwards.
    """

    columns: tuple[str, ...]
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.low == self.high or not math.isfinite(self.high - self.low):
            raise requirement(
                f"scale of {', '.join(self.columns)}",
                "run from one finite number to another",
                (self.low, self.high),
                "correct low or high",
            )


@dataclass(frozen=True)
class DeviationRule:
    """A graded concept: how far a case stands from the usual, in either direction.

    The mean over ``columns`` of the distance to the training median, scaled so that 0 is the
    median and 1 is further away than 99 % of the training cases.
    """

    columns: tuple[str, ...]


@dataclass(frozen=True)
class LevelsRule:
    """A concept that is there or not: 1 where a category's level is among some, else 0.

    Attributes:
        columns: The one categorical column.
        places: Which of its levels, as their indices.
    """

    columns: tuple[str, ...]
    places: tuple[int, ...]


Rule = SpreadRule | ScaleRule | DeviationRule | LevelsRule


@dataclass(frozen=True)
class Concept:
    """A finding with a human meaning, graded in [0, 1].

    Attributes:
        name: Key in files and links.
        title: Short, as on a form.
        meaning: One sentence an expert can check.
        low_word: What a value near 0 says.
        high_word: What a value near 1 says.
        rule: How the true value is obtained. Of several columns, those without a value are left
            out; where none has one, a case is graded as the middle one of the training cases.
        shown_low: Value shown for 0.
        shown_high: Value shown for 1.
        unit: Of the shown value.
        visible: False where the inputs cannot show the concept; the network's value is then
            an estimate from the company it keeps, to be set by someone who can see it.
    """

    name: str
    title: str
    meaning: str
    low_word: str
    high_word: str
    rule: Rule
    shown_low: float
    shown_high: float
    unit: str
    visible: bool = True

    def __post_init__(self) -> None:
        if self.shown_low == self.shown_high or not math.isfinite(self.shown_high - self.shown_low):
            raise requirement(
                f"shown scale of {self.name}",
                "run from one finite number to another",
                (self.shown_low, self.shown_high),
                "correct shown_low or shown_high",
            )

    @property
    def explained(self) -> str:
        """Its meaning and its ends; these once, where the meaning says them already."""
        ends = f"rom {self.low_word} to {self.high_word}"
        said = self.meaning.strip()
        return said if ends in said else f"{said} F{ends}.".strip()

    @property
    def scale(self) -> str:
        """The shown scale with what its ends say, and with the unit, if that is one."""
        said = f"{self.shown_low:g} ({self.low_word}) to {self.shown_high:g} ({self.high_word})"
        return said if self.unit == f"of {self.shown_high:g}" else f"{said} {self.unit}".rstrip()

    @property
    def digits(self) -> int:
        """Decimals of the shown scale: as few as give 20 steps; below 0 for steps of tens."""
        return math.ceil(1 - math.log10(abs(self.shown_high - self.shown_low) / 2))

    @property
    def grades(self) -> tuple[float, ...]:
        """Graded values of the steps of the shown scale, from 0 to 1."""
        steps = round(abs(self.shown_high - self.shown_low) * 10**self.digits)
        return tuple(round(step / steps, 4) for step in range(steps + 1))

    def shown(self, value: float) -> float:
        """Translate a graded value in [0, 1] to the scale people read."""
        return self.shown_low + value * (self.shown_high - self.shown_low)


@dataclass(frozen=True)
class Variant:
    """One choice of inputs for the same task.

    Attributes:
        name: Key in files and links.
        title: Short.
        meaning: What the choice shows.
        inputs: Feature names: columns, or the channels of a signal; empty for pictures.
    """

    name: str
    title: str
    meaning: str
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Domain:
    """A task, described well enough to train on, read and criticise.

    Attributes:
        key: Folder under ``sample_data`` and key in links.
        title: As a menu shows it.
        question: What the network answers about one case.
        modality: What an input is.
        features: All measured columns (tabular) or channels (signal).
        concepts: In the order of the network's concept axis.
        classes: Titles; of two, the first is the reference, the second the finding looked for.
        variants: The first is the default.
        case_noun: What one case is called.
        group_noun: What must not be split between training and test; empty if each case
            stands alone.
        summary: What the data are.
        input_note: What an input is, in the words under its picture or table.
        field_mm: Side of the square that a picture shows; 0 for other inputs.
        concept_reading: How the shown values of concepts are to be read.
        concept_note: How true concepts are obtained.
        intended_use: What the model may be used for.
        out_of_scope: What it must not be used for.
        limits: Known limits, one sentence each.
        source: Citation.
        licence: Of the data.
        sample_rate_hz: Of a signal; 0 for other inputs.
    """

    key: str
    title: str
    question: str
    modality: Literal["tabular", "image", "signal"]
    features: tuple[Feature, ...]
    concepts: tuple[Concept, ...]
    classes: tuple[str, ...]
    variants: tuple[Variant, ...]
    case_noun: str
    group_noun: str
    summary: str
    input_note: str
    field_mm: float
    concept_reading: str
    concept_note: str
    intended_use: str
    out_of_scope: str
    limits: tuple[str, ...]
    source: str
    licence: str
    sample_rate_hz: float = 0

    def variant(self, name: str | None) -> Variant:
        """Find a variant by name; None gives the default.

        Raises:
            UserError: On an unknown name.
        """
        if name is None:
            return self.variants[0]
        for variant in self.variants:
            if variant.name == name:
                return variant
        known = ", ".join(v.name for v in self.variants)
        raise requirement(f"variant of {self.key}", f"be one of {known}", name, "pick one of them")

    def __post_init__(self) -> None:
        for concept in self.concepts:
            if not concept.name.isidentifier():
                raise requirement(
                    "concept name",
                    "be letters, digits and underscores, for links and files",
                    repr(concept.name),
                    "rename it and keep the title",
                )

    @property
    def concept_names(self) -> tuple[str, ...]:
        """Keys of the concepts, in order."""
        return tuple(concept.name for concept in self.concepts)
