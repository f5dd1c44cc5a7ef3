"""A printed page: everything is placed in inches from the top left corner, and faces pixel by pixel."""

from __future__ import annotations

import io
import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.errors import BadInput
from ganbench.text import printable

DPI = 300

# Inches: the text and the column of a two-column page, and the tallest figure it holds.
WIDTH, COLUMN, TALLEST = 7.2, 3.5, 9.6

# Points, at the printed size.
SMALL, TEXT, TITLE = 6.0, 7.0, 9.0

INK, QUIET = "#222222", "#666666"


@dataclass(frozen=True)
class Drawing:
    """A finished figure.

    Attributes:
        figure: to be saved with ``to_png`` or ``to_pdf``.
        caption: what it shows and what was measured, in plain words.
    """

    figure: Figure
    caption: str


class Page:
    """A figure of ``width`` x ``height`` inches, ``dpi`` pixels an inch.

    Raises:
        BadInput: it would be taller than a page.
    """

    def __init__(self, width: float, height: float, dpi: int = DPI) -> None:
        if height > TALLEST:
            raise BadInput(
                f"the figure would be {height:.1f} in tall, a page holds {TALLEST}; show fewer faces"
            )
        # Whole pixels, and a little: the canvas rounds down.
        self.dpi = dpi
        self.width, self.height = (
            (math.ceil(inches * dpi - 1e-6) + 0.01) / dpi for inches in (width, height)
        )
        self.figure = Figure(figsize=(self.width, self.height), dpi=dpi)
        self.axes = self.figure.add_axes((0, 0, 1, 1), zorder=2)
        self.axes.set_axis_off()
        self.axes.set_autoscale_on(False)
        self.axes.set_xlim(0, self.width)
        self.axes.set_ylim(self.height, 0)

    def face(
        self, image: NDArray[np.uint8], x: float, y: float, side: float, round_: bool = False
    ) -> None:
        """A face [3, S, S] as a square, or cut to the circle inside it.

        It is resampled once (Lanczos) to the very pixels that it covers: a viewer has nothing left
        to blur.
        """
        dpi = self.dpi
        left, top, pixels = round(x * dpi), round(y * dpi), round(side * dpi)
        picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
        tile = np.asarray(picture.resize((pixels, pixels), Image.Resampling.LANCZOS))
        if round_:
            tile = np.dstack([tile, _disc(pixels)])
        extent = (left / dpi, (left + pixels) / dpi, (top + pixels) / dpi, top / dpi)
        self.axes.imshow(tile, extent=extent, interpolation="none", aspect="auto", zorder=1)

    def text(self, x: float, y: float, words: str, size: float = TEXT, **style: Any) -> None:
        """Words, vertically centred at ``y``."""
        self.axes.text(
            x, y, words, fontsize=size, **{"va": "center", "color": INK, "zorder": 4, **style}
        )

    def line(self, x: list[float], y: list[float], colour: str, points: float = 1.6) -> None:
        """A line through some places."""
        self.axes.add_artist(
            Line2D(x, y, color=colour, linewidth=points, solid_capstyle="butt", zorder=0.5)
        )

    def box(
        self, x: float, y: float, width: float, height: float, colour: str, frame: float = 0
    ) -> None:
        """A filled rectangle; or its edge only, ``frame`` points wide and lying outside of it."""
        # On the pixels that a face of the same place covers.
        dpi = self.dpi
        x, y, width, height = (round(inches * dpi) / dpi for inches in (x, y, width, height))
        out = frame / 72 / 2
        self.axes.add_patch(
            Rectangle(
                (x - out, y - out),
                width + 2 * out,
                height + 2 * out,
                facecolor="none" if frame else colour,
                edgecolor=colour if frame else "none",
                linewidth=frame,
                joinstyle="miter",
                zorder=2,
            )
        )

    def panel(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes of their own, below the faces."""
        w, h = self.width, self.height
        return self.figure.add_axes((x / w, 1 - (y + height) / h, width / w, height / h), zorder=1)

    def legend(self, x: float, y: float, step: float = 0.78) -> None:
        """The emotions' colours, side by side."""
        for c, name in enumerate(EMOTIONS):
            self.box(x + c * step, y - 0.04, 0.08, 0.08, COLOURS[name])
            self.text(x + c * step + 0.12, y, name, SMALL)


def bars(page: Page, x: float, y: float, width: float, height: float, p: NDArray[Any]) -> None:
    """A label distribution [7] as named horizontal bars; the full width is probability 1."""
    names, numbers = 0.5, 0.24
    step = height / len(EMOTIONS)
    for c, name in enumerate(EMOTIONS):
        middle = y + (c + 0.5) * step
        length = float(p[c]) * (width - names - numbers)
        page.text(x + names - 0.04, middle, name, SMALL, ha="right")
        page.box(x + names, middle - 0.36 * step, length, 0.72 * step, COLOURS[name])
        page.text(x + names + length + 0.03, middle, f"{100 * p[c]:.0f}", SMALL, color=QUIET)


def in_print(code: NDArray[Any]) -> str:
    """A code in print: ``(0.25, −0.50)``."""
    return "(" + ", ".join(f"{value + 0.0:.2f}".replace("-", "−") for value in code) + ")"


def take_literally(artist: Artist) -> None:
    """Show every text below an artist as it is: dollars start no formula, and nothing is hidden.

    Numbers at the ticks of axes are matplotlib's own, which writes powers as formulas.
    """
    if isinstance(artist, Text):
        artist.set_parse_math(False)
        artist.set_text(printable(artist.get_text(), keep="\n"))
    for child in [artist.label] if isinstance(artist, Axis) else artist.get_children():
        take_literally(child)


def to_png(figure: Figure) -> bytes:
    """The figure at its own resolution; nothing in the file depends on time or machine."""
    take_literally(figure)
    canvas: Any = FigureCanvasAgg(figure)  # its methods have no types
    canvas.draw()
    file = io.BytesIO()
    # Runs of equal bytes only: half the time of a search for longer matches, and no larger here.
    Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]).save(
        file, "PNG", compress_type=zlib.Z_RLE, dpi=(figure.dpi, figure.dpi)
    )
    return file.getvalue()


def to_pdf(figure: Figure) -> bytes:
    """The figure with text as text, in embedded TrueType fonts; no date, no program's name."""
    take_literally(figure)
    file = io.BytesIO()
    nothing = {"CreationDate": None, "Creator": None, "Producer": None}
    with rc_context({"pdf.fonttype": 42}):
        figure.savefig(file, format="pdf", metadata=nothing)
    return file.getvalue()


def _disc(pixels: int) -> NDArray[np.uint8]:
    """Opacity of a disc in a square, its edge softened over a pixel."""
    from_middle = np.arange(pixels) - (pixels - 1) / 2
    inside = pixels / 2 - np.hypot(from_middle, from_middle[:, None])
    return np.asarray(255 * np.clip(inside, 0, 1), np.uint8)
