"""A grid of pictures: a row for each input, a column for each emotion."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from PIL import Image

from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.figures.page import Tiles

DPI = 200
# The smallest side of a shown face in pixels; smaller faces are enlarged by a whole factor.
CELL = 128
GAP = 6


def grid(
    title: str,
    inputs: NDArray[np.uint8],
    labels: NDArray[np.int64],
    edits: NDArray[np.uint8],
) -> Figure:
    """Draw a row for each input, with the input first, and a column for each emotion.

    Args:
        title: text above the grid.
        inputs: uint8 [k, 3, S, S].
        labels: int64 [k], the inputs' emotions.
        edits: uint8 [k, 7, 3, S, S].
    """
    cells = np.concatenate([inputs[:, None], edits], axis=1)
    tiles = [[_enlarge(cell) for cell in row] for row in cells]
    side = tiles[0][0].shape[0]
    rows, columns = cells.shape[:2]
    step = side + GAP
    input_gap = 2 * GAP  # between the inputs and their edits
    left, top = 40, 76
    width, height = left + columns * step + input_gap, top + rows * step
    canvas = np.full((height, width, 3), 255, np.uint8)
    for i, row in enumerate(tiles):
        for j, tile in enumerate(row):
            y, x = top + i * step, left + j * step + (input_gap if j else 0)
            canvas[y : y + side, x : x + side] = tile
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    shown = Tiles(DPI)
    shown.add(0, 0, canvas)
    figure.add_artist(shown)
    figure.text(left / width, 1 - 20 / height, title, va="center", fontsize=8, weight="bold")
    for j, name in enumerate(("input", *EMOTIONS)):
        x = left + j * step + (input_gap if j else 0) + side / 2
        colour = "#222222" if j == 0 else COLOURS[name]
        figure.text(x / width, 1 - 50 / height, name, ha="center", va="center", fontsize=6.5)
        line = [(x - side / 2) / width, (x + side / 2) / width]
        y = 1 - (top - 7) / height
        figure.add_artist(Line2D(line, [y, y], color=colour, linewidth=1.6, solid_capstyle="butt"))
    for i, label in enumerate(labels):
        y = 1 - (top + i * step + side / 2) / height
        name = EMOTIONS[int(label)]
        figure.text(16 / width, y, name, rotation=90, ha="center", va="center", fontsize=6.5)
    return figure


def _enlarge(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[3, S, S] -> [F * S, F * S, 3], at least ``CELL`` pixels wide, for a whole F."""
    side = image.shape[-1]
    factor = max(1, -(-CELL // side))
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    if factor > 1:
        picture = picture.resize((factor * side, factor * side), Image.Resampling.LANCZOS)
    return np.asarray(picture)
