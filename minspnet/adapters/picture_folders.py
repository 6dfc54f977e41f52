"""What the folders around pictures say: class, official part, and the group within a class."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from minspnet.data import PARTS

FEWEST = 10
"""Pictures that a class needs, so that each part of a split can hold some."""
MOST_CLASSES = 100
_PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class Folders:
    """What is known of each picture from where it lies; empty texts where nothing is.

    Attributes:
        classes: Name of a folder, as it is.
        parts: ``train``, ``validation`` or ``test``; of all pictures or of none.
        groups: Folder between the class's and the picture.
    """

    classes: tuple[str, ...]
    parts: tuple[str, ...]
    groups: tuple[str, ...]


def part_named(word: str) -> str:
    """The part of a split that a folder or cell means; empty if none."""
    return _PART_NAMES.get(word.strip().lower(), "")


def read_folders(names: Sequence[str]) -> Folders:
    """Tell classes, parts and groups from names with ``/`` between folders.

    - Folders around everything are passed over, as a zip of one folder has.
    - Outermost folders ``train``, ``val`` and ``test`` are official parts.
    - The folder in which a picture lies is its class. Where such folders are too many, or hold
      too few pictures to be classes, the outermost one is, and what lies between is a group,
      such as a patient.
    """
    paths = [PurePosixPath(name).parts[:-1] for name in names]
    while paths and all(len(path) > 1 for path in paths) and len({path[0] for path in paths}) == 1:
        paths = [path[1:] for path in paths]
    parts = [part_named(path[0]) if path else "" for path in paths]
    if all(parts) and len(set(parts)) > 1:
        paths = [path[1:] for path in paths]
    else:
        parts = [""] * len(paths)
    inner = [path[-1] if path else "" for path in paths]
    outer = [path[0] if path else "" for path in paths]
    counts = Counter(inner)
    if inner == outer or (min(counts.values()) >= FEWEST and len(counts) <= MOST_CLASSES):
        return Folders(tuple(inner), tuple(parts), ("",) * len(paths))
    # A group keeps its class before it: patients of two classes may be numbered alike.
    groups = ["/".join(path) if len(path) > 1 else "" for path in paths]
    return Folders(tuple(outer), tuple(parts), tuple(groups))


assert set(_PART_NAMES.values()) == set(PARTS)
