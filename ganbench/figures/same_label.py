"""Figure 5: codes that differ and yet stand for (nearly) the same label distribution."""

from __future__ import annotations

import numpy as np

from ganbench.errors import BadInput
from ganbench.figures import plane
from ganbench.figures.labelled import draw_labelled
from ganbench.figures.page import Drawing
from ganbench.figures.scene import Scene
from ganbench.figures.search import lattice, look_alikes, spread
from ganbench.metrics import total_variation

ROWS = 4
SIDE = 51  # of the lattice searched: codes 0.04 apart


def draw(scene: Scene, tolerance: float = 0.05) -> Drawing:
    """Edits to codes that mean the same.

    Args:
        scene: with a method that defines p_z.
        tolerance: total variation allowed between the label distributions of any two of the codes.

    Raises:
        Unsupported: the method defines no label distribution.
        BadInput: no two codes agree so closely.
    """
    method = scene.method
    candidates = lattice(SIDE)
    p = plane.distribution(method)(candidates)
    rows = look_alikes(candidates, p, tolerance, ROWS)
    if len(rows) < 2:
        raise BadInput(
            f"no two codes of {method.name} agree within a tolerance of {tolerance:g}; raise --tolerance"
        )
    near, far = spread(candidates[rows])
    apart = total_variation(p[rows][:, None], p[rows][None]).max()
    title = f"{method.title}: one label distribution, different codes"
    page = draw_labelled(scene, title, candidates[rows])
    return Drawing(
        page.figure,
        f"{len(rows)} codes of {method.title} whose label distributions agree within a total "
        f"variation of {np.format_float_positional(apart, 3)} (tolerance {tolerance:g}), and which "
        f"lie {near:.2f} to {far:.2f} apart in the plane; inputs on top, bars in per cent.",
    )
