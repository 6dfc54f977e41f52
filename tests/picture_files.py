"""Small pictures as files, archives and folders of them, for tests."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Files = dict[str, bytes]


def encoded(pixels: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture as a file; grey, RGB or RGBA by its shape, unless it is one of Pillow's own."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def blob(seed: int, rows: int = 28, columns: int = 28, bright: bool = False) -> np.ndarray:
    """Noise with a bright square somewhere: no two are alike."""
    generator = np.random.default_rng(seed)
    picture = generator.integers(0, 60, (rows, columns), dtype=np.uint8)
    top, left = generator.integers(0, (rows // 2, columns // 2))
    picture[top : top + rows // 3, left : left + columns // 3] += 120 if bright else 60
    return picture


def two_classes(count: int = 10, **shape: int) -> Files:
    """A folder each for dull and bright pictures."""
    return {
        f"{name}/{number:02d}.png": encoded(blob(number + 100 * bright, bright=bright, **shape))
        for bright, name in ((False, "dull"), (True, "bright"))
        for number in range(count)
    }


def zipped(files: Mapping[str | zipfile.ZipInfo, bytes]) -> bytes:
    """A zip archive in memory, in the order given."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def folder(root: Path, files: Mapping[str, bytes]) -> Path:
    """The same files below a folder."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def npz(**arrays: Any) -> bytes:
    """Arrays as numpy saves them."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
