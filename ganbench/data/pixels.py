"""Conversion of an opened picture to sRGB with 8 bits a channel and without alpha.

``eight_bits`` returns colours and alpha, ``to_srgb`` applies an embedded ICC profile, ``flatten_on_white``
removes the alpha.
"""

from __future__ import annotations

import re
import sys
from functools import cache, lru_cache
from io import BytesIO
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

# The colour behind transparent pixels.
BACKGROUND = (255, 255, 255)

# For each mode of a picture, the colour space that its profile must have.
_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}
# If a profile changes no colour by more than this number of levels (of 255), it counts as sRGB, and its
# pictures stay unchanged.
_LARGEST_SRGB_CHANGE = 1
# Exceptions that littlecms and pillow raise for damaged profiles.
_UNUSABLE = (OSError, ValueError, TypeError, AttributeError, SyntaxError, ImageCms.PyCMSError)

_DAMAGED = "its colour profile is damaged: the colours are read as sRGB"

Channels = tuple[Image.Image, Image.Image | None]  # colours (L, RGB, CMYK, LAB), and alpha (L)


@cache
def _scale(maximum: int) -> NDArray[np.uint8]:
    """Table uint8 [65536] of round(v * 255 / maximum); values above ``maximum`` count as ``maximum``."""
    values = np.minimum(np.arange(65536), maximum)
    return ((values * 510 + maximum) // (2 * maximum)).astype(np.uint8)


def is_deep_grey(image: Any) -> bool:
    """Whether a picture is 16-bit grey; pillow gives mode "I" for it in formats without 32-bit pixels."""
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PPM", "PNG"))


def eight_bits(image: Any, content: bytes) -> Channels:
    """Colours and alpha of a picture with 8 bits a channel.

    Args:
        image: picture that pillow has opened but not loaded; this function loads it.
        content: the bytes of the picture's file.

    Raises:
        ValueError: the mode of the picture is unknown; pillow raises other errors for damaged files.
    """
    options = image.tile[0][3] if image.tile else ""
    raw = options[0] if isinstance(options, tuple) and options else options
    if not isinstance(raw, str):  # pillow does not name the pixel layout of this format
        raw = ""
    deep = _deep(image, content, raw)
    image.load()
    return deep or _shallow(image, raw)


def _shallow(image: Any, raw: str) -> Channels:
    """Colours and alpha of a loaded picture whose channels pillow has not cut to 8 bits.

    Args:
        image: loaded picture.
        raw: pillow's name of the pixel layout in the file.
    """
    key = image.info.get("transparency")
    mode = image.mode
    if is_deep_grey(image):
        maximum, inverted = 65535, False
        if image.format == "TIFF":
            bits = image.tag_v2.get(258, (16,))[0]
            maximum, inverted = 2**bits - 1, image.tag_v2.get(262) == 0  # 0: white is zero
        values = np.asarray(image).astype(np.uint16)
        scaled = _scale(maximum)[values]
        grey = Image.fromarray(255 - scaled if inverted else scaled)
        return grey, _mask(values != key) if isinstance(key, int) else None
    if mode in ("1", "L") and isinstance(key, int):
        values = np.asarray(image.convert("L"))
        # The transparent grey level is given in the file's levels; pillow has scaled the pixels to 0 to 255.
        step = {"1": 255, "L;2": 85, "L;4": 17}.get(raw, 1)
        return Image.fromarray(values), _mask(values != key * step)
    if mode == "RGB" and isinstance(key, tuple):
        return image, _mask((np.asarray(image) != np.array(key[:3])).any(-1))
    if mode in ("1", "L"):
        return image.convert("L"), None
    if mode in ("LA", "La"):
        grey, alpha = image.convert("LA").split()
        return grey, alpha
    if mode in ("RGBA", "RGBa", "PA") or (
        mode == "P" and (key is not None or _has_alpha(image.palette))
    ):
        whole = image if mode == "RGBA" else image.convert("RGBA")
        return whole.convert("RGB"), whole.getchannel("A")
    if mode in ("CMYK", "LAB"):
        return image, None
    if mode in ("RGB", "P", "RGBX", "YCbCr", "HSV"):
        return image if mode == "RGB" else image.convert("RGB"), None
    raise ValueError(f"pixels of mode {mode}: save the picture as RGB")


def _has_alpha(palette: Any) -> bool:
    return palette is not None and str(palette.mode).endswith("A")


def _mask(opaque: NDArray[np.bool_]) -> Image.Image:
    """Alpha of mode L: 255 where a pixel is opaque, else 0."""
    return Image.fromarray(opaque.astype(np.uint8) * 255)


# Pillow keeps the upper byte of 16-bit colours. If a file is read with the opposite byte order, pillow
# keeps the lower byte. The value is made from both bytes.
_SWAPPED = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def _deep(image: Any, content: bytes, raw: str) -> Channels | None:
    """Colours and alpha of a picture with several channels of 16 bits; None for any other picture."""
    if image.format == "TIFF" and image.tag_v2.get(284) == 2 and image.tag_v2.get(258, (8,))[0] > 8:
        raise ValueError(
            "16-bit channels in separate planes: save the picture with 8 bits a channel"
        )
    if not re.fullmatch(r"(RGB|RGBA|RGBa|RGBX|CMYK|LA);16[BLN]", raw):
        return None
    name, order = raw.split(";16")
    if name == "LA":
        # Read as RGBA: upper and lower byte of grey, then upper and lower byte of alpha.
        both = np.asarray(_loaded(image, content, "RGBA", raw)).astype(np.uint16)
        values = np.stack([both[..., 0] << 8 | both[..., 1], both[..., 2] << 8 | both[..., 3]], -1)
        grey, opacity = _scale(65535)[values].transpose(2, 0, 1).copy()
        return Image.fromarray(grey), Image.fromarray(opacity)
    channels = "RGBA" if name == "RGBa" else name  # the colours of RGBa are multiplied by alpha
    upper: Image.Image = _loaded(image, content, f"{channels};16{order}", raw)
    lower = _loaded(image, content, f"{channels};16{_SWAPPED[order]}", raw)
    key = image.info.get("transparency")
    colours = np.empty((upper.height, upper.width, len(upper.getbands())), np.uint8)
    opaque = np.ones(colours.shape[:2], np.bool_)
    for top in range(0, upper.height, 256):
        box = (0, top, upper.width, min(top + 256, upper.height))
        values = np.asarray(upper.crop(box)).astype(np.uint16) << 8 | np.asarray(lower.crop(box))
        if isinstance(key, tuple):
            opaque[top : box[3]] = (values[..., :3] != np.array(key[:3])).any(-1)
        if name == "RGBa":
            alpha_level = np.maximum(values[..., 3:].astype(np.uint64), 1)
            straight = (values[..., :3].astype(np.uint64) * 65535 + alpha_level // 2) // alpha_level
            values[..., :3] = np.minimum(straight, 65535)
        colours[top : box[3]] = _scale(65535)[values]
    if name == "CMYK":
        return Image.frombytes("CMYK", upper.size, colours.tobytes()), None
    alpha: Image.Image | None = None
    if colours.shape[2] == 4 and name != "RGBX":
        alpha = Image.fromarray(np.ascontiguousarray(colours[..., 3]))
    elif isinstance(key, tuple):
        alpha = _mask(opaque)
    return Image.fromarray(np.ascontiguousarray(colours[..., :3])), alpha


def _loaded(opened: Any, content: bytes, new: str, old: str) -> Image.Image:
    """The pixels of a file, unpacked by the raw mode ``new`` where pillow chose the raw mode ``old``."""
    image = type(opened)(BytesIO(content))
    tiles = []
    for codec, box, offset, options in image.tile:
        if isinstance(options, str):
            changed: Any = new if options == old else options
        else:
            changed = tuple(new if option == old else option for option in options)
        tiles.append(type(image.tile[0])(codec, box, offset, changed))
    image.tile = tiles
    image.load()
    return cast("Image.Image", image)


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str]:
    """A picture as RGB in sRGB, converted by its ICC profile with perceptual intent.

    Args:
        image: picture of mode L, RGB, CMYK or LAB with 8 bits a channel.
        profile: the ICC profile in the file; None if the file has no profile.

    Returns:
        The picture, and the reason why its profile could not be used (an empty text if it was used).
        Without a usable profile the colours are read as sRGB, as browsers do.
    """
    remark = ""
    if profile:
        space = _space(profile)
        if image.mode == "L" and space == "RGB":
            image = image.convert("RGB")
        if not space:
            remark = _DAMAGED
        elif space != _SPACES[image.mode]:
            remark = (
                f"its colour profile is for {space}, but its pixels are {image.mode}: the colours are read "
                "as sRGB"
            )
        else:
            try:
                transform = _transform(profile, image.mode)
            except _UNUSABLE:
                remark = _DAMAGED
            else:
                if transform is not None:
                    return _apply(image, transform), ""
    if image.mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        srgb = ImageCms.createProfile("sRGB")
        return _apply(image, ImageCms.buildTransform(lab, srgb, "LAB", "RGB")), remark
    return image if image.mode == "RGB" else image.convert("RGB"), remark


def _apply(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # None is returned only for a conversion in place
    return converted


@lru_cache(maxsize=64)
def _space(profile: bytes) -> str:
    """Colour space of a profile: RGB, GRAY, CMYK, Lab ...; empty if the profile is damaged."""
    try:
        return str(ImageCms.ImageCmsProfile(BytesIO(profile)).profile.xcolor_space).strip()
    except _UNUSABLE:
        return ""


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The conversion from a profile to sRGB; None if it changes nothing."""
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(source, srgb, mode, "RGB")
    if mode in ("L", "RGB"):
        levels = np.arange(0, 256, 15, dtype=np.uint8)
        if mode == "L":
            samples = levels[:, None]
        else:
            samples = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, 1, 3)
        colours = Image.fromarray(np.ascontiguousarray(samples))
        before = np.asarray(colours.convert("RGB")).astype(int)
        if (
            np.abs(np.asarray(_apply(colours, transform)).astype(int) - before).max()
            <= _LARGEST_SRGB_CHANGE
        ):
            return None
    return transform


def flatten_on_white(image: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """A picture without alpha, on white: round((alpha * picture + (255 - alpha) * 255) / 255).

    Args:
        image: picture of mode RGB.
        alpha: alpha of mode L and the same size; None if every pixel is opaque.
    """
    if alpha is None or alpha.getextrema() == (255, 255):
        return image
    flattened = Image.new("RGB", image.size, BACKGROUND)
    flattened.paste(image, mask=alpha)
    return flattened
