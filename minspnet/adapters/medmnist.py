"""Image collections in the form of MedMNIST: one ``.npz`` with official parts.

The file comes from outside, so that nothing in it is believed: sizes, shapes and types are read
from the archive's directory and the arrays' headers, and checked against one another, before any
array is unpacked. Pickles are never opened.

Source: Yang et al. 2023, MedMNIST v2 (the form of the file).
"""

import itertools
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from minspnet.adapters.archive import DAMAGED
from minspnet.adapters.archive import archive as opened_archive
from minspnet.adapters.arrays import Header, check_length, read_array, read_header
from minspnet.data import Cases, Split
from minspnet.errors import UserError, requirement

LARGEST = 512 * 2**20
"""Bytes that the pictures may take unpacked; as float32 they take four times as much."""
_PARTS = {"train": "train", "validation": "val", "test": "test"}
"""Part of a ``Split`` -> its name in the file."""
_SIDES = (28, 224)


@dataclass(frozen=True)
class OfficialPictures:
    """Pictures with their official split.

    Attributes:
        cases: All parts, one after the other; the form has no patients, so that each case is its
            own group. No concepts are known: there are no columns.
        split: The official one.
        classes: Titles.
    """

    cases: Cases
    split: Split
    classes: tuple[str, ...]


def read_medmnist(path: Path | bytes, classes: Sequence[str] = ()) -> OfficialPictures:
    """Read grey or RGB pictures of 28 to 224 pixels a side, and one label each.

    Args:
        path: The ``.npz`` file, or what it holds.
        classes: Titles of the classes 0, 1, ...; empty numbers them.

    Raises:
        UserError: In one sentence, if the file is not of that form.
    """
    parts = read_parts(path, classes)
    rows = {name: getattr(parts.split, name) for name in _PARTS}
    ids = tuple(f"{part}-{n:05d}" for part, of in rows.items() for n in range(1, len(of) + 1))
    cases = Cases(ids, _inputs(parts.pictures), parts.labels, {}, ids)
    return OfficialPictures(cases, parts.split, parts.classes)


@dataclass(frozen=True)
class Parts:
    """What such a file holds, as it holds it.

    Attributes:
        pictures: Of all parts, one after the other.
        labels: Of all parts.
        split: Which rows belong to which part.
        classes: Titles.
    """

    pictures: UInt8[np.ndarray, "case height width *channel"]
    labels: Int[np.ndarray, " case"]
    split: Split
    classes: tuple[str, ...]


def read_parts(path: Path | bytes, classes: Sequence[str] = ()) -> Parts:
    """Read pictures and labels after every check; see ``read_medmnist``."""
    try:
        with opened_archive(path) as archive:
            headers = {
                f"{part}_{kind}": _checked_header(archive, f"{part}_{kind}")
                for part in _PARTS.values()
                for kind in ("images", "labels")
            }
            _check_shapes(headers)
            arrays = {name: read_array(archive, name) for name in headers}
    except DAMAGED as error:
        raise requirement(
            "file", "be a MedMNIST .npz archive", error, "download it again"
        ) from error
    labels = {
        part: arrays[f"{name}_labels"].reshape(-1).astype(np.intp) for part, name in _PARTS.items()
    }
    pictures = np.concatenate([arrays[f"{name}_images"] for name in _PARTS.values()])
    titles = _titles(labels, classes)
    ends = np.cumsum([0, *map(len, labels.values())])
    rows = [np.arange(start, end) for start, end in itertools.pairwise(ends)]
    return Parts(pictures, np.concatenate(list(labels.values())), Split(*rows), titles)


def _checked_header(archive: zipfile.ZipFile, name: str) -> Header:
    """Read what an array says of itself, and check it against the archive's directory.

    Raises:
        UserError: If there is no such array, or it is not what its size allows.
    """
    header = read_header(archive, name)
    kinds, must = ("u", "uint8 pixels") if name.endswith("images") else ("iu", "whole numbers")
    pixels = name.endswith("labels") or header.dtype.itemsize == 1
    if header.dtype.kind not in kinds or not pixels:
        raise requirement(name, f"hold {must}", header.dtype, "take another file")
    check_length(archive, name, header)
    return header


def _check_shapes(headers: dict[str, Header]) -> None:
    """Refuse arrays that do not go together, or that would not fit into memory."""
    sizes = {headers[f"{part}_images"].shape[1:] for part in _PARTS.values()}
    low, high = _SIDES
    for part in _PARTS.values():
        images, labels = headers[f"{part}_images"].shape, headers[f"{part}_labels"].shape
        sides = images[1:3]
        if (
            len(images) not in (3, 4)
            or images[3:] not in ((), (3,))
            or not all(low <= side <= high for side in sides)
        ):
            raise requirement(
                f"{part}_images",
                f"be pictures of {low} to {high} pixels a side, grey or RGB",
                f"shape {images}",
                "take another file",
            )
        if labels not in ((images[0],), (images[0], 1)) or not images[0]:
            raise requirement(
                f"{part}_labels",
                f"be one label for each of {images[0]} pictures",
                f"shape {labels}",
                "take a collection with single labels",
            )
    if len(sizes) > 1:
        raise requirement("pictures", "be of one size", sorted(sizes), "take another file")
    total = sum(math.prod(headers[f"{part}_images"].shape) for part in _PARTS.values())
    if total > LARGEST:
        raise requirement(
            "pictures", f"take at most {LARGEST:,} bytes", f"{total:,}", "take a smaller size"
        )


def _titles(labels: dict[str, Int[np.ndarray, " case"]], classes: Sequence[str]) -> tuple[str, ...]:
    """Name the classes, after a check that every part can be scored and every class is taught."""
    count = len(classes) or int(labels["train"].max()) + 1
    for part, found in labels.items():
        if found.min() < 0 or found.max() >= count:
            raise _wrong(part, f"lie between 0 and {count - 1}", f"{found.min()} to {found.max()}")
        if len(np.unique(found)) < 2:
            raise _wrong(part, "hold two classes or more", f"only {found[0]}")
    if len(np.unique(labels["train"])) < count:
        raise _wrong("train", f"hold each class from 0 to {count - 1}", np.unique(labels["train"]))
    return tuple(classes) or tuple(f"class {number}" for number in range(count))


def _wrong(part: str, must: str, got: object) -> UserError:
    return requirement(f"{_PARTS[part]}_labels", must, got, "take another file")


def _inputs(pictures: UInt8[np.ndarray, "case height width *channel"]) -> np.ndarray:
    """Bring channels to the front and brightness to [0, 1]."""
    if pictures.ndim == 3:
        pictures = pictures[..., None]
    inputs = np.moveaxis(pictures, 3, 1).astype(np.float32)
    inputs /= 255
    return inputs
