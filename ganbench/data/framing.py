"""How a picture that is not square becomes a square: by one named rule, the same for all commands."""

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
    """A picture as a square of ``size`` pixels; one that is square and so large is left untouched.

    Args:
        image: of a mode that can be resampled; by Lanczos' filter (windowed sinc, antialiased when
            shrinking).
        size: side, in pixels.
        framing: ``"centre"``: of the longer side, what is beyond the middle square is cut off (if
            that is an odd number of pixels, one more at the end); ``"stretch"``: all of it, without
            its proportions.
    """
    from PIL.Image import Resampling

    box = _box(image.size, framing)
    if box != (0, 0, *image.size):
        image = image.crop(box)
    return image if image.size == (size, size) else image.resize((size, size), Resampling.LANCZOS)


def map_to_square(
    image: Image.Image, size: int, framing: str, extent: tuple[int, int]
) -> Image.Image:
    """A region map as a square, cut where its picture is cut; nearest pixels.

    Args:
        image: the map. It covers the whole picture, and may have fewer or more pixels.
        size, framing: as for ``to_square``.
        extent: width and height of the picture. If the other way round is nearer to the map's
            proportions, the picture is one that is stored lying.
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
    """What of a picture is used: left, top, right, bottom."""
    width, height = extent
    if framing != CENTRE:
        return 0, 0, width, height
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def framing_note(uneven: int, total: int, framing: str) -> str:
    """What framing does to so many pictures that are not square, in a line; empty for none.

    Args:
        uneven: how many of the pictures are not square.
        total: how many pictures there are.
        framing: by which rule they are brought to a square.
    """
    if not uneven:
        return ""
    done, other = "their middle square is cut out", STRETCH
    if framing != CENTRE:
        done, other = "they are stretched to a square", CENTRE
    return f"{plural(uneven, 'image')} {'is' if uneven == 1 else 'are'} not square, of {total:,}: {done} (--framing {framing}; or {other})"


def trained_with(card: Mapping[str, Any]) -> str:
    """By which rule the training pictures of a checkpoint became squares; empty if that is unknown or
    they were square by themselves.

    Args:
        card: of the checkpoint.
    """
    data = card.get("data")
    if not isinstance(data, Mapping) or data.get("name") in (None, "faces"):
        return ""
    # Versions that wrote no framing stretched.
    return str(data.get("framing", STRETCH))


def mismatch(title: str, card: Mapping[str, Any], framing: str) -> str:
    """What to say of a checkpoint that meets pictures of another framing than its own; else empty.

    Args:
        title: of the method or judge.
        card: of its checkpoint.
        framing: of the pictures; empty where all are square by themselves.
    """
    own = trained_with(card)
    if not framing or own in ("", framing):
        return ""
    return (
        f"{title} was trained on pictures of framing {own!r}, and these are of framing {framing!r}: "
        f"give --framing {own} to see it as it was trained"
    )
