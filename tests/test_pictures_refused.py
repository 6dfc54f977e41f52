"""Pictures from outside that are damaged, hostile or no task: each gives one clear sentence."""

import io
import stat
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from picture_files import Files, blob, encoded, folder, npz, two_classes, zipped
from PIL import Image

from minspnet.adapters import archive as limits
from minspnet.adapters import read_pictures
from minspnet.adapters.archive import Unreadable
from minspnet.adapters.decoding import MOST_PIXELS, decode, read_header
from minspnet.errors import UserError

GOOD = two_classes()


def refused(source: Path | bytes) -> str:
    with pytest.raises(UserError) as caught:
        read_pictures(source, "upload.zip")
    told = str(caught.value)
    assert told.endswith(".") and "\n" not in told and "Traceback" not in told
    return told


def with_files(**changes: bytes) -> bytes:
    return zipped(GOOD | changes)


def all_as(name: str, content: bytes) -> bytes:
    """The same bad file in both folders, and nothing else."""
    return zipped({f"{kind}/{n}{name}": content for kind in ("a", "b") for n in range(10)})


def link() -> bytes:
    member = zipfile.ZipInfo("dull/link.png")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped({**GOOD, member: b"/etc/passwd"})


def encrypted() -> bytes:
    """The flag alone is enough to be refused: nothing is tried."""
    content = bytearray(zipped(GOOD))
    place = content.rindex(b"PK\1\2")
    content[place + 8] |= 1
    return bytes(content)


def twice() -> bytes:
    buffer = io.BytesIO(zipped(GOOD))
    with zipfile.ZipFile(buffer, "a") as target, pytest.warns(UserWarning, match="Duplicate"):
        target.writestr("dull/00.png", b"another")
    return buffer.getvalue()


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG whose header says what it likes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body


def table(text: str, name: str = "labels.csv") -> bytes:
    pictures = {f"p{number}.png": encoded(blob(number)) for number in range(20)}
    return zipped(pictures | {name: text.encode()})


ROWS = "".join(f"p{number}.png,{'ab'[number % 2]}\n" for number in range(20))
IMAGES, LABELS = np.zeros((40, 28, 28), np.uint8) + np.arange(28, dtype=np.uint8), np.arange(40) % 2


def npy(shape: str, dtype: str = "|u1", data: bytes = b"") -> bytes:
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header + data


def lying(content: bytes) -> bytes:
    """An .npz whose pictures are given byte by byte."""
    labels = io.BytesIO()
    np.save(labels, LABELS)
    return zipped({"images.npy": content, "labels.npy": labels.getvalue()})


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
JPEG = encoded(blob(1, 200, 200), "JPEG")
ARCHIVE = "archive or folder must hold "
READABLE = "pictures must be readable, 95% of them at least, got "
BAD: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "file must be a whole zip archive, a folder or an .npz, got BadZipFi"),
    "a picture alone": (lambda: encoded(blob(1)), "file must be a whole zip archive, a folder or"),
    "half an archive": (lambda: zipped(GOOD)[:2000], "file must be a whole zip archive, a folder"),
    "an empty archive": (lambda: zipped({}), f"{ARCHIVE}PNG, JPEG, GIF, BMP, TIFF or WebP picture"),
    "texts alone": (lambda: zipped({"a/b.txt": b"x"}), f"{ARCHIVE}PNG, JPEG, GIF, BMP, TIFF or We"),
    "a password": (encrypted, "archive must not be encrypted, got bright/09.png; zip it without"),
    "a path out": (
        lambda: with_files(**{"../x.png": b""}),
        "names in the archive must be relative",
    ),
    "a path from the root": (lambda: with_files(**{"/x.png": b""}), "names in the archive must be"),
    "a drive": (lambda: with_files(**{"C:\\x.png": b""}), "names in the archive must be relative"),
    "a line break in a name": (lambda: with_files(**{"a\n.png": b""}), "names in the archive must"),
    "a long name": (lambda: with_files(**{"x" * 500: b""}), "names in the archive must be relati"),
    "a link": (link, f"{ARCHIVE[:-5]}hold files only, no links, got dull/link.png; put the file"),
    "a name twice": (twice, "archive must hold each name once, got dull/00.png; rename one of t"),
    "an archive within": (
        lambda: with_files(**{"more.zip": zipped(GOOD)}),
        f"{ARCHIVE}no archive ",
    ),
    "one in disguise": (
        lambda: with_files(**{"dull/x.png": zipped(GOOD)}),
        f"{ARCHIVE}no archive within, got dull/x.png; unpack it there and leave it out.",
    ),
    "drawings": (
        lambda: all_as(".svg", SVG),
        f"{READABLE}20 of 20 that are not, such as 0.svg; remove or replace them (0.svg: it is an "
        "SVG drawing or a web page, which is not opened).",
    ),
    "pages": (lambda: all_as(".png", b"<!DOCTYPE html><script>"), "it is an SVG drawing or a web"),
    "texts in disguise": (lambda: all_as(".png", b"hello"), "it is no PNG, JPEG, GIF, BMP, TIFF o"),
    "empty pictures": (lambda: all_as(".png", b""), "(0.png: it is empty)."),
    "cut JPEGs": (lambda: all_as(".jpg", JPEG[:-300]), "(0.jpg: it is cut short or damaged (OSErr"),
    "cut PNGs": (
        lambda: all_as(".png", encoded(blob(1))[:-200]),
        "(0.png: it is cut short or damaged (",
    ),
    "a tenth unreadable": (
        lambda: with_files(**{"dull/x.png": b"x", "dull/y.png": b"y"}),
        f"{READABLE}2 of 22 that are not, such as x.png; remove or replace them (x.png: it is no",
    ),
    "a billion pixels": (
        lambda: all_as(".png", png(40_000, 40_000)),
        "(0.png: it has more than 64,000,000 pixels).",
    ),
    "many pixels": (
        lambda: all_as(".png", png(8001, 8000)),
        "(0.png: it has 64,008,000 pixels, more than 64,000,000).",
    ),
    "shades without a scale": (
        lambda: all_as(".tif", encoded(np.full((9, 9), 1e5, np.float32), "TIFF")),
        "(0.tif: its numbers must lie between 0 and 1 to be shades of grey).",
    ),
    "no folders": (
        lambda: zipped({f"{n}.png": encoded(blob(n)) for n in range(20)}),
        "pictures must lie in one folder a class, or be named in a labels.csv with the columns fil",
    ),
    "one class": (
        lambda: zipped({n: c for n, c in GOOD.items() if "dull" in n}),
        "classes must be two or more, got only 'dull'; add pictures of another class.",
    ),
    "a small class": (
        lambda: zipped({n: c for n, c in GOOD.items() if n != "dull/00.png"}),
        "class dull must have at least 10 pictures, got 9; add some, or leave the class out.",
    ),
    "a class a picture": (
        lambda: zipped({f"{n}/x.png": encoded(blob(1)) for n in range(101)}),
        "classes must be at most 100, got 101; sort the pictures into fewer folders.",
    ),
    "one shade": (
        lambda: all_as(".png", encoded(np.full((28, 28), 9, np.uint8))),
        "pictures must differ in brightness, shape or colour, got all alike; check the files.",
    ),
    "a test without a class": (
        lambda: zipped(
            {f"train/{n}": c for n, c in GOOD.items()} | {"test/dull/x.png": encoded(blob(77))}
        ),
        "official part test must hold pictures of every class, got none of bright; add some, or p",
    ),
    "two tables": (
        lambda: zipped({**GOOD, "a.csv": b"file,class\nx,y", "b.csv": b"file,class\nx,y"}),
        "tables that name files must be one, or one of them called labels.csv, got a.csv, b.csv;",
    ),
    "a table of other files": (
        lambda: table("file,class\nq.png,a\n"),
        "files named in labels.csv must be in the archive or folder, got 'q.png'; name them as",
    ),
    "a table without rows": (
        lambda: table("file,class\n"),
        "labels.csv must have rows below its h",
    ),
    "a header twice": (
        lambda: table(f"file,file\n{ROWS}"),
        "columns of labels.csv must be named once each, got 'file'; rename one.",
    ),
    "a short row": (
        lambda: table(f"file,class\n{ROWS}p1.png\n"),
        "row 22 of labels.csv must have 2 cells, got 1; quote cells that hold the separator.",
    ),
    "a picture twice": (
        lambda: table(f"file,class\n{ROWS}p1.png,a\n"),
        "row 22 of labels.csv must name a picture that no row above names, got 'p1.png'; remove",
    ),
    "an id twice": (
        lambda: table("file,id,class\n" + ROWS.replace(",", ",1,")),
        "id in row 3 of labels.csv must be there, and occur once, got '1'; give each picture an id",
    ),
    "a table in Latin 1": (
        lambda: zipped({**GOOD, "labels.csv": "file,class\nx,h\xe4".encode("latin-1")}),
        "labels.csv must be a CSV file in UTF-8, got 'utf-8' codec can't decode byte 0xe4",
    ),
    "a cell without end": (
        lambda: table('file,class\np1.png,"' + "x" * 200_000),
        "labels.csv must be a CSV file in UTF-8, got field larger than field limit (131072)",
    ),
    "many columns": (
        lambda: table("file," + ",".join(map(str, range(300))) + "\n" + "," * 300),
        "columns of labels.csv must be at most 200, got 301; leave some out.",
    ),
    "arrays by other names": (
        lambda: npz(a=IMAGES, b=LABELS),
        "file must hold arrays images and labels, X and y, or those of MedMNIST, got a, b;",
    ),
    "a pickle": (
        lambda: npz(images=np.array([{}] * 40, object), labels=LABELS),
        "images must hold numbers, got object; save it anew without objects.",
    ),
    "pickled labels": (
        lambda: npz(images=IMAGES, labels=np.array([{}] * 40, object)),
        "labels must hold whole numbers or short words, got object; save it anew without obje",
    ),
    "two gigabytes declared": (
        lambda: lying(npy("(2739000, 28, 28)")),
        "images must be 1 to 100,000 pictures, got 2,739,000; take fewer.",
    ),
    "more than fits": (
        lambda: lying(npy("(11000, 224, 224)")),
        "images must take at most 536,870,912 bytes, got 551,936,000; take a smaller size.",
    ),
    "a shape that is a lie": (
        lambda: lying(npy("(40, 224, 224)", data=bytes(999))),
        "images must be as long as its header says, 2,007,1",
    ),
    "a shape below nothing": (
        lambda: lying(npy("(-40, 28, 28)")),
        "images must be 1 to 100,000 pi",
    ),
    "a program for a shape": (lambda: lying(npy("__import__('os')")), "images.npy must be a plain"),
    "flat rows": (
        lambda: npz(X=IMAGES.reshape(40, -1), y=LABELS),
        "X must be pictures of 8 to 224 pixels a side, grey or RGB, got shape (40, 784); reshape",
    ),
    "tiny pictures": (
        lambda: npz(images=IMAGES[:, :7], labels=LABELS),
        "images must be pictures of",
    ),
    "too few labels": (
        lambda: npz(images=IMAGES, labels=LABELS[:9]),
        "labels must be one label for each of 40 pictures, got shape (9,); give each picture one",
    ),
    "labels by halves": (
        lambda: npz(images=IMAGES, labels=LABELS / 2),
        "labels must hold whole num",
    ),
    "no numbers": (
        lambda: npz(images=np.full((40, 28, 28), np.nan), labels=LABELS),
        "images must hold finite numbers, got NaN or infinity; correct or remove them.",
    ),
    "an empty scene": (
        lambda: npz(images=IMAGES * 0, labels=LABELS),
        "images must hold pictures th",
    ),
    "one label": (
        lambda: npz(images=IMAGES, labels=LABELS * 0),
        "classes must be two or more, got",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_pictures_are_refused_in_one_sentence(bad: str) -> None:
    source, told = BAD[bad]
    assert told in refused(source())


def test_a_link_and_a_pipe_in_a_folder_are_refused(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", GOOD)
    (root / "dull" / "x.png").symlink_to("/etc/passwd")
    assert "no links, got dull/x.png" in refused(root)
    assert "a whole zip archive, a folder or an .npz" in refused(tmp_path / "none")


def test_a_bomb_is_refused_by_what_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LARGEST_WHOLE", 10**6)
    bomb = zipped(GOOD | {"dull/x.bmp": bytes(2 * 10**6)})
    told = refused(bomb)
    assert told.startswith("files must take at most 1,000,000 bytes unpacked, got 2,0")


def test_a_bomb_that_declares_little_gives_no_more_than_that() -> None:
    """50 MB of zeros behind a directory that says 1 KB: refused without unpacking them."""
    content = bytearray(zipped({"a/x.png": bytes(50 * 2**20)}))
    place = content.rindex(b"PK\1\2")
    content[place + 24 : place + 28] = (1024).to_bytes(4, "little")
    tracemalloc.start()
    told = refused(bytes(content))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "x.png: it is damaged" in told and peak < 2 * 2**20


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(limits, "MOST_FILES", 15)
    monkeypatch.setattr(limits, "_LARGEST_DIRECTORY", 10**6)
    assert refused(zipped(GOOD)).startswith("archive must hold at most 15 files, got 20;")
    assert "at most 15 files" in refused(folder(tmp_path, GOOD))
    monkeypatch.setattr(limits, "_LARGEST_DIRECTORY", 500)
    assert "at most 15 files, got a table of contents of 1," in refused(zipped(GOOD))


def test_a_huge_file_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LARGEST_FILE", 10)
    assert "0.png: it takes 5,000 bytes, more than 10)" in refused(all_as(".png", bytes(5000)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_damaged_picture_is_read_or_refused(kind: str) -> None:
    """Cut short anywhere, or with any few bytes changed: pixels, or a reason."""
    content = encoded(np.dstack([blob(n) for n in range(3)]), kind)
    generator = np.random.default_rng(0)
    damaged = [content[:end] for end in generator.integers(0, len(content), 20)]
    for places in generator.integers(0, min(len(content), 400), (60, 3)):
        changed = bytearray(content)
        for place in places:
            changed[place] ^= 0xFF
        damaged.append(bytes(changed))
    told = 0
    for bad in damaged:
        try:
            header = read_header(bad)
            pixels = decode(bad, 28).pixels
        except Unreadable as error:
            told += bool(str(error)) and "\n" not in str(error)
            continue
        assert 0 < header.pixels <= MOST_PIXELS and pixels.min() >= 0 and pixels.max() <= 1
    assert told > 10


def test_nothing_outside_the_six_formats_is_opened() -> None:
    ico = encoded(Image.fromarray(blob(1)), "ICO")
    with pytest.raises(Unreadable, match="it is no PNG"):
        read_header(ico)


def test_a_bad_upload_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    evil: Files = {"../out.png": encoded(blob(1)), **GOOD}
    refused(zipped(evil))
    assert not list(tmp_path.rglob("*")) and not (tmp_path.parent / "out.png").exists()


def misnamed() -> bytes:
    """A name that is said to be UTF-8 and is none."""
    return with_files(**{"é.txt": b"x"}).replace("é.txt".encode(), b"\xff\xfe.txt")


def hidden_directory() -> bytes:
    """Another mark, within the last record, says nothing of how long the directory is."""
    content = bytearray(zipped(GOOD))
    end = content.rindex(b"PK\5\6")
    content[end + 16 : end + 20] = b"PK\5\6"
    return bytes(content)


def test_names_that_are_no_text_are_refused() -> None:
    assert "be a whole zip archive" in refused(misnamed())


def test_an_archive_that_has_lost_its_beginning_is_refused() -> None:
    assert "be a whole zip archive" in refused(zipped(GOOD)[200:])


def test_a_damaged_file_of_any_packing_is_left_out() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as target:
        for name, content in GOOD.items():
            target.writestr(name, content)
    content = bytearray(buffer.getvalue())
    first = content.index(b".png") + 20
    content[first : first + 40] = bytes(byte ^ 0xA5 for byte in content[first : first + 40])
    with limits.opened(bytes(content)) as files, pytest.raises(Unreadable, match="damaged"):
        for name in files.sizes:
            files.read(name)


def test_the_directory_is_measured_where_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_LARGEST_DIRECTORY", 10)
    assert "at most" in refused(hidden_directory())


def test_files_are_counted_before_they_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_FILES", 3)
    content = zipped(GOOD)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert "at most 3 files" in refused(content)


def test_classes_of_thousands_of_digits_are_sorted() -> None:
    rows = [f"p{number}.png,{'9' * 5000 if number % 2 else '8'}" for number in range(20)]
    found = read_pictures(table("\n".join(["file,class", *rows])), "digits.zip")
    assert found.card.classes == ("8", "9" * 60)


def test_a_table_of_a_million_titles_is_refused_at_once() -> None:
    assert "at most 200" in refused(table(",".join(["file", *map(str, range(200_000))]) + "\nx"))


def test_rows_of_a_table_are_counted_while_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minspnet.adapters.picture_table.MOST_FILES", 5)
    assert "at most 5 rows" in refused(table("file,class\n" + "x,a\n" * 9))
