"""Random numbers addressed by name instead of by history.

Every draw takes a fresh generator made from (seed, name, counter ...). Nothing then depends on how
many numbers were drawn before, on batch size, on worker count or on the device, and a resumed run
draws what the uninterrupted one would have drawn, with no random state to store.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ganbench.errors import BadInput

if TYPE_CHECKING:
    import torch

# What the generators of NumPy, scikit-learn and openTSNE take.
LARGEST = 2**32 - 1


def check_seed(seed: int) -> None:
    """Refuse a seed that not every generator takes.

    Raises:
        BadInput: it is below 0 or above ``LARGEST``.
    """
    if not 0 <= seed <= LARGEST:
        raise BadInput(f"seed is out of range: {seed}; give 0 to {LARGEST}")


def generator(seed: int, *key: str | int) -> torch.Generator:
    """A CPU generator for the stream ``key`` of ``seed``; equal arguments give equal draws."""
    import torch  # here, so that the command line learns ``LARGEST`` without it

    digest = hashlib.sha256(repr((seed, *key)).encode()).digest()
    # 63 bits: torch refuses seeds outside the signed range.
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def uniform(
    generator: torch.Generator, low: float, high: float, shape: tuple[int, ...]
) -> torch.Tensor:
    """Float32 draws from U[low, high), on the CPU."""
    import torch

    return low + (high - low) * torch.rand(shape, generator=generator)
