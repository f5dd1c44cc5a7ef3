"""The whitening of descriptors, for the metric ``identity``: fitted by ``tools/fit_whitening.py``, kept beside the weights."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

FILE = "whitening.safetensors"


class Whitening(NamedTuple):
    """The mean float64 [128] of descriptors, and the matrix float64 [128, 128] that whitens them.

    ``fingerprint`` is the sha256 (hex) of the file.
    """

    mean: NDArray[np.float64]
    matrix: NDArray[np.float64]
    fingerprint: str


@lru_cache(maxsize=1)
def load_whitening() -> Whitening:
    """The shipped whitening, see ``ganbench.metrics.identity``; it is read once."""
    content = Path(str(resources.files("ganbench.faces_in_photos") / FILE)).read_bytes()
    tensors = load(content)
    return Whitening(
        tensors["mean"].astype(np.float64),
        tensors["matrix"].astype(np.float64),
        hashlib.sha256(content).hexdigest(),
    )
