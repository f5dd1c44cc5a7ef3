"""Figure 4: small steps around a code."""

from __future__ import annotations

import numpy as np

from ganbench.emotions import index
from ganbench.figures import plane
from ganbench.figures.page import INK, QUIET, Drawing, in_print
from ganbench.figures.scene import Scene
from ganbench.figures.search import Floats, lattice
from ganbench.figures.sheet import Sheet
from ganbench.methods.interface import Method
from ganbench.methods.outputs import to_bytes

SIDE = 5  # steps across, the code itself in the middle
LEAD = 1.25


def around(method: Method, code: Floats | None = None, step: float = 0.1) -> Floats:
    """The codes [SIDE, SIDE, 2] of the figure, the top row first.

    Raises:
        Unsupported, BadInput: as of ``draw``.
    """
    anchors = plane.anchors(method)
    if code is None:
        code = anchors[[index("neutral"), index("happy")]].mean(axis=0)
    # The lattice's own cells are 2 / SIDE wide; y grows upwards, rows downwards.
    codes = code + lattice(SIDE).reshape(SIDE, SIDE, 2)[::-1] * SIDE / 2 * step
    plane.check_codes(method, codes.reshape(-1, 2))
    return np.asarray(codes)


def draw(scene: Scene, code: Floats | None = None, step: float = 0.1) -> Drawing:
    """Edits of one face to a lattice of codes.

    Args:
        scene: with a method that has a conditional plane.
        code: the middle, [2]; None is half way from neutral to happy.
        step: distance of neighbours in the plane.

    Raises:
        Unsupported: the method has no conditional plane.
        BadInput: codes outside of it, or more than one face.
    """
    method = scene.method
    codes = around(method, code, step)
    face = scene.face()
    edits = to_bytes(scene.edits(face.images, plane.tensor(codes.reshape(-1, 2), method)))
    tiles = edits.reshape(SIDE, SIDE, *edits.shape[2:])

    sheet = Sheet(SIDE, SIDE, f"{method.title}: nuances", LEAD, head=0.16, dpi=scene.dpi)
    page = sheet.page
    page.text(sheet.side / 2, sheet.top - 0.1, f"input: {face.names[0]}", ha="center")
    page.face(to_bytes(face.images)[0], 0, sheet.top, min(sheet.side, LEAD - 0.3))
    for row in range(SIDE):
        sheet.row(row, tiles[row])
        sheet.aside(row, f"y {codes[row, 0, 1]:+.2f}".replace("-", "−"))
    for column in range(SIDE):
        x, y = sheet.place(0, column)
        words = f"x {codes[0, column, 0]:+.2f}".replace("-", "−")
        page.text(x + sheet.side / 2, y - 0.1, words, ha="center")
    x, y = sheet.place(SIDE // 2, SIDE // 2)
    page.box(x, y, sheet.side, sheet.side, INK, frame=1.5)
    middle = in_print(codes[SIDE // 2, SIDE // 2])
    change = np.abs(np.diff(tiles.astype(float), axis=1)).mean() / 255
    page.text(0, sheet.top + sheet.side + 0.15, f"step {step:g}", color=QUIET)
    return Drawing(
        page.figure,
        f"Nuances of {method.title}: steps of {step:g} around the code {middle} (framed); "
        f"neighbours in a row differ by {change:.3f} of the pixels' range on average.",
    )
