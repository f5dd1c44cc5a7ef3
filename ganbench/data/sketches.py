"""Samples of the pictures of a data set; the card of a network keeps them of the data it learned from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ganbench.data.files import DIGITS

# Key of a card that holds the sketches.
CARD = "pictures"
# Hashes in a sketch. If one image in a hundred leaks, a sketch shows it with a probability of 92 %.
SKETCH = 256


@dataclass(frozen=True)
class Sketch:
    """A sample of the pictures of a data set, from which its overlap with other data sets is estimated.

    The smallest of all hashes are a random sample of the pictures, and the samples of two data sets
    hold the same common pictures (bottom-k sketch; Cohen and Kaplan, 2007).

    Attributes:
        count: the number of different pictures.
        least: their smallest hashes, sorted, at most ``SKETCH``.
    """

    count: int
    least: tuple[str, ...]

    @classmethod
    def of(cls, hashes: Iterable[str]) -> Sketch:
        """The sketch of all pictures with these hashes; empty hashes do not count."""
        distinct = sorted(set(hashes) - {""})
        return cls(len(distinct), tuple(distinct[:SKETCH]))

    @classmethod
    def read(cls, table: Any) -> Sketch | None:
        """The sketch that ``to_json`` wrote; None for anything else, since cards come from anywhere."""
        if not isinstance(table, Mapping):
            return None
        count, least = table.get("count"), table.get("least")
        if not isinstance(count, int) or not isinstance(least, list) or len(least) > SKETCH:
            return None
        if not all(isinstance(one, str) and len(one) == DIGITS for one in least):
            return None
        return cls(count, tuple(sorted(least)))

    def to_json(self) -> dict[str, Any]:
        """The sketch as a table for JSON."""
        return {"count": self.count, "least": list(self.least)}

    def met(self, hashes: Iterable[str]) -> tuple[int, int]:
        """How many of the pictures with these hashes are in the sketch, and how many could be.

        The first number over the second estimates the share of the pictures that is in the sketched
        data set.
        """
        candidates = sorted(set(hashes) - {""})
        if self.count > len(self.least):  # larger hashes are not in the sketch
            largest = self.least[-1] if self.least else ""
            candidates = candidates[: bisect_right(candidates, largest)]
        return len(set(candidates) & set(self.least)), len(candidates)


def sketch(card: Mapping[str, Any], split: str) -> Sketch | None:
    """The sketch of a split in a card; None if there is none."""
    table = card.get(CARD)
    return Sketch.read(table.get(split)) if isinstance(table, Mapping) else None
