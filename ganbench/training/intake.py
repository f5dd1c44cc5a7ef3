"""What is looked at before a training begins: the images that it is to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ganbench.data import leaks
from ganbench.data.dataset import Dataset
from ganbench.data.doctor import examine_labels, refuse
from ganbench.judges.label_check import check_labels


def admit(
    dataset: Dataset,
    emotions: Sequence[str],
    allow_leaks: bool = False,
    device: str | torch.device = "auto",
) -> tuple[list[str], dict[str, Any]]:
    """Look at the training images.

    Args:
        dataset: the training split.
        emotions: the classes of the network.
        allow_leaks: images in both splits, or under two emotions, are no faults.
        device: where the judges look at the labels.

    Returns:
        What a user should be told, a line each, and what the card gets of it.

    Raises:
        BadInput: there are leaks that nobody allowed.
    """
    found, pictures = leaks.check_training(dataset, allow_leaks)
    refuse(found)
    notes = [
        one.text for one in (*examine_labels(dataset, emotions), *found) if one.level == "note"
    ]
    if labels := check_labels(dataset, device).note:
        notes.append(labels)
    return notes, {leaks.CARD: pictures} if pictures else {}
