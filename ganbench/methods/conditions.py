"""What an edit can be conditioned on. A method encodes those it understands and refuses the rest.

The six methods of the paper take categories; later ones take action units, valence-arousal, text
or a reference image. A condition is never turned into another silently: converting is the caller's
decision, made in the open.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

# Key of a card: emotion -> its mean action units in the training data, 17 numbers in [0, 1].
EMOTION_UNITS = "emotion_units"


@dataclass(frozen=True)
class Category:
    """Basic emotions; ``intensity`` float [N] in [0, 1].

    ``emotions`` int64 [N] are positions in Table-1 order where a caller makes the condition
    (``Method.encode``), and the method's own labels where the method reads it (``Method.own_codes``);
    ``own`` tells that they are the latter.
    """

    emotions: Tensor
    intensity: Tensor | None = None
    own: bool = False


@dataclass(frozen=True)
class LabelDistribution:
    """A mixture of emotions; ``probabilities`` float [N, emotions], rows sum to 1."""

    probabilities: Tensor


@dataclass(frozen=True)
class ActionUnits:
    """FACS action units; ``values`` float [N, units]: absolute in [0, 1], or a change if ``relative``."""

    values: Tensor
    relative: bool = False


@dataclass(frozen=True)
class ValenceArousal:
    """Continuous affect; ``values`` float [N, 2] in [-1, 1], valence then arousal."""

    values: Tensor


@dataclass(frozen=True)
class Text:
    """Free-text instructions, one for each image."""

    prompts: tuple[str, ...]


@dataclass(frozen=True)
class ReferenceImage:
    """Faces whose expression is to be copied; ``images`` float [N, 3, H, W] in [0, 1].

    ``emotions`` int64 [N], as of ``Category``, are their domains where the method needs them
    (StarGAN-v2).
    """

    images: Tensor
    emotions: Tensor | None = None


Condition = Category | LabelDistribution | ActionUnits | ValenceArousal | Text | ReferenceImage
