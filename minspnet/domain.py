"""What a task is: features, concepts, classes, and what may be claimed. Data only."""

from dataclasses import dataclass
from typing import Literal

from minspnet.errors import requirement


@dataclass(frozen=True)
class Feature:
    """A measured input column.

    Attributes:
        name: Column of the case file.
        title: In plain words.
        unit: As the source states it; empty for a pure number.
    """

    name: str
    title: str
    unit: str = ""


@dataclass(frozen=True)
class SpreadRule:
    """A graded concept: where a case stands in the spread of the training cases.

    The mean over ``columns`` of the value, scaled so that the middle 95 % of the training
    cases run from 0 to 1, and clipped there.
    """

    columns: tuple[str, ...]


@dataclass(frozen=True)
class ScaleRule:
    """A graded concept read off a scale: ``low`` becomes 0, ``high`` becomes 1, clipped."""

    column: str
    low: float
    high: float


@dataclass(frozen=True)
class Concept:
    """A finding with a human meaning, graded in [0, 1].

    Attributes:
        name: Key in files and links.
        title: Short, as on a form.
        meaning: One sentence a clinician can check.
        low_word: What a value near 0 says.
        high_word: What a value near 1 says.
        rule: How the true value is obtained.
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
    rule: SpreadRule | ScaleRule
    shown_low: float
    shown_high: float
    unit: str
    visible: bool = True

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
        inputs: Feature names, empty for pictures.
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
        features: All measured columns (tabular).
        concepts: In the order of the network's concept axis.
        classes: Titles; the first is the reference, the second the finding looked for.
        variants: The first is the default.
        case_noun: What one case is called.
        group_noun: What must not be split between training and test; empty if each case
            stands alone.
        summary: What the data are.
        input_note: What an input is, in the words under its picture or table.
        field_mm: Side of the square that a picture shows; 0 for columns.
        concept_reading: How the shown values of concepts are to be read.
        concept_note: How true concepts are obtained.
        intended_use: What the model may be used for.
        out_of_scope: What it must not be used for.
        limits: Known limits, one sentence each.
        source: Citation.
        licence: Of the data.
    """

    key: str
    title: str
    question: str
    modality: Literal["tabular", "image"]
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
