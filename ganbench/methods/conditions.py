"""What an edit can be conditioned on. A method encodes the kinds that it understands and refuses others.

A condition is never turned into another kind silently: converting it is the caller's decision.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

# Key of a card: emotion -> its mean action units in the training data, 17 numbers in [0, 1].
EMOTION_UNITS = "emotion_units"


@dataclass(frozen=True)
class Category:
    """Basic emotions.

    Attributes:
        emotions: int64 [N]. Positions in Table-1 order where a caller makes the condition
            (``Method.encode``), and the method's labels where the method reads it
            (``Method.own_codes``).
        intensity: float [N] in [0, 1]; None where it is not given.
        own: whether ``emotions`` are the method's labels.
    """

    emotions: Tensor
    intensity: Tensor | None = None
    own: bool = False


@dataclass(frozen=True)
class ActionUnits:
    """FACS action units; ``values`` float [N, units] in [0, 1]."""

    values: Tensor


@dataclass(frozen=True)
class ReferenceImage:
    """Faces whose expression is to be copied.

    Attributes:
        images: float [N, 3, H, W] in [0, 1].
        emotions: int64 [N], numbered as ``Category.emotions``; StarGAN-v2 needs them, since it has a
            style encoder for each emotion.
    """

    images: Tensor
    emotions: Tensor | None = None


Condition = Category | ActionUnits | ReferenceImage
