"""A scene of an evaluation: the edits and predictions of a figure are kept in the evaluation's store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganbench.emotions import EMOTIONS
from ganbench.evaluation.jobs import array_digest
from ganbench.evaluation.plan import Plan
from ganbench.evaluation.precision import FLOAT32
from ganbench.evaluation.samples import Gallery
from ganbench.figures.page import Drawing, to_pixels
from ganbench.figures.scene import Faces, Scene
from ganbench.judges.interface import Judged
from ganbench.methods.interface import Method
from ganbench.methods.outputs import to_bytes
from ganbench.report.pictures import Picture

# Pixels per inch of a figure on the page: twice the density of a screen.
DPI = 150


@dataclass(frozen=True, kw_only=True)
class CachedScene(Scene):
    """A scene that takes edits and predictions from the store of an evaluation.

    The keys of the store are contents: weights, pixels and codes. Edits are stored, and judged, as
    8-bit pictures.

    Attributes:
        plan: of the evaluation.
    """

    plan: Plan

    def edits(self, images: Tensor, codes: Tensor, method: Method | None = None) -> Tensor:
        method = method or self.method
        key = {
            "kind": "edits of a figure",
            "drawn by": self.plan.keys.identity(type(self)),
            "method": method.name,
            "edited by": self.plan.keys.identity(method),
            "edited on": method.device.type,
            **({"edited in": self.precision} if self.precision != FLOAT32 else {}),
            "images": _digest(images),
            "codes": _digest(codes),
        }

        def compute() -> dict[str, Any]:
            with self.plan.stopwatch.measure(f"edit: {method.title}"):
                return {"edits": to_bytes(super(CachedScene, self).edits(images, codes, method))}

        return torch.from_numpy(self.plan.store.fetch(key, compute)["edits"]).float() / 255

    def try_methods(self, images: Tensor, method: Method) -> bool:
        """Do nothing: the evaluation has tried the methods."""
        return False

    def judged(self, images: Tensor) -> Judged:
        judge = self.judge()
        key = {
            "kind": "verdicts of a figure",
            "drawn by": self.plan.keys.identity(type(self)),
            "judge": self.plan.keys.judge_fingerprint(judge),
            "judged by": self.plan.keys.identity(judge),
            "judged on": judge.device.type,
            "images": _digest(images),
        }

        def compute() -> dict[str, Any]:
            with self.plan.stopwatch.measure(f"judge: {self.method.title}"):
                judged = super(CachedScene, self).judged(images)
            return {"logits": judged.logits.numpy(), "features": judged.features.numpy()}

        arrays = self.plan.store.fetch(key, compute)
        return Judged(torch.from_numpy(arrays["logits"]), torch.from_numpy(arrays["features"]))


def cached_scene(plan: Plan, gallery: Gallery, methods: Sequence[Method]) -> CachedScene:
    """A scene with the inputs of the gallery: the first test images, one of each emotion."""

    def faces(count: int) -> Faces:
        labels = gallery.labels[:count]
        images = torch.from_numpy(gallery.inputs[:count]).float() / 255
        return Faces(images, tuple(EMOTIONS[label] for label in labels), labels)

    return CachedScene(
        tuple(methods),
        plan.seed,
        faces,
        lambda: plan.judge,
        dpi=DPI,
        precision=plan.precision,
        plan=plan,
    )


def picture_of(name: str, drawing: Drawing) -> Picture:
    """``name.png`` of a drawing."""
    return Picture.of(f"{name}.png", to_pixels(drawing.figure), drawing.caption)


def _digest(values: Tensor) -> list[Any]:
    return array_digest(values.detach().cpu().numpy())
