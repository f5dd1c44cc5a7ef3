"""Rows and columns of faces under a title."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.errors import BadInput
from ganbench.figures.page import COLUMN, DPI, SMALL, TITLE, WIDTH, Page

# Sides of a face in inches: a larger one wastes space, a smaller one hides the expression.
LARGEST, SMALLEST = 1.0, 0.45
# Inches between tiles, and between the inputs and their edits.
GAP, INPUT_GAP = 0.03, 0.08
# Inches of the title.
HEAD = 0.34


class Sheet:
    """A page of equal tiles, as large as the width of the text allows.

    Args:
        rows, columns: numbers of tiles.
        title: text above the tiles.
        left: inches left of the tiles.
        head: inches between title and tiles.
        under: inches for text below each row.
        inputs: whether the first row shows inputs, which a wider gap separates from the edits.
        dpi: pixels per inch.

    Raises:
        BadInput: the tiles do not fit on a page.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        title: str,
        left: float,
        head: float = 0.0,
        under: float = 0.0,
        inputs: bool = False,
        dpi: int = DPI,
    ) -> None:
        self.left, self.top = left, HEAD + head
        self.under, self.input_gap = under, INPUT_GAP * inputs
        most = int((WIDTH - left + GAP) / (SMALLEST + GAP))
        if columns > most:
            raise BadInput(
                f"{columns} faces do not fit side by side on a page; show {most} or fewer"
            )
        self.side = min(LARGEST, (WIDTH - left + GAP) / columns - GAP)
        x, y = self.place(rows, columns)
        self.page = Page(max(COLUMN, x - GAP), y - GAP, dpi)
        self.page.text(0, 0.12, title, TITLE, weight="bold")

    def place(self, row: int, column: int) -> tuple[float, float]:
        """The top left corner of a tile, in inches."""
        x = self.left + column * (self.side + GAP)
        y = self.top + row * (self.side + self.under + GAP) + (self.input_gap if row else 0)
        return x, y

    def faces(self, row: int, faces: NDArray[np.uint8]) -> None:
        """Show faces [n, 3, S, S] in a row."""
        for column, face in enumerate(faces):
            self.page.face(face, *self.place(row, column), self.side)

    def row_label(self, row: int, text: str) -> None:
        """Write text upwards on the left of a row."""
        y = self.place(row, 0)[1] + self.side / 2
        self.page.text(self.left - 0.1, y, text, rotation=90, ha="center")

    def emotion_labels(self) -> None:
        """Write the emotions above the columns, over lines of their colours."""
        for column, name in enumerate(EMOTIONS):
            x, y = self.place(0, column)
            self.page.text(x + self.side / 2, y - 0.12, name, ha="center")
            self.page.line([x, x + self.side], [y - 0.035, y - 0.035], COLOURS[name])

    def tile_labels(self, row: int, texts: Sequence[str]) -> None:
        """Write a small text below each tile of a row."""
        for column, text in enumerate(texts):
            x, y = self.place(row, column)
            self.page.text(x + self.side / 2, y + self.side + 0.06, text, SMALL, ha="center")
