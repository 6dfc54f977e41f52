"""One picture file from outside: its bytes become pixels in [0, 1], the right way up.

The format is told by the content, never by the name, and only six are opened. What a header says
of sizes is checked before any pixel is unpacked.
"""

import io
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from PIL import ExifTags, Image, ImageOps

from minspnet.adapters.archive import Unreadable
from minspnet.errors import in_a_line

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
MOST_PIXELS = 64_000_000
"""Of one picture; Pillow's own limit only warns at first."""
_QUARTER_TURNS = (5, 6, 7, 8)
"""EXIF orientations that exchange rows and columns."""
_TURNING = {"exif", "xmp", "Raw profile type exif", "XML:com.adobe.xmp"}
"""Where a PNG may say how it is to be turned."""
_GREY_STEP = 2.5 / 255
"""Channels that differ by no more than rounding in a file does are grey."""

Pixels = Float[np.ndarray, "row column channel"]


@dataclass(frozen=True)
class Header:
    """What a picture file says of itself.

    Attributes:
        rows, columns: Of the upright picture.
        turned: Whether its EXIF data ask for a turn or a mirror.
        several: Whether more pictures follow the first.
    """

    rows: int
    columns: int
    turned: bool
    several: bool

    @property
    def pixels(self) -> int:
        """How many it has."""
        return self.rows * self.columns


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: In [0, 1]; one channel if every pixel is grey, else red, green and blue.
        deep: Whether it came with 16 bits a pixel.
        clear: Whether parts of it were transparent; they are black.
    """

    pixels: Pixels
    deep: bool
    clear: bool


def read_header(content: bytes) -> Header:
    """Check what can be checked before unpacking.

    Raises:
        Unreadable: With the reason.
    """
    with _opened(content) as image:
        try:
            # A PNG without EXIF data before its pixels would be unpacked to look for them.
            told = image.format != "PNG" or _TURNING & set(image.info)
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1) if told else 1
            several = bool(getattr(image, "is_animated", False))
        except Exception as error:  # whatever a parser of damaged bytes may raise
            raise _damaged(error) from error
        columns, rows = image.size
        # Pillow turns a TIFF by itself, and says so before.
        turns = orientation in _QUARTER_TURNS and image.format != "TIFF"
    if turns:
        rows, columns = columns, rows
    return Header(rows, columns, orientation in range(2, 9), several)


def decode(content: bytes, side: int) -> Picture:
    """Unpack the first picture of a file.

    - Turned and mirrored as its EXIF data say.
    - 16-bit shades become a share of 65,535; a palette and CMYK become RGB; colour profiles are
      not applied.
    - Transparent parts lie over black: that is what an empty picture is to the network, and what
      attributions are compared with.
    - What is more than twice as long as ``side`` may come at a fraction of its size, by the mean
      over areas; a large JPEG is unpacked so.

    Raises:
        Unreadable: With the reason.
    """
    with _opened(content) as opened:
        try:
            opened.draft(None, (2 * side, 2 * side))
            opened.load()
            image = ImageOps.exif_transpose(opened)
            return _pixels(image, side)
        except Unreadable:
            raise
        except Exception as error:  # whatever a decoder of damaged bytes may raise
            raise _damaged(error) from error


def _damaged(error: Exception) -> Unreadable:
    return Unreadable(f"it is cut short or damaged ({in_a_line(error)})")


def _opened(content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Exception as error:  # not only OSError: headers are parsed here
        raise Unreadable(_why_not(content, error)) from error
    pixels = image.size[0] * image.size[1]
    if not 0 < pixels <= MOST_PIXELS:
        image.close()
        raise Unreadable(f"it has {pixels:,} pixels, more than {MOST_PIXELS:,}")
    return image


def _why_not(content: bytes, error: Exception) -> str:
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not content:
        return "it is empty"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"it has more than {MOST_PIXELS:,} pixels"
    if start.startswith(b"<"):
        return "it is an SVG drawing or a web page, which is not opened"
    return "it is no PNG, JPEG, GIF, BMP, TIFF or WebP picture, whatever its name says"


def _pixels(image: Image.Image, side: int) -> Picture:
    """Bring any mode of Pillow to shares of full brightness."""
    deep = image.mode.startswith("I")
    if deep or image.mode == "F":
        return Picture(_wide(np.asarray(image), deep)[..., None], deep, False)
    clear = image.has_transparency_data
    mode = "RGBA" if clear else "L" if image.mode in ("1", "L") else "RGB"
    values = _shares(image.convert(mode), side)
    if clear:
        values, opaque = values[..., :3] * values[..., 3:], values[..., 3]
        clear = bool((opaque < 1).any())
    if np.ptp(values, axis=2).max() <= _GREY_STEP:
        values = values.mean(axis=2, keepdims=True, dtype=np.float32)
    return Picture(values, False, clear)


def _shares(image: Image.Image, side: int) -> Pixels:
    """Shares of full brightness; a huge picture is halved first, or thirded and so on."""
    times = max(image.size) // (2 * side)
    if times > 1:
        image = image.reduce(times)
    values = np.asarray(image, np.float32) / 255
    return values.reshape(*values.shape[:2], -1)


def _wide(values: np.ndarray, deep: bool) -> Float[np.ndarray, "row column"]:
    """Shades of more than 8 bits as shares of the largest that there can be."""
    most = 65535 if deep else 1
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= most):
        raise Unreadable(f"its numbers must lie between 0 and {most:,} to be shades of grey")
    return (values / np.float32(most)).astype(np.float32)
