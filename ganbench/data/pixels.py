"""Pixels of an opened picture: 8 bits a channel from any depth, sRGB from any colour profile, no alpha.

``eight_bits`` gives colours and alpha, ``to_srgb`` applies an embedded ICC profile, ``lay_on_ground``
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

# Transparent pixels become white, as on a page.
GROUND = (255, 255, 255)

# Colour space of a profile, by the mode of the pictures that it describes.
_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}
# A profile that changes no colour by more than this many of 255 levels counts as sRGB: its pictures stay
# unchanged.
_ALIKE = 1
# Exceptions that littlecms and pillow raise for damaged profiles.
_UNUSABLE = (OSError, ValueError, TypeError, AttributeError, SyntaxError, ImageCms.PyCMSError)

Channels = tuple[Image.Image, Image.Image | None]  # colours (L, RGB, CMYK, LAB), and alpha (L)


@cache
def _scale(most: int) -> NDArray[np.uint8]:
    """Table uint8 [65536] of round(v * 255 / most); values above ``most`` count as ``most``."""
    values = np.minimum(np.arange(65536), most)
    return ((values * 510 + most) // (2 * most)).astype(np.uint8)


def is_deep_grey(image: Any) -> bool:
    """Whether a picture is 16-bit grey; pillow gives mode "I" for it in formats without 32-bit pixels."""
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PPM", "PNG"))


def eight_bits(image: Any, content: bytes) -> Channels:
    """Colours and alpha of a picture with 8 bits a channel; ``image`` is loaded.

    Args:
        image: opened by pillow, not loaded yet.
        content: the bytes of its file.

    Raises:
        ValueError: the mode of the picture is unknown; pillow raises other errors for damaged files.
    """
    options = image.tile[0][3] if image.tile else ""
    raw = options[0] if isinstance(options, tuple) and options else options
    if not isinstance(raw, str):  # pillow does not tell how the pixels lie in this format
        raw = ""
    deep = _deep(image, content, raw)
    image.load()
    return deep or _shallow(image, raw)


def _shallow(image: Any, raw: str) -> Channels:
    """Colours and alpha of a loaded picture whose channels pillow has not cut to 8 bits.

    Args:
        image: loaded.
        raw: pillow's name of how the pixels lie in the file.
    """
    key = image.info.get("transparency")
    mode = image.mode
    if is_deep_grey(image):
        most, inverted = 65535, False
        if image.format == "TIFF":
            bits = image.tag_v2.get(258, (16,))[0]
            most, inverted = 2**bits - 1, image.tag_v2.get(262) == 0  # 0: white is zero
        values = np.asarray(image).astype(np.uint16)
        scaled = _scale(most)[values]
        grey = Image.fromarray(255 - scaled if inverted else scaled)
        return grey, _mask(values != key) if isinstance(key, int) else None
    if mode in ("1", "L") and isinstance(key, int):
        values = np.asarray(image.convert("L"))
        # The key counts levels of the file; pillow has stretched the pixels to 0 to 255.
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
    raise ValueError(f"pixels of mode {mode}: save it as RGB")


def _has_alpha(palette: Any) -> bool:
    return palette is not None and str(palette.mode).endswith("A")


def _mask(opaque: NDArray[np.bool_]) -> Image.Image:
    """Alpha of mode L: 255 where a pixel is opaque, else 0."""
    return Image.fromarray(opaque.astype(np.uint8) * 255)


# Pillow keeps the upper byte of 16-bit colours. If a file is read with the opposite byte order, pillow
# gives the lower byte; both bytes together are the value.
_SWAPPED = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def _deep(image: Any, content: bytes, raw: str) -> Channels | None:
    """Colours and alpha of a picture with several channels of 16 bits; None for any other picture."""
    if image.format == "TIFF" and image.tag_v2.get(284) == 2 and image.tag_v2.get(258, (8,))[0] > 8:
        raise ValueError(
            "16-bit channels stored one after the other: save it with 8 bits a channel"
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
            most = np.maximum(values[..., 3:].astype(np.uint64), 1)
            straight = (values[..., :3].astype(np.uint64) * 65535 + most // 2) // most
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


def _loaded(opened: Any, content: bytes, raw: str, instead: str) -> Image.Image:
    """The pixels of a file, unpacked by the raw mode ``raw`` in place of the mode ``instead``."""
    image = type(opened)(BytesIO(content))
    tiles = []
    for codec, box, offset, options in image.tile:
        if isinstance(options, str):
            changed: Any = raw if options == instead else options
        else:
            changed = tuple(raw if one == instead else one for one in options)
        tiles.append(type(image.tile[0])(codec, box, offset, changed))
    image.tile = tiles
    image.load()
    return cast("Image.Image", image)


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str]:
    """A picture as RGB in sRGB, converted by its ICC profile with perceptual intent.

    Args:
        image: of mode L, RGB, CMYK or LAB, 8 bits a channel.
        profile: the ICC profile in the file; None if there is none.

    Returns:
        The picture; and why its profile could not be used, or an empty text. Without a usable profile
        the colours are taken for sRGB, as browsers do.
    """
    remark = ""
    if profile:
        space = _space(profile)
        if image.mode == "L" and space == "RGB":
            image = image.convert("RGB")
        if not space:
            remark = "its colour profile is damaged: taken for sRGB"
        elif space != _SPACES[image.mode]:
            remark = f"its colour profile is one of {space}, not {image.mode}: taken for sRGB"
        else:
            try:
                transform = _transform(profile, image.mode)
            except _UNUSABLE:
                remark = "its colour profile is damaged: taken for sRGB"
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
        if np.abs(np.asarray(_apply(colours, transform)).astype(int) - before).max() <= _ALIKE:
            return None
    return transform


def lay_on_ground(image: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """An RGB picture on ``GROUND``: round((alpha * picture + (255 - alpha) * ground) / 255).

    Args:
        image: of mode RGB.
        alpha: of mode L and the same size; None if every pixel is opaque.
    """
    if alpha is None or alpha.getextrema() == (255, 255):
        return image
    ground = Image.new("RGB", image.size, GROUND)
    ground.paste(image, mask=alpha)
    return ground
