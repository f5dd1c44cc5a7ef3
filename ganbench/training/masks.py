"""Attention masks of GANimation and SMIT: smoothness and saturation."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ganbench.errors import Diverged


def total_variation(mask: Tensor) -> Tensor:
    """Sum of squared differences of neighbouring pixels, over the batch [N, 1, H, W]."""
    down = (mask[:, :, 1:, :] - mask[:, :, :-1, :]).square().sum()
    right = (mask[:, :, :, 1:] - mask[:, :, :, :-1]).square().sum()
    return down + right


def check_mask(values: Mapping[str, float]) -> None:
    """Stop when the logged mean ``g_mask`` says that nothing or everything is repainted.

    Raises:
        Diverged: the mean left [0.001, 0.999]; from there the sigmoid has no gradient to return by.
    """
    mean = values.get("g_mask")
    if mean is not None and not 0.001 <= mean <= 0.999:
        what = "keeps the input everywhere" if mean > 0.5 else "repaints every pixel"
        raise Diverged(
            f"the attention mask saturated: its mean is {mean:.4f}, it {what}, which another "
            "lambda_mask may prevent"
        )
