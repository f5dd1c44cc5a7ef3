"""Behind every number: edits of the first test images, with what the metrics say of each of them.

The edits are those of the evaluation, made once more for the page: an evaluation keeps numbers, and pictures of
seven images only. They are stored as they stand on the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.emotions import EMOTIONS
from ganbench.evaluation import protocol
from ganbench.evaluation.jobs import Job, Kind, array_digest
from ganbench.evaluation.plan import Plan
from ganbench.evaluation.precision import FLOAT32
from ganbench.figures.scene import Faces, Scene
from ganbench.methods.interface import Method
from ganbench.metrics import softmax
from ganbench.metrics.gt_error import NOTHING_TO_DO, REGIONS
from ganbench.report.explorer import small, to_uri, to_webp
from ganbench.scoring import ANCHOR
from ganbench.storage.store import Arrays

# Test images whose edits are on the page: four of each emotion. Six methods need about a megabyte.
COUNT = 28

K = len(EMOTIONS)
WHOLE = REGIONS.index("all")

Floats = NDArray[np.float64]


def make_edits(plan: Plan) -> dict[str, Any]:
    """What ``edits.js`` reads, JSON-ready.

    Returns:
        ``tile``: the side of a picture; ``labels`` [n] of the inputs; ``inputs``, ``truth`` (None if
        unknown) and each method's ``sprite``: WebP with a row for each image, and a column for each
        target. By 7 * image + target: ``seen``, the emotion that the judge sees; ``p``, its probability
        of the target; ``error``, the distance to the true edit relative to that of the input, and
        ``background``; None where a number is not defined.
    """
    plan.refresh()
    chunk = plan.chunks[0]
    inputs, n = plan.inputs(chunk), min(COUNT, len(chunk))
    images, labels = inputs.images[:n], plan.dataset.labels[chunk.indices[:n]]
    tiles = small(images)
    truth, undone = None, None
    if inputs.true_edits is not None:
        exact = torch.from_numpy(inputs.true_edits[: n * K]).float() / 255
        truth = to_uri(sheet(small(exact), K))
        undone = _arrays(plan, "truth")["gt_distance"][:n, :, WHOLE].astype(np.float64)
        undone[np.arange(n), labels] = 0  # as in the metric: the input shows this emotion already
    methods = {}
    for label, method in plan.methods.items():
        found = _arrays(plan, "edits", label, ANCHOR)
        p = softmax(found["logits"][:n])
        methods[label] = {
            "title": method.title,
            "sprite": to_uri(_edits(plan, method, images)),
            "seen": p.argmax(axis=-1).ravel().tolist(),
            "p": _numbers(p[:, np.arange(K), np.arange(K)], 3),
            "error": None
            if undone is None
            else _numbers(relative(found["gt_distance"][:n, :, WHOLE], undone), 3),
            "background": _numbers(found["background"][:n], 4) if "background" in found else None,
        }
    return {
        "tile": tiles.shape[-1],
        "labels": labels.tolist(),
        "inputs": to_uri(sheet(tiles, 1)),
        "truth": truth,
        "methods": methods,
    }


def relative(edited: Floats, undone: Floats) -> Floats:
    """Distances of edits to the true edits in units of the inputs' [n, 7]; NaN where there was nothing to do."""
    to_do = undone > NOTHING_TO_DO
    ratios = np.full(undone.shape, np.nan)
    ratios[to_do] = edited[to_do] / undone[to_do]
    return ratios


def _edits(plan: Plan, method: Method, images: torch.Tensor) -> bytes:
    """The WebP of the edits of images [n, 3, S, S] to the codes of the evaluation."""
    codes, _ = protocol.codes(method, ANCHOR, plan.seed, 0)
    codes = codes[: len(images) * K]
    keys = plan.keys
    key = {
        "kind": "edits of the page",
        "drawn by": keys.identity(_draw),
        "method": method.name,
        "edited by": keys.identity(method),
        "edited on": method.device.type,
        **({"edited in": plan.precision} if plan.precision != FLOAT32 else {}),
        "images": array_digest(images.numpy()),
        "codes": array_digest(codes.detach().cpu().numpy()),
    }

    def compute() -> Mapping[str, NDArray[np.uint8]]:
        with plan.stopwatch.measure(f"edit: {method.title}"):
            return {"webp": np.frombuffer(_draw(plan, method, images, codes), np.uint8)}

    return plan.store.fetch(key, compute)["webp"].tobytes()


def _draw(plan: Plan, method: Method, images: torch.Tensor, codes: torch.Tensor) -> bytes:
    faces = Faces(images, ("",) * len(images))
    scene = Scene(
        (method,), plan.seed, lambda _: faces, lambda: plan.judge, precision=plan.precision
    )
    by_image = codes.reshape(len(images), K, -1)
    tiles = [  # an image at a time, because edits may be large
        small(scene.edits(image[None], own[:, None])[:, 0])
        for image, own in zip(images, by_image, strict=True)
    ]
    return sheet(np.concatenate(tiles), K)


def sheet(tiles: NDArray[np.uint8], columns: int) -> bytes:
    """A WebP of pictures [rows * columns, 3, s, s], row by row."""
    s = tiles.shape[-1]
    rows = tiles.reshape(-1, columns, 3, s, s).transpose(0, 3, 1, 4, 2)
    return to_webp(rows.reshape(-1, columns * s, 3))


def _arrays(plan: Plan, kind: Kind, label: str = "", codes: str = "") -> Arrays:
    """The arrays of the first chunk."""

    def wanted(job: Job) -> bool:
        same = (job.kind, job.label, job.codes, job.chunk.number) == (kind, label, codes, 0)
        return same and (not label or job.seed == plan.seed)

    return plan.fetch(next(job for job in plan.jobs if wanted(job)))


def _numbers(values: Floats, digits: int) -> list[float | None]:
    return [round(float(v), digits) if np.isfinite(v) else None for v in values.ravel()]
