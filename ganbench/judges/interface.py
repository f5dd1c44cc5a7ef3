"""What a judge is: a classifier whose verdicts and features every metric is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench.emotions import EMOTIONS, columns
from ganbench.errors import BadInput
from ganbench.storage.state import tensor_hash
from ganbench.text import plural


@dataclass(frozen=True)
class Judged:
    """Verdicts on a batch of images.

    Attributes:
        logits: float32 [N, emotions], in the order of ``JudgeSpec.emotions``.
        features: float32 [N, d], the penultimate layer, named by ``JudgeSpec.layer``.
    """

    logits: Tensor
    features: Tensor


@dataclass(frozen=True)
class JudgeSpec:
    """The identity of a judge: numbers of different judges never meet.

    Attributes:
        name: e.g. ``"vgg"``.
        title: e.g. ``"VGG (faces, 64 px)"``.
        image_size: side of the images it sees; others are resampled to it.
        emotions: its classes, in the order of its logits; those of the suite's judges are in Table-1
            order, with contempt behind.
        layer: name of the feature layer used by FED.
        dimension: number of features.
        fingerprint: sha256 (hex) of its weights.
        licence: licence of its weights.
        trained_on: the data it learned from.
        pictures: what its card keeps of these data's images, see ``ganbench.data.leaks``; None if
            nothing. It is no part of the identity, which the weights' hash has.
    """

    name: str
    title: str
    image_size: int
    emotions: tuple[str, ...]
    layer: str
    dimension: int
    fingerprint: str
    licence: str
    trained_on: str
    pictures: Any = field(default=None, compare=False, repr=False)


class Judge(Protocol):
    """A loaded judge."""

    @property
    def spec(self) -> JudgeSpec:
        """Its identity."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    def judge(self, images: Tensor) -> Judged:
        """Judge images float32 [N, 3, H, W], RGB in [0, 1]; H and W may differ from its own size."""


class NetworkJudge:
    """A judge that is a network loaded from a file.

    Args:
        model: the network.
        spec: its identity as the file has it.
    """

    def __init__(self, model: nn.Module, spec: JudgeSpec) -> None:
        self._spec, self._network, self._loaded = spec, model, tensor_hash(model)

    @property
    def spec(self) -> JudgeSpec:
        """Its identity; a network that was changed since it was loaded has a fingerprint of its own."""
        now = tensor_hash(self._network)
        return self._spec if now == self._loaded else replace(self._spec, fingerprint=now)

    @property
    def emotions(self) -> tuple[str, ...]:
        """Those of ``spec``, without a look at the network's state."""
        return self._spec.emotions

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self._network.parameters()).device


def ask(
    judge: Judge,
    images: Tensor,
    spec: JudgeSpec | None = None,
    emotions: Sequence[str] = EMOTIONS,
) -> Judged:
    """The verdicts of a judge, checked, float32 and on the CPU: the one way to ask for numbers.

    The logits are those of some emotions, by their names, so that a judge's own order is nowhere taken
    for Table 1's. Classes beyond these are left out: probabilities are those of the rest.

    Args:
        judge: whoever judges.
        images: as for ``Judge.judge``.
        spec: the judge's, to check the widths; to be read once for many batches, since that may take
            a hash of the judge's weights. Without it the widths are anything.
        emotions: the columns that are wanted, in this order.

    Raises:
        BadInput: verdicts of another shape or type, or that are not finite; or the judge does not know
            one of the emotions.
    """
    found = judge.judge(images)
    name = "judge" if spec is None else f"judge {spec.name}"
    widths = (None, None) if spec is None else (len(spec.emotions), spec.dimension)
    parts = []
    for what, width in zip(("logits", "features"), widths, strict=True):
        values = getattr(found, what, None)
        if not isinstance(values, Tensor):
            raise BadInput(
                f"{name} returns {what} of type {type(values).__name__}, no tensor; mend its code"
            )
        shape = list(values.shape)
        if (
            len(shape) != 2
            or shape != [len(images), shape[1] if width is None else width]
            or not values.is_floating_point()
        ):
            kind = str(values.dtype).removeprefix("torch.")
            raise BadInput(
                f"{name} returns {what} {kind} {shape} for {plural(len(images), 'image')}; they must be "
                f"floating point [{len(images)}, {width or 'd'}]: mend its code"
            )
        # On the CPU, where they are wanted anyway, the question costs no waiting for a device.
        parts.append(values.detach().float().cpu())
        if not bool(parts[-1].isfinite().all()):
            raise BadInput(
                f"not finite: {name} returns NaN or infinite {what}; its weights or its code are "
                "damaged: take another checkpoint, or mend its code"
            )
    logits, features = parts
    own = spec.emotions if spec else getattr(judge, "emotions", None)
    if own is None:  # a stand-in without identity is in the suite's order
        own = judge.spec.emotions if hasattr(judge, "spec") else emotions
    if tuple(own) != tuple(emotions):
        logits = logits[:, known_columns(spec or judge.spec, emotions)]
    return Judged(logits, features)


def known_columns(judge: JudgeSpec, emotions: Sequence[str] = EMOTIONS) -> list[int]:
    """Where a judge's logits hold each of some emotions.

    Raises:
        BadInput: it does not know one of them.
    """
    try:
        return columns(judge.emotions, emotions)
    except BadInput as error:
        raise BadInput(
            f"judge {judge.name} knows other emotions: {', '.join(judge.emotions)}; needed are "
            f"{', '.join(emotions)}"
        ) from error


def resample(images: Tensor, size: int) -> Tensor:
    """Images [N, 3, H, W] -> [N, 3, size, size]: bilinear, with antialiasing where it shrinks."""
    if images.shape[-2:] == (size, size):
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True)
