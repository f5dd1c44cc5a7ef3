"""Checks of a method's edits: images of the inputs' shape, float32, finite, and near [0, 1].

Every edit is checked, and the message names the method. Without the check a NaN would become a black
picture, and a judge's verdict on that picture a number in a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.errors import BadInput

# Values outside [0, 1] by less than this are not counted as cut, because 8 bits cannot show it.
INVISIBLE = 0.5 / 255

# (excess, share): if more than this share of the values lies outside [0, 1] by more than this excess, the
# method's range is not [0, 1]. Generators that add a change to their input leave [0, 1] by 0.5 at most; of
# the shipped generators' values 0.0003 % leave it by more than 0.25.
FAR = ((0.6, 0.01), (0.2, 0.25))

# A larger share of cut pixels is reported; the shipped methods cut 0.14 % at most.
MUCH = 0.01

MEND = "mend the package that registers the method"


def checked(name: str, images: object, mask: object, shape: torch.Size) -> None:
    """Check the images and the mask of an edit, except their range.

    Args:
        name: name of the method, for messages.
        images: the edited images; they must be float32 of ``shape``.
        mask: None, or the mask, which must be float32 [N, 1, S, S].
        shape: shape of the inputs, [N, 3, S, S].

    Raises:
        BadInput: one of them has another type or shape, or values that are NaN or infinite.
    """
    parts = [("images", images, tuple(shape))]
    if mask is not None:
        parts.append(("a mask", mask, (shape[0], 1, *shape[2:])))
    finite = []
    for what, values, wanted in parts:
        if not isinstance(values, Tensor):
            raise BadInput(f"{name} returns {what} of type {type(values).__name__}; {MEND}")
        if tuple(values.shape) != wanted or values.dtype != torch.float32:
            kind = str(values.dtype).removeprefix("torch.")
            raise BadInput(
                f"{name} returns {what} {kind} {list(values.shape)} for {shape[0]} inputs; it must be "
                f"float32 {list(wanted)}: {MEND}"
            )
        finite.append(values.isfinite().all())
    # One transfer from the device for each batch.
    if not bool(torch.stack(finite).all()):
        raise BadInput(
            f"not finite: {name} returns NaN or infinite values; its weights or its code are "
            "damaged: take another checkpoint, or mend its code"
        )


def cut(images: Tensor) -> Tensor:
    """The share of each image's pixels, float32 [N] in [0, 1], that visibly lie outside [0, 1]."""
    outside = (images < -INVISIBLE) | (images > 1 + INVISIBLE)
    return outside.any(dim=1).float().mean(dim=(1, 2))


def check_range(name: str, images: Tensor) -> None:
    """Refuse edits that are nowhere near [0, 1].

    Args:
        name: name of the method, for messages.
        images: float32 [N, 3, S, S], before the cut to [0, 1].

    Raises:
        BadInput: in one of the images more values lie far outside than ``FAR`` allows.
    """
    excess = torch.maximum(-images, images - 1).flatten(1)
    for far, share in FAR:
        largest = float((excess > far).float().mean(dim=1).max())
        if largest > share:
            raise BadInput(
                f"values outside [0, 1]: {name} returns {float(images.min()):.3g} to "
                f"{float(images.max()):.3g}, {largest:.0%} of an image more than {far:g} outside; its "
                "from_native must give RGB in [0, 1]; a class whose last layer has no bound says bounded = False"
            )


def to_bytes(images: Tensor) -> NDArray[np.uint8]:
    """Values in [0, 1] as 0 to 255, rounded; the shape is kept."""
    return (images * 255).round().to(torch.uint8).cpu().numpy()


def cut_notes(methods: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line for each method with more than ``MUCH`` cut pixels; ``methods`` is that of results.json."""
    return [
        cut_note(str(facts["title"]), float(facts["clamped"]))
        for facts in methods.values()
        if facts.get("clamped", 0) > MUCH
    ]


def cut_note(title: str, share: float, judged: bool = True) -> str:
    """The line that reports a method's share of cut pixels.

    Args:
        title: title of the method.
        share: the share, in [0, 1].
        judged: whether the edits were judged; otherwise they were saved.
    """
    after = "the judge saw the edits" if judged else "the files hold the edits"
    return (
        f"{title}: {share:.1%} of the pixels of its edits lay outside [0, 1] and were cut to it; "
        f"{after} after the cut"
    )
