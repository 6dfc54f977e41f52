"""Pictures in a plain ``.npz``: one array of pictures, one of labels; or the form of MedMNIST."""

import math
from pathlib import Path

import numpy as np
from jaxtyping import Float

from minspnet.adapters.archive import DAMAGED, archive
from minspnet.adapters.arrays import Header, check_length, read_array, read_header
from minspnet.adapters.framing import common_side, frame
from minspnet.adapters.gathered import Gathered
from minspnet.adapters.medmnist import LARGEST, read_parts
from minspnet.data import PARTS
from minspnet.errors import in_a_line, requirement

_PAIRS = (("images", "labels"), ("X", "y"), ("x", "y"), ("data", "target"))
"""What the two arrays may be called."""
SIDES = (8, 224)
"""Pixels that a picture may have at least and at most, each way."""
_MOST = 100_000
_LONGEST_LABEL = 400
_DIM = 64
"""Bytes that never reach this are taken for shades of a shorter scale, such as 0 to 16."""


def gather_arrays(source: Path | bytes) -> Gathered:
    """Read pictures of 8 to 224 pixels a side, grey or RGB, and one label each.

    Raises:
        UserError: In one sentence, if the file is not of that form.
    """
    try:
        with archive(source) as zipped:
            names = [name.removesuffix(".npy") for name in zipped.namelist()]
            if "train_images" in names:
                return _official(source)
            images, labels = _pair(names)
            headers = {name: read_header(zipped, name) for name in (images, labels)}
            _check(images, headers[images], labels, headers[labels])
            for name, header in headers.items():
                check_length(zipped, name, header)
            pictures = read_array(zipped, images)
            named = read_array(zipped, labels).reshape(-1)
    except DAMAGED as error:
        raise requirement(
            "file", "be a whole .npz archive", in_a_line(error), "make or download it again"
        ) from error
    shades, note, scale = _shades(images, _channels_last(pictures))
    words = named.dtype.kind == "U"
    order = () if words else tuple(_named(value) for value in np.unique(named))
    digits = len(str(len(named)))
    return _gathered(
        tuple(f"picture-{number:0{digits}d}" for number in range(1, len(named) + 1)),
        shades,
        tuple(_named(value) for value in named),
        order,
        ("",) * len(named),
        note,
        scale,
    )


def _official(source: Path | bytes) -> Gathered:
    parts = read_parts(source)
    rows = {name: getattr(parts.split, name) for name in PARTS}
    ids = tuple(f"{part}-{n:05d}" for part, of in rows.items() for n in range(1, len(of) + 1))
    return _gathered(
        ids,
        _shares(_channels_last(parts.pictures), 0, 255),
        tuple(parts.classes[label] for label in parts.labels),
        parts.classes,
        tuple(part for part, of in rows.items() for _ in of),
        "",
    )


class _shares:
    """Shares of full brightness, worked out a picture at a time: all at once take much memory."""

    def __init__(self, pictures: np.ndarray, low: float, high: float) -> None:
        self.pictures, self._low, self._high = pictures, low, high

    def __getitem__(self, row: int) -> Float[np.ndarray, "row column channel"]:
        values = (self.pictures[row].astype(np.float64) - self._low) / (self._high - self._low)
        return values.astype(np.float32)


def _gathered(
    ids: tuple[str, ...],
    pictures: _shares,
    classes: tuple[str, ...],
    order: tuple[str, ...],
    parts: tuple[str, ...],
    note: str,
    scale: tuple[float, float] = (0, 0),
) -> Gathered:
    rows, columns = pictures.pictures.shape[1:3]
    side = common_side([max(rows, columns)])
    inputs = np.stack([frame(pictures[row], side) for row in range(len(ids))])
    sizes = np.broadcast_to(np.array([rows, columns]), (len(ids), 2))
    no_groups = ("",) * len(ids)
    return Gathered(
        ids,
        inputs,
        classes,
        order,
        no_groups,
        parts,
        {},
        sizes,
        (note,) if note else (),
        black=scale[0],
        white=scale[1],
    )


def _pair(names: list[str]) -> tuple[str, str]:
    for pair in _PAIRS:
        if set(pair) <= set(names):
            return pair
    raise requirement(
        "file",
        "hold arrays images and labels, X and y, or those of MedMNIST",
        ", ".join(names) or "nothing",
        "save it with numpy.savez(file, images=..., labels=...)",
    )


def _check(images: str, of: Header, labels: str, known: Header) -> None:
    """Refuse what is no picture and no label, before anything is unpacked."""
    low, high = SIDES
    if of.dtype.kind not in "buif" or of.dtype.itemsize > 8:
        raise requirement(images, "hold numbers", of.dtype, "save it anew without objects")
    if known.dtype.kind not in "buiU" or known.dtype.itemsize > _LONGEST_LABEL:
        raise requirement(
            labels, "hold whole numbers or short words", known.dtype, "save it anew without objects"
        )
    shape = of.shape
    grey = len(shape) == 3
    colour = len(shape) == 4 and (shape[3] in (1, 3) or shape[1] in (1, 3))
    sides = shape[1:3] if grey or (colour and shape[3] in (1, 3)) else shape[2:4]
    if not (grey or colour) or not all(low <= side <= high for side in sides):
        raise requirement(
            images,
            f"be pictures of {low} to {high} pixels a side, grey or RGB",
            f"shape {shape}",
            "reshape it to (pictures, rows, columns)",
        )
    if not 0 < shape[0] <= _MOST:
        raise requirement(images, f"be 1 to {_MOST:,} pictures", f"{shape[0]:,}", "take fewer")
    if of.bytes > LARGEST:
        raise requirement(
            images, f"take at most {LARGEST:,} bytes", f"{of.bytes:,}", "take a smaller size"
        )
    if known.shape not in ((shape[0],), (shape[0], 1)):
        raise requirement(
            labels,
            f"be one label for each of {shape[0]} pictures",
            f"shape {known.shape}",
            "give each picture one label",
        )


def _channels_last(pictures: np.ndarray) -> np.ndarray:
    if pictures.ndim == 3:
        return pictures[..., None]
    return pictures if pictures.shape[3] in (1, 3) else np.moveaxis(pictures, 1, 3)


def _shades(name: str, pictures: np.ndarray) -> tuple[_shares, str, tuple[float, float]]:
    """Find the scale of the numbers: bytes, 16 bits, 0 to 1, or whatever range they have.

    Returns:
        The shades, a note on them, and black and white where the kind of number does not say.
    """
    low, high = float(pictures.min()), float(pictures.max())
    if not math.isfinite(low + high):
        raise requirement(name, "hold finite numbers", "NaN or infinity", "correct or remove them")
    if low == high:
        raise requirement(name, "hold pictures that differ", f"only {low:g}", "take another file")
    if pictures.dtype == np.uint8 and high >= _DIM:
        return _shares(pictures, 0, 255), "", (0, 0)
    if pictures.dtype == np.uint16 and high > 4095:
        note = "White is 65,535, the most that 16 bits hold."
        return _shares(pictures, 0, 65535), note, (0, 65535)
    if pictures.dtype.kind in "fb" and low >= 0 and high <= 1:
        return _shares(pictures, 0, 1), "", (0, 0)
    low = min(low, 0.0)
    return (
        _shares(pictures, low, high),
        f"Numbers from {low:g} (black) to {high:g} (white), the least and most in the file, "
        "became 0 to 1.",
        (low, high),
    )


def _named(value: np.generic) -> str:
    return f"class {int(value)}" if value.dtype.kind in "bui" else str(value)
