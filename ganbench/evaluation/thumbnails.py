"""Small pictures, which a pass keeps of all that it sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ganbench.metrics.input_similarity import SIDE


def thumbnails(images: Tensor) -> NDArray[np.float32]:
    """Small pictures, each pixel the mean of a block.

    Pictures smaller than a thumbnail stay as they are. Where their side is not a multiple of
    ``SIDE``, neighbouring blocks share pixels.

    Args:
        images: [N, 3, S, S] on any device, where they are averaged in float32.

    Returns:
        float32 [N, 3, s, s] in the range of ``images``, s the smaller of S and ``SIDE``.
    """
    small = adaptive_avg_pool2d(images.float(), min(SIDE, images.shape[-1]))
    return np.asarray(small.cpu().numpy())
