"""Figure 5: different codes with nearly the same label distribution."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist

from ganbench.errors import BadInput
from ganbench.figures import plane
from ganbench.figures.labelled import draw_labelled
from ganbench.figures.page import Drawing
from ganbench.figures.scene import Scene
from ganbench.figures.search import Floats, equivalent_codes, lattice
from ganbench.methods.interface import Method
from ganbench.metrics import total_variation

ROWS = 4
TOLERANCE = 0.05
# Codes along a side of the lattice that is searched: they lie 0.04 apart.
SIDE = 51


def find_codes(method: Method, tolerance: float = TOLERANCE) -> Floats:
    """Codes [m, 2] that lie far apart and have nearly the same label distribution.

    Raises:
        Unsupported, BadInput: as for ``draw``.
    """
    candidates = lattice(SIDE)
    p = plane.distribution(method)(candidates)
    rows = equivalent_codes(candidates, p, tolerance, ROWS)
    if len(rows) < 2:
        raise BadInput(
            f"no two codes of {method.name} agree within a tolerance of {tolerance:g}; raise --tolerance"
        )
    return candidates[rows]


def draw(scene: Scene, tolerance: float = TOLERANCE, codes: Floats | None = None) -> Drawing:
    """Draw edits to codes of nearly the same label distribution.

    Args:
        scene: with a method that defines p_z.
        tolerance: largest total variation between the label distributions of any two codes.
        codes: [m, 2], found with this tolerance; None searches for them.

    Raises:
        Unsupported: the method defines no label distribution.
        BadInput: no two codes agree within the tolerance.
    """
    method = scene.method
    codes = find_codes(method, tolerance) if codes is None else codes
    p = plane.distribution(method)(codes)
    distances = pdist(codes)
    variation = total_variation(p[:, None], p[None]).max()
    title = f"{method.title}: one label distribution, different codes"
    page = draw_labelled(scene, title, codes)
    return Drawing(
        page.figure,
        f"{len(codes)} codes of {method.title} whose label distributions agree within a total "
        f"variation of {np.format_float_positional(variation, 3)} (tolerance {tolerance:g}). The codes "
        f"lie {distances.min():.2f} to {distances.max():.2f} apart in the plane. Inputs are on top, and "
        "the bars show the label distributions in per cent.",
    )
