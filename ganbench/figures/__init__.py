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
        text: what the figure shows, in one line.
        options: the options of its ``draw``.
        inputs: what the figure needs beside a method and test faces: ``judge``, ``images`` (it can
            show the user's pictures), ``methods`` (it shows several).
    """

    text: str
    options: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("images",)


FIGURES: dict[str, FigureSpec] = {
    "tsne": FigureSpec(
        "t-SNE of the judge's features: edits against real images (Figure 1).",
        ("limit",),
        ("judge",),
    ),
    "complex": FigureSpec(
        "Codes between emotions, with their label distributions (Figures 2, 3).", ("codes",)
    ),
    "nuance": FigureSpec("Small steps around a code (Figure 4).", ("code", "step")),
    "same-label": FigureSpec(
        "Different codes with nearly the same label distribution (Figure 5).", ("tolerance",)
    ),
    "compare": FigureSpec(
        "Several methods on the same faces (Figures 6 to 8).", inputs=("methods", "images")
    ),
    "wheel": FigureSpec("The wheel of emotion around a face (Figures 9 to 11).", ("rho",)),
    "styles": FigureSpec(
        "One emotion in different random styles (Figures 12, 13).",
        ("emotion",),
        ("judge", "images"),
    ),
    "gamut": FigureSpec(
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


def load(name: str) -> Callable[..., Drawing]:
    """The function ``draw(scene, **options)`` of a figure.

    Raises:
        BadInput: no figure has this name.
    """
    find(name)
    module = import_module(f"ganbench.figures.{name.replace('-', '_')}")
    draw: Callable[..., Drawing] = module.draw
    return draw
