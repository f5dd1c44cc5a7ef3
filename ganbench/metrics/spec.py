"""The description of a metric: name, version, unit, direction, and a definition for reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower", "reported"]
"""Which values are better. A ``"reported"`` value is never better or worse than another."""


@dataclass(frozen=True)
class MetricSpec:
    """The description of a metric. A new definition gets a new ``version``, and is never compared with the old.

    Attributes:
        name: key in ``results.json``, e.g. ``"fed"``.
        title: heading in tables, e.g. ``"FED"``.
        version: number of the definition, from 1.
        unit: unit of the values, e.g. ``"%"``.
        direction: whether higher values are better.
        digits: decimals shown in tables.
        definition: a few plain sentences for the report.
        ours: whether ganbench defined it, because the paper's text leaves it open.
    """

    name: str
    title: str
    version: int
    unit: str
    direction: Direction
    digits: int
    definition: str
    ours: bool = False

    @property
    def arrow(self) -> str:
        """``↑`` where higher is better, ``↓`` where lower is better, otherwise empty."""
        return {"higher": "↑", "lower": "↓", "reported": ""}[self.direction]
