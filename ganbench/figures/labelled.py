"""Rows of faces, each led by the label distribution of its code: Figures 2, 3 and 5."""

from __future__ import annotations

from ganbench.figures import plane
from ganbench.figures.page import SMALL, Page, bars, in_print
from ganbench.figures.plane_map import small_map
from ganbench.figures.scene import Scene
from ganbench.figures.search import Floats
from ganbench.figures.sheet import Sheet
from ganbench.methods.outputs import to_bytes

# Faces side by side.
FACES = 6
LEAD = 1.5


def draw_labelled(scene: Scene, title: str, codes: Floats) -> Page:
    """The inputs, then for each code [m, 2] its number, bars of p_z, and the edits."""
    method = scene.method
    faces = scene.faces(FACES)
    sheet = Sheet(1 + len(codes), len(faces), title, LEAD, inputs=True, dpi=scene.dpi)
    page = sheet.page
    small_map(page, LEAD - 0.1 - sheet.side, sheet.top, sheet.side, method, codes)
    sheet.row(0, to_bytes(faces.images))
    edits = to_bytes(scene.edits(faces.images, plane.tensor(codes, method)))
    p = plane.distribution(method)(codes)
    for number, (code, own, row) in enumerate(zip(codes, p, edits, strict=True), 1):
        y = sheet.place(number, 0)[1]
        page.text(0, y + 0.07, str(number), weight="bold")
        page.text(LEAD - 0.1, y + 0.07, in_print(code), SMALL, ha="right")
        bars(page, 0, y + 0.15, LEAD - 0.1, sheet.side - 0.15, own)
        sheet.row(number, row)
    return page
