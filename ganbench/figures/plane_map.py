"""The drawing of a conditional plane: coloured background, anchors, numbered codes."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.figures import plane
from ganbench.figures.page import INK, SMALL, Page, thin_spines
from ganbench.figures.search import Floats, lattice
from ganbench.methods.interface import Method

# Cells of a small map, across.
CELLS = 60

RGB = np.array([to_rgb(COLOURS[name]) for name in EMOTIONS])


def shade(p: Floats) -> Floats:
    """The colours [n, 3] of label distributions [n, emotions].

    A colour is that of the most likely emotion, and paler where its probability is lower. Rows of NaN
    are white.
    """
    known = ~np.isnan(p[:, 0])
    chance = 1 / p.shape[1]
    certainty = (p.max(axis=1) - chance) / (1 - chance)
    # A quarter of the colour stays at chance, so that borders between regions can be seen.
    depth = np.where(known, 0.25 + 0.65 * certainty, 0)[:, None]
    return np.asarray(1 - depth * (1 - RGB[np.where(known, p.argmax(axis=1), 0)]))


def draw_background(axes: Axes, colours: Floats, ticks: tuple[float, ...] = ()) -> None:
    """Colour the plane from -1 to 1 with cells [side^2, 3] in the order of ``lattice``."""
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
    draw_frame(axes, ticks)


def draw_frame(axes: Axes, ticks: tuple[float, ...]) -> None:
    """Draw thin lines around a panel, with the same ticks on both axes."""
    thin_spines(axes)
    axes.tick_params(labelsize=SMALL, length=2, width=0.5, pad=1.5)
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)


def draw_anchors(axes: Axes, places: Floats, size: float) -> None:
    """Draw the code of each emotion as a dot with a white rim, ``size`` points wide."""
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
    """Draw the plane coloured by p_z, with the numbers of codes [m, 2] at their places."""
    axes = page.panel(x, y, side, side)
    draw_background(axes, shade(plane.distribution(method)(lattice(CELLS))))
    draw_anchors(axes, plane.anchors(method), 2.5)
    for number, (u, v) in enumerate(codes, 1):
        axes.text(
            u, v, str(number), fontsize=6, color=INK, ha="center", va="center", weight="bold",
            bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": INK, "linewidth": 0.5},
        )  # fmt: skip
