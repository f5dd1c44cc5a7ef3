"""Pictures of any depth as 8 bits a channel, with their alpha apart."""

from __future__ import annotations

import re
import sys
from functools import cache
from io import BytesIO
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Channels = tuple[Image.Image, Image.Image | None]  # colours (L, RGB, CMYK, LAB), and alpha (L)


@cache
def _scale(most: int) -> NDArray[np.uint8]:
    """[65536]: round(v * 255 / most), for values of up to 16 bits."""
    values = np.minimum(np.arange(65536), most)
    return ((values * 510 + most) // (2 * most)).astype(np.uint8)


def is_deep_grey(image: Any) -> bool:
    """Whether this is 16-bit grey; pillow calls that "I" where the format has no 32-bit pixels."""
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PPM", "PNG"))


def eight_bits(image: Any, content: bytes) -> Channels:
    """Colours and alpha of a picture, loaded by this.

    Args:
        image: opened by pillow, not loaded yet.
        content: the file.

    Raises:
        ValueError: of a mode that is not known here; and whatever pillow raises for damaged files.
    """
    raw = _raw_mode(image)
    deep = _deep(image, content, raw)
    image.load()
    return deep or _shallow(image, raw)


def _raw_mode(image: Any) -> str:
    """How the pixels lie in the file, in pillow's words; empty if it does not say."""
    options = image.tile[0][3] if image.tile else ""
    raw = options[0] if isinstance(options, tuple) and options else options
    return raw if isinstance(raw, str) else ""


def _shallow(image: Any, raw: str) -> Channels:
    """Colours and alpha of a loaded picture that pillow gives as it is."""
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
        # The key is in the file's own levels, the pixels are not.
        step = {"1": 255, "L;2": 85, "L;4": 17}.get(raw, 1)
        return Image.fromarray(values), _mask(values != key * step)
    if mode == "RGB" and isinstance(key, tuple):
        return image, _mask((np.asarray(image) != np.array(key[:3])).any(-1))
    if mode in ("1", "L"):
        return image.convert("L"), None
    if mode in ("LA", "La"):
        grey, alpha = image.convert("LA").split()
        return grey, alpha
    if mode in ("RGBA", "RGBa", "PA") or (mode == "P" and (key is not None or _clear(image))):
        whole = image if mode == "RGBA" else image.convert("RGBA")
        return whole.convert("RGB"), whole.getchannel("A")
    if mode in ("CMYK", "LAB"):
        return image, None
    if mode in ("RGB", "P", "RGBX", "YCbCr", "HSV"):
        return image if mode == "RGB" else image.convert("RGB"), None
    raise ValueError(f"pixels of mode {mode}: save it as RGB")


def _clear(image: Any) -> bool:
    """Whether the colours of a palette have an alpha of their own."""
    return image.palette is not None and str(image.palette.mode).endswith("A")


def _mask(opaque: NDArray[np.bool_]) -> Image.Image:
    """Alpha: opaque or transparent."""
    return Image.fromarray(opaque.astype(np.uint8) * 255)


# Pillow keeps the upper byte of 16-bit colours. With the byte order of a file turned round it gives
# the lower one, and the two together are the value.
_SWAPPED = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def _deep(image: Any, content: bytes, raw: str) -> Channels | None:
    """Colours and alpha of a picture with 16 bits for each of several channels; else None."""
    if image.format == "TIFF" and image.tag_v2.get(284) == 2 and image.tag_v2.get(258, (8,))[0] > 8:
        raise ValueError(
            "16-bit channels stored one after the other: save it with 8 bits a channel"
        )
    if not re.fullmatch(r"(RGB|RGBA|RGBa|RGBX|CMYK|LA);16[BLN]", raw):
        return None
    name, order = raw.split(";16")
    if name == "LA":
        # Four bytes a pixel, as RGBA has them: grey, upper and lower byte, then alpha.
        both = np.asarray(_loaded(image, content, "RGBA", raw)).astype(np.uint16)
        values = np.stack([both[..., 0] << 8 | both[..., 1], both[..., 2] << 8 | both[..., 3]], -1)
        grey, opacity = _scale(65535)[values].transpose(2, 0, 1).copy()
        return Image.fromarray(grey), Image.fromarray(opacity)
    plain = "RGBA" if name == "RGBa" else name  # still multiplied by alpha
    upper: Image.Image = _loaded(image, content, f"{plain};16{order}", raw)
    lower = _loaded(image, content, f"{plain};16{_SWAPPED[order]}", raw)
    key = image.info.get("transparency")
    colours = np.empty((upper.height, upper.width, len(upper.getbands())), np.uint8)
    seen = np.ones(colours.shape[:2], np.bool_)
    for top in range(0, upper.height, 256):
        box = (0, top, upper.width, min(top + 256, upper.height))
        values = np.asarray(upper.crop(box)).astype(np.uint16) << 8 | np.asarray(lower.crop(box))
        if isinstance(key, tuple):
            seen[top : box[3]] = (values[..., :3] != np.array(key[:3])).any(-1)
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
        alpha = _mask(seen)
    return Image.fromarray(np.ascontiguousarray(colours[..., :3])), alpha


def _loaded(opened: Any, content: bytes, raw: str, instead: str) -> Image.Image:
    """The pixels of a file, unpacked as another raw mode than its own."""
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
