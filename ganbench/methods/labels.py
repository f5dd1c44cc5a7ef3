"""The labels that a network has for emotions: the one way from names and Table-1 numbers to its classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ganbench.emotions import KNOWN, canonical, labels_of
from ganbench.errors import BadInput, unknown


def network_labels(
    emotions: Tensor | Sequence[int] | Sequence[str],
    classes: tuple[str, ...],
    method: str,
    device: torch.device,
) -> Tensor:
    """Labels of emotions, int64 [N], which are positions in ``classes``, on ``device``.

    Args:
        emotions: [N], names in any usual spelling, or integers: positions in Table-1 order, where 7 is
            contempt. If no class is one of these eight, the integers are positions in ``classes``.
        classes: the network's emotions, in the order of its labels.
        method: the method's name, for messages.
        device: where the labels are needed.

    Raises:
        BadInput: ``emotions`` are no integers [N], or one of them is no class of the network.
    """

    def cannot_show(name: str) -> BadInput:
        return BadInput(f"{method} cannot show {name!r}; it knows: {', '.join(classes)}")

    if names := _names(emotions):
        known = [canonical(name) for name in classes]
        for name in names:
            if canonical(name) in KNOWN and canonical(name) not in known:
                raise cannot_show(canonical(name))
            if canonical(name) not in known:
                raise unknown("emotion", name, known)
        positions = [known.index(canonical(name)) for name in names]
        return torch.tensor(positions, dtype=torch.int64, device=device)
    numbers = torch.as_tensor(emotions, device=device)
    table = labels_of(classes)
    last = max(number for number, label in enumerate(table) if label >= 0)
    integer = not (numbers.is_floating_point() or numbers.dtype == torch.bool)
    if (
        not integer
        or numbers.ndim != 1
        or (len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) <= last)
    ):
        raise BadInput(
            f"emotions must be integers [N] in 0..{last}: got shape {tuple(numbers.shape)}, values "
            f"{sorted(set(numbers.flatten().tolist()))[:9]}; use names, or ganbench.emotions.index(name)"
        )
    labels = torch.tensor(table, device=device)[numbers.long()]
    if len(labels) and int(labels.min()) < 0:
        raise cannot_show(KNOWN[int(numbers[labels < 0][0])])
    return labels


def _names(emotions: object) -> list[str]:
    """Emotions as names; empty if they are numbers."""
    if isinstance(emotions, str):
        return [emotions]
    listed = [] if isinstance(emotions, Tensor) or np.ndim(emotions) != 1 else list(emotions)  # type: ignore[call-overload, arg-type]
    return [str(name) for name in listed] if any(isinstance(one, str) for one in listed) else []
