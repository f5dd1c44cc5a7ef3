"""Rows and columns of faces under a title."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.errors import BadInput
from ganbench.figures.page import COLUMN, DPI, SMALL, TITLE, WIDTH, Page

# Inches: sides of a face that are neither wasteful nor too small to see an expression.
LARGEST, SMALLEST = 1.0, 0.45
GAP = 0.03
# Inputs stand a little apart from what was made of them.
APART = 0.08
HEAD = 0.34


class Sheet:
    """A page of equal tiles, as large as the text's width allows.

    Args:
        rows, columns: of tiles.
        title: above them.
        lead: inches left of the tiles.
        head: inches between title and tiles.
        under: inches below each row, for words.
        inputs: whether the first row shows inputs, and stands apart.
        dpi: pixels an inch.

    Raises:
        BadInput: so many tiles fit no page.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        title: str,
        lead: float,
        head: float = 0.0,
        under: float = 0.0,
        inputs: bool = False,
        dpi: int = DPI,
    ) -> None:
        self.lead, self.top = lead, HEAD + head
        self.under, self.apart = under, APART * inputs
        most = int((WIDTH - lead + GAP) / (SMALLEST + GAP))
        if columns > most:
            raise BadInput(
                f"{columns} faces do not fit side by side on a page; show {most} or fewer"
            )
        self.side = min(LARGEST, (WIDTH - lead + GAP) / columns - GAP)
        x, y = self.place(rows, columns)
        self.page = Page(max(COLUMN, x - GAP), y - GAP, dpi)
        self.page.text(0, 0.12, title, TITLE, weight="bold")

    def place(self, row: int, column: int) -> tuple[float, float]:
        """The top left corner of a tile, inches."""
        x = self.lead + column * (self.side + GAP)
        y = self.top + row * (self.side + self.under + GAP) + (self.apart if row else 0)
        return x, y

    def row(self, number: int, faces: NDArray[np.uint8]) -> None:
        """A row of faces [n, 3, S, S]."""
        for column, face in enumerate(faces):
            self.page.face(face, *self.place(number, column), self.side)

    def aside(self, number: int, words: str) -> None:
        """Words that climb along the left of a row."""
        y = self.place(number, 0)[1] + self.side / 2
        self.page.text(self.lead - 0.1, y, words, rotation=90, ha="center")

    def emotions_above(self) -> None:
        """The emotions above the columns, on rules of their colours."""
        for column, name in enumerate(EMOTIONS):
            x, y = self.place(0, column)
            self.page.text(x + self.side / 2, y - 0.12, name, ha="center")
            self.page.line([x, x + self.side], [y - 0.035, y - 0.035], COLOURS[name])

    def below(self, number: int, words: Sequence[str]) -> None:
        """Small words below the tiles of a row."""
        for column, text in enumerate(words):
            x, y = self.place(number, column)
            self.page.text(x + self.side / 2, y + self.side + 0.06, text, SMALL, ha="center")
