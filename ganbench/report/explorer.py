"""The gamut explorer of the page: edits over a lattice of the conditional plane, moved through by hand.

Edits are made once for each method and face, and kept in the evaluation's store as they stand on the page.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ganbench.emotions import EMOTIONS
from ganbench.evaluation.jobs import array_digest
from ganbench.evaluation.plan import Plan
from ganbench.evaluation.precision import FLOAT32
from ganbench.evaluation.samples import Gallery
from ganbench.figures import plane
from ganbench.figures.plane import in_space
from ganbench.figures.scene import Faces, Scene
from ganbench.figures.search import Floats
from ganbench.methods.interface import Method, ability
from ganbench.methods.outputs import to_bytes
from ganbench.metrics import softmax
from ganbench.report.plane_figures import figure_codes, judged_plane
from ganbench.storage.store import Arrays

# Nodes along a side of the plane, and the largest side of an edit on the page, in pixels.
SIDE, TILE = 25, 64

# A face costs up to 625 edits a method. With a face for every 200 images these are about 3,200 edits after an
# evaluation of 700 images and six methods, which makes 33,000; a small evaluation pays for one face. Three faces
# of two methods take 2.5 MB, and the page of six methods must stay below 8 MB.
IMAGES_PER_FACE, MOST_FACES = 200, 3

# Edits made and judged at once.
BLOCK = 125

# WebP. At 70 an edit on the page cannot be told from its pixels; at 50 eyes lose their whites.
QUALITY = 70

# What a node without an edit shows: no point of the plane comes near it.
EMPTY = 128


@dataclass(frozen=True)
class Explorer:
    """What the page needs to move through the plane of a method.

    Attributes:
        name: the label of the method.
        title: of the method.
        labelled: whether the method defines p_z.
        faces: the emotion that each face shows in its input.
        figures: the names of the figures whose codes are places that one can jump to.
        data: JSON-ready; see ``explorer.js``, which reads it.
    """

    name: str
    title: str
    labelled: bool
    faces: tuple[str, ...]
    figures: tuple[str, ...]
    data: Mapping[str, Any]


def nodes() -> Floats:
    """The codes [SIDE^2, 2] of the lattice: its corners are those of the plane, its middle the centre.

    Column i and row j are at ``j * SIDE + i``; x grows with i, and y with j.
    """
    ticks = np.linspace(-1, 1, SIDE)
    x, y = np.meshgrid(ticks, ticks)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def make_explorers(plan: Plan, gallery: Gallery) -> list[Explorer]:
    """An explorer for each method with a conditional plane.

    The faces are the first test images. Edits and verdicts that the store of the evaluation holds are not
    made again.
    """
    plan.refresh()
    count = count_faces(sum(map(len, plan.chunks)), len(gallery.labels))
    return [
        _explorer(plan, gallery, name, count) for name in plan.methods if figure_codes(plan, name)
    ]


def count_faces(images: int, shown: int) -> int:
    """The number of faces of an explorer after an evaluation of so many images, of which so many are shown."""
    return min(max(images // IMAGES_PER_FACE, 1), MOST_FACES, shown)


def places(plan: Plan, name: str) -> dict[str, list[list[float]]]:
    """The codes [x, y] of the figures on the page of a method, by the name of the figure."""
    return {
        figure: np.round(codes, 4).tolist()
        for figure, codes in figure_codes(plan, name).items()
        if len(codes)
    }


def sprite(tiles: NDArray[np.uint8], codes: NDArray[np.bool_]) -> bytes:
    """A WebP of edits over the plane: x grows to the right, and y upwards.

    Args:
        tiles: uint8 [m, 3, s, s].
        codes: the nodes [SIDE^2] that have an edit, m of them.
    """
    s = tiles.shape[-1]
    cells = np.full((SIDE * SIDE, s, s, 3), EMPTY, np.uint8)
    cells[codes] = tiles.transpose(0, 2, 3, 1)
    rows = cells.reshape(SIDE, SIDE, s, s, 3)[::-1].transpose(0, 2, 1, 3, 4)
    return to_webp(rows.reshape(SIDE * s, SIDE * s, 3))


def _explorer(plan: Plan, gallery: Gallery, name: str, count: int) -> Explorer:
    method, codes = plan.methods[name], nodes()
    inside = in_space(method, codes)
    distribution = ability(plane.distribution, method)
    emotions = tuple(EMOTIONS[label] for label in gallery.labels[:count])
    sprites, verdicts = [], []
    for image in torch.from_numpy(gallery.inputs[:count]).float() / 255:
        found = _edits_of_face(plan, method, image, inside)
        sprites.append(found["sprite"].tobytes())
        verdicts.append(_over_plane(softmax(found["logits"]), inside))
    inputs = small(torch.from_numpy(gallery.inputs[:count]).float() / 255)
    side = inputs.shape[-1]
    of_figures = places(plan, name)
    data = {
        "side": SIDE,
        "tile": side,
        "disc": distribution is None,
        "anchors": np.round(plane.anchors(method), 4).tolist(),
        "label": None if distribution is None else _text(_eight_bits(distribution(codes))),
        "judged": _text(np.stack([_eight_bits(verdict) for verdict in verdicts])),
        "average": _text(_eight_bits(judged_plane(plan, name).mean_at(codes))),
        "places": of_figures,
        "inputs": to_uri(to_webp(inputs.transpose(2, 0, 3, 1).reshape(side, -1, 3))),
        "sprites": [to_uri(one) for one in sprites],
    }
    return Explorer(name, method.title, distribution is not None, emotions, tuple(of_figures), data)


def _edits_of_face(plan: Plan, method: Method, image: Tensor, inside: NDArray[np.bool_]) -> Arrays:
    """``sprite``, the bytes of a WebP, and ``logits`` [m, 7] of the edits of a face [3, S, S] at m nodes."""
    judge, keys = plan.judge, plan.keys
    key = {
        "kind": "explorer",
        "drawn by": keys.identity(edit_face, sprite),
        "method": method.name,
        "edited by": keys.identity(method),
        "edited on": method.device.type,
        **({"edited in": plan.precision} if plan.precision != FLOAT32 else {}),
        "judge": keys.judge_fingerprint(judge),
        "judged by": keys.identity(judge),
        "judged on": judge.device.type,
        "image": array_digest(image.numpy()),
        "codes": array_digest(nodes()[inside]),
    }

    def compute() -> Mapping[str, NDArray[Any]]:
        faces = Faces(image[None], ("",))
        scene = Scene(
            (method,), plan.seed, lambda _: faces, lambda: judge, precision=plan.precision
        )
        with plan.stopwatch.measure(f"explorer: {method.title}"):
            tiles, logits = edit_face(scene, image, nodes()[inside])
            return {"sprite": np.frombuffer(sprite(tiles, inside), np.uint8), "logits": logits}

    return plan.store.fetch(key, compute)


def edit_face(
    scene: Scene, image: Tensor, codes: Floats
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Edit a face [3, S, S] to codes [m, 2].

    Returns:
        The edits uint8 [m, 3, s, s] as small as on the page, and the judge's logits [m, 7] of the edits
        at their full size.
    """
    tiles, logits = [], []
    for start in range(0, len(codes), BLOCK):
        z = plane.tensor(codes[start : start + BLOCK], scene.method)
        edits = scene.edits(image[None], z)[:, 0]
        tiles.append(small(edits))
        logits.append(scene.judged(edits).logits.numpy())
    return np.concatenate(tiles), np.concatenate(logits)


def small(images: Tensor) -> NDArray[np.uint8]:
    """Pictures [n, 3, S, S] in [0, 1] as uint8 with at most ``TILE`` pixels a side, by the mean of areas."""
    side = min(TILE, images.shape[-1])
    return to_bytes(adaptive_avg_pool2d(images, side) if side < images.shape[-1] else images)


def _over_plane(values: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Values [m, k] of the nodes inside, as [SIDE^2, k] with zeros outside."""
    full = np.zeros((len(inside), values.shape[-1]))
    full[inside] = values
    return full


def _eight_bits(probabilities: Floats) -> NDArray[np.uint8]:
    """Probabilities in steps of 1/255, finer than a bar on a screen."""
    return np.round(255 * np.nan_to_num(probabilities)).astype(np.uint8)


def _text(values: NDArray[np.uint8]) -> str:
    return base64.b64encode(values.tobytes()).decode()


def to_webp(pixels: NDArray[np.uint8]) -> bytes:
    """The WebP of pixels [h, w, 3]."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "WEBP", quality=QUALITY, method=2)
    return file.getvalue()


def to_uri(webp: bytes) -> str:
    """A WebP as a data URI."""
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}"


def json_of(explorers: Sequence[Explorer]) -> dict[str, Any]:
    """What the page's script reads: the data of each explorer by the label of its method."""
    return {explorer.name: explorer.data for explorer in explorers}
