"""Losses and penalties, written from their formulas, for comparison with those of the trainers."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import log_softmax

from ganbench.training.draws import Draws


def draws(seed) -> Draws:
    """Random numbers of a step."""
    return Draws(torch.Generator().manual_seed(seed))


def input_gradient(critic, x) -> torch.Tensor:
    """Autograd's gradient of the sum of a critic's scores with respect to images, differentiable."""
    x = x.detach().requires_grad_(True)
    return torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0]


def gradient_penalty(critic, real, fake, mix) -> torch.Tensor:
    """E (||grad D(x_hat)||_2 - 1)^2 with x_hat = mix real + (1 - mix) fake."""
    gradient = input_gradient(critic, mix * real + (1 - mix) * fake)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def numbers(values) -> np.ndarray:
    """A tensor or an array as an array."""
    return np.asarray(values.detach() if hasattr(values, "detach") else values)


def cross_entropy(logits, labels) -> float:
    """E -log softmax(logits)[label]."""
    return float(-log_softmax(numbers(logits), 1)[np.arange(len(labels)), numbers(labels)].mean())


def binary_cross_entropy(logits, labels) -> float:
    """Binary cross-entropy, summed over the classes, mean over the batch."""
    p = 1 / (1 + np.exp(-numbers(logits)))
    y = np.eye(p.shape[1])[numbers(labels)]
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).sum() / len(labels))


def total_variation(mask) -> float:
    """Sum of squared differences of neighbouring pixels of a mask [N, 1, H, W]."""
    mask = numbers(mask)
    return float((np.diff(mask, axis=2) ** 2).sum() + (np.diff(mask, axis=3) ** 2).sum())
