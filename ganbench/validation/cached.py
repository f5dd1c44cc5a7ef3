"""Judges and face networks that are asked about each picture once, although several editors make the same picture."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench import metrics
from ganbench.faces_in_photos import load_face_networks
from ganbench.faces_in_photos.framed import Framed, describe
from ganbench.faces_in_photos.whitening import load_whitening
from ganbench.judges.interface import Judge, ask
from ganbench.validation.faces import UInt8

BATCH = 28


@dataclass(frozen=True)
class Predictions:
    """A judge's logits float32 [..., 7] and features float32 [..., d]."""

    logits: NDArray[np.float32]
    features: NDArray[np.float32]


class CachedJudge:
    """A judge that is asked about each picture once, although several editors make the same picture."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.known: dict[bytes, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

    def predict(self, pictures: UInt8) -> Predictions:
        """Predictions for pictures uint8 [..., 3, S, S]."""
        flat = pictures.reshape(-1, *pictures.shape[-3:])
        keys = [hashlib.sha256(picture.tobytes()).digest() for picture in flat]
        new = list({key: i for i, key in enumerate(keys) if key not in self.known}.values())
        for start in range(0, len(new), BATCH):
            rows = new[start : start + BATCH]
            answer = ask(self.judge, torch.from_numpy(flat[rows]).float() / 255)
            logits, features = answer.logits.numpy(), answer.features.numpy()
            self.known |= {keys[row]: (logits[i], features[i]) for i, row in enumerate(rows)}
        shape = pictures.shape[:-3]
        logits, features = (np.stack([self.known[key][i] for key in keys]) for i in (0, 1))
        return Predictions(logits.reshape(*shape, -1), features.reshape(*shape, -1))


class CachedFaces:
    """The face networks, which are asked about each picture once."""

    def __init__(self, device: torch.device) -> None:
        self.networks = load_face_networks(device)
        self.whitening = load_whitening()
        self.known: dict[bytes, Framed] = {}

    def describe(self, pictures: UInt8) -> Framed:
        """Arrays [..., 68, 2], [..., 128] and [...] of pictures uint8 [..., 3, S, S]."""
        flat = pictures.reshape(-1, *pictures.shape[-3:])
        keys = [hashlib.sha256(picture.tobytes()).digest() for picture in flat]
        new = list({key: i for i, key in enumerate(keys) if key not in self.known}.values())
        for start in range(0, len(new), BATCH):
            rows = new[start : start + BATCH]
            found = describe(self.networks, flat[rows].transpose(0, 2, 3, 1))
            self.known |= {keys[row]: Framed(*(a[i] for a in found)) for i, row in enumerate(rows)}
        arrays = (np.stack(a) for a in zip(*(self.known[key] for key in keys), strict=True))
        shape = pictures.shape[:-3]
        return Framed(*(array.reshape(*shape, *array.shape[1:]) for array in arrays))

    def whitened(self, descriptors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Whitened descriptors, float64 of the same shape."""
        return metrics.whitened(descriptors, self.whitening.mean, self.whitening.matrix)
