"""Scenes of an evaluation: what a figure edits and has judged lies in the evaluation's store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganbench.emotions import EMOTIONS
from ganbench.errors import GanbenchError
from ganbench.evaluation.jobs import array_digest
from ganbench.evaluation.plan import Plan
from ganbench.evaluation.samples import Gallery
from ganbench.figures.page import Drawing, to_png
from ganbench.figures.scene import Faces, Scene
from ganbench.judges.interface import Judged
from ganbench.methods.interface import Method
from ganbench.methods.outputs import to_bytes
from ganbench.report.html import Picture

# Pixels an inch of a figure on the page, which is twice as dense as a screen; print has 300.
DPI = 150


@dataclass(frozen=True, kw_only=True)
class KeptScene(Scene):
    """A scene that edits and judges through the store of an evaluation.

    Keys are contents: weights, pixels, codes. Edits are kept, and judged, as 8-bit pictures.

    Attributes:
        run: the evaluation.
    """

    run: Plan

    def edits(self, images: Tensor, codes: Tensor, method: Method | None = None) -> Tensor:
        method = method or self.method
        key = {
            "kind": "edits of a figure",
            "drawn by": self.run.keys.identity(type(self)),
            "method": method.name,
            "edited by": self.run.keys.identity(method),
            "edited on": method.device.type,
            "images": _digest(images),
            "codes": _digest(codes),
        }

        def make() -> dict[str, Any]:
            with self.run.stopwatch.measure(f"edit: {method.title}"):
                return {"edits": to_bytes(super(KeptScene, self).edits(images, codes, method))}

        return torch.from_numpy(self.run.store.fetch(key, make)["edits"]).float() / 255

    def try_methods(self, images: Tensor, method: Method) -> bool:
        """The evaluation has tried them."""
        return False

    def judged(self, images: Tensor) -> Judged:
        judge = self.judge()
        key = {
            "kind": "verdicts of a figure",
            "drawn by": self.run.keys.identity(type(self)),
            "judge": self.run.keys.judge_fingerprint(judge),
            "judged by": self.run.keys.identity(judge),
            "judged on": judge.device.type,
            "images": _digest(images),
        }

        def make() -> dict[str, Any]:
            with self.run.stopwatch.measure(f"judge: {self.method.title}"):
                found = super(KeptScene, self).judged(images)
            return {"logits": found.logits.numpy(), "features": found.features.numpy()}

        found = self.run.store.fetch(key, make)
        return Judged(torch.from_numpy(found["logits"]), torch.from_numpy(found["features"]))


def scene(run: Plan, gallery: Gallery, methods: Sequence[Method]) -> KeptScene:
    """A scene with the gallery's inputs: the first test images, one of each emotion."""

    def faces(count: int) -> Faces:
        labels = gallery.labels[:count]
        images = torch.from_numpy(gallery.inputs[:count]).float() / 255
        return Faces(images, tuple(EMOTIONS[label] for label in labels), labels)

    return KeptScene(tuple(methods), run.seed, faces, lambda: run.judge, dpi=DPI, run=run)


def fits(ask: Callable[..., object], *arguments: Any) -> bool:
    """Whether a figure's question to a method has an answer."""
    try:
        ask(*arguments)
    except GanbenchError:
        return False
    return True


def as_picture(name: str, drawing: Drawing) -> Picture:
    """``name.png`` of a drawing."""
    return Picture(f"{name}.png", to_png(drawing.figure), drawing.caption)


def _digest(values: Tensor) -> list[Any]:
    return array_digest(values.detach().cpu().numpy())
