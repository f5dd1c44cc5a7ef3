"""Figures 6 to 8: all methods on the same faces."""

from __future__ import annotations

import torch

from ganbench.emotions import EMOTIONS
from ganbench.evaluation.protocol import code_sets
from ganbench.figures.page import QUIET, SMALL, Drawing, in_print
from ganbench.figures.scene import Scene
from ganbench.figures.sheet import Sheet
from ganbench.methods.interface import Method
from ganbench.methods.outputs import to_bytes
from ganbench.seeds import generator

LEAD = 1.3


def draw(scene: Scene) -> Drawing:
    """A strip for each method: the seven emotions, or seven random codes where there is a space.

    Raises:
        BadInput: more faces and methods than a page holds.
    """
    random = [method for method in scene.methods if "uniform" in code_sets(method)]
    ordered = [method for method in scene.methods if method not in random] + random
    faces = scene.faces(1)
    rows = len(ordered)
    sheet = Sheet(
        rows * len(faces),
        len(EMOTIONS),
        "Methods on the same faces",
        LEAD,
        head=0.2,
        under=0.1,
        dpi=scene.dpi,
    )
    for number, name in enumerate(faces.names):
        _, y = sheet.place(number * rows, 0)
        side = min(sheet.side, LEAD - 0.3)
        sheet.page.face(to_bytes(faces.images)[number], 0, y, side)
        sheet.page.text(side / 2, y + side + 0.07, f"input: {name}", SMALL, ha="center")
    for place, method in enumerate(ordered):
        codes = _codes(method, scene.seed)
        edits = to_bytes(scene.edits(faces.images, codes, method))
        for number in range(len(faces)):
            row = number * rows + place
            sheet.row(row, edits[:, number])
            sheet.aside(row, method.title)
            if method in random:
                sheet.below(row, [in_print(code) for code in codes.cpu().numpy()])
    if ordered[0] not in random:
        sheet.emotions_above()
        if random:  # below it the names of the columns no longer hold
            for number in range(len(faces)):
                x, y = sheet.place(number * rows + rows - len(random), 0)
                sheet.page.line([x, sheet.page.width], [y - 0.065] * 2, QUIET, 0.5)
    if random:
        sheet.page.text(
            sheet.page.width, 0.12, "numbers: random codes of the plane", color=QUIET, ha="right"
        )
    titles = ", ".join(method.title for method in ordered)
    return Drawing(
        sheet.page.figure,
        f"The same faces edited by {titles}: towards each emotion, and to random codes (numbers) "
        "by the methods whose codes fill a space.",
    )


def _codes(method: Method, seed: int) -> torch.Tensor:
    random = generator(seed, "compare", method.name)
    if "uniform" in code_sets(method):
        return method.sample(len(EMOTIONS), random)
    return method.codes(torch.arange(len(EMOTIONS)), generator=random)
