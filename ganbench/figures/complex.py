"""Figures 2 and 3: codes between the emotions, each with its label distribution."""

from __future__ import annotations

import numpy as np

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.figures import plane
from ganbench.figures.labelled import draw_labelled
from ganbench.figures.page import Drawing, format_code
from ganbench.figures.scene import Scene
from ganbench.figures.search import Floats, even_mixtures
from ganbench.methods.interface import Method

ROWS = 6


def mixed_codes(method: Method) -> Floats:
    """The codes [m, 2] of ``even_mixtures``.

    Raises:
        Unsupported: the method defines no label distribution.
        BadInput: one emotion is the most likely one everywhere in the plane.
    """
    codes = even_mixtures(plane.distribution(method), ROWS)
    if not len(codes):
        raise BadInput(
            f"no two emotions lead together in the plane of {method.name}; choose codes with --codes"
        )
    return codes


def draw(scene: Scene, codes: Floats | None = None) -> Drawing:
    """Draw edits to codes between the emotions.

    Args:
        scene: with a method that defines p_z.
        codes: [m, 2]; None searches for the most even mixtures of two emotions.

    Raises:
        Unsupported: the method defines no label distribution.
        BadInput: codes outside the plane, or no mixture exists.
    """
    method = scene.method
    distribution = plane.distribution(method)
    codes = mixed_codes(method) if codes is None else codes
    plane.check_codes(method, codes)
    page = draw_labelled(scene, f"{method.title}: mixed emotions", codes)
    parts = []
    for number, (code, p) in enumerate(zip(codes, distribution(codes), strict=True), 1):
        first, second = np.argsort(-p)[:2]
        parts.append(
            f"{number}: {format_code(code)}, {100 * p[first]:.0f} % {EMOTIONS[first]}, "
            f"{100 * p[second]:.0f} % {EMOTIONS[second]}"
        )
    return Drawing(
        page.figure,
        f"Complex expressions by {method.title}: inputs (top), and a row for each code. The bars show "
        f"the label distribution of the code in per cent. {'; '.join(parts)}.",
    )
