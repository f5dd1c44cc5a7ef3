"""Gradient penalties of critics."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def _input_gradient(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradient.flatten(1)


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor
) -> Tensor:
    """WGAN-GP, equation (15): E (||grad D(x_hat)||_2 - 1)^2 between real and fake images.

    Args:
        critic: images -> scores of any shape; their sum is differentiated.
        real, fake: [N, C, H, W].
        mix: [N, 1, 1, 1] in [0, 1], the share of the real image in x_hat.
    """
    return distance_from_one(_input_gradient(critic, mix * real + (1 - mix) * fake))


def distance_from_one(gradient: Tensor) -> Tensor:
    """E (||gradient||_2 - 1)^2 of gradients [N, ...]."""
    penalty: Tensor = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
    return penalty


def r1_penalty(critic: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """R1 (Mescheder et al., 2018): E 0.5 ||grad D(x)||^2 on real images."""
    return 0.5 * _input_gradient(critic, real).square().sum(dim=1).mean()
