"""Pictures, signals or columns as one array of a numpy file, read a piece at a time."""

import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Float

from minspnet.adapters.archive import archive as open_archive
from minspnet.adapters.arrays import LONGEST_HEADER
from minspnet.adapters.framing import frame
from minspnet.adapters.picture_arrays import SIDES
from minspnet.batch.chunk import Chunk, Reject
from minspnet.errors import UserError, in_a_line, requirement
from minspnet.spec import ModelSpec

NAMES = ("inputs", "images", "test_images", "x", "X", "data")
"""Arrays of these names are taken, the first one first, where a file holds several."""
_BYTES = 16 * 2**20
"""Held at a time."""
_KINDS = "buif"


class ArrayFile:
    """A ``.npz`` archive or a ``.npy`` file with one case a row; nothing in it is unpickled.

    Pictures are (case, height, width), (case, channel, height, width) or (case, height, width,
    channel): whole numbers from 0 to 255, or fractions from 0 to 1.

    Args:
        path: The file.
        spec: Of the network that is to read it.
        framed: Whether pictures of another size are brought to the network's, as
            ``adapters.read_pictures`` does.
        scale: Numbers of black and white in place of those above; both 0 if they have none.

    Raises:
        UserError: If it holds no such array.
    """

    has_ids, has_labels = False, False
    passed_over: tuple[str, ...] = ()

    def __init__(
        self,
        path: Path,
        spec: ModelSpec,
        framed: bool = False,
        scale: tuple[float, float] = (0, 0),
    ) -> None:
        self._path, self._spec, self._scale = path, spec, scale
        self._framed = framed and spec.stem.kind == "image"
        with _told(path):
            self._member = _member(path)
            with self._opened() as file:
                self._shape, self._kind = _header(file)
        self._check()

    def _check(self) -> None:
        if self._kind.hasobject or self._kind.kind not in _KINDS:
            raise requirement("array", "hold numbers", self._kind, "save it as uint8 or float32")
        if self._shape[1:] not in self._accepted and not self._can_be_framed():
            wanted = " or ".join(
                f"({', '.join(map(str, ('case', *one)))})" for one in self._accepted
            )
            raise requirement(
                "array",
                f"have shape {wanted}",
                self._shape,
                "resize the cases, or pick another model",
            )

    @property
    def _accepted(self) -> list[tuple[int, ...]]:
        """Shapes of one case, the network's own first."""
        own = tuple(self._spec.input_shape)
        if self._spec.stem.kind != "image":
            return [own]
        last = (*own[1:], own[0])
        return [own, *([own[1:]] if own[0] == 1 else []), *([last] if last != own else [])]

    def _can_be_framed(self) -> bool:
        shape, channels = self._shape[1:], self._spec.input_shape[0]
        if not self._framed or len(shape) not in (2, 3):
            return False
        of, *sides = self._channels_first(np.empty((0, *shape))).shape[1:]
        low, high = SIDES
        return of in (1, channels) and all(low <= side <= high for side in sides)

    def chunks(self) -> Iterator[Chunk]:
        """Read some cases at a time; they are numbered from 1."""
        count, each = self._shape[0], math.prod(self._shape[1:]) * self._kind.itemsize
        # As float32 with all that a network makes of them, cases are larger than in the file.
        step = max(1, _BYTES // (4 * max(math.prod(self._shape[1:]), 1) * 8))
        with _told(self._path), self._opened() as file:
            _header(file)
            for first in range(0, count, step):
                rows = min(step, count - first)
                content = file.read(rows * each)
                if len(content) < rows * each:
                    whole = first + len(content) // max(each, 1)
                    must = f"hold the {count:,} cases that its header declares"
                    raise requirement("array", must, f"{whole:,}", "save it anew")
                array = np.frombuffer(content, self._kind).reshape(rows, *self._shape[1:])
                yield self._chunk(array, first, (first + rows) / count)

    def _chunk(self, array: np.ndarray, first: int, done: float) -> Chunk:
        shares = self._as_shares(array)
        flat = shares.reshape(len(shares), -1)
        must = np.full(len(shares), "", object)
        if self._spec.stem.kind == "image":
            outside = (flat < 0).any(axis=1) | (flat > 1).any(axis=1)
            must[outside] = self._range()
        if not self._spec.stem.missing:
            must[~np.isfinite(flat).all(axis=1)] = "be finite numbers"
        must[np.isinf(flat).any(axis=1)] = "be finite numbers"
        kept = must == ""
        rejects = tuple(
            Reject(
                first + row + 1,
                "inputs",
                _worst(flat[row], array[row].ravel()),
                must[row],
                "correct the case",
            )
            for row in np.flatnonzero(~kept).tolist()
        )
        lines = np.arange(first + 1, first + len(shares) + 1)
        return Chunk(lines[kept], None, self._as_inputs(shares[kept]), rejects, done)

    def _range(self) -> str:
        low, high = self._scale
        if low or high:
            return f"lie between {low:g} and {high:g}"
        return "lie between 0 and 1, or be whole numbers from 0 to 255"

    def _as_shares(self, array: np.ndarray) -> Float[np.ndarray, "case ..."]:
        """Pictures as shares of full brightness, others as they are."""
        low, high = self._scale
        if not (low or high):
            low, high = 0, 255 if self._kind.kind in "ui" else 1
        with np.errstate(over="ignore"):
            if self._spec.stem.kind != "image":
                return array.astype(np.float32)
            return ((array.astype(np.float64) - low) / (high - low)).astype(np.float32)

    def _as_inputs(self, shares: Float[np.ndarray, "case ..."]) -> Float[np.ndarray, "case *input"]:
        if self._spec.stem.kind != "image":
            return shares
        own = tuple(self._spec.input_shape)
        pictures = self._channels_first(shares)
        if pictures.shape[1:] != own:
            framed = [frame(np.moveaxis(one, 0, 2), own[1]) for one in pictures]
            pictures = np.stack(framed) if framed else np.empty((0, *own), np.float32)
        if pictures.shape[1] != own[0]:  # grey, for a network that reads colour
            pictures = pictures.repeat(own[0], axis=1)
        return np.ascontiguousarray(pictures)

    def _channels_first(self, pictures: np.ndarray) -> np.ndarray:
        own, shape = tuple(self._spec.input_shape), pictures.shape[1:]
        if len(shape) == 2:
            return pictures[:, None]
        if shape != own and shape[2] in (1, 3, own[0]):
            return np.moveaxis(pictures, 3, 1)
        return pictures

    @contextmanager
    def _opened(self) -> Iterator[io.BufferedIOBase]:
        if self._member is None:
            with self._path.open("rb") as file:
                yield file
        else:
            with zipfile.ZipFile(self._path) as archive, archive.open(self._member) as member:
                yield member


def _member(path: Path) -> str | None:
    """The array to read of an archive; None for a file that is one array."""
    if not zipfile.is_zipfile(path):
        return None
    with open_archive(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
    wanted = [f"{name}.npy" for name in NAMES if f"{name}.npy" in names] or names
    if len(wanted) != 1 and wanted == names:
        raise requirement(
            "file",
            f"hold one array, or one named {' or '.join(NAMES)}",
            ", ".join(name.removesuffix(".npy") for name in names[:6]) or "none",
            "save the cases as one array with numpy.savez(file, inputs=array)",
        )
    return wanted[0]


def _header(file: io.BufferedIOBase) -> tuple[tuple[int, ...], np.dtype]:
    """Read shape and type of an array, and stop where its numbers begin."""
    # A header may claim any length: it gets no more than this to read.
    head = io.BytesIO(file.read(LONGEST_HEADER))
    version = np.lib.format.read_magic(head)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else (np.lib.format.read_array_header_2_0)
    )
    shape, columns_first, kind = read(head, max_header_size=LONGEST_HEADER)
    if columns_first and len(shape) > 1:
        raise requirement(
            "array", "lie case by case", "Fortran's order", "save numpy.ascontiguousarray of it"
        )
    file.seek(head.tell())
    return tuple(shape), kind


def _worst(shares: np.ndarray, values: np.ndarray) -> str:
    """The value that a case is rejected for."""
    strange = ~np.isfinite(shares)
    outside = strange if strange.any() else (shares < 0) | (shares > 1)
    return f"{values[outside][0]:g}"


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn whatever a foreign file makes go wrong into one sentence."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise requirement(
            "file", "be a numpy file, .npz or .npy", in_a_line(error), "save it anew"
        ) from error
