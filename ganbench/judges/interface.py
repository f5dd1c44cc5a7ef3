"""The interface of judges: classifiers whose verdicts and features the metrics are computed from."""

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
    """The identity of a judge. Numbers of different judges are never compared.

    Attributes:
        name: e.g. ``"vgg"``.
        title: e.g. ``"VGG (faces, 64 px)"``.
        image_size: side of the network's images, pixels; images of another size are resampled.
        emotions: the classes, in the order of the logits. The suite's judges have Table-1 order, with
            contempt last.
        layer: name of the feature layer used by FED.
        dimension: number of features.
        fingerprint: SHA-256 (hex) of the weights.
        licence: licence of the weights.
        trained_on: name of the training data.
        pictures: hashes of the training images in the card (``ganbench.data.leaks``), or None. They
            are no part of the identity.
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
        """The judge's identity."""

    @property
    def device(self) -> torch.device:
        """The device that it computes on."""

    def judge(self, images: Tensor) -> Judged:
        """Judge images float32 [N, 3, H, W], RGB in [0, 1], of any size."""


class NetworkJudge:
    """A judge that is a network loaded from a file.

    Args:
        model: the network.
        spec: the judge's identity, which the file tells.
    """

    def __init__(self, model: nn.Module, spec: JudgeSpec) -> None:
        self._spec, self._network, self._loaded = spec, model, tensor_hash(model)

    @property
    def spec(self) -> JudgeSpec:
        """The judge's identity; a network that was changed since it was loaded has another fingerprint."""
        now = tensor_hash(self._network)
        return self._spec if now == self._loaded else replace(self._spec, fingerprint=now)

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions of ``spec``, which are known without a hash of the network's state."""
        return self._spec.emotions

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return next(self._network.parameters()).device


def ask(
    judge: Judge,
    images: Tensor,
    spec: JudgeSpec | None = None,
    emotions: Sequence[str] = EMOTIONS,
) -> Judged:
    """The checked verdicts of a judge, float32 on the CPU. All of ganbench asks judges through it.

    The logits are those of ``emotions``, which are found by name: a judge may have its classes in any
    order. Classes that are not wanted are left out, so that probabilities are those of the others.

    Args:
        judge: the judge.
        images: as for ``Judge.judge``.
        spec: the judge's identity, to check the widths. Read it once for many batches, because reading
            it may take a hash of the weights. Without it the widths are not checked.
        emotions: the wanted columns of the logits, in this order.

    Raises:
        BadInput: verdicts have another shape or type or are not finite, or the judge does not know one
            of the emotions.
    """
    judged = judge.judge(images)
    name = "judge" if spec is None else f"judge {spec.name}"
    widths = (None, None) if spec is None else (len(spec.emotions), spec.dimension)
    parts = []
    for what, width in zip(("logits", "features"), widths, strict=True):
        values = getattr(judged, what, None)
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
        # The check is made on the CPU, so that it does not wait for a device once more.
        parts.append(values.detach().float().cpu())
        if not bool(parts[-1].isfinite().all()):
            raise BadInput(
                f"not finite: {name} returns NaN or infinite {what}; its weights or its code are "
                "damaged: take another checkpoint, or mend its code"
            )
    logits, features = parts
    classes = spec.emotions if spec else getattr(judge, "emotions", None)
    if classes is None:  # an object without ``spec`` has the classes that are wanted
        classes = judge.spec.emotions if hasattr(judge, "spec") else emotions
    if tuple(classes) != tuple(emotions):
        logits = logits[:, known_columns(spec or judge.spec, emotions)]
    return Judged(logits, features)


def known_columns(judge: JudgeSpec, emotions: Sequence[str] = EMOTIONS) -> list[int]:
    """The columns of a judge's logits that belong to ``emotions``, in their order.

    Raises:
        BadInput: the judge does not know one of the emotions.
    """
    try:
        return columns(judge.emotions, emotions)
    except BadInput as error:
        raise BadInput(
            f"judge {judge.name} knows other emotions: {', '.join(judge.emotions)}; needed are "
            f"{', '.join(emotions)}"
        ) from error


def resample(images: Tensor, size: int) -> Tensor:
    """Images [N, 3, H, W] -> [N, 3, size, size], bilinear, with antialiasing where they shrink."""
    if images.shape[-2:] == (size, size):
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True)
