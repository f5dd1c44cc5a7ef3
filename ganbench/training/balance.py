"""Batches in which every class is drawn alike, however few images it has."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.seeds import generator


def balanced(labels: NDArray[np.int64], count: int, iteration: int, seed: int) -> NDArray[np.int64]:
    """``count`` indices for an iteration; the classes take turns, over iterations too.

    Each class walks through epochs of its own images in random order, so an image of a rare class is
    seen more often than one of a frequent class. Nothing depends on how often it was called before.

    Args:
        labels: int64 [N].
        count: images of an iteration.
        iteration: counted from 0.
        seed: of the run.

    Returns:
        int64 [count], in random order.
    """
    classes = np.unique(labels)
    positions = np.arange(iteration * count, (iteration + 1) * count)
    turn, place = positions % len(classes), positions // len(classes)
    chosen = np.empty(count, np.int64)
    for k, label in enumerate(classes.tolist()):
        own, slots = np.flatnonzero(labels == label), np.flatnonzero(turn == k)
        epochs = place[slots] // len(own)
        for epoch in np.unique(epochs).tolist():
            random = generator(seed, "balance", label, epoch)
            order = torch.randperm(len(own), generator=random).numpy()
            now = slots[epochs == epoch]
            chosen[now] = own[order[place[now] % len(own)]]
    # The turns are in one order: processes that share a batch would each get some classes only.
    mixed = torch.randperm(count, generator=generator(seed, "balance", iteration)).numpy()
    found: NDArray[np.int64] = chosen[mixed]
    return found
