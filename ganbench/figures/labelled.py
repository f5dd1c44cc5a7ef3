"""Rows of faces, each beside the label distribution of its code: Figures 2, 3 and 5."""

from __future__ import annotations

from ganbench.figures import plane
from ganbench.figures.page import SMALL, Page, bars, format_code
from ganbench.figures.plane_map import small_map
from ganbench.figures.scene import Scene
from ganbench.figures.search import Floats
from ganbench.figures.sheet import Sheet
from ganbench.methods.outputs import to_bytes

# Faces side by side.
FACES = 6
LEFT = 1.5


def draw_labelled(scene: Scene, title: str, codes: Floats) -> Page:
    """Draw the inputs, then for each code [m, 2] its number, bars of p_z, and the edits."""
    method = scene.method
    faces = scene.faces(FACES)
    sheet = Sheet(1 + len(codes), len(faces), title, LEFT, inputs=True, dpi=scene.dpi)
    page = sheet.page
    small_map(page, LEFT - 0.1 - sheet.side, sheet.top, sheet.side, method, codes)
    sheet.faces(0, to_bytes(faces.images))
    edits = to_bytes(scene.edits(faces.images, plane.tensor(codes, method)))
    distributions = plane.distribution(method)(codes)
    for row, (code, p, faces_row) in enumerate(zip(codes, distributions, edits, strict=True), 1):
        y = sheet.place(row, 0)[1]
        page.text(0, y + 0.07, str(row), weight="bold")
        page.text(LEFT - 0.1, y + 0.07, format_code(code), SMALL, ha="right")
        bars(page, 0, y + 0.15, LEFT - 0.1, sheet.side - 0.15, p)
        sheet.faces(row, faces_row)
    return page
