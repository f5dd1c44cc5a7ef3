"""Figure 5: codes that differ and yet stand for (nearly) the same label distribution."""

from __future__ import annotations

import numpy as np

from ganbench.errors import BadInput
from ganbench.figures import plane
from ganbench.figures.labelled import draw_labelled
from ganbench.figures.page import Drawing
from ganbench.figures.scene import Scene
from ganbench.figures.search import Floats, lattice, look_alikes, spread
from ganbench.methods.interface import Method
from ganbench.metrics import total_variation

ROWS = 4
TOLERANCE = 0.05  # total variation
SIDE = 51  # of the lattice searched: codes 0.04 apart


def alike(method: Method, tolerance: float = TOLERANCE) -> Floats:
    """Codes [m, 2], far apart, whose label distributions agree.

    Raises:
        Unsupported, BadInput: as of ``draw``.
    """
    candidates = lattice(SIDE)
    rows = look_alikes(candidates, plane.distribution(method)(candidates), tolerance, ROWS)
    if len(rows) < 2:
        raise BadInput(
            f"no two codes of {method.name} agree within a tolerance of {tolerance:g}; raise --tolerance"
        )
    return candidates[rows]


def draw(scene: Scene, tolerance: float = TOLERANCE) -> Drawing:
    """Edits to codes that mean the same.

    Args:
        scene: with a method that defines p_z.
        tolerance: total variation allowed between the label distributions of any two of the codes.

    Raises:
        Unsupported: the method defines no label distribution.
        BadInput: no two codes agree so closely.
    """
    method = scene.method
    codes = alike(method, tolerance)
    p = plane.distribution(method)(codes)
    near, far = spread(codes)
    apart = total_variation(p[:, None], p[None]).max()
    title = f"{method.title}: one label distribution, different codes"
    page = draw_labelled(scene, title, codes)
    return Drawing(
        page.figure,
        f"{len(codes)} codes of {method.title} whose label distributions agree within a total "
        f"variation of {np.format_float_positional(apart, 3)} (tolerance {tolerance:g}), and which "
        f"lie {near:.2f} to {far:.2f} apart in the plane; inputs on top, bars in per cent.",
    )
