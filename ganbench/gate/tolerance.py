"""Practical margins: how far a metric may move before anybody cares."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ganbench import config
from ganbench.errors import BadInput, unknown
from ganbench.records import RENAMED_METRICS, Record

# The table for metrics that have none of their own.
OTHER = "other"


@dataclass(frozen=True)
class Tolerance:
    """Margins of a metric.

    Attributes:
        margin: of a method's value over all emotions, in the unit of the metric; a smaller change
            is no change.
        cell: the same of the value of a single emotion.
        relative: the margins are fractions of the base's value.
    """

    margin: float
    cell: float
    relative: bool = False

    def __post_init__(self) -> None:
        for key, value in (("margin", self.margin), ("cell", self.cell)):
            if not 0 <= value < math.inf:
                raise BadInput(f"{key} of a tolerance is {value}; give a number of 0 or more")

    def of(self, base: Record, value: float) -> float:
        """The margin of the record ``base``, whose value is ``value``, in its unit."""
        margin = self.margin if base.emotion is None else self.cell
        return margin * abs(value) if self.relative else margin


def tolerances(metrics: Iterable[str], file: str | Path | None = None) -> dict[str, Tolerance]:
    """The tolerance of each metric: that of ``file``, and for what it leaves out the package's own.

    Raises:
        BadInput: not TOML, a margin that is none, or a metric that nobody knows.
    """
    shipped = resources.files("ganbench.gate").joinpath("tolerance.toml")
    with resources.as_file(shipped) as path:
        ours = config.read_toml(path)
    given = config.read_toml(Path(file)) if file is not None else {}
    names = set(metrics) | set(ours)
    for name, table in given.items():
        if name in RENAMED_METRICS and name not in names:
            raise BadInput(
                f"old name of a metric in {file}: {name!r}; write {RENAMED_METRICS[name]!r}"
            )
        if name not in names:
            raise unknown(f"metric in {file}", name, names)
        if not isinstance(table, dict):
            raise BadInput(f"not a table in {file}: {name!r}; write [{name}] and margin = ...")
    usual = ours[OTHER] | given.get(OTHER, {})
    return {
        name: config.build(
            Tolerance, ours.get(name, usual) | given.get(name, {}), f"tolerance of {name}"
        )
        for name in sorted(names)
    }
