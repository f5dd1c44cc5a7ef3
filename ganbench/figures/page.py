"""A printed page, in inches from its top left corner; faces cover whole pixels."""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
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
from ganbench.storage.store import write_atomic
from ganbench.text import printable

DPI = 300

# Inches: widths of the text and of a column of a two-column page, and height of the tallest figure.
WIDTH, COLUMN, TALLEST = 7.2, 3.5, 9.6

# Sizes of text in points.
SMALL, TEXT, TITLE = 6.0, 7.0, 9.0

INK, QUIET = "#222222", "#666666"


@dataclass(frozen=True)
class Drawing:
    """A finished figure.

    Attributes:
        figure: to be saved with ``to_png`` or ``to_pdf``.
        caption: what it shows and what was measured.
    """

    figure: Figure
    caption: str


class Tiles(Artist):
    """Pictures that cover whole pixels of a figure, and are copied into it.

    An image of matplotlib would be resampled once more, which takes most of the time of a figure of faces.
    """

    def __init__(self, dpi: int) -> None:
        super().__init__()
        self.dpi = dpi
        self.tiles: list[tuple[int, int, NDArray[np.uint8]]] = []
        self.set_zorder(1)

    def add(self, left: int, top: int, tile: NDArray[np.uint8]) -> None:
        """Show a picture [h, w, 3 or 4] at a distance from the left and the upper edge, in pixels."""
        if tile.shape[-1] == 3:
            tile = np.dstack([tile, np.full(tile.shape[:2], 255, np.uint8)])
        self.tiles.append((left, top, tile))

    def draw(self, renderer: Any) -> None:
        """Copy the pictures; called by matplotlib."""
        figure = self.get_figure(root=True)
        assert figure is not None
        scale = figure.dpi / self.dpi  # 1 for a PNG; a PDF counts in points
        height = math.floor(figure.bbox.height / scale)
        context = renderer.new_gc()
        for left, top, tile in self.tiles:
            x, y = left * scale, (height - top - len(tile)) * scale
            renderer.draw_image(context, x, y, np.ascontiguousarray(tile[::-1]))
        context.restore()


class Page:
    """A figure of ``width`` x ``height`` inches with ``dpi`` pixels an inch.

    Raises:
        BadInput: the figure would be taller than a page.
    """

    def __init__(self, width: float, height: float, dpi: int = DPI) -> None:
        if height > TALLEST:
            raise BadInput(
                f"the figure would be {height:.1f} in tall, a page holds {TALLEST}; show fewer faces"
            )
        # Whole pixels, and a little more because the canvas rounds down.
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
        self.tiles = Tiles(dpi)
        self.axes.add_artist(self.tiles)

    def face(
        self, image: NDArray[np.uint8], x: float, y: float, side: float, round_: bool = False
    ) -> None:
        """Show a face [3, S, S] as a square, or as the disc inside the square.

        The face is resampled once (Lanczos), to the pixels that it covers, so that no viewer
        resamples it again.
        """
        dpi = self.dpi
        left, top, pixels = round(x * dpi), round(y * dpi), round(side * dpi)
        picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
        tile = np.asarray(picture.resize((pixels, pixels), Image.Resampling.LANCZOS))
        if round_:
            tile = np.dstack([tile, _disc(pixels)])
        self.tiles.add(left, top, tile)

    def text(self, x: float, y: float, words: str, size: float = TEXT, **style: Any) -> None:
        """Write words, vertically centred at ``y``."""
        self.axes.text(
            x, y, words, fontsize=size, **{"va": "center", "color": INK, "zorder": 4, **style}
        )

    def line(self, x: list[float], y: list[float], colour: str, points: float = 1.6) -> None:
        """Draw a line through points."""
        self.axes.add_artist(
            Line2D(x, y, color=colour, linewidth=points, solid_capstyle="butt", zorder=0.5)
        )

    def box(
        self, x: float, y: float, width: float, height: float, colour: str, frame: float = 0
    ) -> None:
        """Fill a rectangle, or draw a frame around it that is ``frame`` points wide."""
        # The rectangle covers the same pixels as a face at its place.
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
        """New axes, below the faces."""
        w, h = self.width, self.height
        return self.figure.add_axes((x / w, 1 - (y + height) / h, width / w, height / h), zorder=1)

    def legend(self, x: float, y: float) -> None:
        """Draw the colours and names of the emotions side by side."""
        step = 0.78
        for c, name in enumerate(EMOTIONS):
            self.box(x + c * step, y - 0.04, 0.08, 0.08, COLOURS[name])
            self.text(x + c * step + 0.12, y, name, SMALL)


def bars(page: Page, x: float, y: float, width: float, height: float, p: NDArray[Any]) -> None:
    """Draw a label distribution [7] as named horizontal bars; the full width is probability 1."""
    names, numbers = 0.5, 0.24  # inches for the text on both sides
    step = height / len(EMOTIONS)
    for c, name in enumerate(EMOTIONS):
        middle = y + (c + 0.5) * step
        length = float(p[c]) * (width - names - numbers)
        page.text(x + names - 0.04, middle, name, SMALL, ha="right")
        page.box(x + names, middle - 0.36 * step, length, 0.72 * step, COLOURS[name])
        page.text(x + names + length + 0.03, middle, f"{100 * p[c]:.0f}", SMALL, color=QUIET)


def format_code(code: NDArray[Any]) -> str:
    """The text of a code in a figure: ``(0.25, −0.50)``."""
    return "(" + ", ".join(f"{value:z.2f}".replace("-", "−") for value in code) + ")"


def thin_spines(axes: Axes) -> None:
    """Draw thin grey lines around a panel."""
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
        spine.set_color("#888888")


def show_text_literally(artist: Artist) -> None:
    """Show every text of an artist as it is: without formulas, and with hidden characters escaped.

    Numbers at the ticks of axes keep matplotlib's format, which writes powers as formulas.
    """
    if isinstance(artist, Text):
        artist.set_parse_math(False)
        artist.set_text(printable(artist.get_text(), keep="\n"))
    for child in [artist.label] if isinstance(artist, Axis) else artist.get_children():
        show_text_literally(child)


def to_pixels(figure: Figure) -> Image.Image:
    """The figure as a picture at its resolution."""
    show_text_literally(figure)
    canvas: Any = FigureCanvasAgg(figure)  # its methods have no types
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    picture.info["dpi"] = (figure.dpi, figure.dpi)
    return picture


def encode(picture: Image.Image) -> bytes:
    """The PNG of a figure's pixels; nothing in the file depends on time or machine."""
    file = io.BytesIO()
    # Searching for runs of equal bytes only halves the time, and figures become no larger.
    picture.save(file, "PNG", compress_type=zlib.Z_RLE, dpi=picture.info["dpi"])
    return file.getvalue()


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG at its resolution."""
    return encode(to_pixels(figure))


def to_pdf(figure: Figure) -> bytes:
    """The figure as a PDF with text in embedded TrueType fonts, without date and program name."""
    show_text_literally(figure)
    file = io.BytesIO()
    no_metadata = {"CreationDate": None, "Creator": None, "Producer": None}
    with rc_context({"pdf.fonttype": 42}):
        figure.savefig(file, format="pdf", metadata=no_metadata)
    return file.getvalue()


def file_writer(path: Path) -> Callable[[Figure], None]:
    """A function that writes a figure to a file, in the format of its ending.

    Raises:
        BadInput: the ending is neither .png nor .pdf.
    """
    formats = {".png": to_png, ".pdf": to_pdf}
    if path.suffix.lower() not in formats:
        raise BadInput(f"a figure is a png or pdf: {str(path)!r}; name it {path.stem}.pdf")
    return lambda figure: write_atomic(path, formats[path.suffix.lower()](figure))


def _disc(pixels: int) -> NDArray[np.uint8]:
    """The opacity [pixels, pixels] of a disc in a square; its edge is one pixel soft."""
    from_middle = np.arange(pixels) - (pixels - 1) / 2
    inside = pixels / 2 - np.hypot(from_middle, from_middle[:, None])
    return np.asarray(255 * np.clip(inside, 0, 1), np.uint8)
