"""A photograph as its file stores it, and the same file with other pixels in one place.

Size, EXIF data with the orientation, ICC profile, resolution and alpha stay. JPEGs stay JPEGs with their own tables of
quantisation; everything else becomes PNG, where pixels that the edit leaves alone are the photograph's to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from ganbench.data import pictures
from ganbench.data.pictures import Stored
from ganbench.data.pixels import to_srgb
from ganbench.editing import Unreadable

Bytes = NDArray[np.uint8]
Box = tuple[int, int, int, int]

_JPEG_ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif")
_JPEGS = ("JPEG", "MPO")
_ORIENTATION = 0x0112
_UNUSABLE = (OSError, ValueError, TypeError, AttributeError, ImageCms.PyCMSError)


@dataclass(frozen=True)
class Photograph:
    """A decoded photograph.

    Attributes:
        seen: what is seen of it: sRGB on white, upright, uint8 [H, W, 3].
        stored: what its file stores.
        remarks: sentences that a user should know about it.
    """

    seen: Bytes
    stored: Stored
    remarks: tuple[str, ...]


def read_photograph(path: Path, max_pixels: int = pictures.MAX_PIXELS) -> Photograph:
    """Read and decode a photograph.

    Raises:
        Unreadable: the file is no picture, damaged, animated, or has more than ``max_pixels``.
    """
    try:
        with pictures.open_file(path, max_pixels) as stream:
            return decode_photograph(stream.read(), max_pixels)
    except pictures.UNREADABLE as error:
        raise Unreadable(path, pictures.why_unreadable(error)) from error


def decode_photograph(content: bytes, max_pixels: int = pictures.MAX_PIXELS) -> Photograph:
    """Decode the bytes of a photograph's file.

    Raises:
        one of ``pictures.UNREADABLE``; ``pictures.why_unreadable`` gives the reason.
    """
    picture, stored = pictures.decode_stored(content, max_pixels)
    seen = pictures.to_array(picture.image)
    remarks = [picture.remark] if picture.remark else []
    if stored.deep:
        remarks.append("it has 16 bits a channel: its edit has 8")
    if stored.colours.mode not in ("L", "RGB"):
        remarks.append(f"its pixels are {stored.colours.mode}: those of its edit are sRGB")
    elif stored.profile and _from_srgb(stored.profile, stored.colours.mode) is None:
        remarks.append("its colour profile cannot be used for writing: its edit is sRGB")
    return Photograph(seen, stored, tuple(remarks))


def edit_name(path: Path, goal: str, kind: str | None = None) -> str:
    """The name of an edit's file: photo-happy.jpg.

    A JPEG's edit has the photograph's own ending; any other one is a PNG.

    Args:
        path: of the photograph.
        goal: the name of what the edit shows.
        kind: the photograph's format, where it is known; None looks into the file.
    """
    kind = pictures.kind_by_content(path) if kind is None else kind
    if kind not in _JPEGS:
        return f"{path.stem}-{goal}.png"
    known = path.suffix.lower() in _JPEG_ENDINGS
    return f"{path.stem}-{goal}{path.suffix if known else '.jpg'}"


def with_changes(photo: Photograph, after: Bytes, boxes: Sequence[Box]) -> bytes:
    """The photograph's file with other pixels in some places.

    Args:
        photo: the photograph.
        after: how it shall be seen, of the shape of ``photo.seen``.
        boxes: the places that can differ, in ``photo.seen``: left, top, right, bottom.
    """
    stored = photo.stored
    colours, profile = _writable(photo)
    before = pictures.upright(colours, stored.orientation)
    upright = before.copy()  # the photograph itself stays for other edits
    for box in boxes:
        left, top, right, bottom = box
        part = (slice(top, bottom), slice(left, right))
        old = np.asarray(before.crop(box))
        changed = _changed(old, photo.seen[part], after[part], before.mode, profile)
        upright.paste(Image.fromarray(changed), (left, top))
    return _encoded(pictures.as_stored(upright, stored.orientation), stored, profile)


def _writable(photo: Photograph) -> tuple[Image.Image, bytes | None]:
    """The stored colours in a mode that can be edited and written, L or RGB, and their profile."""
    stored = photo.stored
    mode, profile = stored.colours.mode, stored.profile
    if mode in ("L", "RGB") and (profile is None or _from_srgb(profile, mode) is not None):
        return stored.colours, profile
    return to_srgb(stored.colours, profile)[0], None


def _changed(stored: Bytes, before: Bytes, after: Bytes, mode: str, profile: bytes | None) -> Bytes:
    """Stored colours, [h, w] or [h, w, 3], that are seen as ``after`` where they were seen as ``before``.

    The difference is added, so that a pixel that looks as before stays as it is to the bit.
    """
    old, new = (_in_space(seen, mode, profile).astype(np.int16) for seen in (before, after))
    changed: Bytes = np.clip(stored.astype(np.int16) + new - old, 0, 255).astype(np.uint8)
    return changed


def _in_space(seen: Bytes, mode: str, profile: bytes | None) -> Bytes:
    image = Image.fromarray(np.ascontiguousarray(seen))
    transform = _from_srgb(profile, mode) if profile else None
    if isinstance(transform, ImageCms.ImageCmsTransform):
        converted = ImageCms.applyTransform(image, transform)
        assert converted is not None  # None is returned only for a conversion in place
        return np.asarray(converted)
    return np.asarray(image.convert(mode))


@lru_cache(maxsize=16)
def _from_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | bool | None:
    """The conversion from sRGB to a profile; True if the profile is not used; None if it cannot be written.

    A profile that is damaged, or of another kind of colours than the pixels, is not used for reading either
    (``ganbench.data.pixels``), and stays in the file as it is.
    """
    sample = Image.new(mode, (1, 1))
    if to_srgb(sample, profile)[1]:
        return True
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if str(source.profile.xcolor_space).strip() != {"L": "GRAY", "RGB": "RGB"}[mode]:
            return True  # a grey picture with a profile for RGB
        return ImageCms.buildTransform(ImageCms.createProfile("sRGB"), source, "RGB", mode)
    except _UNUSABLE:
        return None


def _encoded(image: Image.Image, stored: Stored, profile: bytes | None) -> bytes:
    options: dict[str, Any] = {}
    if profile:
        options["icc_profile"] = profile
    if stored.dpi:
        options["dpi"] = stored.dpi
    if stored.exif:
        options["exif"] = stored.exif
    elif stored.orientation != 1:  # of a TIFF, whose other tags tell of its pixels
        exif = Image.Exif()
        exif[_ORIENTATION] = stored.orientation
        options["exif"] = exif.tobytes()
    file = BytesIO()
    if stored.kind in _JPEGS:
        image.save(file, "JPEG", **options, **_as_before(image, stored))
        return file.getvalue()
    if stored.alpha is not None:
        image = Image.merge(f"{image.mode}A", (*image.split(), stored.alpha))
    image.save(file, "PNG", **options)
    return file.getvalue()


def _as_before(image: Image.Image, stored: Stored) -> dict[str, Any]:
    """The options that compress a JPEG as it was; finely where it was CMYK."""
    if image.mode != stored.colours.mode or not stored.tables:
        return {"quality": 95, "subsampling": 0}
    options: dict[str, Any] = {"qtables": stored.tables}
    if image.mode == "RGB" and stored.subsampling >= 0:
        options["subsampling"] = stored.subsampling
    return options
