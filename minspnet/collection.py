"""A user's own task with its cases, as plain files that are never unpickled.

    card.toml           what the data mean; may be edited by hand
    cases.safetensors   the cases, and their official split if they have one
    source.txt          the name of the file they came from, to be shown

The first two are all that a model needs to be shown, and stand in its folder too.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from minspnet.adapters.card import Card, read_card, write_card
from minspnet.aside import aside
from minspnet.data import PARTS, UNLABELLED, Cases, Split
from minspnet.domains import DOMAINS
from minspnet.errors import UserError, in_a_line, requirement
from minspnet.wording import check_words, texts_in

CARD, CASES = FILES = ("card.toml", "cases.safetensors")
LONGEST_CARD = 2**20
"""Bytes of a card."""
_SOURCE = "source.txt"
_COLUMN, _SPLIT = "columns.", "split."


@dataclass(frozen=True)
class Collection:
    """A user's own task with its cases.

    Attributes:
        card: What the data mean.
        cases: All of them; of a table, with every feature among the columns.
        split: The official one; None if parts are to be drawn by group (``data.folds``).
        source: Name of the file that they came from.
    """

    card: Card
    cases: Cases
    split: Split | None = None
    source: str = ""

    def __post_init__(self) -> None:
        check_card(self.card)
        _check_cases(self.card, self.cases)
        if self.split is not None:
            _check_split(self.split, len(self.cases))
        check_words("name of the file", [self.source])

    @cached_property
    def digest(self) -> str:
        """Of card, cases and split: equal for the same task on the same data."""
        contents = _card_bytes(self.card), _cases_bytes(self)
        return digest_of(*(hashlib.sha256(content).hexdigest() for content in contents))

    def of_variant(self, name: str | None) -> Cases:
        """The cases with the inputs of one choice; None gives the card's first.

        Raises:
            UserError: If the card has no such variant.
        """
        domain = self.card.domain()
        inputs = domain.variant(name).inputs
        if domain.modality != "tabular":
            return self.cases
        return Cases(
            self.cases.ids,
            _stacked(self.cases.columns, inputs),
            self.cases.labels,
            self.cases.columns,
            self.cases.groups,
        )


def digest_of(card: str, cases: str) -> str:
    """The digest of a collection, given those of its two files."""
    return hashlib.sha256(f"{card} {cases}".encode()).hexdigest()


def save_collection(collection: Collection, folder: Path) -> None:
    """Write a collection as a folder; the files of one already there are replaced whole."""
    folder.mkdir(parents=True, exist_ok=True)
    with aside(folder, "saving") as room:
        for name, content in (
            (CASES, _cases_bytes(collection)),
            (CARD, _card_bytes(collection.card)),
            (_SOURCE, collection.source.encode()),
        ):
            (room / name).write_bytes(content)
        # Never these cases under the card of others, wherever the program is cut off.
        (folder / CARD).unlink(missing_ok=True)
        for name in (CASES, _SOURCE, CARD):
            (room / name).replace(folder / name)


def load_collection(folder: Path) -> Collection:
    """Read a collection, or the part of a model's folder that is one.

    Raises:
        UserError: In one sentence, if a file is missing or holds something else, or if the card
            says what the cases do not have.
    """
    card = load_card(folder)
    try:
        arrays = load_file(folder / CASES)
        cases, split = _read(card, arrays)
    except UserError:
        raise
    except (OSError, SafetensorError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{CASES} of {folder.name} cannot be read ({in_a_line(error)}); restore it, or bring "
            "the data in again."
        ) from error
    source = ""
    if (folder / _SOURCE).is_file():
        source = (folder / _SOURCE).read_text(encoding="utf-8", errors="replace")
    return Collection(card, cases, split, source)


def load_card(folder: Path) -> Card:
    """Read the card of a collection alone.

    Raises:
        UserError: If there is none, or it cannot be used.
    """
    try:
        with (folder / CARD).open("rb") as file:
            content = file.read(LONGEST_CARD + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise requirement(
            f"{CARD} of {folder.name}", "be a text file", in_a_line(error), "restore it"
        ) from error
    if len(content) > LONGEST_CARD:
        raise requirement(
            f"{CARD} of {folder.name}", f"take at most {LONGEST_CARD:,} bytes", "more", "shorten it"
        )
    card = read_card(text)
    check_card(card)
    return card


def check_card(card: Card) -> None:
    """Refuse a card that would be mistaken for a shipped task, or whose words are markup."""
    if card.key in DOMAINS:
        raise requirement(
            "key", "not be that of a task that ships", repr(card.key), "choose another"
        )
    check_words("card", texts_in(card.to_dict()))


def _check_cases(card: Card, cases: Cases) -> None:
    domain = card.domain()
    needed = {name for concept in domain.concepts for name in concept.rule.columns}
    if domain.modality == "tabular":
        needed |= {feature.name for feature in card.features}
    if missing := sorted(needed - set(cases.columns)):
        known = ", ".join(cases.columns) or "none"
        raise requirement(f"columns of {card.key}", f"hold {missing[0]}", known, "correct the card")
    lengths = {len(values) for values in (cases.ids, cases.inputs, cases.labels, cases.groups)}
    lengths |= {len(column) for column in cases.columns.values()}
    if lengths != {len(cases)} or not len(cases):
        raise requirement(
            f"cases of {card.key}", "have one value each", sorted(lengths), "bring them in again"
        )
    if len(set(cases.ids)) != len(cases):
        raise requirement("case ids", "be unique", f"{len(cases)} with doubles", "rename some")
    low, high = int(cases.labels.min()), int(cases.labels.max())
    if low < UNLABELLED or high >= len(card.classes):
        raise requirement(
            f"labels of {card.key}",
            f"be one of the card's {len(card.classes)} classes",
            f"{low} to {high}",
            "correct the card",
        )
    check_words("case ids", cases.ids)
    check_words("groups of cases", cases.groups)


def _check_split(split: Split, cases: int) -> None:
    rows = np.concatenate([getattr(split, part) for part in PARTS])
    if (
        len(np.unique(rows)) != len(rows)
        or not all(len(getattr(split, part)) for part in PARTS)
        or rows.min() < 0
        or rows.max() >= cases
    ):
        raise requirement(
            "official split",
            f"put each of {cases} cases into at most one part, and some into every part",
            f"{len(rows)} rows",
            "bring the data in again",
        )


def _card_bytes(card: Card) -> bytes:
    # Read once, a card says 0.0 where a program may have said 0.
    return write_card(read_card(write_card(card))).encode()


def _cases_bytes(collection: Collection) -> bytes:
    """Say cases and split in one file; what columns or whole bytes say already is left out."""
    cases = collection.cases
    arrays = {
        "ids": _packed_texts(cases.ids),
        "labels": cases.labels.astype(np.int64),
    }
    if cases.groups != cases.ids:
        arrays["groups"] = _packed_texts(cases.groups)
    if collection.card.domain().modality != "tabular":
        arrays["inputs"] = _packed(cases.inputs)
    for name, column in cases.columns.items():
        arrays[_COLUMN + name] = column.astype(np.float32)
    if collection.split is not None:
        for part in PARTS:
            arrays[_SPLIT + part] = getattr(collection.split, part).astype(np.int64)
    content: bytes = save({name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)})
    return content


def _read(card: Card, arrays: Mapping[str, np.ndarray]) -> tuple[Cases, Split | None]:
    ids = _unpacked_texts(arrays["ids"])
    columns = {
        name.removeprefix(_COLUMN): _flat(values, "f").astype(np.float32)
        for name, values in arrays.items()
        if name.startswith(_COLUMN)
    }
    domain = card.domain()
    if domain.modality == "tabular":
        wanted = domain.variant(None).inputs
        if missing := [name for name in wanted if name not in columns]:
            raise requirement(
                f"columns of {card.key}", f"hold {missing[0]}", ", ".join(columns), "restore them"
            )
        inputs = _stacked(columns, wanted)
    else:
        inputs = _unpacked(arrays["inputs"])
    groups = _unpacked_texts(arrays["groups"]) if "groups" in arrays else ids
    labels = _flat(arrays["labels"], "i").astype(np.intp)
    split = None
    if _SPLIT + PARTS[0] in arrays:
        split = Split(*(_flat(arrays[_SPLIT + part], "i").astype(np.intp) for part in PARTS))
    return Cases(ids, inputs, labels, columns, groups), split


def _flat(values: np.ndarray, kind: str) -> np.ndarray:
    if values.ndim != 1 or values.dtype.kind != kind:
        raise ValueError(f"one value a case, got shape {values.shape} of {values.dtype}")
    return values


def _stacked(
    columns: Mapping[str, Float[np.ndarray, " case"]], names: tuple[str, ...]
) -> Float[np.ndarray, "case column"]:
    return np.stack([columns[name] for name in names], axis=1).astype(np.float32)


def _packed(inputs: np.ndarray) -> np.ndarray:
    """Keep pictures as bytes, a quarter of the room, where that loses nothing."""
    levels = np.round(inputs * np.float32(255))
    if levels.min() >= 0 and levels.max() <= 255:
        packed = levels.astype(np.uint8)
        if np.array_equal(_unpacked(packed), inputs):
            return packed
    return inputs.astype(np.float32)


def _unpacked(inputs: np.ndarray) -> np.ndarray:
    if inputs.dtype == np.uint8:
        return inputs.astype(np.float32) / np.float32(255)
    if inputs.dtype != np.float32 or inputs.ndim < 2:
        raise ValueError(f"inputs of shape {inputs.shape} and type {inputs.dtype}")
    return inputs


def _packed_texts(texts: tuple[str, ...]) -> np.ndarray:
    return np.frombuffer(json.dumps(texts, ensure_ascii=False).encode(), np.uint8)


def _unpacked_texts(packed: np.ndarray) -> tuple[str, ...]:
    texts = json.loads(_flat(packed, "u").tobytes())
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("ids that are no list of texts")
    return tuple(texts)
