"""The adversary: a faint texture on the face that convinces a judge of an emotion that is not shown."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from ganbench.data.regions import FACE
from ganbench.judges.interface import known_columns
from ganbench.judges.vgg import VGGJudge
from ganbench.validation.faces import K, KnownFaces, UInt8

# Largest change of a pixel, of 255 levels. A step is a quarter of it.
BOUND = 6
STEPS = 10

BATCH = 28


def paint_texture(faces: KnownFaces, judge: VGGJudge) -> UInt8:
    """Every input with a texture for each target, uint8 [n, 7, 3, S, S].

    It is projected gradient descent on the judge's cross-entropy (Madry et al., ICLR 2018), within the
    face of the input. The outline, the hair and the background do not change.
    """
    pixels = torch.from_numpy(np.repeat(faces.images, K, axis=0))
    face = torch.from_numpy(np.repeat(faces.regions >= FACE, K, axis=0))[:, None]
    targets = torch.arange(K).repeat(len(faces))
    parts = [
        _attack(judge, x, inside, t)
        for x, inside, t in zip(
            *(torch.split(part, BATCH) for part in (pixels, face, targets)), strict=True
        )
    ]
    return np.concatenate(parts).reshape(faces.true_edits.shape)


def _attack(
    judge: VGGJudge, pixels: torch.Tensor, inside: torch.Tensor, targets: torch.Tensor
) -> UInt8:
    """Pixels uint8 [N, 3, S, S] with a texture.

    Args:
        pixels: uint8 [N, 3, S, S].
        inside: bool [N, 1, S, S], the pixels that may change.
        targets: int64 [N].
    """
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
