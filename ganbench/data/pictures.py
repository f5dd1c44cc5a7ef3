"""The one reader of picture files: whatever the format, RGB of 8 bits a channel comes out, or a reason.

- 16 bits a channel become round(v * 255 / 65535); 32-bit integers and floats have no known white and
  are refused.
- An embedded ICC profile is applied: colours are sRGB (``ganbench.data.colour``).
- Transparent pixels are laid on ``colour.GROUND``, white.
- EXIF orientation is applied.
- Files cut short, animations, what is no regular file and pictures of too many pixels are refused.

A picture that is not square is brought to a square by a named framing, the same for all commands:
``centre`` cuts out the middle square, ``stretch`` gives up the proportions.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from ganbench.data.colour import lay_on_ground, to_srgb
from ganbench.data.dataset import MOUTH
from ganbench.data.depth import eight_bits, is_deep_grey
from ganbench.data.endings import check_jpeg, check_png
from ganbench.data.framing import map_to_square
from ganbench.errors import BadInput

# More pixels than this are refused, by the file's header: 8,000 x 8,000. Decoding takes 4 to 12 bytes
# a pixel.
MAX_PIXELS = 64_000_000

# What pillow raises for files that are no picture, or only half of one.
UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    BufferError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    ImageCms.PyCMSError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)

# Formats that are tried, the frequent ones first. Not EPS (it would run a program) and other drawings.
_FORMATS = (
    "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "HEIF", "JPEG2000", "JXL", "MPO",
    "DIB", "QOI", "PSD", "ICO", "ICNS", "DDS", "PCX", "SGI", "SUN", "IM", "MSP", "XBM", "FITS", "TGA",
)  # fmt: skip
# Formats whose further frames are not a sequence: other views or sizes of the same picture, or layers.
_ONE_PICTURE = ("MPO", "ICO", "ICNS", "PSD", "DDS")

# How pictures begin that are known by their content, and what they are called.
_BEGINNINGS = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WebP"),
    (re.compile(rb"BM....\0\0\0\0", re.DOTALL), "BMP"),
    (re.compile(rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]"), "TIFF"),
    (re.compile(rb"P[1-6]\s+(#|\d+\s)"), "PPM"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "AVIF"),
    (re.compile(rb"....ftyp(hei[cfsmx]|hev[cms]|mif1|msf1)", re.DOTALL), "HEIC"),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), "JPEG 2000"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "), "JPEG XL"),
    (re.compile(rb"qoif"), "QOI"),
    (re.compile(rb"8BPS"), "PSD"),
)

# EXIF orientation: what turns the stored picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    Attributes:
        image: RGB, 8 bits a channel, upright, at its own size.
        extent: width and height as stored, before the orientation is applied.
        remark: what a user should know of it, in words; mostly empty.
    """

    image: Image.Image
    extent: tuple[int, int]
    remark: str = ""


# --- files


def open_file(path: Path, max_pixels: int = MAX_PIXELS) -> BinaryIO:
    """A regular file for reading. FIFOs and devices, which may never end, are refused unopened.

    Raises:
        OSError: it is missing, no regular file, unreadable, or larger than a picture of so many
            pixels can be.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError("no such file") from None
    except ValueError:
        raise OSError("no such file: its name holds a zero byte") from None
    except OSError as error:
        raise OSError(error.strerror or str(error)) from None
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{_kind_of(found.st_mode)}, not a picture file")
    if found.st_size > 8 * max_pixels + (64 << 20):  # 8 bytes a pixel: RGBA of 16 bits
        raise OSError(
            f"a file of {found.st_size:,} bytes, more than a picture of {max_pixels:,} pixels takes"
        )
    try:
        return open(path, "rb")
    except OSError as error:
        raise OSError(error.strerror or str(error)) from None


def _kind_of(mode: int) -> str:
    kinds: tuple[tuple[Callable[[int], bool], str], ...] = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((name for test, name in kinds if test(mode)), "a special file")


def kind_by_content(path: Path) -> str:
    """What kind of picture a file begins like, e.g. "JPEG"; empty if like none that is known here."""
    try:
        with open_file(path, sys.maxsize) as stream:
            return _kind(stream.read(16))
    except OSError:
        return ""


def _kind(beginning: bytes) -> str:
    return next((kind for start, kind in _BEGINNINGS if start.match(beginning)), "")


# --- reading


def read(path: Path, max_pixels: int = MAX_PIXELS, thorough: bool = True) -> Picture:
    """The picture in a file.

    Raises:
        one of ``UNREADABLE``: it cannot be used; ``why_unreadable`` says why.
    """
    with open_file(path, max_pixels) as stream:
        return decode(stream.read(), max_pixels, thorough)


def decode(content: bytes, max_pixels: int = MAX_PIXELS, thorough: bool = True) -> Picture:
    """The picture in the bytes of a file.

    Args:
        content: the whole file.
        max_pixels: pictures with more pixels are refused before they are decoded.
        thorough: see ``endings.check_jpeg``; costs a second decoding of JPEGs.

    Raises:
        one of ``UNREADABLE``.
    """
    with _open(BytesIO(content), max_pixels) as image:
        extent, kind = image.size, image.format
        if kind == "PNG":
            check_png(content)
        colours, alpha = eight_bits(image, content)
        if kind in ("JPEG", "MPO"):
            check_jpeg(content, image, thorough)
        orientation = _orientation(image)
        profile = image.info.get("icc_profile")
        rgb, remark = to_srgb(colours, profile if isinstance(profile, bytes) else None)
        if alpha is not None and alpha.getextrema()[1] == 0:
            remark = remark or "every pixel of it is transparent: it is white all over"
        rgb = lay_on_ground(rgb, alpha)
        if orientation in _UPRIGHT:
            rgb = rgb.transpose(_UPRIGHT[orientation])
    return Picture(rgb, extent, remark)


def header(stream: BinaryIO, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height as stored, read from the header; the pixels are not decoded.

    A file without its format's end is decoded, to see whether it is whole.

    Raises:
        one of ``UNREADABLE``.
    """
    with _open(stream, max_pixels) as image:
        if not _ends(stream, image.format):
            image.load()  # raises if the file is cut short
        extent: tuple[int, int] = image.size
        return extent


def extent_of(path: Path, max_pixels: int = MAX_PIXELS) -> tuple[int, int] | None:
    """Width and height of a picture file by its header; None if it cannot be used."""
    try:
        with open_file(path, max_pixels) as stream, _open(stream, max_pixels) as image:
            extent: tuple[int, int] = image.size
            return extent
    except UNREADABLE:
        return None


def why_unreadable(error: BaseException) -> str:
    """One of ``UNREADABLE`` in a few words."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image that pillow can read"
    if isinstance(error, MemoryError):
        return "its pixels do not fit into memory"
    return " ".join(str(error).split()) or type(error).__name__


def _formats() -> tuple[str, ...]:
    """Those that this pillow, with the plug-ins that are registered, can read."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _open(stream: BinaryIO, max_pixels: int) -> Any:
    """The file as pillow opens it: by its header, refused where it cannot be used."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and max_pixels > limit:
        Image.MAX_IMAGE_PIXELS = max_pixels  # the user said so; pillow has no other way
    try:
        image: Any = Image.open(stream, formats=_formats())
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = re.search(r"\d+", str(error))
        raise ValueError(_too_large(int(pixels[0]) if pixels else 0, max_pixels)) from None
    except UnidentifiedImageError:
        stream.seek(0)
        kind = _kind(stream.read(16))
        if kind in ("HEIC", "AVIF", "JPEG XL"):
            raise ValueError(
                f"a {kind} picture, which this pillow cannot decode: convert it to JPEG or PNG"
            ) from None
        raise
    try:
        width, height = image.size
        if width * height > max_pixels:
            raise ValueError(_too_large(width * height, max_pixels))
        if image.mode in ("I", "F") and not is_deep_grey(image):
            what = "floating-point" if image.mode == "F" else "32-bit"
            raise ValueError(
                f"{what} pixels, whose white is not known: save it with 8 or 16 bits a channel"
            )
        if (frames := _frames(image)) > 1:
            raise ValueError(f"{frames} pictures in one file: save the one that is meant by itself")
    except BaseException:
        image.close()
        raise
    return image


def _too_large(pixels: int, max_pixels: int) -> str:
    return f"{pixels:,} pixels, more than {max_pixels:,}: make it smaller or raise --max-pixels"


def _frames(image: Any) -> int:
    """How many pictures of their own a file holds."""
    if image.format in _ONE_PICTURE:
        return 1
    count = int(getattr(image, "n_frames", 1))
    if image.format == "TIFF" and count > 1:
        whole = 0
        for page in range(count):
            image.seek(page)
            whole += not int(image.tag_v2.get(254, 0)) & 1  # 1: a smaller copy of another page
        image.seek(0)
        return whole
    return count


def _orientation(image: Any) -> int:
    """By EXIF; upright where that is damaged."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except UNREADABLE:
        return 1


# What a whole file of a format has near its end. Some programs append to it, so a file without is
# no more than suspect.
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}
_TAIL = 4096


def _ends(source: BinaryIO, kind: str | None) -> bool:
    """Whether a file has its format's end, or a format whose end is not known here."""
    if kind not in _ENDS:
        return True
    here = source.tell()
    source.seek(max(0, source.seek(0, os.SEEK_END) - _TAIL))
    tail = source.read()
    source.seek(here)
    return _ENDS[kind] in tail


# --- use


def check_max_pixels(max_pixels: int) -> None:
    """Raise ``BadInput`` unless that many pixels can be a limit."""
    if max_pixels < 1:
        raise BadInput(f"max_pixels must be at least 1, not {max_pixels}; leave it out")


def to_array(image: Image.Image) -> NDArray[np.uint8]:
    """uint8 [H, W, 3]."""
    return np.asarray(image, dtype=np.uint8)


def decode_map(
    content: bytes, size: int, framing: str, extent: tuple[int, int], max_pixels: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """A region map, uint8 [size, size], framed as its picture is.

    Args:
        content: the file.
        size, framing, extent: as for ``framing.map_to_square``.
        max_pixels: as for ``decode``.

    Raises:
        one of ``UNREADABLE``; ``ValueError`` also where it is no region map.
    """
    with _open(BytesIO(content), max_pixels) as image:
        if image.format == "PNG":
            check_png(content)
        if image.mode not in ("L", "P"):
            raise ValueError(f"a region map must be an 8-bit grey PNG, not {image.mode}")
        image.load()
        framed = map_to_square(image, size, framing, extent)
    values = np.array(framed, dtype=np.uint8)
    if values.max() > MOUTH:
        raise ValueError(f"a region map holds 0 to {MOUTH}, not {values.max()}")
    return values
