"""Drawing a conditional plane: coloured ground, anchors, numbered codes."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.figures import plane
from ganbench.figures.page import INK, SMALL, Page
from ganbench.figures.search import Floats, lattice
from ganbench.methods.interface import Method

CELLS = 60  # of a small map, across

RGB = np.array([to_rgb(COLOURS[name]) for name in EMOTIONS])


def shade(p: Floats) -> Floats:
    """Label distributions [n, emotions] -> colours [n, 3].

    The leading emotion's, paler where it leads by less; white where nothing is known.
    """
    known = ~np.isnan(p[:, 0])
    chance = 1 / p.shape[1]
    sure = (p.max(axis=1) - chance) / (1 - chance)
    # The least certain leader keeps a quarter: regions must be told apart at their borders too.
    depth = np.where(known, 0.25 + 0.65 * sure, 0)[:, None]
    return np.asarray(1 - depth * (1 - RGB[np.where(known, p.argmax(axis=1), 0)]))


def draw_ground(axes: Axes, colours: NDArray[np.float64]) -> None:
    """Cells [side^2, 3] in the order of ``lattice``, over the plane from -1 to 1."""
    side = math.isqrt(len(colours))
    axes.imshow(
        colours.reshape(side, side, 3),
        extent=(-1, 1, -1, 1),
        origin="lower",
        interpolation="nearest",
        aspect="auto",
    )
    axes.set_xlim(-1, 1)
    axes.set_ylim(-1, 1)
    tidy(axes)


def tidy(axes: Axes) -> None:
    """Thin lines and small numbers around a panel."""
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
        spine.set_color("#888888")
    axes.tick_params(labelsize=SMALL, length=2, width=0.5, pad=1.5)


def draw_anchors(axes: Axes, places: Floats, size: float = 3.5) -> None:
    """The emotions' own codes as dots with a white rim."""
    for place, name in zip(places, EMOTIONS, strict=True):
        axes.plot(
            *place,
            "o",
            color=COLOURS[name],
            markersize=size,
            markeredgecolor="white",
            markeredgewidth=0.6,
            clip_on=False,
            zorder=5,
        )


def small_map(page: Page, x: float, y: float, side: float, method: Method, codes: Floats) -> None:
    """The plane coloured by p_z, with the numbers of some codes."""
    axes = page.panel(x, y, side, side)
    draw_ground(axes, shade(plane.distribution(method)(lattice(CELLS))))
    axes.set_xticks([])
    axes.set_yticks([])
    draw_anchors(axes, plane.anchors(method), 2.5)
    for number, (u, v) in enumerate(codes, 1):
        axes.text(
            u, v, str(number), fontsize=6, color=INK, ha="center", va="center", weight="bold",
            bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": INK, "linewidth": 0.5},
        )  # fmt: skip
