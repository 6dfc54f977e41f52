"""The parts of a card that a form asks for, whatever the data are: words, classes and findings.

Nothing here draws; ``widgets.fields`` does.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from minspnet.adapters import Card
from minspnet.errors import requirement
from minspnet.intake.naming import key_of

Row = Mapping[str, Any]
WORDS = (
    "key",
    "title",
    "question",
    "case_noun",
    "group_noun",
    "intended_use",
    "out_of_scope",
    "source",
    "licence",
)
"""Texts of a card that a person may write at will."""
_CONCEPT: tuple[tuple[str, Any], ...] = (
    ("name", ""),
    ("title", ""),
    ("columns", ()),
    ("rule", "spread"),
    ("levels", ()),
    ("low", None),
    ("high", None),
    ("low_word", "low"),
    ("high_word", "high"),
    ("meaning", ""),
    ("shown_low", 0.0),
    ("shown_high", 100.0),
    ("unit", "of 100"),
    ("visible", True),
)
"""Parts of a concept in the order of the form, and what an empty cell means."""


class Form(Protocol):
    """A task on its way to a card, of a table or of pictures.

    Attributes:
        name: Of the file.
        taken: Keys that other tasks have.
        classes: One row a class: ``cell`` and ``title``, the one looked for last.
        concepts: One row a concept, as ``adapters.card.CardConcept`` names its parts.
        proposed: The card that these began as; None while there is none.
        words: Texts that someone wrote in place of the card's, by the name of their key;
            ``limits`` a line each.
    """

    @property
    def name(self) -> str: ...
    @property
    def taken(self) -> tuple[str, ...]: ...
    @property
    def classes(self) -> tuple[Row, ...]: ...
    @property
    def concepts(self) -> tuple[Row, ...]: ...
    @property
    def proposed(self) -> Card | None: ...
    @property
    def words(self) -> Mapping[str, str]: ...


def proposed_words(card: Card | None) -> dict[str, str]:
    """The texts as they were proposed."""
    if card is None:
        return {}
    said = {name: str(getattr(card, name)) for name in WORDS}
    return {**said, "limits": "\n".join(card.limits)}


def words_of(told: Form) -> dict[str, str]:
    """The texts as they stand: someone's own, or those proposed."""
    proposed = proposed_words(told.proposed)
    return {**proposed, **told.words} if proposed else {}


def own_words(told: Form, words: Mapping[str, str]) -> dict[str, str]:
    """Of texts in a form, those that someone has written."""
    proposed = proposed_words(told.proposed)
    return {name: text for name, text in words.items() if text != proposed.get(name)}


def class_rows(card: Card) -> tuple[Row, ...]:
    """One row a class."""
    titles = zip(card.cells, card.classes, strict=True)
    return tuple({"cell": cell, "title": title} for cell, title in titles)


def concept_rows(card: Card) -> tuple[Row, ...]:
    """One row a concept."""
    return tuple({name: getattr(one, name) for name, _ in _CONCEPT} for one in card.concepts)


def written(told: Form, concepts: Sequence[Row]) -> dict[str, Any]:
    """What words, classes and findings say, as ``Card.from_dict`` takes them.

    Raises:
        UserError: If a finding has no title.
    """
    words = words_of(told)
    limits = words.pop("limits").splitlines()
    cells = tuple(str(row["cell"]) for row in told.classes)
    titles = tuple(str(row["title"] or "").strip() for row in told.classes)
    return words | {
        "classes": titles,
        "target_values": () if titles == cells else cells,
        "concepts": _named([_concept(row) for row in concepts]),
        "limits": tuple(filter(None, map(str.strip, limits))),
    }


def _named(concepts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each concept a key of its own, after its title where it has none yet."""
    names: list[str] = []
    for concept in concepts:
        names.append(key_of(concept["name"] or concept["title"], tuple(names)))
    return [concept | {"name": name} for concept, name in zip(concepts, names, strict=True)]


def _concept(row: Row) -> dict[str, Any]:
    """Read a row that a person may have left half empty."""
    said: dict[str, Any] = {
        name: usual if _empty(row.get(name)) else row[name] for name, usual in _CONCEPT
    }
    title = str(said["title"]).strip()
    if not title:
        raise requirement("title of each finding", "say something", "an empty cell", "fill it in")
    scale = said["rule"] == "scale"
    return said | {
        "title": title,
        "columns": tuple(said["columns"]),
        "levels": tuple(said["levels"]) if said["rule"] == "levels" else (),
        "low": float(said["low"]) if scale and said["low"] is not None else None,
        "high": float(said["high"]) if scale and said["high"] is not None else None,
    }


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value) or value == ""
