"""The figures of the paper's supplement, and one more: a name each, a module each.

Nothing heavy is imported here, so that the command line can list the figures at once.
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
class Entry:
    """A figure that ``ganbench figure`` makes.

    Attributes:
        module: where its ``draw(scene, **options)`` is.
        text: what it shows, in a line.
        options: what its ``draw`` takes beside the scene.
        inputs: what its scene needs beside a method and test faces: ``judge``, ``images`` (takes
            pictures of the user's own), ``methods`` (shows several).
    """

    module: str
    text: str
    options: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("images",)

    def drawer(self) -> Callable[..., Drawing]:
        """The figure's ``draw``."""
        found: Callable[..., Drawing] = import_module(f"ganbench.figures.{self.module}").draw
        return found


FIGURES: dict[str, Entry] = {
    "tsne": Entry(
        "tsne",
        "t-SNE of the judge's features: edits against real images (Figure 1).",
        options=("limit",),
        inputs=("judge",),
    ),
    "complex": Entry(
        "complex",
        "Codes between emotions, with what they stand for (Figures 2, 3).",
        options=("codes",),
    ),
    "nuance": Entry("nuance", "Small steps around a code (Figure 4).", options=("code", "step")),
    "same-label": Entry(
        "same_label",
        "Different codes that stand for the same (Figure 5).",
        options=("tolerance",),
    ),
    "compare": Entry(
        "compare",
        "Several methods on the same faces (Figures 6 to 8).",
        inputs=("methods", "images"),
    ),
    "wheel": Entry(
        "wheel", "The wheel of emotion around a face (Figures 9 to 11).", options=("rho",)
    ),
    "styles": Entry(
        "styles",
        "One emotion in different random styles (Figures 12, 13).",
        options=("emotion",),
        inputs=("judge", "images"),
    ),
    "gamut": Entry(
        "gamut",
        "The conditional plane: what codes stand for, and what the judge sees.",
        inputs=("judge", "images"),
    ),
}


def find(name: str) -> Entry:
    """The figure of a name.

    Raises:
        BadInput: there is none.
    """
    if name not in FIGURES:
        raise unknown("figure", name, FIGURES)
    return FIGURES[name]
