"""Image collections in the form of MedMNIST: one ``.npz`` with official parts.

The file comes from outside, so that nothing in it is believed: sizes, shapes and types are read
from the archive's directory and the arrays' headers, and checked against one another, before any
array is unpacked. Pickles are never opened.

Source: Yang et al. 2023, MedMNIST v2 (the form of the file).
"""

import io
import itertools
import math
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from minspnet.data import Cases, Split
from minspnet.errors import UserError, requirement

LARGEST = 512 * 2**20
"""Bytes that the pictures may take unpacked; as float32 they take four times as much."""
_PARTS = {"train": "train", "validation": "val", "test": "test"}
"""Part of a ``Split`` -> its name in the file."""
_SIDES = (28, 224)
_LONGEST_HEADER = 4096
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Pictures:
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


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    dtype: np.dtype
    start: int


def read_medmnist(path: Path, classes: Sequence[str] = ()) -> Pictures:
    """Read grey or RGB pictures of 28 to 224 pixels a side, and one label each.

    Args:
        path: The ``.npz`` file.
        classes: Titles of the classes 0, 1, ...; empty numbers them.

    Raises:
        UserError: In one sentence, if the file is not of that form.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            headers = {
                f"{part}_{kind}": _checked_header(archive, f"{part}_{kind}")
                for part in _PARTS.values()
                for kind in ("images", "labels")
            }
            _check_shapes(headers)
            arrays = {name: _read(archive, name) for name in headers}
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise requirement(
            "file", "be a MedMNIST .npz archive", error, "download it again"
        ) from error
    labels = {
        part: arrays[f"{name}_labels"].reshape(-1).astype(np.intp) for part, name in _PARTS.items()
    }
    titles = _titles(labels, classes)
    pictures = np.concatenate([arrays[f"{name}_images"] for name in _PARTS.values()])
    ids = tuple(f"{part}-{n:05d}" for part, of in labels.items() for n in range(1, len(of) + 1))
    ends = np.cumsum([0, *map(len, labels.values())])
    rows = [np.arange(start, end) for start, end in itertools.pairwise(ends)]
    cases = Cases(ids, _inputs(pictures), np.concatenate(list(labels.values())), {}, ids)
    return Pictures(cases, Split(*rows), titles)


def _checked_header(archive: zipfile.ZipFile, name: str) -> _Header:
    """Read what an array says of itself, and check it against the archive's directory.

    Raises:
        UserError: If there is no such array, or it is not what its size allows.
    """
    member = f"{name}.npy"
    if member not in archive.namelist():
        raise requirement(
            "file", f"hold {name}", ", ".join(archive.namelist()) or "nothing", "take another file"
        )
    header = _header(archive, member)
    kinds, must = ("u", "uint8 pixels") if name.endswith("images") else ("iu", "whole numbers")
    pixels = name.endswith("labels") or header.dtype.itemsize == 1
    if header.dtype.kind not in kinds or not pixels:
        raise requirement(name, f"hold {must}", header.dtype, "take another file")
    told = header.start + math.prod(header.shape) * header.dtype.itemsize
    found = archive.getinfo(member).file_size
    if told != found:
        raise requirement(
            name,
            f"be as long as its header says, {told:,} bytes",
            f"{found:,}",
            "download it again",
        )
    return header


def _header(archive: zipfile.ZipFile, member: str) -> _Header:
    if archive.getinfo(member).compress_type not in _PACKINGS:
        raise requirement(member, "be packed as numpy does", "another way", "download it again")
    with archive.open(member) as whole:
        # A header may claim any length: it gets no more than this to read.
        file = io.BytesIO(whole.read(_LONGEST_HEADER))
    try:
        version = np.lib.format.read_magic(file)
        reader = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = reader(file, max_header_size=_LONGEST_HEADER)
    except Exception as error:  # numpy lets through whatever Python's own parsers raise
        raise requirement(
            member, "be a plain array", str(error).split("\n")[0], "download it again"
        ) from error
    return _Header(shape, dtype, file.tell())


def _check_shapes(headers: dict[str, _Header]) -> None:
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


def _read(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}.npy") as file:
        try:
            return np.lib.format.read_array(file, allow_pickle=False)
        except ValueError as error:
            raise requirement(name, "be a whole array", error, "download it again") from error


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
