"""Colours of a picture in sRGB: what its embedded ICC profile says, and what shines through it."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

# What transparent pixels are laid on: white, as a page is.
GROUND = (255, 255, 255)

# The space of a profile, by the mode of the pictures that it describes.
_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}
# A profile that moves no colour by more than this many of 255 levels is sRGB under another name:
# its pictures are left as they are.
_ALIKE = 1
# What littlecms and pillow raise for damaged profiles.
_UNUSABLE = (OSError, ValueError, TypeError, AttributeError, SyntaxError, ImageCms.PyCMSError)


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str]:
    """A picture as RGB in sRGB.

    Args:
        image: of mode L, RGB, CMYK or LAB, 8 bits a channel.
        profile: the ICC profile that the file carries, if any; the intent is perceptual.

    Returns:
        the picture, and a remark: empty, or why the profile could not be used. The colours are then
        taken for sRGB, as browsers do.
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
    made = ImageCms.applyTransform(image, transform)
    assert made is not None  # it is None only where it works in place
    return made


@lru_cache(maxsize=64)
def _space(profile: bytes) -> str:
    """RGB, GRAY, CMYK, Lab ...; empty if that is no profile."""
    try:
        return str(ImageCms.ImageCmsProfile(BytesIO(profile)).profile.xcolor_space).strip()
    except _UNUSABLE:
        return ""


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From the profile to sRGB; None where that changes nothing."""
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(source, srgb, mode, "RGB")
    if mode in ("L", "RGB"):
        levels = np.arange(0, 256, 15, dtype=np.uint8)
        lattice = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, 1, 3)
        colours = Image.fromarray(np.ascontiguousarray(lattice[:, :, :1].squeeze(2) if mode == "L" else lattice))  # fmt: skip
        before = np.asarray(colours.convert("RGB")).astype(int)
        if np.abs(np.asarray(_apply(colours, transform)).astype(int) - before).max() <= _ALIKE:
            return None
    return transform


def lay_on_ground(image: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """An RGB picture on ``GROUND``: round((alpha * picture + (255 - alpha) * ground) / 255).

    Args:
        image: RGB.
        alpha: of mode L, of the same size; None where every pixel is opaque.
    """
    if alpha is None or alpha.getextrema() == (255, 255):
        return image
    ground = Image.new("RGB", image.size, GROUND)
    ground.paste(image, mask=alpha)
    return ground
