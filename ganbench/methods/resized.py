"""A method that edits pictures of another size than its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ganbench.emotions import EMOTIONS
from ganbench.methods.conditions import Condition
from ganbench.methods.interface import Method
from ganbench.storage.state import tensor_hash


@dataclass(frozen=True)
class ResizedConfig:
    """The size of the pictures, the emotions, and the configuration of the method that edits."""

    image_size: int = 64
    emotions: tuple[str, ...] = EMOTIONS
    inner: str = ""


class Resized(Method):
    """A method whose change of a small picture is enlarged and added to the large one.

    For a picture X, its bilinear reduction x (with antialiasing) and the method's edit G(x, z), the edit is
    X + E(G(x, z) - x), where E enlarges bilinearly. What the method does not change keeps its detail.

    Args:
        method: the method, which edits squares of its own size.
        size: side of the pictures, pixels.
    """

    name, title, paper = "resized", "Resized", ""
    Config = ResizedConfig

    def __init__(self, method: Method, size: int) -> None:
        emotions = tuple(method.config.emotions)
        super().__init__(ResizedConfig(size, emotions, repr(method.config)))
        self.method = method
        # It draws the noise, and has the place in tables, of the method.
        self.name, self.paper = method.name, method.paper  # type: ignore[misc]
        self.conditions, self.noise_dim = method.conditions, method.noise_dim
        self.bounded = method.bounded
        self.licence, self.source, self.card = method.licence, method.source, method.card
        self.fingerprint, self.loaded = method.fingerprint, ""
        if method.fingerprint and method.loaded == tensor_hash(method):
            self.loaded = tensor_hash(self)
        before = method.spec.image_size
        self.own_title = f"{type(method).title} ({before} px, resized)"
        self.title = self.own_title
        self.own_facts = {**method.own_facts, "resized": f"{before} px -> {size} px"}

    @property
    def code_dim(self) -> int:
        return self.method.code_dim

    def encode(self, condition: Condition, noise: Tensor | None = None) -> Tensor:
        return self.method.encode(condition, noise)

    def codes(
        self,
        emotions: Tensor | Sequence[int] | Sequence[str],
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        return self.method.codes(emotions, noise, generator)

    def to_native(self, images: Tensor) -> Tensor:
        return images

    def from_native(self, x: Tensor) -> Tensor:
        return x

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        small = self.method.spec.image_size
        shrunk = F.interpolate(x, (small, small), mode="bilinear", antialias=True).clamp(0, 1)
        change = self.method.edit(shrunk, codes).images - shrunk
        return x + F.interpolate(change, x.shape[-2:], mode="bilinear"), None

    def label_distribution(self, codes: Tensor) -> Tensor:
        return self.method.label_distribution(codes)

    def anchors(self) -> Tensor:
        return self.method.anchors()

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return self.method.sample(n, generator)


def resized(method: Method, size: int) -> Method:
    """The method itself if it edits pictures of ``size`` pixels, else a ``Resized`` of it."""
    if method.spec.image_size == size:
        return method
    return Resized(method, size).to(method.device).eval().requires_grad_(False)
