"""What a metric is, apart from its formula: name, version, unit, direction and a definition for reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower", "reported"]
"""Which values are better; ``"reported"`` values are neither better nor worse."""


@dataclass(frozen=True)
class MetricSpec:
    """The identity of a metric. A change of definition is a new ``version``: old values stay apart.

    Attributes:
        name: as in ``results.json``, e.g. ``"fed"``.
        title: as in tables, e.g. ``"FED"``.
        version: counts the definitions of this name.
        unit: of its values, e.g. ``"%"``.
        direction: whether more is better; ``"reported"`` values are neither.
        digits: decimals shown in tables.
        definition: one or two plain sentences for the report.
        ours: the definition is this suite's, because the paper's text leaves it open.
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
        """``↑`` where higher is better, ``↓`` where lower is, else nothing."""
        return {"higher": "↑", "lower": "↓", "reported": ""}[self.direction]
