"""Framing: the named rule by which a picture that is not square becomes a square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ganbench.errors import unknown
from ganbench.text import plural

if TYPE_CHECKING:
    from PIL import Image

CENTRE, STRETCH = "centre", "stretch"
FRAMINGS = (CENTRE, STRETCH)


def check_framing(framing: str) -> None:
    """Raise ``BadInput`` unless ``framing`` is one of ``FRAMINGS``."""
    if framing not in FRAMINGS:
        raise unknown("framing", framing, FRAMINGS)


def to_square(image: Image.Image, size: int, framing: str = CENTRE) -> Image.Image:
    """A picture as a square of ``size`` pixels; a square of that size stays untouched.

    It is resampled by Lanczos' filter (windowed sinc, antialiased when shrinking).

    Args:
        image: of a mode that can be resampled.
        size: side, in pixels.
        framing: ``"centre"`` keeps the middle square (of an odd number of pixels that are cut off, one
            more is cut off at the end); ``"stretch"`` keeps all, and changes the proportions.
    """
    from PIL.Image import Resampling

    box = _box(image.size, framing)
    if box != (0, 0, *image.size):
        image = image.crop(box)
    return image if image.size == (size, size) else image.resize((size, size), Resampling.LANCZOS)


def map_to_square(
    image: Image.Image, size: int, framing: str, extent: tuple[int, int]
) -> Image.Image:
    """A region map as a square, cut like its picture and resampled to the nearest pixels.

    Args:
        image: the map. It covers the whole picture, and may have fewer or more pixels.
        size, framing: as for ``to_square``.
        extent: width and height of the picture as stored. They are exchanged if that is nearer to the
            proportions of the map: EXIF then turns the picture by a right angle.
    """
    from PIL.Image import Resampling

    across, down = image.size
    width, height = extent
    if abs(across * width - down * height) < abs(across * height - down * width):
        width, height = height, width
    left, top, right, bottom = _box((width, height), framing)
    x, y = across / width, down / height
    box = (left * x, top * y, right * x, bottom * y)
    return image.resize((size, size), Resampling.NEAREST, box)


def _box(extent: tuple[int, int], framing: str) -> tuple[int, int, int, int]:
    """The part of a picture that is used: left, top, right, bottom."""
    width, height = extent
    if framing != CENTRE:
        return 0, 0, width, height
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def framing_note(uneven: int, total: int, framing: str) -> str:
    """What framing does to pictures that are not square, in a line; empty if all are square.

    Args:
        uneven: the number of pictures that are not square.
        total: the number of pictures.
        framing: the rule.
    """
    if not uneven:
        return ""
    done, other = "their middle square is cut out", STRETCH
    if framing != CENTRE:
        done, other = "they are stretched to a square", CENTRE
    return f"{plural(uneven, 'image')} {'is' if uneven == 1 else 'are'} not square, of {total:,}: {done} (--framing {framing}; or {other})"


def mismatch(title: str, card: Mapping[str, Any], framing: str) -> str:
    """A warning about a checkpoint that was trained with another framing than the pictures; else empty.

    Args:
        title: of the method or judge.
        card: of its checkpoint.
        framing: of the pictures; empty if all are made square.
    """
    data = card.get("data")
    if not framing or not isinstance(data, Mapping) or data.get("name") in (None, "faces"):
        return ""
    trained = str(data.get("framing", STRETCH))  # versions that recorded no framing stretched
    if trained == framing:
        return ""
    return (
        f"{title} was trained on pictures of framing {trained!r}, and these are of framing "
        f"{framing!r}: give --framing {trained} to see it as it was trained"
    )
