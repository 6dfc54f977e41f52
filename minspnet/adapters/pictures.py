"""A user's own pictures: a zip or folder of image files, or an ``.npz``, becomes a task.

Nothing that comes in is believed, executed, unpickled or used as a path; see ``archive``,
``decoding`` and ``arrays`` for what is checked where.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from minspnet.adapters.archive import archive
from minspnet.adapters.card import Card
from minspnet.adapters.gathered import Gathered, UnreadablePicture, counted, listed
from minspnet.adapters.naming import key_of, natural, shown_name, shown_names
from minspnet.adapters.picture_arrays import gather_arrays
from minspnet.adapters.picture_card import draft_card
from minspnet.adapters.picture_files import gather_files
from minspnet.adapters.picture_folders import FEWEST, MOST_CLASSES
from minspnet.data import PARTS, UNLABELLED, Cases, Split
from minspnet.errors import requirement
from minspnet.picture_columns import measure

_REFERENCES = {"normal", "healthy", "benign", "negative", "control", "none", "no", "absent", "ok"}
"""Of two classes, one called so is the reference; the other is what is looked for."""
_VALIDATION = 5
"""One in so many of the training part are for validation, where no such part came."""


@dataclass(frozen=True)
class Pictures:
    """A task of pictures.

    Attributes:
        card: A draft that can be trained on as it stands.
        cases: Pictures of one size, with every measured and rated column.
        split: The official one; None if there is none that can be used.
        notes: What was done on the way, in sentences.
        unreadable: Pictures that were left out.
        sizes: Rows and columns of each picture as it came.
        source: Name of the file, shown only.
    """

    card: Card
    cases: Cases
    split: Split | None
    notes: tuple[str, ...]
    unreadable: tuple[UnreadablePicture, ...]
    sizes: Int[np.ndarray, "case 2"]
    source: str


def read_pictures(source: Path | bytes, name: str) -> Pictures:
    """Read a zip or folder of pictures, or an ``.npz`` of arrays; told apart by content.

    Args:
        source: A file or folder, or what an uploaded file holds.
        name: What the file is called; shown, and the draft's title.

    Raises:
        UserError: In one sentence, if no task can be made of it.
    """
    found = gather_arrays(source) if _is_arrays(source) else gather_files(source)
    labels, order = _labels(found)
    titles = shown_names(order)
    groups, split, notes = _sides(found, labels)
    measured = measure(found.inputs)
    rated = _column_names(list(found.rated), set(measured))
    columns = {**measured, **{name: found.rated[title] for name, title in rated.items()}}
    shape = found.inputs.shape[1:]
    cases = Cases(found.ids, found.inputs, labels, columns, groups)
    grouped = any(found.groups)
    shown = {name: shown_name(title) or name for name, title in rated.items()}
    scale = found.black, found.white
    card = draft_card(name, titles, shown, columns, shape, len(cases), grouped, scale)
    first = f"{counted(len(cases))}, {shape[1]} x {shape[2]} pixels, {_colour(shape[0])}."
    left = len(found.unreadable)
    unread = [f"{counted(left)} left out, because unreadable."] if left else []
    return Pictures(
        card,
        cases,
        split,
        (first, *unread, *found.notes, *_fitted(found.sizes, shape[1]), *notes),
        found.unreadable,
        found.sizes,
        shown_name(name),
    )


def picture_cases(card: Card, pictures: Pictures) -> Cases:
    """The cases with the classes of a card, which may call them otherwise or order them anew.

    Raises:
        UserError: If the card is for a table, or its classes are not those of the pictures.
    """
    if card.modality != "image":
        raise requirement("modality of the card", "be image", card.modality, "take another card")
    found = pictures.card.classes
    if set(card.cells) != set(found):
        raise requirement(
            f"classes of {card.key}",
            f"be those of the pictures, {listed(list(found), 6)}",
            listed(list(card.cells), 6),
            "list what the pictures call them as target_values, in the order of classes",
        )
    places = np.array([card.cells.index(name) for name in found] + [UNLABELLED], np.intp)
    return replace(pictures.cases, labels=places[pictures.cases.labels])


def _is_arrays(source: Path | bytes) -> bool:
    """Whether a zip holds nothing but arrays, as an ``.npz`` does."""
    if isinstance(source, Path) and source.is_dir():
        return False
    with archive(source) as zipped:
        names = zipped.namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)


def _colour(channels: int) -> str:
    return "grey" if channels == 1 else "colour (red, green, blue)"


def _fitted(sizes: Int[np.ndarray, "case 2"], side: int) -> list[str]:
    """Say how the pictures came to their size."""
    longer = sizes.max(axis=1)
    notes = []
    if shrunk := int((longer > side).sum()):
        notes.append(f"{counted(shrunk)} made smaller, by the mean over areas.")
    if grown := int((2 * longer <= side).sum()):
        notes.append(f"{counted(grown)} made larger, by repeating whole pixels.")
    times = np.maximum(1, side // longer)
    short = (longer <= side) & (times * sizes.min(axis=1) < side)
    padded = int((short | ((longer > side) & (sizes.min(axis=1) < longer))).sum())
    if padded:
        notes.append(
            f"{counted(padded)} filled up to a square with the colour of the picture's own border."
        )
    return notes


def _labels(found: Gathered) -> tuple[Int[np.ndarray, " case"], tuple[str, ...]]:
    """Number the classes, after a check that each can be learned."""
    counts = Counter(name for name in found.classes if name)
    order = found.order or tuple(sorted(counts, key=natural))
    if len(order) < 2:
        raise requirement(
            "classes",
            "be two or more",
            f"only {shown_name(order[0])!r}" if order else "none",
            "add pictures of another class",
        )
    if len(order) > MOST_CLASSES:
        raise requirement(
            "classes",
            f"be at most {MOST_CLASSES}",
            f"{len(order):,}",
            "sort the pictures into fewer folders",
        )
    for name in order:
        if counts[name] < FEWEST:
            raise requirement(
                f"class {shown_name(name)}",
                f"have at least {FEWEST} pictures",
                counts[name],
                "add some, or leave the class out",
            )
    if not found.order and len(order) == 2 and shown_name(order[1]).lower() in _REFERENCES:
        order = order[::-1]
    places = {name: place for place, name in enumerate(order)} | {"": UNLABELLED}
    return np.array([places[name] for name in found.classes], np.intp), order


def _sides(
    found: Gathered, labels: Int[np.ndarray, " case"]
) -> tuple[tuple[str, ...], Split | None, list[str]]:
    """Groups that a split must keep together, the official split, and what was done about them."""
    if any(found.groups):
        groups = tuple(
            shown_name(group) or case for group, case in zip(found.groups, found.ids, strict=True)
        )
        split, notes = _official(found, groups, labels)
        return groups, split, notes
    split, notes = _official(found, found.ids, labels)
    if split is not None:
        return found.ids, split, notes
    # Copies on two sides of a split would be a test of memory.
    first: dict[bytes, str] = {}
    groups = tuple(
        first.setdefault(digest, case)
        for digest, case in zip(pixel_digests(found.inputs), found.ids, strict=True)
    )
    if copies := len(groups) - len(first):
        notes.append(f"{counted(copies)} the same as another; copies stay on one side of a split.")
    return groups, None, notes


def pixel_digests(inputs: Float[np.ndarray, "case channel side side"]) -> list[bytes]:
    """Equal for pictures that are the same to the network."""
    return [hashlib.sha256(np.round(one * 255).astype(np.uint8)).digest() for one in inputs]


def _official(
    found: Gathered, groups: Sequence[str], labels: Int[np.ndarray, " case"]
) -> tuple[Split | None, list[str]]:
    """The split that came with the pictures, if it can be used."""
    parts = np.array(found.parts, object)
    if not any(found.parts):
        return None, []
    if not all(found.parts):
        return None, ["Parts were put together, because some pictures are in none."]
    if not {"train", "test"} <= set(found.parts):
        return None, ["Parts were put together, because there are not both train and test."]
    held = {part: {g for g, p in zip(groups, parts, strict=True) if p == part} for part in PARTS}
    train, validation, test = (held[part] for part in PARTS)
    if shared := sorted((train & (validation | test)) | (validation & test)):
        return None, [
            f"Parts were put together, because groups such as {shown_name(shared[0])} are in more "
            "than one."
        ]
    notes = ["Official parts for training, validation and test are kept."]
    if not validation:
        rows = np.flatnonzero(parts == "train")
        parts[rows[_drawn([groups[row] for row in rows.tolist()], labels[rows])]] = "validation"
        notes = [
            f"The official test part is kept; one in {_VALIDATION} of the training part is for "
            "validation."
        ]
    for part in PARTS:
        for name in found.order or sorted(set(found.classes) - {""}):
            if not any((parts == part) & (np.array(found.classes) == name)):
                raise requirement(
                    f"official part {part}",
                    "hold pictures of every class",
                    f"none of {shown_name(name)}",
                    "add some, or put the parts together",
                )
    return Split(*(np.flatnonzero(parts == part) for part in PARTS)), notes


def _drawn(groups: list[str], labels: Int[np.ndarray, " case"]) -> np.ndarray:
    """Whole groups, one in five of each class, by a digest of their names: not by their order."""
    label_of = dict(zip(groups, labels.tolist(), strict=True))
    chosen: set[str] = set()
    for label in set(label_of.values()):
        of_class = [group for group, one in label_of.items() if one == label]
        of_class.sort(key=lambda group: hashlib.sha256(group.encode()).digest())
        chosen.update(of_class[::_VALIDATION])
    return np.array([group in chosen for group in groups])


def _column_names(titles: list[str], taken: set[str]) -> dict[str, str]:
    """A key for each rated column -> its title."""
    names: dict[str, str] = {}
    for title in titles:
        name = key_of(title)
        while name in names or name in taken:
            name += "_rated"
        names[name] = title
    return names
