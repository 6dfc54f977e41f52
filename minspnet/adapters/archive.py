"""The files of a zip archive or a folder from outside, read within limits.

Nothing is unpacked to disk: files are read into memory one at a time. Their names are checked and
serve to tell files apart; none is ever opened as a path. Sizes are limited as declared, before
anything is read, and again while reading.
"""

import io
import lzma
import os
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from minspnet.errors import UserError, in_a_line, requirement

MOST_FILES = 100_000
LARGEST_FILE = 128 * 2**20
LARGEST_WHOLE = 4 * 2**30
"""Bytes of all files together, unpacked."""
_LONGEST_NAME = 400
_LARGEST_DIRECTORY = 64 * 2**20
"""Bytes of a zip's table of contents, which is read whole."""
_TAIL = 2**16 + 200
"""Where a zip says how long its table of contents is: at its end, before a comment."""
_IGNORED = {"thumbs.db", "desktop.ini", "__macosx"}
_ENCRYPTED = 1
DAMAGED = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    UnicodeDecodeError,
    RuntimeError,
    NotImplementedError,
)
"""What reading a damaged archive raises."""


class Unreadable(Exception):
    """One file cannot be used; its text says why, and the others may do."""


@dataclass(frozen=True)
class Files:
    """What an archive or folder holds.

    Attributes:
        sizes: Bytes of each file by its name within, parts separated by ``/``; sorted by name.
    """

    sizes: Mapping[str, int]
    _read: Callable[[str, int], bytes]

    def read(self, name: str) -> bytes:
        """Read one file whole.

        Raises:
            Unreadable: If it is damaged, too large or not as long as declared.
        """
        size = self.sizes[name]
        if size > LARGEST_FILE:
            raise Unreadable(f"it takes {size:,} bytes, more than {LARGEST_FILE:,}")
        try:
            content = self._read(name, size + 1)
        except Exception as error:  # whatever a reader of damaged archives may raise
            raise Unreadable(f"it is damaged ({in_a_line(error)})") from error
        if len(content) != size:
            raise Unreadable(f"it is not as long as declared, {size:,} bytes")
        return content


@contextmanager
def opened(source: Path | bytes) -> Iterator[Files]:
    """Open a zip archive, from a file or from memory, or a folder.

    Files that systems leave behind (``.DS_Store``, ``Thumbs.db``, ``__MACOSX``, all whose name
    begins with a dot) are passed over.

    Raises:
        UserError: If it is neither, is encrypted, or holds links, odd names or too much.
    """
    if isinstance(source, Path) and source.is_dir():
        yield _folder(source)
        return
    with archive(source) as zipped:
        members = _members(zipped)

        def read(name: str, most: int) -> bytes:
            with zipped.open(members[name]) as file:
                return file.read(most)

        yield Files(_within_limits({n: one.file_size for n, one in members.items()}), read)


@contextmanager
def archive(source: Path | bytes) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive whose table of contents is not too long to be read.

    Raises:
        UserError: If it is none.
    """
    with ExitStack() as closing:
        try:
            file: io.BufferedReader | io.BytesIO
            file = source.open("rb") if isinstance(source, Path) else io.BytesIO(source)
            closing.callback(file.close)
            check_directory(file)
            zipped = closing.enter_context(zipfile.ZipFile(file))
            check_places(zipped)
        except DAMAGED as error:
            # What the system says of a file names its whole path.
            said = error.strerror if isinstance(error, OSError) else None
            raise requirement(
                "file",
                "be a whole zip archive, a folder or an .npz",
                said or in_a_line(error),
                "make or download it again",
            ) from error
        yield zipped


def check_directory(file: io.BufferedReader | io.BytesIO) -> None:
    """Refuse a table of contents that would fill the memory; its length stands at the end.

    Raises:
        UserError: If it is too long, or lists too many files.
        zipfile.BadZipFile: If there is none.
    """
    length = file.seek(0, io.SEEK_END)
    file.seek(-min(length, _TAIL), io.SEEK_END)
    tail = file.read(_TAIL)
    # Behind the mark there are 18 bytes more: one without them is none.
    end = tail.rfind(b"PK\5\6", 0, max(len(tail) - 18, 0))
    if end < 0:
        raise zipfile.BadZipFile("no table of contents" if length else "an empty file")
    told = int.from_bytes(tail[end + 12 : end + 16], "little")
    if b"PK\6\7" in tail[:end]:  # there is a second, longer record, which then counts
        longer = tail.rfind(b"PK\6\6")
        if longer < 0:
            raise zipfile.BadZipFile("no table of contents")
        told = int.from_bytes(tail[longer + 40 : longer + 48], "little")
    if told > _LARGEST_DIRECTORY:
        raise too_many_files(f"a table of contents of {told:,} bytes")
    file.seek(max(0, length - len(tail) - told))
    if (count := file.read().count(b"PK\1\2")) > MOST_FILES:
        raise too_many_files(f"{count:,}")
    file.seek(0)


def check_places(zipped: zipfile.ZipFile) -> None:
    """Refuse files that would lie before the archive begins.

    Raises:
        zipfile.BadZipFile: If there is one.
    """
    if any(member.header_offset < 0 for member in zipped.infolist()):
        raise zipfile.BadZipFile("a file that lies nowhere")


def too_many_files(got: object) -> UserError:
    """Say that there are more files than are read."""
    return requirement("archive", f"hold at most {MOST_FILES:,} files", got, "leave some out")


def _members(zipped: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for member in zipped.infolist():
        name = _safe(member.filename)
        if member.filename.endswith(("/", "\\")) or _ignored(name):
            continue
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            raise _odd_file(name)
        if member.flag_bits & _ENCRYPTED:
            raise requirement("archive", "not be encrypted", name, "zip it without a password")
        if name in members:
            raise requirement("archive", "hold each name once", name, "rename one of them")
        members[name] = member
    return members


def _folder(root: Path) -> Files:
    sizes: dict[str, int] = {}
    waiting = [(root, "")]
    try:
        while waiting:
            folder, above = waiting.pop()
            for entry in sorted(os.scandir(folder), key=lambda one: one.name):
                name = _safe(f"{above}{entry.name}")
                if _ignored(name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((Path(entry.path), f"{name}/"))
                elif entry.is_file(follow_symlinks=False):
                    sizes[name] = entry.stat(follow_symlinks=False).st_size
                else:
                    raise _odd_file(name)
                if len(sizes) + len(waiting) > MOST_FILES:
                    raise too_many_files("more")
    except OSError as error:
        raise requirement("folder", "be readable", error, "check its rights") from error

    def read(name: str, most: int) -> bytes:
        with (root / name).open("rb") as file:  # found there above, not told from outside
            return file.read(most)

    return Files(_within_limits(sizes), read)


def _odd_file(name: str) -> UserError:
    return requirement(
        "archive or folder", "hold files only, no links", name, "put the file itself there"
    )


def _safe(name: str) -> str:
    """Give a name with ``/`` between its parts, if it stays within the archive."""
    parts = name.replace("\\", "/").split("/")
    leaves = not parts[0] or parts[0][1:2] == ":" or ".." in parts
    odd = any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
    if leaves or odd or len(name) > _LONGEST_NAME:
        raise requirement(
            "names in the archive",
            f"be relative, without control characters, of at most {_LONGEST_NAME} characters",
            repr(name),
            "rename it and zip anew",
        )
    return "/".join(part for part in parts if part not in ("", "."))


def _ignored(name: str) -> bool:
    return any(part.startswith(".") or part.lower() in _IGNORED for part in name.split("/"))


def _within_limits(sizes: dict[str, int]) -> dict[str, int]:
    if len(sizes) > MOST_FILES:
        raise too_many_files(f"{len(sizes):,}")
    total = sum(sizes.values())
    if total > LARGEST_WHOLE:
        raise requirement(
            "files", f"take at most {LARGEST_WHOLE:,} bytes unpacked", f"{total:,}", "shrink them"
        )
    return dict(sorted(sizes.items()))
