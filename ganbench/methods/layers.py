"""Layers that several methods share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


class InstanceNorm(nn.InstanceNorm2d):
    """Affine instance norm that always uses the statistics of the sample.

    The authors of StarGAN and GANmut track running statistics but never call ``eval()``, so that the
    running statistics are never used; a network that used them would give other pictures.

    It is computed as a group norm of one channel a group: the same mathematics. torch's instance norm
    copies channels-last maps first. On one CPU core a forward pass over [16, 256, 32, 32] in channels-last
    takes it 11.8 ms in float32 and 5.4 ms in bfloat16; the group norm takes 1.0 and 0.9 ms. The group
    norm's backward pass in bfloat16 is the slower one (91 ms against 20 ms), so it is not used there.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same shape."""
        trains_in_bf16 = torch.is_grad_enabled() and torch.is_autocast_enabled(x.device.type)
        if trains_in_bf16:
            return super().forward(x)
        return functional.group_norm(x, x.shape[1], self.weight, self.bias)


class PatchConv(nn.Conv2d):
    """4x4 convolution of stride 2 that halves a map, and its transpose.

    On a CPU it is one matrix product over unfolded patches where there are many weights for each place
    of the result: torch's convolution then spends its time on reordering weights.
    """

    WEIGHTS = 1 << 16
    """Weights for each place from which the product is faster: slower at 2^14, half the time at 2^18."""
    PLACES = 256
    """Number of places of a large batch of 2 x 2 maps."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1)

    def make_contiguous(self) -> None:
        """Store the weights in the order of the matrix product, if they are likely to be used in one."""
        if self._as_product(self.PLACES, "cpu"):
            self.weight.data = self.weight.data.contiguous()

    def _as_product(self, places: int, device: str) -> bool:
        return device == "cpu" and self.weight.numel() >= self.WEIGHTS * places

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C', H / 2, W / 2]."""
        n, _, height, width = x.shape
        if not self._as_product(n * height * width // 4, x.device.type):
            return super().forward(x)
        patches = functional.unfold(x, 4, padding=1, stride=2).transpose(1, 2).flatten(0, 1)
        y = functional.linear(patches, self.weight.flatten(1), self.bias)
        return y.view(n, height // 2, width // 2, -1).permute(0, 3, 1, 2)

    def adjoint(self, y: Tensor) -> Tensor:
        """The transposed convolution without bias: [N, C', h, w] -> [N, C, 2h, 2w]."""
        n, _, height, width = y.shape
        if not self._as_product(n * height * width, y.device.type):
            return functional.conv_transpose2d(y, self.weight, stride=2, padding=1)
        patches = y.permute(0, 2, 3, 1).flatten(0, 2) @ self.weight.flatten(1)
        columns = patches.view(n, height * width, -1).transpose(1, 2)
        return functional.fold(columns, (2 * height, 2 * width), 4, padding=1, stride=2)


class Dropout(nn.Module):
    """Dropout (Srivastava et al., 2014) whose random numbers are given.

    torch's dropout draws from a global generator of the device, so that its numbers depend on the device
    and on what was drawn before.

    Attributes:
        p: probability that a unit is set to 0.
        uniform: function of a shape that returns uniform numbers in [0, 1) on the device; needed in
            training mode.
    """

    uniform: Callable[..., Tensor]

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Any shape; in training mode the units that are kept are divided by 1 - p."""
        if not self.training or self.p == 0:
            return x
        return x * (self.uniform(*x.shape) >= self.p) / (1 - self.p)


Norms = Literal["all", "residual"]
"""Where a generator has norms: after every convolution, or in its residual blocks only."""


def outer_norm(norms: Norms, kind: Callable[[int], nn.Module], channels: int) -> nn.Module:
    """The norm of a convolution outside the residual blocks; an identity where only those have norms."""
    return kind(channels) if norms == "all" else nn.Identity()


def instance_norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Adaptive instance norm: every sample has another scale and shift.

    Args:
        x: [N, C, H, W].
        weight, bias: [N, C].
    """
    scale, shift = weight[:, :, None, None].to(x.dtype), bias[:, :, None, None].to(x.dtype)
    return torch.addcmul(shift, functional.instance_norm(x), scale)


def full_precision(x: Tensor) -> Tensor:
    """``x`` in float32 or wider: in bfloat16 a sigmoid above 0.998 rounds to 1 and loses its gradient."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def tile(code: Tensor, x: Tensor) -> Tensor:
    """``code`` [N, K] spread over the pixels of ``x`` [N, 3, H, W] and appended to its channels."""
    n, k = code.shape
    return torch.cat([x, code[:, :, None, None].expand(n, k, *x.shape[2:])], dim=1)


def he_init(network: nn.Module) -> None:
    """Set normal weights of variance 2 / fan-in and zero biases, which suit ReLU networks without norms."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
