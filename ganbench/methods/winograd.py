"""3x3 convolutions with four ninths of the products, for wide networks on a CPU (Winograd's F(2x2, 3x3)).

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016: of each patch of 4 x 4 pixels and of
the weights sixteen combinations are taken, and 2 x 2 results are combinations of their sixteen products. Pixels become
combinations by additions alone, and the products of all patches are matrix products.

A combination of patches is kept as [4, 4, h, w, C], where h x w patches begin at every second row and column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# G of the paper: the four combinations of three weights in a row.
_WEIGHTS = ((1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.0, 0.0, 1.0))


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """The convolution of ``x`` [N, C, H, W] with ``weight`` [K, C, 3, 3] and a padding of 1: [N, K, H, W].

    Equals torch's up to rounding, with smaller errors: 2e-6 instead of 9e-6 at most for C = 256 in float32 and results of
    variance 1. An image's result does not depend on the others of its batch. There are gradients of any order. The
    images are computed one after the other, so that the combinations of one stay in the processor's cache.

    Args:
        x: in channels-last for speed; H and W are even.
        weight: of the same type, on a CPU as ``x``.
    """
    result: Tensor = CONVOLUTION(x, weight)
    return result


def _convolve(x: Tensor, weight: Tensor) -> Tensor:
    n, channels, height, width = x.shape
    outputs, h, w = len(weight), height // 2, width // 2
    of_weights = _combine_weights(weight)
    patches = _Patches(x)
    y = x.new_empty(n, height, width, outputs)
    products = x.new_empty(16, h * w, outputs)
    grid = products.view(4, 4, h, w, outputs)
    rows, part = x.new_empty(2, 4, h, w, outputs), x.new_empty(2, h, w, outputs)
    for image, result in zip(x.permute(0, 2, 3, 1), y, strict=True):
        torch.bmm(patches.combine(image).view(16, h * w, channels), of_weights, out=products)
        torch.add(grid[0], grid[1], out=rows[0]).add_(grid[2])
        torch.sub(grid[1], grid[2], out=rows[1]).sub_(grid[3])
        places = result.view(h, 2, w, 2, outputs)
        torch.add(rows[:, 0], rows[:, 1], out=part).add_(rows[:, 2])
        places[:, :, :, 0] = part.transpose(0, 1)
        torch.sub(rows[:, 1], rows[:, 2], out=part).sub_(rows[:, 3])
        places[:, :, :, 1] = part.transpose(0, 1)
    return y.permute(0, 3, 1, 2)


def _gradient_of_weight(x: Tensor, gradient: Tensor) -> Tensor:
    """[K, C, 3, 3] of ``x`` [N, C, H, W] and of the result's gradient [N, K, H, W]."""
    _, channels, height, width = x.shape
    outputs, h, w = gradient.shape[1], height // 2, width // 2
    patches = _Patches(x)
    rows, combined = x.new_empty(4, h, width, outputs), x.new_empty(4, 4, h, w, outputs)
    total = x.new_zeros(16, channels, outputs)
    for image, wanted in zip(x.permute(0, 2, 3, 1), gradient.permute(0, 2, 3, 1), strict=True):
        _combine_two(wanted.reshape(h, 2, width, outputs).unbind(1), rows.unbind())
        _combine_two(rows.view(4, h, w, 2, outputs).unbind(3), combined.unbind(1))
        pixels = patches.combine(image).view(16, h * w, channels)
        total.baddbmm_(pixels.transpose(1, 2), combined.view(16, h * w, outputs))
    matrix = x.new_tensor(_WEIGHTS).T
    of_rows = torch.matmul(matrix, total.view(4, 4, -1))  # [4, 3, C K]
    of_both = matrix @ of_rows.view(4, -1)  # [3, 3 C K]
    return of_both.view(3, 3, channels, outputs).permute(3, 2, 0, 1)


def _combine_weights(weight: Tensor) -> Tensor:
    """[K, C, 3, 3] -> [16, C, K]."""
    outputs, channels = weight.shape[:2]
    matrix = weight.new_tensor(_WEIGHTS)
    of_rows = matrix @ weight.permute(2, 3, 1, 0).reshape(3, -1)
    return torch.matmul(matrix, of_rows.view(4, 3, -1)).view(16, channels, outputs)


def _combine_two(two: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """The four combinations of neighbouring results: the transpose of how results are made of products."""
    first, second = two
    out[0].copy_(first)
    torch.add(first, second, out=out[1])
    torch.sub(first, second, out=out[2])
    torch.neg(second, out=out[3])


def _combine_four(four: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """The four combinations of neighbouring pixels."""
    torch.sub(four[0], four[2], out=out[0])
    torch.add(four[1], four[2], out=out[1])
    torch.sub(four[2], four[1], out=out[2])
    torch.sub(four[1], four[3], out=out[3])


class _Patches:
    """Combinations of the 4 x 4 patches of images of one size, in memory that is used again for each image."""

    def __init__(self, x: Tensor) -> None:
        _, channels, height, width = x.shape
        self.h, self.w = height // 2, width // 2
        self.rows = x.new_empty(4, self.h, width + 2, channels)
        self.combined = x.new_empty(4, 4, self.h, self.w, channels)

    def combine(self, image: Tensor) -> Tensor:
        """[H, W, C] -> [4, 4, H / 2, W / 2, C]."""
        padded = functional.pad(image, (0, 0, 1, 1, 1, 1))
        rows = [padded[k : k + 2 * self.h - 1 : 2] for k in range(4)]
        _combine_four(rows, self.rows.unbind())
        columns = [self.rows[:, :, k : k + 2 * self.w - 1 : 2] for k in range(4)]
        _combine_four(columns, self.combined.unbind(1))
        return self.combined


def _same_shape(x: Tensor, weight: Tensor) -> Tensor:
    n, _, height, width = x.shape
    return x.new_empty(n, height, width, len(weight)).permute(0, 3, 1, 2)


def _save(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _turned(weight: Tensor) -> Tensor:
    """The weights [C, K, 3, 3] with which a gradient [N, K, H, W] is convolved back."""
    return weight.flip(2, 3).transpose(0, 1)


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
    x, weight = ctx.saved_tensors
    of_x, of_weight = ctx.needs_input_grad
    return (
        convolve(gradient, _turned(weight)) if of_x else None,
        GRADIENT(x, gradient) if of_weight else None,
    )


def _backward_of_backward(ctx: Any, direction: Tensor) -> tuple[Tensor | None, Tensor | None]:
    x, gradient = ctx.saved_tensors
    of_x, of_gradient = ctx.needs_input_grad
    return (
        convolve(gradient, _turned(direction)) if of_x else None,
        convolve(x, direction) if of_gradient else None,
    )


def _shape_of_weight(x: Tensor, gradient: Tensor) -> Tensor:
    return x.new_empty(3, 3, x.shape[1], gradient.shape[1]).permute(3, 2, 0, 1)


# An operator of torch is one operation wherever operations are seen: for plans, it also has shapes without values.
# ``torch.library.custom_op`` would import torch's compiler at the first call, which takes a second.
_LIBRARY = torch.library.Library("ganbench", "DEF")  # type: ignore[no-untyped-call]
for _name, _kernel, _shape, _derivative in (
    ("convolve_wide", _convolve, _same_shape, _backward),
    ("convolve_wide_backward", _gradient_of_weight, _shape_of_weight, _backward_of_backward),
):
    _LIBRARY.define(f"{_name}(Tensor x, Tensor other) -> Tensor")  # type: ignore[no-untyped-call]
    _LIBRARY.impl(_name, _kernel, "CPU")  # type: ignore[no-untyped-call]
    torch.library.register_fake(f"ganbench::{_name}", _shape, lib=_LIBRARY)
    torch.library.register_autograd(
        f"ganbench::{_name}", _derivative, setup_context=_save, lib=_LIBRARY
    )

CONVOLUTION = torch.ops.ganbench.convolve_wide
"""The operator of ``convolve``."""
GRADIENT = torch.ops.ganbench.convolve_wide_backward
"""The operator of the gradient of its weights."""
