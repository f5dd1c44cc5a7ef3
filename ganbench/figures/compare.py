"""Figures 6 to 8: several methods on the same faces."""

from __future__ import annotations

import torch

from ganbench.emotions import EMOTIONS
from ganbench.evaluation.protocol import code_sets
from ganbench.figures.page import QUIET, SMALL, Drawing, format_code
from ganbench.figures.scene import Scene
from ganbench.figures.sheet import Sheet
from ganbench.methods.interface import Method
from ganbench.methods.outputs import to_bytes
from ganbench.seeds import generator

LEFT = 1.3


def draw(scene: Scene) -> Drawing:
    """Draw a row for each face and method: the seven emotions, or seven random codes of a plane.

    Raises:
        BadInput: the faces and methods do not fit on a page.
    """
    random = [method for method in scene.methods if "uniform" in code_sets(method)]
    ordered = [method for method in scene.methods if method not in random] + random
    faces = scene.faces(1)
    rows = len(ordered)
    title = "Methods on the same faces"
    sheet = Sheet(rows * len(faces), len(EMOTIONS), title, LEFT, head=0.2, under=0.1, dpi=scene.dpi)
    for number, (name, face) in enumerate(zip(faces.names, to_bytes(faces.images), strict=True)):
        _, y = sheet.place(number * rows, 0)
        side = min(sheet.side, LEFT - 0.3)
        sheet.page.face(face, 0, y, side)
        sheet.page.text(side / 2, y + side + 0.07, f"input: {name}", SMALL, ha="center")
    for place, method in enumerate(ordered):
        codes = _codes(method, scene.seed)
        edits = to_bytes(scene.edits(faces.images, codes, method))
        for number in range(len(faces)):
            row = number * rows + place
            sheet.faces(row, edits[:, number])
            sheet.row_label(row, method.title)
            if method in random:
                sheet.tile_labels(row, [format_code(code) for code in codes.cpu().numpy()])
    if ordered[0] not in random:
        sheet.emotion_labels()
        if random:  # a line marks where the columns are no longer the emotions above them
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
        f"The same faces edited by {titles}: to each emotion, or to random codes (numbers) where the "
        "codes of a method fill a plane.",
    )


def _codes(method: Method, seed: int) -> torch.Tensor:
    random = generator(seed, "compare", method.name)
    if "uniform" in code_sets(method):
        return method.sample(len(EMOTIONS), random)
    return method.codes(torch.arange(len(EMOTIONS)), generator=random)
