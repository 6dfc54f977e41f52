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
from minspnet.batch.chunk import Chunk, Reject
from minspnet.errors import UserError, in_a_line, requirement
from minspnet.spec import ModelSpec

NAMES = ("inputs", "images", "test_images", "x")
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

    Raises:
        UserError: If it holds no such array.
    """

    has_ids = False

    def __init__(self, path: Path, spec: ModelSpec) -> None:
        self._path, self._spec = path, spec
        with _told(path):
            self._member = _member(path)
            with self._opened() as file:
                self._shape, self._kind = _header(file)
        self._check()

    def _check(self) -> None:
        if self._kind.hasobject or self._kind.kind not in _KINDS:
            raise requirement("array", "hold numbers", self._kind, "save it as uint8 or float32")
        if self._shape[1:] not in self._accepted:
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
        inputs = self._as_inputs(array)
        flat = inputs.reshape(len(inputs), -1)
        must = np.full(len(inputs), "", object)
        if self._spec.stem.kind == "image":
            outside = (flat < 0).any(axis=1) | (flat > 1).any(axis=1)
            must[outside] = "lie between 0 and 1, or be whole numbers from 0 to 255"
        if not self._spec.stem.missing:
            must[~np.isfinite(flat).all(axis=1)] = "be finite numbers"
        must[np.isinf(flat).any(axis=1)] = "be finite numbers"
        kept = must == ""
        rejects = tuple(
            Reject(first + row + 1, "inputs", _worst(flat[row]), must[row], "correct the case")
            for row in np.flatnonzero(~kept).tolist()
        )
        lines = np.arange(first + 1, first + len(inputs) + 1)
        return Chunk(lines[kept], None, inputs[kept], rejects, done)

    def _as_inputs(self, array: np.ndarray) -> Float[np.ndarray, "case *input"]:
        with np.errstate(over="ignore"):
            inputs = array.astype(np.float32)
        if self._spec.stem.kind != "image":
            return inputs
        if self._kind.kind in "ui":
            inputs /= 255
        own = tuple(self._spec.input_shape)
        if self._shape[1:] == own:
            return inputs
        if self._shape[1:] == own[1:]:
            return inputs[:, None]
        return np.ascontiguousarray(np.moveaxis(inputs, -1, 1))

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


def _worst(values: np.ndarray) -> str:
    """The value that a case is rejected for."""
    strange = values[~np.isfinite(values)]
    outside = strange if len(strange) else values[(values < 0) | (values > 1)]
    return f"{outside[0]:g}"


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
