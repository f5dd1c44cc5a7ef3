"""Random numbers addressed by name instead of by history.

Every draw takes a fresh generator made from (seed, name, counter ...). Nothing then depends on how
many numbers were drawn before, on batch size, on worker count or on the device, and a resumed run
draws what the uninterrupted one would have drawn, with no random state to store.
"""

from __future__ import annotations

import hashlib

import torch


def generator(seed: int, *key: str | int) -> torch.Generator:
    """A CPU generator for the stream ``key`` of ``seed``; equal arguments give equal draws."""
    digest = hashlib.sha256(repr((seed, *key)).encode()).digest()
    # 63 bits: torch refuses seeds outside the signed range.
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def uniform(
    generator: torch.Generator, low: float, high: float, shape: tuple[int, ...]
) -> torch.Tensor:
    """Float32 draws from U[low, high), on the CPU."""
    return low + (high - low) * torch.rand(shape, generator=generator)
