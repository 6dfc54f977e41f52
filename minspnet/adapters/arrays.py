"""Arrays of an ``.npz`` archive from outside: looked at before they are unpacked, never pickled."""

import io
import math
import zipfile
from dataclasses import dataclass

import numpy as np

from minspnet.errors import requirement

LONGEST_HEADER = 4096
"""Bytes that an array may take to say what it is."""
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Header:
    """What an array says of itself.

    Attributes:
        shape: Of the array.
        dtype: Of one value.
        start: Where its values begin, in bytes.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    start: int

    @property
    def bytes(self) -> int:
        """What the values take."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(archive: zipfile.ZipFile, name: str) -> Header:
    """Read what an array says of itself; nothing of it is believed yet.

    Raises:
        UserError: If there is no such array, or it says nothing that can be read.
    """
    member = f"{name}.npy"
    if member not in archive.namelist():
        raise requirement(
            "file", f"hold {name}", ", ".join(archive.namelist()) or "nothing", "take another file"
        )
    if archive.getinfo(member).compress_type not in _PACKINGS:
        raise requirement(member, "be packed as numpy does", "another way", "download it again")
    with archive.open(member) as whole:
        # A header may claim any length: it gets no more than this to read.
        file = io.BytesIO(whole.read(LONGEST_HEADER))
    try:
        version = np.lib.format.read_magic(file)
        reader = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = reader(file, max_header_size=LONGEST_HEADER)
    except Exception as error:  # numpy lets through whatever Python's own parsers raise
        raise requirement(
            member, "be a plain array", str(error).split("\n")[0], "download it again"
        ) from error
    return Header(shape, dtype, file.tell())


def check_length(archive: zipfile.ZipFile, name: str, header: Header) -> None:
    """Hold what an array says of itself against the archive's directory.

    Raises:
        UserError: If one says more than the other.
    """
    told, found = header.start + header.bytes, archive.getinfo(f"{name}.npy").file_size
    if told != found:
        raise requirement(
            name,
            f"be as long as its header says, {told:,} bytes",
            f"{found:,}",
            "download it again",
        )


def read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Unpack an array whose header has been checked.

    Raises:
        UserError: If it is not whole.
    """
    with archive.open(f"{name}.npy") as file:
        try:
            return np.lib.format.read_array(file, allow_pickle=False)
        except ValueError as error:
            raise requirement(name, "be a whole array", error, "download it again") from error
