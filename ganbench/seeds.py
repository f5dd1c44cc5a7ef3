"""Random numbers that depend on a seed and a name, and not on earlier draws.

Each draw has a new generator, made from (seed, name, counter ...). Numbers then do not depend on how many
were drawn before, on batch size, number of workers or device. A resumed run draws the numbers of an
uninterrupted one, and no random state has to be stored.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ganbench.errors import BadInput

if TYPE_CHECKING:
    import torch

# Largest seed for the generators of NumPy, scikit-learn and openTSNE.
LARGEST = 2**32 - 1


def check_seed(seed: int) -> None:
    """Refuse a seed that not all generators accept.

    Raises:
        BadInput: it is below 0 or above ``LARGEST``.
    """
    if not 0 <= seed <= LARGEST:
        raise BadInput(f"seed is out of range: {seed}; give 0 to {LARGEST}")


def generator(seed: int, *key: str | int) -> torch.Generator:
    """A generator on the CPU; equal arguments give equal draws."""
    import torch  # here, since the command line needs ``LARGEST`` without loading torch

    digest = hashlib.sha256(repr((seed, *key)).encode()).digest()
    # 63 bits, since seeds of torch are signed.
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
