"""The figures of the paper's supplement, and the gamut: a name and a module for each.

Nothing heavy is imported here, so that the command line lists the figures at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from ganbench.errors import unknown
from ganbench.storage.root import house_matplotlib

if TYPE_CHECKING:
    from ganbench.figures.page import Drawing

house_matplotlib()  # before the modules here import matplotlib


@dataclass(frozen=True)
class FigureSpec:
    """A figure that ``ganbench figure`` makes.

    Attributes:
        module: module of this package that defines ``draw(scene, **options)``.
        text: what the figure shows, in one line.
        options: the options of ``draw``.
        inputs: what the figure needs beside a method and test faces: ``judge``, ``images`` (it can
            show the user's pictures), ``methods`` (it shows several).
    """

    module: str
    text: str
    options: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("images",)

    def load(self) -> Callable[..., Drawing]:
        """Import and return the figure's ``draw``."""
        draw: Callable[..., Drawing] = import_module(f"ganbench.figures.{self.module}").draw
        return draw


FIGURES: dict[str, FigureSpec] = {
    "tsne": FigureSpec(
        "tsne",
        "t-SNE of the judge's features: edits against real images (Figure 1).",
        options=("limit",),
        inputs=("judge",),
    ),
    "complex": FigureSpec(
        "complex",
        "Codes between emotions, with their label distributions (Figures 2, 3).",
        options=("codes",),
    ),
    "nuance": FigureSpec(
        "nuance", "Small steps around a code (Figure 4).", options=("code", "step")
    ),
    "same-label": FigureSpec(
        "same_label",
        "Different codes with nearly the same label distribution (Figure 5).",
        options=("tolerance",),
    ),
    "compare": FigureSpec(
        "compare",
        "Several methods on the same faces (Figures 6 to 8).",
        inputs=("methods", "images"),
    ),
    "wheel": FigureSpec(
        "wheel", "The wheel of emotion around a face (Figures 9 to 11).", options=("rho",)
    ),
    "styles": FigureSpec(
        "styles",
        "One emotion in different random styles (Figures 12, 13).",
        options=("emotion",),
        inputs=("judge", "images"),
    ),
    "gamut": FigureSpec(
        "gamut",
        "The conditional plane: what codes stand for, and what the judge sees.",
        inputs=("judge", "images"),
    ),
}


def find(name: str) -> FigureSpec:
    """The figure of a name.

    Raises:
        BadInput: no figure has this name.
    """
    if name not in FIGURES:
        raise unknown("figure", name, FIGURES)
    return FIGURES[name]
