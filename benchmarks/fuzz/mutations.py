"""From a sound file to a bad one: bytes, texts, archives, arrays, recipes and tables."""

import io
import json
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz.words import number, word

Mutate = Callable[[bytes, random.Random, Path], bytes]
_LENGTHS = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def in_bytes(content: bytes, chance: random.Random, outside: Path) -> bytes:
    """Flip, cut, repeat, move, or overwrite what may be a length."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if not data:
            return bytes(data)
        at = chance.randrange(len(data))
        kind = chance.randrange(8)
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at] = chance.choice((0, 9, 10, 13, 32, 34, 44, 59, 0x7F, 0x80, 0xC3, 0xFF))
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + chance.choice((1, 4, 64, 1024))]
        elif kind == 4:
            part = data[at : at + chance.choice((1, 16, 256, 2048))]
            data[at:at] = part * chance.choice((1, 2, 50))
        elif kind == 5:
            size = chance.choice(("<H", "<I", ">I", "<Q"))
            told = struct.pack("<Q", chance.choice(_LENGTHS))[: struct.calcsize(size)]
            data[at : at + len(told)] = told if size[0] == "<" else told[::-1]
        elif kind == 6:
            data[at:at] = word(chance, outside).encode("utf-8", "replace")
        else:
            other = chance.randrange(len(data))
            data[at : at + 200] = data[other : other + 200]
    return bytes(data)


def in_text(content: bytes, chance: random.Random, outside: Path) -> bytes:
    """Put words in, lose lines, or say it in another encoding."""
    lines = content.decode("utf-8", "replace").split("\n")
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(lines))
        kind = chance.randrange(5)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[chance.randrange(len(lines))])
        elif kind == 2:
            lines.insert(at, word(chance, outside))
        else:
            line, place = lines[at], chance.randrange(len(lines[at]) + 1)
            lines[at] = line[:place] + word(chance, outside) + line[place + kind * 2 - 6 :]
        lines = lines or [""]
    text = "\n".join(lines)
    if chance.random() < 0.9:
        return text.encode("utf-8", "replace")
    return text.encode(chance.choice(("utf-16", "utf-32", "latin-1", "cp037", "utf-7")), "replace")


def in_table(content: bytes, chance: random.Random, outside: Path) -> bytes:
    """Change cells, columns and names of a table; it stays one, more or less."""
    rows = [line.split(",") for line in content.decode("utf-8", "replace").splitlines()]
    width = max(map(len, rows))
    for _ in range(chance.choice((1, 2, 5))):
        column, kind = chance.randrange(width), chance.randrange(8)
        row = chance.choice(rows)
        if kind == 0:  # a name
            rows[0][column % len(rows[0])] = _quoted(word(chance, outside), chance)
        elif kind == 1:  # a cell
            row[column % len(row)] = _quoted(word(chance, outside), chance)
        elif kind == 2:  # a whole column
            said = [_quoted(word(chance, outside), chance) for _ in range(3)]
            for one in rows[1:]:
                one[column % len(one)] = chance.choice(said)
        elif kind == 3:
            for one in rows[1:]:
                one[column % len(one)] = f"{number(chance):g}"
        elif kind == 4:  # a constant, or nothing at all
            for one in rows[1:]:
                one[column % len(one)] = chance.choice(("", "1"))
        elif kind == 5:
            for one in rows:
                one.insert(column, one[chance.randrange(len(one))])
        elif kind == 6:
            rows = [rows[0], *chance.sample(rows[1:], max(1, len(rows) // chance.choice((2, 30))))]
        else:
            row[column % len(row) :] = []
            row.append("x")
    mark, end = chance.choice(",,,;\t|"), chance.choice(("\n", "\n", "\r\n", "\r"))
    return end.join(mark.join(one) for one in rows).encode("utf-8", "replace")


def _quoted(text: str, chance: random.Random) -> str:
    return '"' + text.replace('"', '""') + '"' if chance.random() < 0.7 else text


def in_json(content: bytes, chance: random.Random, outside: Path) -> bytes:
    """Change values, keys and depth of a JSON file."""
    plain = json.loads(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        plain = in_plain(plain, chance, outside)
    text = json.dumps(plain)  # with NaN and Infinity, as others write them
    if chance.random() < 0.05:
        text = text.replace("{", '{"' + "a" * chance.choice((1, 9999)) + '":', 1)
    return text.encode()


def in_plain(value: Any, chance: random.Random, outside: Path) -> Any:
    """Change one thing somewhere within plain data."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(list(value))
        kind = chance.random()
        if kind < 0.1:
            return {name: one for name, one in value.items() if name != key}
        if kind < 0.2:
            return {**value, word(chance, outside): value[key]}
        return {**value, key: in_plain(value[key], chance, outside)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        at, kind = chance.randrange(len(value)), chance.random()
        if kind < 0.1:
            return value[:at] + value[at + 1 :]
        if kind < 0.2:
            return value * chance.choice((2, 40))
        return [*value[:at], in_plain(value[at], chance, outside), *value[at + 1 :]]
    return odd_value(chance, outside)


def odd_value(chance: random.Random, outside: Path) -> Any:
    """Something that is seldom what was asked for."""
    return chance.choice(
        (
            word(chance, outside), number(chance), None, True, False, [], {}, [[]], "", 0, -1,
            10**chance.choice((2, 9, 30, 400)), [word(chance, outside)] * 3,
            {word(chance, outside): number(chance)},
        )
    )  # fmt: skip


def in_zip(inner: Mutate) -> Mutate:
    """Change an archive: its files, their names, its directory, or its bytes."""

    def mutate(content: bytes, chance: random.Random, outside: Path) -> bytes:
        if chance.random() < 0.3:
            return in_bytes(content, chance, outside)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = [(one.filename, archive.read(one)) for one in archive.infolist()]
        at, kind = chance.randrange(len(files)), chance.randrange(10)
        name, held = files[at]
        if kind < 4:
            files[at] = name, inner(held, chance, outside)
        elif kind == 4:
            files[at] = word(chance, outside) or "x", held
        elif kind == 5:
            files.append((chance.choice((name, word(chance, outside) or "x")), held))
        elif kind == 6:
            del files[at]
        elif kind == 7:  # far larger than it looks
            files[at] = name, bytes(chance.choice((2**20, 2**24)))
        elif kind == 8:
            files[at] = name, chance.choice(files)[1]
        return _zipped(files, chance)

    return mutate


def _zipped(files: list[tuple[str, bytes]], chance: random.Random) -> bytes:
    out = io.BytesIO()
    packing = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", packing) as archive:
        warnings.simplefilter("ignore")  # of names that come twice
        for name, held in files:
            about = zipfile.ZipInfo(name[:60_000])
            about.compress_type = packing
            if chance.random() < 0.03:  # a link, a device, a folder
                about.external_attr = chance.choice((0o120777, 0o060666, 0o040755)) << 16
            archive.writestr(about, held)
    packed = bytearray(out.getvalue())
    if chance.random() < 0.15 and (at := packed.rfind(b"PK\1\2")) >= 0:
        # What the directory says: flags, packing, checksum, sizes, place.
        field, size = chance.choice(((8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (42, 4)))
        told = chance.choice(_LENGTHS).to_bytes(8, "little")[:size]
        packed[at + field : at + field + size] = told
    return bytes(packed)


def in_array(content: bytes, chance: random.Random, outside: Path) -> bytes:
    """Change what a numpy file says of itself, or what it holds."""
    kind = chance.randrange(4)
    if kind == 0 or content[:6] != b"\x93NUMPY":
        return in_bytes(content, chance, outside)
    if kind == 1:
        end = 10 + int.from_bytes(content[8:10], "little")
        header = chance.choice(
            (
                "{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 28, 28), }",
                "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
                "{'descr': '<U99999999', 'fortran_order': True, 'shape': (-1,), }",
                "{'descr': [('a', '<f4')], 'fortran_order': 1, 'shape': (2, 2)}",
                "{'descr': '<f4', 'shape': ()}",
                "(" * 900,
                word(chance, outside),
            )
        ).encode("utf-8", "replace")[:60_000]
        return content[:8] + struct.pack("<H", len(header)) + header + content[end:]
    array = np.load(io.BytesIO(content), allow_pickle=False)
    out = io.BytesIO()
    try:
        np.save(out, _other_array(array, chance), allow_pickle=False)
    except (ValueError, TypeError, OverflowError):
        return in_bytes(content, chance, outside)
    return out.getvalue()


def _other_array(array: np.ndarray, chance: random.Random) -> np.ndarray:
    kind = chance.randrange(6)
    if kind == 0:
        wanted = chance.choice(
            ("u1", "i1", "u2", "<i8", "f2", "f8", ">f4", "c16", "U3", "?", "M8[s]")
        )
        with np.errstate(all="ignore"):
            return array.astype(wanted)
    if kind == 1:
        return array[..., None] if array.ndim < 30 else array
    if kind == 2:
        return array.T
    if kind == 3:
        return array[: chance.randrange(len(array) + 1)] if array.ndim else array
    if kind == 4 and array.dtype.kind in "fiu" and array.size:
        other = array.astype(np.float64)
        other.flat[chance.randrange(array.size)] = number(chance)
        return other
    return np.concatenate([array, array]) if array.ndim else array


def in_tensors(content: bytes, chance: random.Random, outside: Path) -> bytes:
    """Change what a safetensors file says of its tensors, or their bytes."""
    end = 8 + int.from_bytes(content[:8], "little")
    if chance.random() < 0.4 or not 8 < end <= len(content):
        return in_bytes(content, chance, outside)
    if chance.random() < 0.3:  # numbers alone: what is read is as long as it should be
        data = bytearray(content)
        for _ in range(chance.choice((1, 8, 400))):
            at = chance.randrange(end, len(data) - 4) if len(data) - 4 > end else end - 1
            data[at : at + 4] = struct.pack("<f", chance.choice((0, 1e38, -1e38, np.nan, np.inf)))
        return bytes(data)
    head = json.loads(content[8:end])
    told = json.dumps(in_plain(head, chance, outside)).encode()
    return struct.pack("<Q", len(told)) + told + content[end:]


def in_picture(content: bytes, chance: random.Random, outside: Path) -> bytes:
    """Change what a PNG says of its size and kind, checksums right; or the bytes of any picture."""
    if content[:4] != b"\x89PNG" or chance.random() < 0.5:
        return in_bytes(content, chance, outside)
    data = bytearray(content)
    sides = (0, 1, 8, 9, 4096, 60_000, 0x7FFFFFFF, 0xFFFFFFFF)
    data[16:24] = struct.pack(">II", chance.choice(sides), chance.choice(sides))
    if chance.random() < 0.5:
        data[24:29] = bytes(chance.choice((0, 1, 2, 3, 4, 6, 8, 16, 255)) for _ in range(5))
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def any_of(*ways: Mutate) -> Mutate:
    """One of several ways, each as likely."""
    return lambda content, chance, outside: chance.choice(ways)(content, chance, outside)


def spliced(one: bytes, other: bytes, chance: random.Random) -> bytes:
    """The beginning of one file, the end of another."""
    return one[: chance.randrange(len(one) + 1)] + other[chance.randrange(len(other) + 1) :]
