"""The card of a user's own table or pictures: a TOML file that says what they mean.

A card for loans, with the least that it must say:

    key = "loans"
    title = "Loans"
    question = "Will this loan be paid back?"
    target = "status"
    classes = ["paid", "default"]

    [[features]]
    name = "income"
    title = "Income"
    unit = "EUR a month"
    missing = ["n.a.", "-9"]
    beyond = "limit"

    [[features]]
    name = "job"
    title = "Job"
    levels = ["employed", "self-employed", "none"]

    [[concepts]]
    name = "means"
    title = "Means"
    rule = "spread"
    columns = ["income"]

    [[concepts]]
    name = "works"
    title = "Has work"
    rule = "levels"
    columns = ["job"]
    levels = ["employed", "self-employed"]

``missing`` names cells that hold no value in that column, and ``beyond`` says what a cell such as
``<0.6`` counts as: its ``limit``, or ``missing``.

A card of pictures says ``modality = "image"`` and needs no features; its concepts are graded from
columns rated by people or measured from pixels (``minspnet.picture_columns``).
"""

import json
import math
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Literal, Self

from minspnet.domain import (
    Concept,
    DeviationRule,
    Domain,
    Feature,
    LevelsRule,
    Rule,
    ScaleRule,
    SpreadRule,
    Variant,
)
from minspnet.errors import UserError, requirement
from minspnet.strict import Recipe

_NOT_STATED = "not stated"


@dataclass(frozen=True)
class CardConcept:
    """A concept and its rule, flat, as a person writes it.

    Attributes:
        name, title, meaning, low_word, high_word, shown_low, shown_high, unit, visible: As in
            ``domain.Concept``.
        columns: Numeric columns whose grades are averaged, of those that a case has; or one
            feature with levels.
        rule: ``spread``, ``scale`` (with ``low`` and ``high``, as for a column that experts have
            graded already), ``deviation`` or ``levels`` (with ``levels``); see ``domain``.
        low: Value graded 0; only for a scale.
        high: Value graded 1; only for a scale.
        levels: Levels graded 1, all others 0; only for the rule ``levels``.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rule: Literal["spread", "scale", "deviation", "levels"]
    low: float | None = None
    high: float | None = None
    levels: tuple[str, ...] = ()
    meaning: str = ""
    low_word: str = "low"
    high_word: str = "high"
    shown_low: float = 0
    shown_high: float = 100
    unit: str = "of 100"
    visible: bool = True

    def __post_init__(self) -> None:
        if not self.columns:
            raise self._wrong("columns", "name at least one column", "none", "name one")
        for name, end in (("low", self.low), ("high", self.high)):
            if (end is None) == (self.rule == "scale"):
                must = "be a number" if end is None else "be left out"
                remedy = "add it" if end is None else "remove it, or write rule = 'scale'"
                raise self._wrong(name, f"{must} under rule {self.rule}", end, remedy)
        if bool(self.levels) != (self.rule == "levels"):
            must, remedy = ("name some", "list them") if not self.levels else ("be left out",) * 2
            raise self._wrong(
                "levels", f"{must} under rule {self.rule}", self.levels or "none", remedy
            )
        if self.levels and len(self.columns) > 1:
            raise self._wrong("columns", "be one under rule levels", self.columns, "keep one")

    def _wrong(self, what: str, must: str, got: object, remedy: str) -> UserError:
        return requirement(f"{what} of concept {self.name}", must, got, remedy)

    def concept(self, features: Sequence[Feature]) -> Concept:
        """Say it in the product's own form, given the card's features.

        Raises:
            UserError: If a level is none of its feature's.
        """
        rule: Rule
        if self.low is not None and self.high is not None:
            rule = ScaleRule(self.columns, self.low, self.high)
        elif self.rule == "levels":
            known = _levels_of(self.columns[0], features)
            for level in self.levels:
                if level not in known:
                    must = f"be levels of {self.columns[0]}, {', '.join(known) or 'which has none'}"
                    raise self._wrong("levels", must, repr(level), "correct them")
            rule = LevelsRule(self.columns, tuple(map(known.index, self.levels)))
        else:
            rule = (SpreadRule if self.rule == "spread" else DeviationRule)(self.columns)
        return Concept(
            self.name,
            self.title,
            self.meaning,
            self.low_word,
            self.high_word,
            rule,
            self.shown_low,
            self.shown_high,
            self.unit,
            self.visible,
        )

    @classmethod
    def of(cls, concept: Concept, features: Sequence[Feature]) -> Self:
        """Say a concept of the product as a card does, given the features of its domain."""
        kinds = {SpreadRule: "spread", ScaleRule: "scale", DeviationRule: "deviation"}
        told: dict[str, Any] = {n: value for n, value in vars(concept).items() if n != "rule"}
        rule = concept.rule
        if isinstance(rule, LevelsRule):
            known = _levels_of(rule.columns[0], features)
            levels = tuple(known[place] for place in rule.places)
            return cls(rule="levels", columns=rule.columns, levels=levels, **told)
        return cls(rule=kinds[type(rule)], **vars(rule), **told)  # type: ignore[arg-type]


def _levels_of(column: str, features: Sequence[Feature]) -> tuple[str, ...]:
    return next((feature.levels for feature in features if feature.name == column), ())


@dataclass(frozen=True)
class Card(Recipe):
    """A task on a table or on pictures, and where what is known of a case stands.

    Attributes:
        target: Column of the class; an empty cell is a case without a label. Of pictures in
            folders it is a mere name.
        target_values: What its cells hold, in the order of ``classes``; empty where they hold
            the titles themselves.
        target_missing: Cells of the target that are no answer, besides those that always count
            as missing.
        id: Column of unique case ids; empty numbers the cases.
        group: Column of what must stay on one side of a split; empty if a case stands alone.
        features: Numbers, or categories where ``levels`` lists them; none for pictures.
        variants: Choices of inputs; empty gives one with every feature, or the picture.
        modality: What an input is.
        field_mm: Side of the square that a picture shows; 0 where it is not known.
        black, white: Numbers that are 0 and 1 to the network, for pictures of 16 bits and for
            arrays on a scale of their own; both 0 where there are none.

    The others are those of ``domain.Domain``.
    """

    key: str
    title: str
    question: str
    target: str
    classes: tuple[str, ...]
    concepts: tuple[CardConcept, ...]
    features: tuple[Feature, ...] = ()
    target_values: tuple[str, ...] = ()
    id: str = ""
    group: str = ""
    variants: tuple[Variant, ...] = ()
    case_noun: str = "case"
    group_noun: str = ""
    summary: str = ""
    input_note: str = ""
    concept_reading: str = ""
    concept_note: str = ""
    intended_use: str = _NOT_STATED
    out_of_scope: str = _NOT_STATED
    limits: tuple[str, ...] = ()
    source: str = _NOT_STATED
    licence: str = _NOT_STATED
    modality: Literal["tabular", "image"] = "tabular"
    field_mm: float = 0
    black: float = 0
    white: float = 0
    target_missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.key.isidentifier():
            raise requirement(
                "key", "be letters, digits and underscores", repr(self.key), "rename it"
            )
        names = {
            "features": [feature.name for feature in self.features],
            "concepts": [concept.name for concept in self.concepts],
            "classes": list(self.classes),
            "cells of classes": list(self.cells),
            "variants": [variant.name for variant in self.variants],
        }
        table = self.modality == "tabular"
        for what, least in (("classes", 2), ("features", int(table)), ("concepts", 1)):
            if len(names[what]) < least:
                raise requirement(what, f"be at least {least}", len(names[what]), "add one")
        for what, listed in names.items():
            name, count = max(Counter(listed).items(), key=itemgetter(1), default=("", 0))
            if count > 1:
                raise requirement(what, "be named once each", repr(name), "rename one")
        if both := set(self.cells) & set(self.target_missing):
            raise requirement("target_missing", "be no classes", sorted(both), "list each once")
        if len(self.cells) != len(self.classes):
            raise requirement(
                "target_values", "be one per class", len(self.cells), "name one for each class"
            )
        if not table and self.features:
            raise requirement(
                "features", "be left out for pictures", len(self.features), "remove them"
            )
        if self.field_mm and (table or not 0 < self.field_mm < math.inf):
            raise requirement(
                "field_mm", "be the millimetres a picture shows, or 0", self.field_mm, "correct it"
            )
        if (self.black or self.white) and (table or not self.black < self.white < math.inf):
            must = "be black's number and a larger one for white, of pictures, or both 0"
            got = f"{self.black:g} and {self.white:g}"
            raise requirement("black and white", must, got, "correct them")
        self._check_columns(set(names["features"]))
        self.domain()  # has checks of its own

    def _check_columns(self, features: set[str]) -> None:
        categorical = {feature.name for feature in self.features if feature.levels}
        read = {column for concept in self.concepts for column in concept.columns}
        numeric = {c for concept in self.concepts for c in concept.columns if not concept.levels}
        inputs = {name for variant in self.variants for name in variant.inputs}
        for what, must, wrong in (
            ("target", "be no feature and grade no concept", {self.target} & (features | read)),
            ("columns of concepts", "be numbers, without levels", numeric & categorical),
            ("inputs of variants", "be features", inputs - features),
        ):
            if wrong:
                raise requirement(what, must, ", ".join(sorted(wrong)), "use other columns")

    @property
    def cells(self) -> tuple[str, ...]:
        """What the target column holds for each class."""
        return self.target_values or self.classes

    def domain(self) -> Domain:
        """Say the task in the product's own form."""
        every = Variant("all_features", "All features", "", tuple(f.name for f in self.features))
        if self.modality == "image":
            every = Variant("pictures", "Pictures", "")
        own = {"target", "target_values", "target_missing", "id", "group", "black", "white"}
        own |= {"concepts", "variants"}
        told = {name: value for name, value in vars(self).items() if name not in own}
        return Domain(
            concepts=tuple(concept.concept(self.features) for concept in self.concepts),
            variants=self.variants or (every,),
            **told,
        )

    @classmethod
    def of(cls, domain: Domain, target: str, id: str = "", group: str = "") -> Self:
        """Say a task as a card does, given where a table keeps target, id and group.

        Raises:
            UserError: If the inputs are signals.
        """
        if domain.modality == "signal":
            raise requirement(
                "domain of a card",
                "be tabular or image",
                domain.modality,
                "use one with columns or pictures",
            )
        own = ("concepts", "sample_rate_hz")
        told = {name: value for name, value in vars(domain).items() if name not in own}
        concepts = tuple(CardConcept.of(concept, domain.features) for concept in domain.concepts)
        return cls(target=target, id=id, group=group, concepts=concepts, **told)


def read_card(text: str) -> Card:
    """Read a card from TOML; unknown keys are refused.

    Raises:
        UserError: In one sentence, if it is no TOML or says too little, too much or a wrong thing.
    """
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise requirement("card", "be a TOML file", error, "correct it there") from error
    return Card.from_dict(values)


def write_card(card: Card) -> str:
    """Write a card as TOML; ``read_card`` gives it back."""
    plain = {name: value for name, value in card.to_dict().items() if value != []}
    tables = {n: v for n, v in plain.items() if isinstance(v, list) and isinstance(v[0], dict)}
    lines = [_pair(name, value) for name, value in plain.items() if name not in tables]
    for name, rows in tables.items():
        for row in rows:
            lines += ["", f"[[{name}]]"]
            lines += [_pair(key, value) for key, value in row.items() if value not in (None, [])]
    return "\n".join(lines) + "\n"


def _pair(name: str, value: Any) -> str:
    # TOML reads JSON's texts, numbers and lists alike, but wants one more character escaped.
    text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"{name} = {text}"
