"""The gamut of a method: the emotions of its conditional plane, and the emotions that a judge sees in edits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray
from torch import Tensor

from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.figures import plane
from ganbench.figures.page import INK, QUIET, SMALL, TITLE, WIDTH, Drawing, Page
from ganbench.figures.plane import NO_DIRECTION, JudgedPlane
from ganbench.figures.plane_map import draw_anchors, draw_background, draw_frame, shade
from ganbench.figures.scene import Scene
from ganbench.figures.search import Floats, lattice
from ganbench.methods.interface import Method, ability
from ganbench.methods.outputs import to_bytes
from ganbench.metrics import softmax
from ganbench.text import plural

# Points along a side of the plane: cells of the background, judged codes, and edits that are shown.
CELLS, JUDGED, SHOWN = 41, 21, 7

# Faces whose edits are judged.
FACES = 3

# Number of intensities along the direction of an emotion, from 0 to 1.
STEPS = 21

# For intensities rho above this value, GANmut's loss trains the largest probability of the discriminator D
# to be rho.
LOWEST_TRAINED_RHO = 0.2

# Inches: the header, the side and left edge of the large panel, the left edge of the small panels.
HEAD, LARGE, LEFT, RIGHT = 0.68, 4.85, 0.24, 5.4

# Colours of a total variation: white is 0, dark is 1.
VARIATION = LinearSegmentedColormap.from_list("variation", ["white", "#5a5a5a"])


@dataclass(frozen=True)
class ShownEdits:
    """Edits of one face, shown over the plane.

    Attributes:
        face: the input, uint8 [3, S, S].
        codes: the codes [m, 2] of the edits.
        edits: uint8 [m, 3, S, S].
        predictions: int64 [m], the judge's emotion of each edit.
    """

    face: NDArray[np.uint8]
    codes: Floats
    edits: NDArray[np.uint8]
    predictions: NDArray[np.int64]


def edit_shown(scene: Scene, face: Tensor) -> ShownEdits:
    """Edit a face [3, S, S] with the codes of a lattice that lie in the method's conditional space Z."""
    method = scene.method
    codes = _codes(method, SHOWN)
    edits = scene.edits(face[None], plane.tensor(codes, method))[:, 0]
    predictions = scene.judged(edits).logits.argmax(1).numpy()
    return ShownEdits(to_bytes(face), codes, to_bytes(edits), predictions)


def draw(scene: Scene) -> Drawing:
    """Draw the plane of a method as a judge sees it in edits of a few faces.

    Raises:
        Unsupported: the method has no conditional plane.
    """
    method = scene.method
    plane.anchors(method)  # raises Unsupported before any work
    faces = scene.faces(FACES)
    codes = _codes(method, JUDGED)
    logits = scene.judged(scene.edits(faces.images, plane.tensor(codes, method))).logits
    n = len(faces)
    probabilities = softmax(logits.numpy()).reshape(len(codes) * n, -1)
    view = JudgedPlane(codes.repeat(n, axis=0), probabilities)
    shown = edit_shown(scene, faces.images[0])
    return draw_gamut(scene, view, shown, plural(n, "face"))


def draw_gamut(scene: Scene, view: JudgedPlane, shown: ShownEdits, source: str) -> Drawing:
    """Draw the plane of a scene's method.

    Args:
        scene: the method, the judge and the resolution.
        view: what the judge sees in edits, as a function of the code.
        shown: the edits that are shown over the plane.
        source: description of the images behind ``view``, for the caption.
    """
    method, judge = scene.method, scene.judge().spec.title
    cells = lattice(CELLS)
    inside = plane.in_space(method, cells)[:, None]
    judged = np.where(inside, view.mean_at(cells), np.nan)
    distribution = ability(plane.distribution, method)
    page = Page(WIDTH, HEAD + LARGE + 0.46, scene.dpi)
    if distribution is None:
        background, meaning = judged, "the emotions that the judge sees in edits, on average"
        measured = _draw_directions(page, method, judged, view)
    else:
        background, meaning = distribution(cells), "the label distribution of each code"
        measured = _draw_disagreement(page, method, judged, background)
    x = LEFT + 0.65
    page.face(shown.face, LEFT, 0.02, 0.55)
    page.text(x, 0.12, f"{method.title}: the gamut", TITLE, weight="bold")
    page.text(
        x,
        0.31,
        "Edits of one face with codes of the whole plane. Frame: the emotion that the judge sees.",
    )
    page.text(
        x, 0.45, f"Background: {meaning}; paler is less certain. Dots: the codes of the emotions."
    )
    _draw_edits(page, method, shade(background), shown)
    page.legend(LEFT, page.height - 0.08)
    return Drawing(
        page.figure,
        f"The conditional plane of {method.title} with edits of one face. The frame of an edit has the "
        f"colour of the emotion that the judge sees. The background shows {meaning}. The judge's value at a "
        f"code is the mean of its softmax over edits of {source} with codes near it (Gaussian of width "
        f"{view.width:.2f}). {measured} Judge: {judge}.",
    )


def _codes(method: Method, side: int) -> Floats:
    """The codes of a side x side lattice that lie in the method's conditional space."""
    codes = lattice(side)
    return codes[plane.in_space(method, codes)]


def _draw_edits(page: Page, method: Method, colours: Floats, shown: ShownEdits) -> None:
    axes = page.panel(LEFT, HEAD, LARGE, LARGE)
    draw_background(axes, colours, (-1, 0, 1))
    # Faces are placed in inches of the page, because they must cover whole pixels.
    side = 0.78 * LARGE / SHOWN
    middle = np.array([LEFT + LARGE / 2, HEAD + LARGE / 2])
    corners = shown.codes * [1, -1] * LARGE / 2 + middle - side / 2
    for (x, y), edit, prediction in zip(corners, shown.edits, shown.predictions, strict=True):
        page.face(edit, x, y, side)
        page.box(x, y, side, side, COLOURS[EMOTIONS[prediction]], frame=2)
    anchors = plane.anchors(method) * [1, -1]
    draw_anchors(page.axes, anchors * LARGE / 2 + middle, 6.5)


def _draw_disagreement(page: Page, method: Method, judged: Floats, p: Floats) -> str:
    """Draw the label distributions of the codes, the judge's probabilities, and the distance of the two.

    Args:
        page: the page to draw on.
        method: the method of the plane.
        judged: the judge's mean probabilities [CELLS^2, emotions]; NaN outside the method's space.
        p: the label distributions [CELLS^2, emotions] of the codes.

    Returns:
        The sentences for the caption that give the measured distance.
    """
    variation, differ = plane.disagreement(judged, p)
    mean = variation.mean()
    step = LARGE / 3
    side = step - 0.32
    _draw_small(page, method, HEAD, side, shade(p), "label distribution")
    _draw_small(page, method, HEAD + step, side, shade(judged), "what the judge sees")
    grey = np.asarray(VARIATION(variation))[:, :3]
    axes = _draw_small(
        page, method, HEAD + 2 * step, side, grey, f"their distance: {mean:.2f} on average"
    )
    ticks = lattice(CELLS)[:CELLS, 0]
    hatched = differ.reshape(CELLS, CELLS)
    axes.contourf(ticks, ticks, hatched, levels=[0.5, 1.5], colors="none", hatches=["//////"])
    page.text(
        RIGHT, HEAD + LARGE - 0.03, "0 white, 1 dark; hatched: other emotion", SMALL, color=QUIET
    )
    return (
        "The panels on the right show the label distribution of each code, the judge's probabilities, and "
        f"the total variation between the two, which is {mean:.3f} on average over the plane. Their "
        f"most likely emotions differ on {100 * differ.mean():.0f} % of the plane (hatched)."
    )


def _draw_directions(page: Page, method: Method, judged: Floats, view: JudgedPlane) -> str:
    """Draw the judge's probabilities over the plane, and along the direction of each emotion.

    Returns:
        The sentences for the caption that give the measured distance.
    """
    overview = _draw_small(page, method, HEAD, 1.5, shade(judged), "what the judge sees")
    top = HEAD + 2.4
    axes = page.panel(RIGHT + 0.2, top, 1.45, 1.45)
    page.text(RIGHT, top - 0.37, "judge's probability of an emotion")
    page.text(RIGHT, top - 0.24, "along its direction,")
    page.text(RIGHT, top - 0.11, "at the intensity ρ")
    axes.plot([LOWEST_TRAINED_RHO, 1], [LOWEST_TRAINED_RHO, 1], "--", color=INK, linewidth=0.8)
    rho = np.linspace(0, 1, STEPS)
    errors = []
    for c, anchor in enumerate(plane.anchors(method)):
        if np.hypot(*anchor) < NO_DIRECTION:
            continue
        probability = view.mean_at(rho[:, None] * anchor)[:, c]
        axes.plot(rho, probability, color=COLOURS[EMOTIONS[c]], linewidth=1.3)
        overview.plot(*np.outer(anchor, [0, 1]), color=COLOURS[EMOTIONS[c]], linewidth=0.8)
        errors.append(np.abs(probability - rho)[rho > LOWEST_TRAINED_RHO])
    mean = np.mean(errors)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    draw_frame(axes, (0, 0.5, 1))
    page.text(RIGHT, top + 1.7, "dashed: the target of the training;", SMALL, color=QUIET)
    page.text(RIGHT, top + 1.8, f"mean distance from the target: {mean:.2f}", SMALL, color=QUIET)
    return (
        f"{method.title} defines no label distribution of a code. Along the direction of an "
        f"emotion, the training aims at a probability of the emotion equal to the intensity ρ (dashed, for "
        f"ρ above {LOWEST_TRAINED_RHO}); the judge's probability differs from ρ by {mean:.3f} on average."
    )


def _draw_small(
    page: Page, method: Method, y: float, side: float, colours: Floats, title: str
) -> Axes:
    """Draw a small plane in the right column, with its title at height ``y``; return its axes."""
    page.text(RIGHT, y + 0.06, title)
    axes = page.panel(RIGHT, y + 0.16, side, side)
    draw_background(axes, colours)
    draw_anchors(axes, plane.anchors(method), 3)
    return axes
