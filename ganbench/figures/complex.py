"""Figures 2 and 3: codes between the emotions, each row led by what its code stands for."""

from __future__ import annotations

import numpy as np

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.figures import plane
from ganbench.figures.labelled import draw_labelled
from ganbench.figures.page import Drawing, in_print
from ganbench.figures.scene import Scene
from ganbench.figures.search import Floats, even_mixtures
from ganbench.methods.interface import Method

ROWS = 6


def mixed(method: Method) -> Floats:
    """The codes [m, 2] that mix two emotions most evenly, the clearest first.

    Raises:
        Unsupported: the method defines no label distribution.
        BadInput: one emotion leads all over the plane.
    """
    mixtures = even_mixtures(plane.distribution(method), ROWS)
    if not mixtures:
        raise BadInput(
            f"no two emotions lead together in the plane of {method.name}; choose codes with --codes"
        )
    return np.array([mixture.code for mixture in mixtures])


def draw(scene: Scene, codes: Floats | None = None) -> Drawing:
    """Edits to mixed codes.

    Args:
        scene: with a method that defines p_z.
        codes: [m, 2]; None searches for the most even mixtures of two emotions.

    Raises:
        Unsupported: the method defines no label distribution.
        BadInput: codes outside the plane, or one emotion leads all over it.
    """
    method = scene.method
    p = plane.distribution(method)
    codes = mixed(method) if codes is None else codes
    plane.check_codes(method, codes)
    page = draw_labelled(scene, f"{method.title}: mixed emotions", codes)
    said = []
    for number, (code, own) in enumerate(zip(codes, p(codes), strict=True), 1):
        first, second = np.argsort(-own)[:2]
        said.append(
            f"{number} {in_print(code)} {100 * own[first]:.0f} % {EMOTIONS[first]}, "
            f"{100 * own[second]:.0f} % {EMOTIONS[second]}"
        )
    return Drawing(
        page.figure,
        f"Complex expressions by {method.title}: inputs (top), and a row for each code, led by the "
        f"label distribution it stands for (per cent). {'; '.join(said)}.",
    )
