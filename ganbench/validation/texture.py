"""The adversary: a faint texture on the face that convinces a judge of an emotion nobody shows."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from ganbench.data.regions import FACE
from ganbench.judges.interface import known_columns
from ganbench.judges.vgg import VGGJudge
from ganbench.validation.scene import K, Scene, UInt8

# No pixel moves by more than this many of 255 levels; steps of a quarter of it.
BOUND = 6
STEPS = 10

BATCH = 28


def paint_texture(scene: Scene, judge: VGGJudge) -> UInt8:
    """Every input with a texture for each target, uint8 [n, 7, 3, S, S].

    Projected gradient descent on the judge's cross-entropy (Madry et al., ICLR 2018), within the
    face of the input: its outline, hair and background stay to the last bit.
    """
    pixels = torch.from_numpy(np.repeat(scene.images, K, axis=0))
    face = torch.from_numpy(np.repeat(scene.regions >= FACE, K, axis=0))[:, None]
    targets = torch.arange(K).repeat(len(scene))
    parts = [
        _attack(judge, x, inside, t)
        for x, inside, t in zip(
            *(torch.split(part, BATCH) for part in (pixels, face, targets)), strict=True
        )
    ]
    return np.concatenate(parts).reshape(scene.truths.shape)


def _attack(
    judge: VGGJudge, pixels: torch.Tensor, inside: torch.Tensor, targets: torch.Tensor
) -> UInt8:
    """Pixels uint8 [N, 3, S, S], allowed bool [N, 1, S, S], targets int64 [N] -> the same, textured."""
    device = judge.device
    columns = known_columns(judge.spec)
    x = pixels.to(device).float()
    bound = BOUND * inside.to(device).float()
    change = torch.zeros_like(x)
    for _ in range(STEPS):
        change.requires_grad_(True)
        outputs, _ = judge.model((x + change) / 127.5 - 1)
        logits = outputs[:, judge.columns][:, columns]
        (slope,) = torch.autograd.grad(F.cross_entropy(logits, targets.to(device)), change)
        change = change.detach() - BOUND / 4 * slope.sign()
        change = (change.clamp(-bound, bound) + x).clamp(0, 255) - x
    return (x + change).round().to(torch.uint8).cpu().numpy()
