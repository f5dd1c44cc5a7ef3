"""Random flips, warps and crops of training images, as one resampling, and random changes of their look."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from ganbench.distributed import WHOLE, Share
from ganbench.errors import BadInput, unknown
from ganbench.training.draws import Draws

# A crop takes the whole image if none of this number of random boxes fits, as RandomResizedCrop does.
_ATTEMPTS = 10
# Numbers for each image: flip, rotation, shift x and y, zoom, whether to crop, position x and y, boxes.
_DRAWS = 8 + 2 * _ATTEMPTS
# Numbers of the look: brightness, contrast, saturation, sharpness, tint of three channels, shade and its direction, noise.
_LOOK_DRAWS = 10
# Luma of Rec. 601, as torchvision's grey.
_LUMA = (0.2989, 0.587, 0.114)

LOOK = ("brightness", "contrast", "saturation", "sharpness", "tint", "shade", "noise")
"""Attributes of ``Augment`` that change colours, in the order in which they are applied."""


@dataclass(frozen=True)
class Augment:
    """Random changes of training images; the defaults change nothing.

    Attributes:
        flip: probability of mirroring left and right.
        rotate: largest rotation about the centre, in degrees, in both directions.
        shift: largest shift along each axis, as a fraction of the side.
        zoom: range of the magnification about the centre.
        crop: probability of cutting out a box and resizing it to the size of the image.
        crop_scale: range of the box's area, as a fraction of the image.
        crop_ratio: range of the box's width over its height (log-uniform).
        interpolation: "bilinear", or "nearest" as the released GANmut code warps.
        brightness, contrast, saturation, sharpness: largest change of torchvision's factor of this name
            (``adjust_brightness`` and so on), from 1 in both directions, up to 1.
        tint: largest change of the gain of each channel, from 1 in both directions, up to 1.
        shade: largest gain that a light from one side adds at that side, and takes at the other, up to 1.
        noise: largest standard deviation of normal noise of all pixels and channels.

    Raises:
        BadInput: a value outside its range.
    """

    flip: float = 0.0
    rotate: float = 0.0
    shift: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    crop: float = 0.0
    crop_scale: tuple[float, float] = (1.0, 1.0)
    crop_ratio: tuple[float, float] = (1.0, 1.0)
    interpolation: Literal["bilinear", "nearest"] = "bilinear"
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    sharpness: float = 0.0
    tint: float = 0.0
    shade: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        for key in ("flip", "crop"):
            self._check(key, 0 <= getattr(self, key) <= 1, "a probability, 0 to 1")
        self._check("rotate", 0 <= self.rotate <= 180, "0 to 180 degrees")
        self._check("shift", 0 <= self.shift < 1, "a fraction of the side, below 1")
        for key, top in (("zoom", None), ("crop_scale", 1.0), ("crop_ratio", None)):
            # TOML has lists, no tuples.
            pair = tuple(getattr(self, key))
            fits = len(pair) == 2 and 0 < pair[0] <= pair[1] and (top is None or pair[1] <= top)
            self._check(
                key, fits, "[low, high] above 0" + ("" if top is None else f" up to {top:g}")
            )
            object.__setattr__(self, key, (float(pair[0]), float(pair[1])))
        for key in LOOK:
            self._check(key, 0 <= getattr(self, key) <= 1, "a largest change, 0 to 1")
        if self.interpolation not in ("bilinear", "nearest"):
            raise unknown("interpolation", self.interpolation, ("bilinear", "nearest"))

    def _check(self, key: str, fits: bool, what: str) -> None:
        if not fits:
            raise BadInput(f"augment {key} must be {what}, not {getattr(self, key)!r}")

    @property
    def warps(self) -> bool:
        """Whether images may be changed otherwise than by mirroring."""
        whole = self.crop_scale == (1.0, 1.0) and self.crop_ratio == (1.0, 1.0)
        crops = self.crop > 0 and not whole
        return bool(self.rotate or self.shift or self.zoom != (1.0, 1.0) or crops)

    @property
    def changes_look(self) -> bool:
        """Whether colours may be changed."""
        return any(getattr(self, key) for key in LOOK)


def augment(images: Tensor, config: Augment, random: Draws, share: Share = WHOLE) -> Tensor:
    """Change each image at random: rotate, shift and zoom it, then crop, then mirror, then change its look.

    All changes of places but the mirroring are one affine map, with one resampling. Pixels from outside the image
    are its reflection. An image that is only mirrored, or not changed, keeps its values exactly.

    Every image takes the same number of random numbers for its places, whatever ``config`` is. The parts
    of a batch, one after the other, therefore give the same result as the batch, and one kind of change
    does not alter the random numbers of the others. Numbers for the look are drawn after these, for the
    whole batch, and only if ``config`` changes it.

    Args:
        images: float [N, 3, H, W], on any device; in [0, 1] if ``config`` changes their look.
        config: the random changes.
        random: random numbers on the device of ``images``, the only source of randomness.
        share: the process whose rows of the global batch ``images`` are.

    Returns:
        A new tensor of the shape, type and device of ``images``.
    """
    draws = share.local_rows(random.rand(share.global_count(len(images)), _DRAWS))
    out = images
    if config.warps:
        theta = _thetas(config, draws)
        moved = (theta != torch.eye(2, 3, device=theta.device)).flatten(1).any(1)
        warped = warp(images, theta, config.interpolation)
        out = torch.where(moved[:, None, None, None], warped, images)
    mirrored = draws[:, 0] < config.flip
    out = torch.where(mirrored[:, None, None, None], out.flip(-1), out)
    return _with_look(out, config, random, share) if config.changes_look else out


def _with_look(images: Tensor, config: Augment, random: Draws, share: Share) -> Tensor:
    """Images [N, 3, H, W] in [0, 1] in another light and another camera, differentiable within [0, 1]."""
    total = share.global_count(len(images))
    draws: Tensor = share.local_rows(random.rand(total, _LOOK_DRAWS)).to(images)
    draws = draws[..., None, None, None]

    def factor(column: int, key: str) -> Tensor:
        most: float = getattr(config, key)
        return 1 + most * (2 * draws[:, column] - 1)

    out = images * factor(0, "brightness")
    out = torch.lerp(_grey(out).mean((2, 3), keepdim=True), out, factor(1, "contrast"))
    out = torch.lerp(_grey(out), out, factor(2, "saturation"))
    out = torch.lerp(_smooth(out), out, factor(3, "sharpness"))
    out = out * torch.cat([factor(column, "tint") for column in (4, 5, 6)], 1)
    out = out * (1 + config.shade * draws[:, 7] * _ramp(out, 2 * math.pi * draws[:, 8]))
    if config.noise:
        grain = share.local_rows(random.randn(total, *images.shape[1:])).to(images)
        out = out + config.noise * draws[:, 9] * grain
    return out.clamp(0, 1)


def _grey(images: Tensor) -> Tensor:
    """Luma [N, 1, H, W] of images [N, 3, H, W]."""
    weights = images.new_tensor(_LUMA)
    return (images * weights[:, None, None]).sum(1, keepdim=True)


def _smooth(images: Tensor) -> Tensor:
    """Images [N, 3, H, W], smoothed by torchvision's 3 x 3 kernel for sharpness, with reflected borders."""
    padded = functional.pad(images, (1, 1, 1, 1), mode="reflect")
    return (9 * functional.avg_pool2d(padded, 3, stride=1) + 4 * images) / 13


def _ramp(images: Tensor, angle: Tensor) -> Tensor:
    """Position [N, 1, H, W] along directions, in half sides from the centre; at most 1 at the middle of a side."""
    x, y = _axes(images)
    return torch.cos(angle) * x + torch.sin(angle) * y


def _axes(images: Tensor) -> tuple[Tensor, Tensor]:
    """Positions x [W] and y [H, 1] of the pixels of images [N, C, H, W], in half sides from the centre."""
    height, width = images.shape[2:]
    x = (2 * torch.arange(width, device=images.device, dtype=images.dtype) + 1) / width - 1
    y = (2 * torch.arange(height, device=images.device, dtype=images.dtype) + 1) / height - 1
    return x, y[:, None]


def warp(images: Tensor, theta: Tensor, interpolation: str = "bilinear") -> Tensor:
    """Resample images through affine maps, reflecting at the borders.

    Args:
        images: float [N, C, H, W].
        theta: [N, 2, 3], maps from a position in the result to its position in the image. Positions are
            (x, y) in half sides from the centre, with y down and pixel centres as in
            ``align_corners=False``.
        interpolation: "bilinear" or "nearest".
    """
    theta = theta.to(images)[:, :, :, None, None]
    x, y = _axes(images)
    # affine_grid is not used: it multiplies matrices, and their last bits depend on the batch size.
    grid = theta[:, :, 0] * x + (theta[:, :, 1] * y + theta[:, :, 2])
    if images.is_cuda and torch.are_deterministic_algorithms_enabled():
        return _gathered(images, grid, interpolation)
    return functional.grid_sample(
        images,
        grid.permute(0, 2, 3, 1),
        mode=interpolation,
        padding_mode="reflection",
        align_corners=False,
    )


def _gathered(images: Tensor, grid: Tensor, interpolation: str) -> Tensor:
    """What ``grid_sample`` computes, by ``gather``: the gradient of grid_sample has no fixed order on CUDA.

    Args:
        images: float [N, C, H, W].
        grid: [N, 2, H, W], positions (x, y) as in ``warp``.
        interpolation: "bilinear" or "nearest".
    """
    height, width = images.shape[2:]
    flat = images.flatten(2)

    def pixels(x: Tensor, y: Tensor) -> Tensor:
        places = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)).long().flatten(1)
        return flat.gather(2, places[:, None].expand(-1, images.shape[1], -1)).view_as(images)

    x, y = (
        _reflected(((grid[:, k] + 1) * side - 1) / 2, side)
        for k, side in enumerate((width, height))
    )
    if interpolation == "nearest":
        return pixels(x.round(), y.round())
    left, top = x.floor(), y.floor()
    right, down = (x - left)[:, None], (y - top)[:, None]
    upper = (1 - right) * pixels(left, top) + right * pixels(left + 1, top)
    lower = (1 - right) * pixels(left, top + 1) + right * pixels(left + 1, top + 1)
    return (1 - down) * upper + down * lower


def _reflected(position: Tensor, side: int) -> Tensor:
    """Positions in pixels, reflected at the outer edges of the first and the last pixel."""
    distance = (position + 0.5).abs()
    turns, rest = (distance / side).floor(), distance.remainder(side)
    return (torch.where(turns.remainder(2) == 0, rest, side - rest) - 0.5).clamp(0, side - 1)


def _thetas(config: Augment, draws: Tensor) -> Tensor:
    """Maps [N, 2, 3] for ``warp`` from uniform draws [N, _DRAWS]; float64 inside."""
    draws = draws.double()
    sides, centre = _boxes(config, draws)
    # A map from result to image inverts the changes, in reverse order: crop, shift, zoom, rotation.
    angle = torch.deg2rad(_between(draws[:, 1], -config.rotate, config.rotate))
    shift = 2 * _between(draws[:, 2:4], -config.shift, config.shift)
    zoom = _between(draws[:, 4], *config.zoom)
    # A positive angle is counter-clockwise, since y points down.
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    linear = torch.stack([cos, -sin, sin, cos], 1).view(-1, 2, 2)
    offset = linear @ (centre - shift)[:, :, None]
    return torch.cat([linear * sides[:, None, :], offset], 2).float()


def _boxes(config: Augment, draws: Tensor) -> tuple[Tensor, Tensor]:
    """Crop boxes: width and height as fractions of the side [N, 2], centre in half sides [N, 2].

    Boxes are drawn as by torchvision's RandomResizedCrop, but without its rounding to whole pixels: the
    first of ``_ATTEMPTS`` boxes that fits into the image, or the whole image if none fits.
    """
    area = _between(draws[:, 8 : 8 + _ATTEMPTS], *config.crop_scale)
    low, high = map(math.log, config.crop_ratio)
    ratio = torch.exp(_between(draws[:, 8 + _ATTEMPTS :], low, high))
    sides = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], 2)
    fits = (sides <= 1).all(2)
    first = fits.int().argmax(1)
    chosen = sides.gather(1, first[:, None, None].expand(-1, 1, 2))[:, 0]
    used = (draws[:, 5] < config.crop) & fits.any(1)
    chosen = torch.where(used[:, None], chosen, torch.ones_like(chosen))
    return chosen, (1 - chosen) * (2 * draws[:, 6:8] - 1)


def _between(draws: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * draws
