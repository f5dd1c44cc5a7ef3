"""The gamut: what the conditional plane promises, and what a judge sees there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray
from torch import Tensor

from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.figures import plane
from ganbench.figures.page import DPI, INK, QUIET, SMALL, TITLE, WIDTH, Drawing, Page
from ganbench.figures.plane import NO_DIRECTION, View
from ganbench.figures.plane_map import draw_anchors, draw_ground, shade, tidy
from ganbench.figures.scene import Scene
from ganbench.figures.search import Floats, lattice
from ganbench.methods.interface import Method
from ganbench.methods.outputs import to_bytes
from ganbench.metrics import softmax
from ganbench.text import plural

# Cells of the coloured ground, codes of the survey, and faces over the plane, across.
CELLS, ACROSS, LAID = 41, 21, 7

FACES = 3

STEPS = 21  # from the centre to the rim

# GANmut's loss on the intensity asks D's strongest probability to be ρ, for ρ above this.
WEAKEST = 0.2

# Inches: the header, the large panel and its left edge, the left edge of the small panels.
HEAD, LARGE, LEFT, RIGHT = 0.68, 4.85, 0.24, 5.4

# White where promise and judge agree.
DOUBT = LinearSegmentedColormap.from_list("doubt", ["white", "#5a5a5a"])


@dataclass(frozen=True)
class Lattice:
    """Edits of one face over the plane.

    Attributes:
        face: the input, uint8 [3, S, S].
        codes: [m, 2].
        edits: uint8 [m, 3, S, S].
        seen: int64 [m], the judge's verdict on each.
    """

    face: NDArray[np.uint8]
    codes: Floats
    edits: NDArray[np.uint8]
    seen: NDArray[np.int64]


def lay(scene: Scene, face: Tensor) -> Lattice:
    """Edit a face [3, S, S] to an even lattice of codes, as far as they belong to Z."""
    method = scene.method
    codes = lattice(LAID)
    codes = codes[plane.in_space(method, codes)]
    edits = scene.edits(face[None], plane.tensor(codes, method))[:, 0]
    seen = scene.judged(edits).logits.argmax(1).numpy()
    return Lattice(to_bytes(face), codes, to_bytes(edits), seen)


def draw(scene: Scene) -> Drawing:
    """The plane of a method, seen through a few faces.

    Raises:
        Unsupported: the method has no conditional plane.
    """
    method = scene.method
    plane.anchors(method)  # methods without a plane say so now
    faces = scene.faces(FACES)
    codes = lattice(ACROSS)
    codes = codes[plane.in_space(method, codes)]
    logits = scene.judged(scene.edits(faces.images, plane.tensor(codes, method))).logits
    n = len(faces)
    view = View(codes.repeat(n, axis=0), softmax(logits.numpy()).reshape(len(codes) * n, -1))
    over = lay(scene, faces.images[0])
    return picture(method, view, over, plural(n, "face"), scene.judge().spec.title, scene.dpi)


def picture(
    method: Method, view: View, over: Lattice, source: str, judge: str, dpi: int = DPI
) -> Drawing:
    """Draw what was found out.

    Args:
        method: whose plane it is.
        view: what the judge sees there.
        over: the faces laid over it.
        source: whose edits it saw, in words.
        judge: its name in print.
        dpi: pixels an inch.
    """
    cells = lattice(CELLS)
    inside = plane.in_space(method, cells)[:, None]
    judged = np.where(inside, view.at(cells), np.nan)
    promised = plane.promised(method, cells)
    page = Page(WIDTH, HEAD + LARGE + 0.46, dpi)
    if promised is None:
        ground, below = judged, "what the judge sees there on average"
        found = _draw_directions(page, method, judged, view)
    else:
        ground, below = promised, "what the code stands for"
        found = _draw_disagreement(page, method, judged, promised)
    x = LEFT + 0.65
    page.face(over.face, LEFT, 0.02, 0.55)
    page.text(x, 0.12, f"{method.title}: the gamut", TITLE, weight="bold")
    page.text(
        x,
        0.31,
        "One face, edited with codes all over the plane. Frame: what the judge sees in the edit.",
    )
    page.text(x, 0.45, f"Ground: {below}; paler is less certain. Dots: the codes of the emotions.")
    _draw_lattice(page, method, shade(ground), over)
    page.legend(LEFT, page.height - 0.08)
    return Drawing(
        page.figure,
        f"The conditional plane of {method.title}: edits of one face, framed in the colour of the "
        f"judge's verdict, over {below}. What the judge sees is the mean of its softmax over edits of "
        f"{source} with codes nearby (Gaussian of width {view.width:.2f}). {found} Judge: {judge}.",
    )


def _draw_lattice(page: Page, method: Method, colours: Floats, over: Lattice) -> None:
    axes = page.panel(LEFT, HEAD, LARGE, LARGE)
    draw_ground(axes, colours)
    axes.set_xticks([-1, 0, 1])
    axes.set_yticks([-1, 0, 1])
    # On the page itself, in inches, so that faces fall on whole pixels.
    side = 0.78 * LARGE / LAID
    corners = over.codes * [1, -1] * LARGE / 2 + [LEFT + LARGE / 2, HEAD + LARGE / 2] - side / 2
    for (x, y), edit, seen in zip(corners, over.edits, over.seen, strict=True):
        page.face(edit, x, y, side)
        page.box(x, y, side, side, COLOURS[EMOTIONS[seen]], frame=2)
    anchors = plane.anchors(method) * [1, -1]
    draw_anchors(page.axes, anchors * LARGE / 2 + [LEFT + LARGE / 2, HEAD + LARGE / 2], 6.5)


def _draw_disagreement(page: Page, method: Method, judged: Floats, promised: Floats) -> str:
    """Promise, verdict and the distance between them; returns what was measured."""
    variation, unlike = plane.disagreement(judged, promised)
    mean = variation.mean()
    step = LARGE / 3
    side = step - 0.32
    _draw_small(page, method, HEAD, side, shade(promised), "what the codes stand for")
    _draw_small(page, method, HEAD + step, side, shade(judged), "what the judge sees")
    grey = np.asarray(DOUBT(variation))[:, :3]
    axes = _draw_small(
        page, method, HEAD + 2 * step, side, grey, f"their distance: {mean:.2f} on average"
    )
    middles = lattice(CELLS)[:CELLS, 0]
    apart = unlike.reshape(CELLS, CELLS)
    axes.contourf(middles, middles, apart, levels=[0.5, 1.5], colors="none", hatches=["//////"])
    page.text(
        RIGHT, HEAD + LARGE - 0.03, "0 white, 1 dark; hatched: they disagree", SMALL, color=QUIET
    )
    return (
        f"The total variation between what a code stands for and what the judge sees (right: both, and their "
        f"distance) is {mean:.3f} on average over the plane; they name different emotions on "
        f"{100 * unlike.mean():.0f} % of it (hatched)."
    )


def _draw_directions(page: Page, method: Method, judged: Floats, view: View) -> str:
    """The verdict, and how it follows the intensity in the direction of each emotion."""
    overview = _draw_small(page, method, HEAD, 1.5, shade(judged), "what the judge sees")
    top = HEAD + 2.4
    axes = page.panel(RIGHT + 0.2, top, 1.45, 1.45)
    page.text(RIGHT, top - 0.37, "how sure it is of an emotion,")
    page.text(RIGHT, top - 0.24, "in the direction of that emotion,")
    page.text(RIGHT, top - 0.11, "at the intensity ρ")
    axes.plot([WEAKEST, 1], [WEAKEST, 1], "--", color=INK, linewidth=0.8)
    rho = np.linspace(0, 1, STEPS)
    missed = []
    for c, anchor in enumerate(plane.anchors(method)):
        if np.hypot(*anchor) < NO_DIRECTION:
            continue
        seen = view.at(rho[:, None] * anchor)[:, c]
        axes.plot(rho, seen, color=COLOURS[EMOTIONS[c]], linewidth=1.3)
        overview.plot(*np.outer(anchor, [0, 1]), color=COLOURS[EMOTIONS[c]], linewidth=0.8)
        missed.append(np.abs(seen - rho)[rho > WEAKEST])
    mean = np.mean(missed)
    tidy(axes)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xticks([0, 0.5, 1])
    axes.set_yticks([0, 0.5, 1])
    page.text(RIGHT, top + 1.7, "dashed: what the training asks for;", SMALL, color=QUIET)
    page.text(RIGHT, top + 1.8, f"distance from it: {mean:.2f} on average", SMALL, color=QUIET)
    return (
        f"{method.title} defines no label distribution of a code; its training asks for the emotion "
        f"of a direction with probability ρ (dashed, above {WEAKEST}), and the judge's probability differs from that by "
        f"{mean:.3f} on average."
    )


def _draw_small(
    page: Page, method: Method, y: float, side: float, colours: Floats, title: str
) -> Axes:
    page.text(RIGHT, y + 0.06, title)
    axes = page.panel(RIGHT, y + 0.16, side, side)
    draw_ground(axes, colours)
    axes.set_xticks([])
    axes.set_yticks([])
    draw_anchors(axes, plane.anchors(method), 3)
    return axes
