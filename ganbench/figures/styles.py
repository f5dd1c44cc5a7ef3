"""Figures 12 and 13: one emotion in different random styles, and how much the styles differ."""

from __future__ import annotations

import torch
from torch import Tensor

from ganbench.emotions import COLOURS, EMOTIONS, index
from ganbench.errors import Unsupported
from ganbench.figures.page import QUIET, Drawing
from ganbench.figures.scene import Scene
from ganbench.figures.sheet import GAP, Sheet
from ganbench.methods.outputs import to_bytes
from ganbench.metrics import noise_diversity
from ganbench.seeds import generator

STYLES, FACES = 6, 7
LEFT = 0.3


def draw(scene: Scene, emotion: str = "happy") -> Drawing:
    """Draw edits to one emotion, with other noise in every row.

    The diversity (``metrics.diversity``) is given in units of the judge's features, and relative to
    the diversity of the seven emotions of one style.

    Raises:
        Unsupported: the method takes no noise.
        BadInput: the emotion is unknown.
    """
    method, label = scene.method, index(emotion)
    if not method.noise_dim:
        raise Unsupported(
            f"{method.name} takes no noise: all its edits to an emotion are the same; "
            "use smit or stargan-v2"
        )
    name = EMOTIONS[label]
    faces = scene.faces(FACES)
    random = generator(scene.seed, "styles", method.name)
    noise = method.draw_noise(STYLES, random)
    codes = method.codes(torch.full((STYLES,), label), noise=noise)
    edits = scene.edits(faces.images, codes)
    assert noise is not None
    k = len(EMOTIONS)
    emotions = method.codes(torch.arange(k), noise=noise[:1].expand(k, -1))
    of_styles = _diversity(scene, edits)
    of_emotions = _diversity(scene, scene.edits(faces.images, emotions))
    ratio = of_styles / of_emotions if of_emotions else 0.0

    title = f"{method.title}: {name}, in random styles"
    sheet = Sheet(1 + STYLES, len(faces), title, LEFT, head=0.12, inputs=True, dpi=scene.dpi)
    page = sheet.page
    sheet.faces(0, to_bytes(faces.images))
    sheet.row_label(0, "input")
    for number, row in enumerate(to_bytes(edits), 1):
        sheet.faces(number, row)
        sheet.row_label(number, f"style {number}")
    x, y = sheet.place(1, 0)
    end = sheet.place(1, len(faces))[0] - GAP
    page.line([x, end], [y - 0.035, y - 0.035], COLOURS[name])
    text = f"diversity {of_styles:.2f}: {100 * ratio:.0f} % of that between emotions"
    page.text(0, 0.29, text, color=QUIET)
    return Drawing(
        page.figure,
        f"{method.title}, {name}: inputs (top) and {STYLES} random styles. Diversity, the mean distance "
        f"of the judge's features between two styles of a face: {of_styles:.3f}; between two emotions "
        f"of a face in one style: {of_emotions:.3f}; ratio {ratio:.2f}. Judge: {scene.judge().spec.title}.",
    )


def _diversity(scene: Scene, edits: Tensor) -> float:
    """The mean diversity over faces of edits [noises, faces, 3, S, S]."""
    return float(noise_diversity(scene.judged(edits).features.transpose(0, 1)).mean())
