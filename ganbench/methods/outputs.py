"""What a method's edits must be: pictures of the inputs' shape, float32, finite, and near [0, 1].

Every edit passes through here. A method that breaks a rule is named: else its NaN would be a black
picture, and a judge's verdict on it a number in a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.errors import BadInput

# What an 8-bit picture cannot show: values outside [0, 1] by less than this are not counted as cut.
INVISIBLE = 0.5 / 255

# (excess, share): a method of which a larger share of the values lies further outside [0, 1] has
# another range than it says. Generators that add a change to their input leave
# [0, 1] by 0.5 at most; of the shipped ones' values 0.0003 % do so by more than 0.25.
FAR = ((0.6, 0.01), (0.2, 0.25))

# A share of cut pixels that a reader should know of; the shipped methods cut 0.14 % at most.
MUCH = 0.01

MEND = "mend the package that registers the method"


def checked(name: str, images: object, mask: object, shape: torch.Size) -> None:
    """Check the images and the mask of an edit, all but the range.

    Args:
        name: of the method, for messages.
        images: what must be float32 of ``shape``, [N, 3, S, S].
        mask: None, or what must be float32 [N, 1, S, S].
        shape: of the inputs.

    Raises:
        BadInput: another type, shape or number format, or NaN or infinity among the values.
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
    # One question to the device a batch.
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
        name: of the method, for messages.
        images: [N, 3, S, S], not yet cut to [0, 1].

    Raises:
        BadInput: more values than ``FAR`` allows lie far outside, in one of the images.
    """
    excess = torch.maximum(-images, images - 1).flatten(1)
    for far, share in FAR:
        found = float((excess > far).float().mean(dim=1).max())
        if found > share:
            raise BadInput(
                f"values outside [0, 1]: {name} returns {float(images.min()):.3g} to "
                f"{float(images.max()):.3g}, {found:.0%} of an image more than {far:g} outside; its "
                "from_native must give RGB in [0, 1]; a class whose last layer has no bound says bounded = False"
            )


def to_bytes(images: Tensor) -> NDArray[np.uint8]:
    """Values in [0, 1] as 0 to 255, rounded; the shape is kept."""
    return (images * 255).round().to(torch.uint8).cpu().numpy()


def cut_notes(methods: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line for each method of results that had much of its edits cut; ``methods`` as in results."""
    return [
        cut_note(str(facts["title"]), float(facts["clamped"]))
        for facts in methods.values()
        if facts.get("clamped", 0) > MUCH
    ]


def cut_note(title: str, share: float, judged: bool = True) -> str:
    """What a reader should know of a method with this share of cut pixels.

    Args:
        title: of the method.
        share: in [0, 1].
        judged: whether the edits were judged; otherwise they were saved.
    """
    after = "the judge saw the edits" if judged else "the files hold the edits"
    return (
        f"{title}: {share:.1%} of the pixels of its edits lay outside [0, 1] and were cut to it; "
        f"{after} after the cut"
    )
