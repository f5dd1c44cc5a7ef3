"""Figure 4: small steps around a code."""

from __future__ import annotations

import numpy as np

from ganbench.emotions import index
from ganbench.figures import plane
from ganbench.figures.page import INK, QUIET, Drawing, format_code
from ganbench.figures.scene import Scene
from ganbench.figures.search import Floats, lattice
from ganbench.figures.sheet import Sheet
from ganbench.methods.interface import Method
from ganbench.methods.outputs import to_bytes

# Number of codes along a side; the given code is in the middle.
SIDE = 5
# Width of the left margin in inches; the input is drawn in it.
LEFT = 1.25


def codes_around(method: Method, code: Floats | None = None, step: float = 0.1) -> Floats:
    """The codes [SIDE, SIDE, 2] of the figure; the top row is the first, with the largest y.

    Raises:
        Unsupported, BadInput: as for ``draw``.
    """
    anchors = plane.anchors(method)
    if code is None:
        code = anchors[[index("neutral"), index("happy")]].mean(axis=0)
    # Cells of the lattice are 2 / SIDE wide. In the lattice y increases from row to row, in the figure it
    # decreases.
    codes = code + lattice(SIDE).reshape(SIDE, SIDE, 2)[::-1] * SIDE / 2 * step
    plane.check_codes(method, codes.reshape(-1, 2))
    return np.asarray(codes)


def draw(scene: Scene, code: Floats | None = None, step: float = 0.1) -> Drawing:
    """Draw edits of one face to a lattice of codes.

    Args:
        scene: a scene whose method has a conditional plane.
        code: the code [2] in the middle; None takes the code half-way from neutral to happy.
        step: distance of neighbouring codes.

    Raises:
        Unsupported: the method has no conditional plane.
        BadInput: a code lies outside the plane, or the scene has more than one face.
    """
    method = scene.method
    codes = codes_around(method, code, step)
    face = scene.face()
    edits = to_bytes(scene.edits(face.images, plane.tensor(codes.reshape(-1, 2), method)))
    tiles = edits.reshape(SIDE, SIDE, *edits.shape[2:])

    sheet = Sheet(SIDE, SIDE, f"{method.title}: nuances", LEFT, head=0.16, dpi=scene.dpi)
    page = sheet.page
    page.text(sheet.side / 2, sheet.top - 0.1, f"input: {face.names[0]}", ha="center")
    page.face(to_bytes(face.images)[0], 0, sheet.top, min(sheet.side, LEFT - 0.3))
    for row in range(SIDE):
        sheet.faces(row, tiles[row])
        sheet.row_label(row, f"y {codes[row, 0, 1]:+z.2f}".replace("-", "−"))
    for column in range(SIDE):
        x, y = sheet.place(0, column)
        text = f"x {codes[0, column, 0]:+z.2f}".replace("-", "−")
        page.text(x + sheet.side / 2, y - 0.1, text, ha="center")
    x, y = sheet.place(SIDE // 2, SIDE // 2)
    page.box(x, y, sheet.side, sheet.side, INK, frame=1.5)
    middle = format_code(codes[SIDE // 2, SIDE // 2])
    change = np.abs(np.diff(tiles.astype(float), axis=1)).mean() / 255
    page.text(0, sheet.top + sheet.side + 0.15, f"step {step:g}", color=QUIET)
    return Drawing(
        page.figure,
        f"Nuances of {method.title}: steps of {step:g} around the code {middle} (framed). The mean absolute "
        f"difference between neighbours in a row is {change:.3f} for pixels in [0, 1].",
    )
