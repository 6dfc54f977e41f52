"""What pictures from outside are like at a glance, and what about them is suspect."""

from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from minspnet.adapters.card import write_card
from minspnet.adapters.gathered import counted, listed
from minspnet.adapters.pictures import Pictures, pixel_digests, read_pictures
from minspnet.data import PARTS, UNLABELLED

_IMBALANCED = 10
"""Times that the largest class may outnumber the smallest without a word."""
_GAP = 4
_SHOWN_AT = 64
"""Pixels a side that a picture of the contact sheet has at least."""


@dataclass(frozen=True)
class PictureProfile:
    """Pictures at a glance.

    Attributes:
        counts: Pictures of each class, in the order of the card; without those without one.
        unlabelled: Pictures without a class.
        sizes: Rows, columns and how many pictures came so, the most frequent first.
        sheet: A contact sheet as PNG: a row a class.
        examples: Ids of the pictures on the sheet, a row a class.
        copies: Sets of ids whose pictures are the same.
        suspicions: What may spoil a model, in sentences.
    """

    counts: tuple[int, ...]
    unlabelled: int
    sizes: tuple[tuple[int, int, int], ...]
    sheet: bytes
    examples: tuple[tuple[str, ...], ...]
    copies: tuple[tuple[str, ...], ...]
    suspicions: tuple[str, ...]


def picture_profile(pictures: Pictures, examples: int = 8) -> PictureProfile:
    """Look over a task of pictures.

    Args:
        pictures: As read.
        examples: Pictures of each class on the contact sheet, evenly through the class.
    """
    cases = pictures.cases
    rows = [np.flatnonzero(cases.labels == k) for k in range(len(pictures.card.classes))]
    shown = [
        of[np.unique(np.linspace(0, len(of) - 1, min(examples, len(of))).astype(int))]
        for of in rows
    ]
    sizes = Counter((int(high), int(wide)) for high, wide in pictures.sizes)
    return PictureProfile(
        tuple(len(of) for of in rows),
        int((cases.labels == UNLABELLED).sum()),
        tuple((high, wide, count) for (high, wide), count in sizes.most_common()),
        _sheet([cases.inputs[of] for of in shown]),
        tuple(tuple(cases.ids[row] for row in of) for of in shown),
        tuple(tuple(cases.ids[row] for row in of) for of in _copies(pictures)),
        suspicions(pictures),
    )


def suspicions(pictures: Pictures) -> tuple[str, ...]:
    """What may spoil a model or its score, in sentences; empty if nothing was found."""
    cases, classes, found = pictures.cases, pictures.card.classes, []
    copies = _copies(pictures)
    counts = np.bincount(cases.labels[cases.labels >= 0], minlength=len(classes))
    if counts.max() >= _IMBALANCED * counts.min():
        most, least = int(counts.argmax()), int(counts.argmin())
        found.append(
            f"{classes[most]} has {counts.max() / counts.min():.0f} times as many pictures as "
            f"{classes[least]}: a model may hardly ever say {classes[least]}."
        )
    for part, elsewhere, spoilt in (
        ("test", "training or validation", "scores on the test part"),
        ("validation", "training", "thresholds, which are chosen on validation,"),
    ):
        if leaks := _leaks(pictures, copies, part):
            found.append(
                f"{counted(len(leaks))} of the official {part} part also in {elsewhere}, such as "
                f"{listed(leaks, 1)}: {spoilt} would look too good."
            )
    torn = [of for of in copies if len(set(cases.labels[of])) > 1]
    if torn:
        names = " and ".join(cases.ids[row] for row in torn[0][:2])
        found.append(
            f"{counted(len(torn))} found under more than one class, such as {names}: one of the "
            "labels must be wrong."
        )
    return (*found, *_told_by_shape(pictures))


def _copies(pictures: Pictures) -> list[list[int]]:
    """Rows of pictures that are the same, sets of two or more."""
    rows: dict[bytes, list[int]] = {}
    for row, digest in enumerate(pixel_digests(pictures.cases.inputs)):
        rows.setdefault(digest, []).append(row)
    return [of for of in rows.values() if len(of) > 1]


def _leaks(pictures: Pictures, copies: list[list[int]], part: str) -> list[str]:
    """Pictures of a part that stand in one before it too."""
    if pictures.split is None:
        return []
    place = np.zeros(len(pictures.cases), int)
    for number, name in enumerate(PARTS):
        place[getattr(pictures.split, name)] = number
    last = PARTS.index(part)
    leaking = [of for of in copies if min(place[of]) < last]
    return [pictures.cases.ids[row] for of in leaking for row in of if place[row] == last]


def _told_by_shape(pictures: Pictures) -> list[str]:
    """Whether the size that files came in gives the class away, as two cameras would."""
    known = pictures.cases.labels != UNLABELLED
    labels = pictures.cases.labels[known]
    sizes = [tuple(size) for size in pictures.sizes[known]]
    by_size: dict[tuple[int, ...], Counter[int]] = {}
    for size, label in zip(sizes, labels, strict=True):
        by_size.setdefault(size, Counter())[int(label)] += 1
    # Sizes that occur once tell every class and mean nothing.
    common = {size: of for size, of in by_size.items() if of.total() > 1}
    total = sum(of.total() for of in common.values())
    if len(common) < 2 or total < len(labels) / 2:
        return []
    right = sum(max(of.values()) for of in common.values()) / total
    usual = np.bincount(labels).max() / len(labels)
    if right < usual + (1 - usual) / 2:
        return []
    return [
        f"The size of a file alone tells the class of {right:.0%} of the pictures: they may come "
        "from different devices, and a model may learn those."
    ]


def _sheet(rows: list[np.ndarray]) -> bytes:
    """Pictures in rows on grey, each pixel enlarged whole."""
    side = rows[0].shape[-1]
    times = max(1, _SHOWN_AT // side)
    step = side * times + _GAP
    most = max(len(row) for row in rows)
    sheet = np.full((len(rows) * step + _GAP, most * step + _GAP, 3), 128, np.uint8)
    for top, row in enumerate(rows):
        for left, picture in enumerate(row):
            shown = np.round(255 * np.broadcast_to(picture, (3, side, side))).astype(np.uint8)
            large = shown.transpose(1, 2, 0).repeat(times, axis=0).repeat(times, axis=1)
            y, x = _GAP + top * step, _GAP + left * step
            sheet[y : y + side * times, x : x + side * times] = large
    buffer = BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG")
    return buffer.getvalue()


def check_pictures(path: Path) -> dict[str, Any]:
    """Say what would become of a file or folder of pictures, in plain data for JSON.

    Raises:
        UserError: In one sentence, if no task can be made of it.
    """
    found = read_pictures(path, path.name)
    counts = np.bincount(found.cases.labels[found.cases.labels >= 0])
    split = found.split
    return {
        "kind": "pictures",
        "source": found.source,
        "cases": len(found.cases),
        "shape": list(found.cases.inputs.shape[1:]),
        "classes": dict(zip(found.card.classes, counts.tolist(), strict=True)),
        "concepts": [concept.name for concept in found.card.concepts],
        "parts": {part: len(getattr(split, part)) for part in PARTS} if split else None,
        "notes": list(found.notes),
        "suspicions": list(suspicions(found)),
        "unreadable": [{"name": one.name, "reason": one.reason} for one in found.unreadable],
        "card": write_card(found.card),
    }
