"""Bytes from outside become text: what they are is looked at, not taken from a file's name."""

import codecs
from dataclasses import dataclass
from pathlib import Path

from minspnet.errors import UserError, requirement

MOST_BYTES = 256 * 2**20
"""Of a table that is read as a whole."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    # Before UTF-16: its mark is the beginning of this one.
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_SHEET = "save its sheet as CSV"
_EXPORT = "export it as CSV"
_OTHER = "choose the table itself"
_KINDS = (
    (b"PK\x03\x04", "a zip archive", "unpack it and choose the table in it"),
    (b"PK\x05\x06", "an empty zip archive", _OTHER),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", _SHEET),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"\xfd7zXZ", "an xz archive", "unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"PAR1", "a Parquet file", _EXPORT),
    (b"ARROW1", "an Arrow file", _EXPORT),
    (b"\x89HDF", "an HDF5 file", _EXPORT),
    (b"SQLite format 3\x00", "an SQLite database", _EXPORT),
    (b"\x93NUMPY", "a numpy array", _EXPORT),
    (b"\x89PNG", "a PNG picture", _OTHER),
    (b"\xff\xd8\xff", "a JPEG picture", _OTHER),
    (b"GIF8", "a GIF picture", _OTHER),
    (b"%PDF", "a PDF document", _EXPORT),
    (b"\x80\x02", "a Python pickle, which is never opened", _EXPORT),
    (b"\x80\x03", "a Python pickle, which is never opened", _EXPORT),
    (b"\x80\x04", "a Python pickle, which is never opened", _EXPORT),
    (b"\x80\x05", "a Python pickle, which is never opened", _EXPORT),
    (b"\x7fELF", "a program", _OTHER),
    (b"MZ\x90", "a program", _OTHER),
)
"""How files begin that are no tables, what they are, and what to do about it."""
_MARKUP = (
    ("<!doctype html", "a web page"),
    ("<html", "a web page"),
    ("<?xml", "an XML document"),
    ("{", "a JSON document"),
    ("[{", "a JSON document"),
)
_CONTROLS = {*map(chr, range(32)), "\x7f"} - {"\t", "\n", "\r", "\x0b", "\x0c", "\x1a"}


@dataclass(frozen=True)
class Text:
    """A file as text.

    Attributes:
        content: Without a byte order mark.
        encoding: As people call it.
        notes: What was assumed, in sentences.
        size: Of the file, in bytes.
    """

    content: str
    encoding: str
    notes: tuple[str, ...]
    size: int


def read_text(source: Path | bytes) -> Text:
    """Read a file, or the bytes of one, whose encoding nobody told.

    Byte order marks are believed, then UTF-8 is tried; what is neither is read as Windows-1252,
    which note says.

    Raises:
        UserError: In one sentence, if it is no text, too large or cannot be read.
    """
    data = source if isinstance(source, bytes) else _read(source)
    if len(data) > MOST_BYTES:
        most = f"{MOST_BYTES // 2**20} MB"
        raise requirement("table", f"be at most {most}", f"{most} or more", "split it")
    if not data.strip():
        raise requirement("table", "have a header line", "an empty file", "add one")
    found = foreign(data)
    if found is not None:
        raise requirement("table", "be text with one case a line", *found)
    content, encoding, notes = _decode(data)
    begins = content[:200].lstrip().lower()
    for start, what in _MARKUP:
        if begins.startswith(start):
            raise requirement("table", "be text with one case a line", what, _EXPORT)
    return Text(content, encoding, notes, len(data))


def foreign(data: bytes) -> tuple[str, str] | None:
    """Say what a file is that is no table, and what to do with it; None if it may be one."""
    for start, what, remedy in _KINDS:
        if data.startswith(start):
            if what == "a zip archive" and b"[Content_Types].xml" in data[:4096]:
                return "an Excel workbook", _SHEET
            return what, remedy
    return None


def _read(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise requirement("table", "be a file", path.name or path, "choose one")
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        must = f"be a file that can be read ({error.strerror or error})"
        raise requirement("table", must, path.name, "choose another") from error


def _decode(data: bytes) -> tuple[str, str, tuple[str, ...]]:
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            try:
                content = data.decode(codec)
            except UnicodeDecodeError as error:
                raise _broken(name, error) from error
            return _checked(content), name, ()
    if b"\0" in data:
        raise _with_controls(data.count(b"\n", 0, data.index(b"\0")) + 1, "NUL bytes")
    try:
        return _checked(data.decode()), "UTF-8", ()
    except UnicodeDecodeError as error:
        place = error.start
    try:
        content = _checked(data.decode("cp1252"))
    except UnicodeDecodeError as error:
        raise _broken("UTF-8", error) from error
    line = data.count(b"\n", 0, place) + 1
    note = (
        f"The text is not UTF-8 (line {line}), so it was read as Windows-1252: if accented letters "
        "look wrong, save the table as UTF-8."
    )
    return content, "Windows-1252", (note,)


def _checked(content: str) -> str:
    for control in _CONTROLS:
        if control in content:
            line = content.count("\n", 0, content.index(control)) + 1
            what = "NUL bytes" if control == "\0" else f"the control character {control!r}"
            raise _with_controls(line, what)
    return content


def _with_controls(line: int, what: str) -> UserError:
    return requirement("table", "be plain text", f"{what} in line {line}", "save it as UTF-8 text")


def _broken(encoding: str, error: UnicodeDecodeError) -> UserError:
    line = error.object.count(b"\n", 0, error.start) + 1
    got = f"bytes in line {line} that are no {encoding}"
    return requirement("table", "be readable text", got, "save it as UTF-8")
