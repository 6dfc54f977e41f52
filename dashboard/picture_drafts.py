"""Pictures on their way from a file to a card, as ``drafts`` has it for tables.

Nothing here draws; ``widgets.picture_task`` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dashboard.card_form import Row, class_rows, concept_rows, own_words, written
from minspnet.adapters import (
    Card,
    PictureProfile,
    Pictures,
    picture_cases,
    picture_profile,
    read_pictures,
)
from minspnet.collection import Collection, check_card
from minspnet.intake.naming import key_of

ENDINGS = (".zip", ".npz")


@dataclass(frozen=True)
class PictureDraft:
    """A file of pictures, and what has been said of it.

    Attributes:
        name: Of the file.
        pictures: What is in it.
        profile: What they are like at a glance.
        proposed: The card that these began as.
        taken: Keys that other tasks have.
        classes: One row a class: ``cell`` and ``title``, the one looked for last.
        concepts: One row a finding: ``use``, and what ``adapters.card.CardConcept`` names.
        words: Texts that someone wrote in place of the card's.
    """

    name: str
    pictures: Pictures
    profile: PictureProfile
    proposed: Card
    taken: tuple[str, ...] = ()
    classes: tuple[Row, ...] = ()
    concepts: tuple[Row, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)


def begin(name: str, source: Path | bytes, taken: Sequence[str] = ()) -> PictureDraft:
    """Read pictures and say of them what can be said without asking.

    Args:
        name: Of the file.
        source: Where it lies, or what is in it.
        taken: Keys that other tasks have.

    Raises:
        UserError: If no task can be made of it.
    """
    found = read_pictures(source, name)
    card = replace(found.card, key=key_of(found.card.key, tuple(taken)))
    check_card(card)
    return _proposing(PictureDraft(name, found, picture_profile(found), card, tuple(taken)), card)


def follow(before: PictureDraft, card: Card) -> PictureDraft:
    """Take over a card that was written elsewhere, or edited by hand.

    Raises:
        UserError: If the pictures are not as it says.
    """
    _collected(before, card)
    return _proposing(before, card)


def card_of(told: PictureDraft) -> Card:
    """The card that all this says.

    Raises:
        UserError: If it says too little or a wrong thing.
    """
    used = [row for row in told.concepts if row["use"]]
    card = Card.from_dict(told.proposed.to_dict() | written(told, used))
    check_card(card)
    return card


def collection_of(told: PictureDraft) -> Collection:
    """The task with its cases, as it can be kept.

    Raises:
        UserError: If the card says a wrong thing.
    """
    return _collected(told, card_of(told))


def write_words(before: PictureDraft, words: Mapping[str, str]) -> PictureDraft:
    """Keep the texts that someone has written, and those alone."""
    return replace(before, words=own_words(before, words))


def _collected(told: PictureDraft, card: Card) -> Collection:
    cases = picture_cases(card, told.pictures)
    return Collection(card, cases, told.pictures.split, told.pictures.source)


def _proposing(before: PictureDraft, card: Card) -> PictureDraft:
    """Fill the form from a card; findings of the first one that it has not can be ticked again."""
    named = {concept.name for concept in card.concepts}
    rows = [{"use": True, **row} for row in concept_rows(card)]
    others = concept_rows(before.pictures.card)
    rows += [{"use": False, **row} for row in others if row["name"] not in named]
    return replace(before, proposed=card, classes=class_rows(card), concepts=tuple(rows), words={})
