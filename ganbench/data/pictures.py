"""The one reader of picture files: any format becomes RGB of 8 bits a channel, or is refused.

- 16 bits a channel become round(v * 255 / 65535); 32-bit integers and floats have no known white and
  are refused.
- An embedded ICC profile is applied: colours are sRGB (``ganbench.data.pixels``).
- Transparent pixels are laid on white.
- EXIF orientation is applied.
- Files that are cut short, animations, files that are not regular and pictures of too many pixels are
  refused.

Pillow decodes all formats. ``torchvision.io`` 0.29 gives the same pixels of JPEG and PNG files as pillow
13.0, since both use the same libraries, and decodes them 1.06 times as fast (median of 28 kinds of files:
baseline, progressive and grey JPEG, PNG of grey, RGB and RGBA, 128 to 1024 px). But the test for files
that are cut short, colour profiles and Lanczos' filter need pillow's pictures. With the conversion to
them, reading and resizing to 128 px takes 1.08 times as long (median; 0.98 to 1.9), and importing
torchvision takes 1.5 s.
"""

from __future__ import annotations

import re
import struct
import sys
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, JpegImagePlugin, UnidentifiedImageError

from ganbench import parsing
from ganbench.data.framing import map_to_square
from ganbench.data.pixels import eight_bits, flatten_on_white, is_deep_grey, to_srgb
from ganbench.data.regions import MOUTH
from ganbench.data.truncation import check_jpeg, check_png, has_end

# Pictures whose header tells more pixels than this, 8,000 x 8,000, are refused. Decoding takes 4 to 12
# bytes a pixel.
MAX_PIXELS = 64_000_000

# Exceptions for files that cannot be used: those of this module, and those that pillow raises for files
# that are no pictures, damaged or cut short.
UNREADABLE = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError, AttributeError,
    AssertionError, BufferError, MemoryError, RuntimeError, struct.error, zlib.error,
    ImageCms.PyCMSError, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip

# Formats that are tried, frequent ones first. EPS, which would run a program, and other drawings are not.
_FORMATS = (
    "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "HEIF", "JPEG2000", "JXL", "MPO",
    "DIB", "QOI", "PSD", "ICO", "ICNS", "DDS", "PCX", "SGI", "SUN", "IM", "MSP", "XBM", "FITS", "TGA",
)  # fmt: skip
# Formats whose extra frames are no animation: other views or sizes of the same picture, or layers.
_ONE_PICTURE = ("MPO", "ICO", "ICNS", "PSD", "DDS")

# First bytes of pictures that are known by their content, and names of their formats.
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

# EXIF orientation -> the operation that turns the stored picture upright.
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
        image: RGB, 8 bits a channel, upright.
        extent: width and height as stored, before the orientation is applied.
        remark: a sentence that a user should know about the picture; mostly empty.
    """

    image: Image.Image
    extent: tuple[int, int]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture as its file stores it.

    Attributes:
        colours: 8 bits a channel, of mode L, RGB, CMYK or LAB, in the colours of ``profile``; not turned upright.
        alpha: of mode L; None if every pixel is opaque.
        kind: the format, such as "JPEG".
        orientation: of the EXIF data, 1 to 8.
        profile: the ICC profile; None without one.
        exif: the EXIF data; empty without any.
        dpi: dots per inch; None if the file does not tell.
        tables, subsampling: how a JPEG was quantised; None and -1 of other formats.
        deep: whether the file has more than 8 bits a channel.
    """

    colours: Image.Image
    alpha: Image.Image | None
    kind: str
    orientation: int
    profile: bytes | None
    exif: bytes
    dpi: tuple[float, float] | None
    tables: dict[int, list[int]] | None
    subsampling: int
    deep: bool


def open_file(path: Path, max_pixels: int = MAX_PIXELS) -> BinaryIO:
    """A regular file, open for reading. Pipes and devices, which may never end, are not opened.

    Raises:
        one of ``UNREADABLE``: the file is missing, no regular file, unreadable, or larger than a
            picture of ``max_pixels`` can be.
    """
    try:
        # 8 bytes a pixel: RGBA of 16 bits.
        return parsing.regular(path, 8 * max_pixels + (64 << 20)).open("rb")
    except OSError as error:
        raise parsing.Refused(parsing.why(error)) from error


def kind_by_content(path: Path) -> str:
    """Format of a picture by the first bytes of its file, such as "JPEG"; empty if they are unknown."""
    try:
        with open_file(path, sys.maxsize) as stream:
            return _kind(stream.read(16))
    except UNREADABLE:
        return ""


def _kind(beginning: bytes) -> str:
    return next((kind for start, kind in _BEGINNINGS if start.match(beginning)), "")


def read(path: Path, max_pixels: int = MAX_PIXELS, thorough: bool = True) -> Picture:
    """The picture in a file.

    Raises:
        one of ``UNREADABLE``: the file cannot be used; ``why_unreadable`` gives the reason.
    """
    with open_file(path, max_pixels) as stream:
        return decode(stream.read(), max_pixels, thorough)


def decode(content: bytes, max_pixels: int = MAX_PIXELS, thorough: bool = True) -> Picture:
    """The picture in the bytes of a file.

    Args:
        content: the whole file.
        max_pixels: pictures with more pixels are refused before they are decoded.
        thorough: see ``truncation.check_jpeg``; JPEGs are decoded twice.

    Raises:
        one of ``UNREADABLE``.
    """
    return decode_stored(content, max_pixels, thorough)[0]


def decode_stored(
    content: bytes, max_pixels: int = MAX_PIXELS, thorough: bool = True
) -> tuple[Picture, Stored]:
    """The picture in the bytes of a file, and the same as the file stores it; see ``decode``."""
    with _open(BytesIO(content), max_pixels) as image:
        extent, kind = image.size, image.format
        if kind == "PNG":
            check_png(content)
        deep = _is_deep(image)
        colours, alpha = eight_bits(image, content)
        if kind in ("JPEG", "MPO"):
            check_jpeg(content, image, thorough)
        orientation = _orientation(image)
        profile = image.info.get("icc_profile")
        profile = profile if isinstance(profile, bytes) and profile else None
        rgb, remark = to_srgb(colours, profile)
        if alpha is not None and alpha.getextrema()[1] == 0:
            remark = remark or "every pixel of it is transparent: it is white all over"
        rgb = upright(flatten_on_white(rgb, alpha), orientation)
        exif, dpi = image.info.get("exif"), image.info.get("dpi")
        stored = Stored(
            colours,
            alpha,
            str(kind),
            orientation,
            profile,
            exif if isinstance(exif, bytes) else b"",
            dpi if isinstance(dpi, tuple) else None,
            getattr(image, "quantization", None),
            JpegImagePlugin.get_sampling(image) if kind in ("JPEG", "MPO") else -1,
            deep,
        )
    return Picture(rgb, extent, remark), stored


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """A picture turned upright by its EXIF orientation."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def as_stored(image: Image.Image, orientation: int) -> Image.Image:
    """The inverse of ``upright``."""
    back = {6: 8, 8: 6}.get(orientation, orientation)
    return upright(image, back)


def _is_deep(image: Any) -> bool:
    """Whether a picture that pillow has opened has more than 8 bits a channel in its file."""
    layout = " ".join(str(tile[3]) for tile in image.tile)
    return is_deep_grey(image) or ";16" in layout


def header(stream: BinaryIO, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height as stored, read from the header; the pixels are not decoded.

    Only a file without the end that its format demands is decoded, to see whether it is whole.

    Raises:
        one of ``UNREADABLE``.
    """
    with _open(stream, max_pixels) as image:
        if not has_end(stream, image.format):
            image.load()  # raises if the file is cut short
        extent: tuple[int, int] = image.size
        return extent


def extent_of(path: Path, max_pixels: int = MAX_PIXELS) -> tuple[int, int] | None:
    """Width and height of a picture file by its header; None if the file cannot be used."""
    try:
        with open_file(path, max_pixels) as stream, _open(stream, max_pixels) as image:
            extent: tuple[int, int] = image.size
            return extent
    except UNREADABLE:
        return None


def why_unreadable(error: BaseException) -> str:
    """The reason in one of ``UNREADABLE``, in a few words."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image that pillow can read"
    if isinstance(error, MemoryError):
        return "its pixels do not fit into memory"
    return " ".join(str(error).split()) or type(error).__name__


def _formats() -> tuple[str, ...]:
    """The formats of ``_FORMATS`` that the installed pillow and its plug-ins can read."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _open(stream: BinaryIO, max_pixels: int) -> Any:
    """The picture as pillow opens it, by the header; pictures that cannot be used are refused."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and max_pixels > limit:
        Image.MAX_IMAGE_PIXELS = max_pixels  # pillow has no argument for its limit
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
    """Number of pictures in a file; other views and smaller copies of a picture do not count."""
    if image.format in _ONE_PICTURE:
        return 1
    count = int(getattr(image, "n_frames", 1))
    if image.format == "TIFF" and count > 1:
        whole = 0
        for page in range(count):
            image.seek(page)
            whole += (
                not int(image.tag_v2.get(254, 0)) & 1
            )  # bit 0 marks a smaller copy of another page
        image.seek(0)
        return whole
    return count


def _orientation(image: Any) -> int:
    """EXIF orientation, 1 to 8; 1, upright, if the EXIF data are damaged."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except UNREADABLE:
        return 1


def to_array(image: Image.Image) -> NDArray[np.uint8]:
    """uint8 [H, W, 3]."""
    return np.asarray(image, dtype=np.uint8)


def decode_map(
    content: bytes, size: int, framing: str, extent: tuple[int, int], max_pixels: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """A region map, uint8 [size, size], framed like its picture.

    Args:
        content: the bytes of the file.
        size, framing, extent: as for ``framing.map_to_square``.
        max_pixels: as for ``decode``.

    Raises:
        one of ``UNREADABLE``; ``ValueError`` if the file is no region map.
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
