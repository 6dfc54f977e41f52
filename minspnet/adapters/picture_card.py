"""A first card for pictures: concepts from ratings, or from what can be measured in pixels."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from minspnet.adapters.card import Card, CardConcept
from minspnet.adapters.gathered import counted
from minspnet.adapters.naming import key_of, shown_name
from minspnet.domains import DOMAINS
from minspnet.errors import requirement
from minspnet.picture_columns import PICTURE_COLUMNS

_MOST_MEASURED = 14
_LEAST_SPREAD = 1e-3
_ALIKE = 0.9
"""Rank correlation from which two measured columns say the same."""
_MOST_GRADES = 10

Columns = Mapping[str, Float[np.ndarray, " case"]]


def draft_card(
    name: str,
    classes: Sequence[str],
    rated: Mapping[str, str],
    columns: Columns,
    shape: tuple[int, ...],
    count: int,
    grouped: bool,
    scale: tuple[float, float],
) -> Card:
    """Write a card that can be trained on as it stands, and edited by someone who knows more.

    Args:
        name: Of the file, shown only.
        classes: Titles.
        rated: Title of each rated column, by its name among ``columns``.
        columns: Rated and measured, a value a case.
        shape: Of one picture, channels first.
        count: Cases.
        grouped: Whether some cases belong together.
        scale: Numbers of black and white, as ``Gathered`` has them.

    Raises:
        UserError: If all pictures are alike in all that is measured.
    """
    title = shown_name(name.rsplit(".", 1)[0].replace("_", " ")) or "Pictures"
    kind = "grey" if shape[0] == 1 else "colour"
    key = key_of(title)
    return Card(
        key=f"my_{key}" if key in DOMAINS else key,
        title=title,
        question=_question(classes),
        target="class",
        classes=tuple(classes),
        concepts=_rated(rated, columns) if rated else _measured(columns),
        modality="image",
        black=scale[0],
        white=scale[1],
        group="group" if grouped else "",
        group_noun="group" if grouped else "",
        case_noun="picture",
        summary=f"{counted(count)} of {len(classes)} classes.",
        input_note=f"As the network was given it: {shape[1]} x {shape[2]} pixels, {kind}.",
        concept_reading="0 to 100 runs over the middle 95 % of the training pictures."
        if not rated
        else "As rated.",
        concept_note="Rated by people, as the table beside the pictures tells."
        if rated
        else "Measured from the pixels by formula; nobody rated them, and none is a finding of a "
        "field of study.",
        limits=(
            *(
                []
                if rated
                else ["What the measured properties leave out only the residual can say."]
            ),
            f"Details finer than the picture at {shape[1]} x {shape[2]} pixels are lost.",
        ),
    )


def _question(classes: Sequence[str]) -> str:
    if len(classes) == 2:
        return f"Does this picture show {classes[1]} rather than {classes[0]}?"
    return "What does this picture show?"


def _rated(titles: Mapping[str, str], columns: Columns) -> tuple[CardConcept, ...]:
    return tuple(_rated_concept(name, title, columns[name]) for name, title in titles.items())


def _rated_concept(name: str, title: str, values: Float[np.ndarray, " case"]) -> CardConcept:
    """A scale from the least to the most, if values are few whole numbers; else their spread."""
    grades = np.unique(values)
    meaning = f"The column {title} of the table."
    if len(grades) > _MOST_GRADES or (grades != np.round(grades)).any():
        return CardConcept(name, title, (name,), "spread", meaning=meaning)
    low, high = float(grades[0]), float(grades[-1])
    return CardConcept(
        name,
        title,
        (name,),
        "scale",
        low,
        high,
        meaning=meaning,
        shown_low=low,
        shown_high=high,
        unit=f"of {high:g}",
    )


def _measured(columns: Columns) -> tuple[CardConcept, ...]:
    """Properties that differ between pictures, and from each other."""
    chosen: dict[str, np.ndarray] = {}
    concepts: list[CardConcept] = []
    for column in PICTURE_COLUMNS:
        if column.name not in columns or len(concepts) == _MOST_MEASURED:
            continue
        values = columns[column.name]
        low, high = np.quantile(values, (0.025, 0.975))
        ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
        alike = [abs(np.corrcoef(ranks, other)[0, 1]) for other in chosen.values()]
        if high - low < _LEAST_SPREAD or max(alike, default=0) > _ALIKE:
            continue
        chosen[column.name] = ranks
        concepts.append(
            CardConcept(
                column.name,
                column.title,
                (column.name,),
                "spread",
                meaning=column.meaning,
                low_word=column.low_word,
                high_word=column.high_word,
            )
        )
    if not concepts:
        raise requirement(
            "pictures", "differ in brightness, shape or colour", "all alike", "check the files"
        )
    return tuple(concepts)
