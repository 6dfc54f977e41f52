"""Picture files in a zip or a folder: sorted out, labelled and brought to one size.

Every file is looked at twice: once for what its header says, from which the common size is chosen,
and once to be unpacked. Only one picture is in memory at its full size at any time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float

from minspnet.adapters.archive import Files, Unreadable, opened
from minspnet.adapters.decoding import Header, decode, read_header
from minspnet.adapters.framing import common_side, frame, largest_side
from minspnet.adapters.gathered import Gathered, UnreadablePicture, counted, listed
from minspnet.adapters.naming import safe_ids, shown_name
from minspnet.adapters.picture_folders import Folders, part_named, read_folders
from minspnet.adapters.picture_table import LARGEST_TABLE, PictureTable, read_picture_table
from minspnet.errors import UserError, requirement

LEAST_READABLE = 0.95
MOST_PIXELS_IN_ALL = 20_000_000_000
_PICTURES = frozenset(
    ("png", "jpg", "jpeg", "jpe", "jfif", "gif", "bmp", "dib", "tif", "tiff", "webp")
)
_REFUSED = frozenset(
    ("svg", "svgz", "htm", "html", "dcm", "dicom", "nii", "heic", "heif", "avif", "jp2", "psd")
)
"""Meant as pictures, and not opened."""
_ARCHIVES = frozenset(("zip", "tar", "gz", "tgz", "bz2", "xz", "7z", "rar", "zst", "npz"))
_TABLES = ("csv", "tsv")
WHITES = (1023, 4095, 16383, 65535)
"""What may be white where 16 bits a pixel are stored: 10, 12, 14 or all of them may be used."""
ARCHIVE_STARTS = (b"PK\3\4", b"PK\5\6", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")


@dataclass(frozen=True)
class Sorted:
    """Names of files by what they are for."""

    pictures: list[str]
    tables: list[str]
    aside: list[str]


def gather_files(source: Path | bytes) -> Gathered:
    """Read the pictures of a zip archive or a folder.

    Raises:
        UserError: In one sentence, if they are no task, or more than one in twenty is unreadable.
    """
    with opened(source) as files:
        sorted_out = sort_out(files)
        table, passed_over = _table(files, sorted_out.tables)
        names, folders, labelled = _labelled(sorted_out.pictures, table)
        headers, bad = _surveyed(files, names)
        _check_readable(len(names), bad)
        longer = [max(header.rows, header.columns) for header in headers.values()]
        side = min(common_side(longer), largest_side(len(longer)))
        framed, notes, white = _unpacked(files, headers, side, bad)
    _check_readable(len(names), bad)
    kept = [place for place, name in enumerate(names) if name in framed]
    good = [names[place] for place in kept]
    notes = [*labelled, *_left_aside(sorted_out.aside, passed_over), *notes]
    ids, rated, more = _told(good, table)
    return Gathered(
        ids,
        _stacked(framed[name] for name in good),
        tuple(folders.classes[place] for place in kept),
        (),
        tuple(folders.groups[place] for place in kept),
        tuple(folders.parts[place] for place in kept),
        rated,
        np.array([(headers[name].rows, headers[name].columns) for name in good]),
        (*notes, *more),
        tuple(UnreadablePicture(name, reason) for name, reason in sorted(bad.items())),
        white=white,
    )


def sort_out(files: Files) -> Sorted:
    """Tell pictures from tables and from the rest, by the ends of their names.

    Raises:
        UserError: If there are archives within, or no pictures.
    """
    found = Sorted([], [], [])
    for name in files.sizes:
        ending = PurePosixPath(name).suffix.lower().removeprefix(".")
        if ending in _ARCHIVES:
            raise _nested(name)
        if ending in _PICTURES | _REFUSED or not ending:
            found.pictures.append(name)
        else:
            (found.tables if ending in _TABLES else found.aside).append(name)
    if not found.pictures:
        raise requirement(
            "archive or folder",
            "hold PNG, JPEG, GIF, BMP, TIFF or WebP pictures",
            listed([*found.tables, *found.aside]) or "nothing",
            "put some there",
        )
    return found


def _nested(name: str) -> UserError:
    return requirement(
        "archive or folder", "hold no archive within", name, "unpack it there and leave it out"
    )


def _table(files: Files, names: list[str]) -> tuple[PictureTable | None, list[str]]:
    """The table that names pictures, and the tables that are not used."""
    named = [name for name in names if PurePosixPath(name).stem.lower() == "labels"]
    chosen = named if len(named) == 1 else names
    found = []
    for name in chosen:
        if files.sizes[name] > LARGEST_TABLE:
            raise requirement(
                name,
                f"take at most {LARGEST_TABLE:,} bytes",
                f"{files.sizes[name]:,}",
                "shorten it",
            )
        try:
            table = read_picture_table(name, files.read(name))
        except Unreadable as error:
            raise requirement(name, "be readable", str(error), "make the archive again") from error
        if table:
            found.append(table)
    if len(found) > 1:
        raise requirement(
            "tables that name files",
            "be one, or one of them called labels.csv",
            ", ".join(table.name for table in found),
            "keep one",
        )
    used = {table.name for table in found}
    return (found[0] if found else None), [name for name in names if name not in used]


def _labelled(names: list[str], table: PictureTable | None) -> tuple[list[str], Folders, list[str]]:
    """Pictures to read, what is known of each, and how it is known."""
    folders = read_folders(names)
    if table is None:
        if not all(folders.classes):
            raise _no_classes(names)
        return names, folders, ["Classes are the folders that the pictures lie in."]
    rows = table.rows_of(names)
    kept = [place for place, name in enumerate(names) if name in rows]
    if not kept:
        raise requirement(
            f"files named in {table.name}",
            "be in the archive or folder",
            repr(table.roles["file"][0]),
            "name them as they lie there",
        )

    def cells(role: str, otherwise: Sequence[str]) -> tuple[str, ...]:
        if role not in table.roles:
            return tuple(otherwise[place] for place in kept)
        return tuple(table.roles[role][rows[names[place]]] for place in kept)

    known = Folders(
        cells("class", folders.classes),
        tuple(map(part_named, cells("part", folders.parts))),
        cells("group", folders.groups),
    )
    by_table = "class" in table.roles
    if not by_table and not all(known.classes):
        raise _no_classes(names)
    notes = [f"Classes are {'told by' if by_table else 'folders; more is told by'} {table.name}."]
    if lacking := len(names) - len(kept):
        notes.append(f"{counted(lacking)} without a row in {table.name} left out.")
    if idle := len(table.roles["file"]) - len(kept):
        notes.append(f"{counted(idle, 'row')} of {table.name} without a picture left out.")
    return [names[place] for place in kept], known, notes


def _no_classes(names: list[str]) -> UserError:
    return requirement(
        "pictures",
        "lie in one folder a class, or be named in a labels.csv with the columns file and class",
        names[0],
        "sort them into folders or add the table",
    )


def _surveyed(files: Files, names: list[str]) -> tuple[dict[str, Header], dict[str, str]]:
    """What each picture's header says, and which pictures are unreadable and why."""
    headers, bad, pixels = {}, {}, 0
    for name in names:
        try:
            content = files.read(name)
            if content.startswith(ARCHIVE_STARTS):
                raise _nested(name)
            headers[name] = read_header(content)
        except Unreadable as error:
            bad[name] = str(error)
            continue
        pixels += headers[name].pixels
        if pixels > MOST_PIXELS_IN_ALL:
            raise requirement(
                "pictures",
                f"have at most {MOST_PIXELS_IN_ALL:,} pixels in all",
                "more",
                "shrink them before",
            )
    return headers, bad


def _check_readable(count: int, bad: dict[str, str]) -> None:
    if count - len(bad) < LEAST_READABLE * count:
        name, reason = min(bad.items())
        raise requirement(
            "pictures",
            f"be readable, {LEAST_READABLE:.0%} of them at least",
            f"{len(bad):,} of {count:,} that are not, such as {_short(name)}",
            f"remove or replace them ({_short(name)}: {reason})",
        )


def _short(name: str) -> str:
    return shown_name(PurePosixPath(name).name)[-30:]


def _unpacked(
    files: Files, headers: dict[str, Header], side: int, bad: dict[str, str]
) -> tuple[dict[str, Float[np.ndarray, "channel side side"]], list[str], int]:
    """Every picture at the common size, notes, and white where some have 16 bits a pixel.

    Those that fail join the unreadable ones.
    """
    framed, deep, clear = {}, [], 0
    for name in headers:
        try:
            picture = decode(files.read(name), side)
        except Unreadable as error:
            bad[name] = str(error)
            continue
        framed[name] = frame(picture.pixels, side)
        clear += picture.clear
        if picture.deep:
            deep.append(name)
    good = [headers[name] for name in framed]
    notes = []
    if turned := sum(header.turned for header in good):
        notes.append(f"{counted(turned)} turned upright, as the camera's EXIF data say.")
    if several := sum(header.several for header in good):
        notes.append(f"{counted(several)} of several pages or frames: the first is used.")
    if clear:
        notes.append(f"{counted(clear)} with transparent parts, which are black now.")
    if not deep:
        return framed, notes, 0
    white = _white(framed, deep)
    for name in deep:
        framed[name] = brightened(framed[name], white)
    note = f"{counted(len(deep))} with 16 bits a pixel, of which white is {white:,}."
    return framed, [*notes, note], white


def _white(framed: dict[str, Float[np.ndarray, "channel side side"]], deep: list[str]) -> int:
    """The whole scale where 16 bits carry fewer, as scanners and detectors write them."""
    brightest = max(float(framed[name].max()) for name in deep) * WHITES[-1]
    return next(white for white in WHITES if brightest <= white + 0.5)


def brightened(
    picture: Float[np.ndarray, "channel side side"], white: float
) -> Float[np.ndarray, "channel side side"]:
    """A picture of 16 bits a pixel, of which ``white`` is white."""
    if white == WHITES[-1]:
        return picture
    return np.minimum(picture * np.float32(WHITES[-1] / white), np.float32(1))


def _stacked(framed: Iterable[np.ndarray]) -> Float[np.ndarray, "case channel side side"]:
    """Grey if all are grey, else each as red, green and blue."""
    pictures = list(framed)
    channels = max(len(picture) for picture in pictures)
    return np.stack([np.broadcast_to(one, (channels, *one.shape[1:])) for one in pictures])


def _left_aside(aside: list[str], tables: list[str]) -> list[str]:
    rest = [*aside, *tables]
    if not rest:
        return []
    verb = "is" if len(rest) == 1 else "are"
    return [f"{counted(len(rest), 'file')} {verb} no picture, left aside: {listed(rest)}."]


def _told(
    names: list[str], table: PictureTable | None
) -> tuple[tuple[str, ...], dict[str, np.ndarray], list[str]]:
    """Ids and rated columns, from the table where it has them."""
    if table is None:
        return safe_ids(names), {}, []
    rows = table.rows_of(names)
    order = [rows[name] for name in names]
    rated, rest = table.numbers(order)
    notes = []
    if rest:
        notes.append(
            f"{counted(len(rest), 'column')} of {table.name} not used, because not a number in "
            f"every row or never different: {listed(rest)}."
        )
    if "id" not in table.roles:
        return safe_ids(names), rated, notes
    cells = [table.roles["id"][row] for row in order]
    seen: dict[str, int] = {}
    for row, cell in zip(order, cells, strict=True):
        if not cell or cell in seen:
            raise requirement(
                f"id in row {row + 2} of {table.name}",
                "be there, and occur once",
                repr(cell),
                "give each picture an id of its own",
            )
        seen[cell] = row
    return safe_ids(cells), rated, notes
