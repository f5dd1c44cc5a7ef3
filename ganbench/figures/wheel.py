"""Figures 9 to 11: the wheel of emotion, rings of equal intensity (of equal distance from the centre of the plane) around the input."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.errors import BadInput
from ganbench.figures import plane
from ganbench.figures.page import COLUMN, DPI, QUIET, TITLE, WIDTH, Drawing, Page
from ganbench.figures.scene import Scene
from ganbench.figures.search import Floats
from ganbench.methods.interface import Method
from ganbench.methods.outputs import to_bytes

SPOKES = 12
RHO = (0.4, 1.0)
MOST = 4

# In sides of a face: the middle of the first ring, where neighbours just do not touch, the step
# from ring to ring, and the input.
FIRST, STEP, INPUT = 2.0, 1.06, 1.9
RIM = 0.28  # inches outside the rings, for the names
HEAD = 0.3


def codes(rho: Sequence[float]) -> Floats:
    """Codes [rings, SPOKES, 2]: radius rho, at even angles from 0 on."""
    angle = np.arange(SPOKES) * 2 * np.pi / SPOKES
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(np.multiply.outer(np.asarray(rho, float), unit))


def draw(scene: Scene, rho: Sequence[float] = RHO) -> Drawing:
    """A wheel around one face.

    Args:
        scene: with a method that has a conditional plane.
        rho: a ring for each, from inside: its distance from the centre of the plane, in (0, 1].

    Raises:
        Unsupported: the method has no conditional plane.
        BadInput: a rho out of range, too many, or more than one face.
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
    face = scene.face().images[0]
    return picture(method, rho, to_bytes(face), turn(scene, face, rho), scene.dpi)


def turn(scene: Scene, face: Tensor, rho: Sequence[float]) -> NDArray[np.uint8]:
    """Edits of a face [3, S, S] to ``codes(rho)``, uint8 [rings, SPOKES, 3, S, S]."""
    wanted = plane.tensor(codes(rho).reshape(-1, 2), scene.method)
    return to_bytes(scene.edits(face[None], wanted)).reshape(len(rho), SPOKES, *face.shape)


def picture(
    method: Method,
    rho: Sequence[float],
    face: NDArray[np.uint8],
    rings: NDArray[np.uint8],
    dpi: int = DPI,
) -> Drawing:
    """Draw what was edited.

    Args:
        face: the input, [3, S, S].
        rings: as of ``turn``.
        dpi: pixels an inch.
    """
    width = COLUMN if len(rho) == 1 else WIDTH
    outermost = FIRST + (len(rho) - 1) * STEP + 0.5
    side = (width / 2 - RIM) / outermost
    page = Page(width, width + HEAD, dpi)
    x0, y0 = width / 2, HEAD + width / 2
    page.text(0, 0.12, f"{method.title}: the wheel of emotion", TITLE, weight="bold")
    _name_directions(page, x0, y0, outermost * side, method)
    page.face(face, x0 - INPUT * side / 2, y0 - INPUT * side / 2, INPUT * side, round_=True)
    for ring, faces in enumerate(rings):
        radius = (FIRST + ring * STEP) * side
        for spoke, edit in enumerate(faces):
            angle = spoke * 2 * math.pi / SPOKES
            x, y = x0 + radius * math.cos(angle), y0 - radius * math.sin(angle)
            page.face(edit, x - side / 2, y - side / 2, side, round_=True)
    listed = ", ".join(f"{radius:g}" for radius in rho)
    words = f"ρ = {listed}" + (", from inside" if len(rho) > 1 else "")
    page.text(0, page.height - 0.1, words, color=QUIET)
    return Drawing(
        page.figure,
        f"The wheel of emotion of {method.title}: the input in the middle, edits in {SPOKES} "
        f"directions of the plane, ρ from its centre: {words}. Coloured arcs: the directions of the emotions.",
    )


def _name_directions(page: Page, x0: float, y0: float, rim: float, method: Method) -> None:
    """An arc and a name outside the rings, in the direction of each emotion that has one."""
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
        # Upright for the reader: the lower half reads along the other sense of the circle.
        turn = math.degrees(angle) + (90 if math.sin(angle) < 0 else -90)
        page.text(
            x0 + radius * math.cos(angle),
            y0 - radius * math.sin(angle),
            name,
            rotation=turn,
            ha="center",
            rotation_mode="anchor",
        )
