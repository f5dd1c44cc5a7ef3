"""Layers shared by several papers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


class InstanceNorm(nn.Module):
    """Affine instance norm that always uses the statistics of the sample.

    The authors of StarGAN and GANmut track running statistics but never call ``eval()``, so the
    running statistics are never used; a network that honoured them would give other pictures.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return functional.instance_norm(x, weight=self.weight, bias=self.bias)


Norms = Literal["all", "residual"]
"""Where a generator has norms: after every convolution, as in the papers, or in its residual blocks only."""


def outer_norm(norms: Norms, kind: Callable[[int], nn.Module], channels: int) -> nn.Module:
    """The norm of a convolution outside the residual blocks; nothing where only those have norms."""
    return kind(channels) if norms == "all" else nn.Identity()


def instance_norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Adaptive instance norm: every sample has its own scale and shift.

    Args:
        x: [N, C, H, W].
        weight, bias: [N, C].
    """
    scale, shift = weight[:, :, None, None].to(x.dtype), bias[:, :, None, None].to(x.dtype)
    return torch.addcmul(shift, functional.instance_norm(x), scale)


def full_precision(x: Tensor) -> Tensor:
    """At least float32: in bfloat16 a sigmoid above 0.998 rounds to 1 and loses its gradient."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def tile(code: Tensor, x: Tensor) -> Tensor:
    """``code`` [N, K] spread over the pixels of ``x`` [N, 3, H, W] and appended to its channels."""
    n, k = code.shape
    return torch.cat([x, code[:, :, None, None].expand(n, k, *x.shape[2:])], dim=1)


def he_init(network: nn.Module) -> None:
    """Normal weights of variance 2 / fan-in, zero biases; it suits ReLU nets without norms."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
