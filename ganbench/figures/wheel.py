"""Figures 9 to 11: the wheel of emotion, rings of edits with equal distance from the plane's centre."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.errors import BadInput
from ganbench.figures import plane
from ganbench.figures.page import COLUMN, QUIET, TITLE, WIDTH, Drawing, Page
from ganbench.figures.scene import Scene
from ganbench.figures.search import Floats
from ganbench.methods.interface import Method
from ganbench.methods.outputs import to_bytes

SPOKES = 12
RHO = (0.4, 1.0)
MOST = 4

# Lengths in sides of a face: the radius of the first ring (its neighbours nearly touch), the
# distance between rings, and the side of the input.
FIRST, STEP, INPUT = 2.0, 1.06, 1.9
# Inches outside the rings for the names, and inches of the title.
RIM, HEAD = 0.28, 0.3


def codes(rho: Sequence[float]) -> Floats:
    """Codes [rings, SPOKES, 2] at the distances rho from the centre, at even angles from 0 on."""
    angle = np.arange(SPOKES) * 2 * np.pi / SPOKES
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(np.multiply.outer(np.asarray(rho, float), unit))


def draw(scene: Scene, rho: Sequence[float] = RHO) -> Drawing:
    """Draw a wheel around one face.

    Args:
        scene: with a method that has a conditional plane.
        rho: the distance of each ring from the centre of the plane, in (0, 1], the inner ring first.

    Raises:
        Unsupported: the method has no conditional plane.
        BadInput: a rho out of range, too many rings, or more than one face.
    """
    method = scene.method
    plane.anchors(method)
    for radius in rho:
        if not 0 < radius <= 1:
            raise BadInput(
                f"rho must be above 0 and at most 1: {radius:g}; it is the distance from the centre"
            )
    if len(rho) > MOST:
        raise BadInput(f"{len(rho)} rings do not fit a page; give {MOST} rho or fewer")
    face = scene.face().images
    edits = scene.edits(face, plane.tensor(codes(rho).reshape(-1, 2), method))
    rings = to_bytes(edits).reshape(len(rho), SPOKES, *face.shape[1:])

    width = COLUMN if len(rho) == 1 else WIDTH
    outermost = FIRST + (len(rho) - 1) * STEP + 0.5
    side = (width / 2 - RIM) / outermost
    page = Page(width, width + HEAD, scene.dpi)
    x0, y0 = width / 2, HEAD + width / 2
    page.text(0, 0.12, f"{method.title}: the wheel of emotion", TITLE, weight="bold")
    _name_directions(page, x0, y0, outermost * side, method)
    corner = INPUT * side / 2
    page.face(to_bytes(face)[0], x0 - corner, y0 - corner, INPUT * side, round_=True)
    for ring, faces in enumerate(rings):
        radius = (FIRST + ring * STEP) * side
        for spoke, edit in enumerate(faces):
            angle = spoke * 2 * math.pi / SPOKES
            x, y = x0 + radius * math.cos(angle), y0 - radius * math.sin(angle)
            page.face(edit, x - side / 2, y - side / 2, side, round_=True)
    text = f"ρ = {', '.join(f'{radius:g}' for radius in rho)}"
    text += ", from inside" if len(rho) > 1 else ""
    page.text(0, page.height - 0.1, text, color=QUIET)
    return Drawing(
        page.figure,
        f"The wheel of emotion of {method.title}: the input in the middle, and its edits to codes in "
        f"{SPOKES} directions at the distance ρ from the centre of the plane: {text}. Coloured arcs mark "
        "the directions of the emotions.",
    )


def _name_directions(page: Page, x0: float, y0: float, rim: float, method: Method) -> None:
    """Draw an arc and a name outside the rings, in the direction of each emotion that has one."""
    for (u, v), name in zip(plane.anchors(method), EMOTIONS, strict=True):
        if math.hypot(u, v) < plane.NO_DIRECTION:
            continue
        angle = math.atan2(v, u)
        arc = angle + np.linspace(-0.13, 0.13, 15)
        radius = rim + 0.06
        page.line(
            list(x0 + radius * np.cos(arc)), list(y0 - radius * np.sin(arc)), COLOURS[name], 3
        )
        radius = rim + 0.17
        # Names in the lower half are turned, so that no name is upside down.
        turn = math.degrees(angle) + (90 if math.sin(angle) < 0 else -90)
        page.text(
            x0 + radius * math.cos(angle),
            y0 - radius * math.sin(angle),
            name,
            rotation=turn,
            ha="center",
            rotation_mode="anchor",
        )
