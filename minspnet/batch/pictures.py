"""New pictures in a zip or a folder, brought to what the network reads as those it learned from."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from minspnet.adapters.archive import Unreadable, opened
from minspnet.adapters.decoding import decode, read_header
from minspnet.adapters.framing import frame
from minspnet.adapters.picture_files import ARCHIVE_STARTS, WHITES, brightened, sort_out
from minspnet.batch.chunk import Chunk, Reject
from minspnet.errors import requirement
from minspnet.spec import ModelSpec

_BYTES = 16 * 2**20
"""Held at a time, with all that a network makes of them."""


class PictureFiles:
    """The picture files of a zip archive or a folder; their names there are the ids.

    Each goes the way of ``adapters.read_pictures``: turned upright, one size, grey or RGB. Tables
    and other files beside them are passed over.

    Args:
        path: Of the archive or the folder.
        spec: Of the network that is to read them.
        white: What is white where a picture has 16 bits a pixel; 0 if the network saw none such.

    Raises:
        UserError: If it is neither, or holds no pictures.
    """

    has_ids, has_labels = True, False
    passed_over: tuple[str, ...] = ()

    def __init__(self, path: Path, spec: ModelSpec, white: float = 0) -> None:
        self._channels, self._side, columns = spec.input_shape
        if self._side != columns:
            must = "be an array (.npz or .npy) for a model of pictures that are no squares"
            raise requirement("file of cases", must, path.name, "save them as one array")
        self._path, self._white = path, white
        with opened(path) as files:
            self._names = sort_out(files).pictures

    def chunks(self) -> Iterator[Chunk]:
        """Read some pictures at a time; they are numbered from 1, by name."""
        step = max(1, _BYTES // (4 * self._channels * self._side**2 * 8))
        with opened(self._path) as files:
            for first in range(0, len(self._names), step):
                names = self._names[first : first + step]
                inputs, kept, rejects = [], [], []
                for place, name in enumerate(names):
                    line = first + place + 1
                    try:
                        inputs.append(self._input(files.read(name)))
                        kept.append(place)
                    except Unreadable as error:
                        must = f"be a picture that the model can read ({error})"
                        rejects.append(Reject(line, "picture", name, must, "replace it"))
                lines = np.array([first + place + 1 for place in kept], np.int64)
                ids = pa.array([names[place] for place in kept], pa.string())
                done = (first + len(names)) / len(self._names)
                yield Chunk(lines, ids, self._stacked(inputs), tuple(rejects), done)

    def _input(self, content: bytes) -> Float[np.ndarray, "channel side side"]:
        if content.startswith(ARCHIVE_STARTS):
            raise Unreadable("it is an archive")
        read_header(content)
        picture = decode(content, self._side)
        framed = frame(picture.pixels, self._side)
        if picture.deep:
            if self._white not in WHITES:
                raise Unreadable("it has 16 bits a pixel, and the model learned from 8")
            framed = brightened(framed, self._white)
        if len(framed) > self._channels:
            raise Unreadable("it is in colour, and the model learned from grey ones")
        return np.broadcast_to(framed, (self._channels, *framed.shape[1:]))

    def _stacked(self, inputs: list[np.ndarray]) -> Float[np.ndarray, "case channel side side"]:
        shape = (len(inputs), self._channels, self._side, self._side)
        return np.stack(inputs) if inputs else np.empty(shape, np.float32)
