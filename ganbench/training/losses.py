"""Losses that several methods share: gradient penalties, classification, attention masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from ganbench.errors import Diverged
from ganbench.methods.backbone import one_hot


def _input_gradient(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradient.flatten(1)


def distance_from_one(gradient: Tensor) -> Tensor:
    """WGAN-GP (Gulrajani et al., 2017): E (||gradient||_2 - 1)^2.

    Args:
        gradient: [N, ...], gradients of D at points between real images and edits.
    """
    penalty: Tensor = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
    return penalty


def r1_penalty(critic: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """R1 (Mescheder et al., 2018): E 0.5 ||grad D(x)||^2 on real images."""
    return 0.5 * _input_gradient(critic, real).square().sum(dim=1).mean()


def classification(kind: str, logits: Tensor, labels: Tensor) -> Tensor:
    """-log p of the right class, mean over the batch.

    Args:
        kind: "softmax" for classes that exclude each other; "binary" for a binary cross-entropy of
            each class, summed over the classes.
        logits: [N, classes].
        labels: int64 [N].
    """
    if kind == "softmax":
        return F.cross_entropy(logits, labels)
    targets = one_hot(labels, logits.shape[1])
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / len(targets)


def total_variation(mask: Tensor) -> Tensor:
    """Sum of squared differences of neighbouring pixels, over the batch [N, 1, H, W]."""
    down = (mask[:, :, 1:, :] - mask[:, :, :-1, :]).square().sum()
    right = (mask[:, :, :, 1:] - mask[:, :, :, :-1]).square().sum()
    return down + right


def check_mask(values: Mapping[str, float]) -> None:
    """Stop a training whose attention mask keeps or repaints everything.

    Args:
        values: logged means; ``g_mask`` is the mean of the mask.

    Raises:
        Diverged: ``g_mask`` left [0.001, 0.999], where the sigmoid has no gradient to return by.
    """
    mean = values.get("g_mask")
    if mean is not None and not 0.001 <= mean <= 0.999:
        what = "keeps the input everywhere" if mean > 0.5 else "repaints every pixel"
        raise Diverged(
            f"the attention mask saturated: its mean is {mean:.4f}, it {what}, which another "
            "lambda_mask may prevent"
        )
