"""Practical margins: the changes of a metric that do not matter."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ganbench import config
from ganbench.errors import BadInput, unknown
from ganbench.records import RENAMED_METRICS, Record

# Name of the table for metrics without a table.
OTHER = "other"


@dataclass(frozen=True)
class Tolerance:
    """Margins of a metric; a smaller change counts as none.

    Attributes:
        margin: margin of values over all emotions, in the unit of the metric.
        cell: margin of the values of single emotions, in the unit of the metric.
        relative: whether the margins are fractions of the base's value.
    """

    margin: float
    cell: float
    relative: bool = False

    def __post_init__(self) -> None:
        for key, value in (("margin", self.margin), ("cell", self.cell)):
            if not 0 <= value < math.inf:
                raise BadInput(f"{key} of a tolerance is {value}; give a number of 0 or more")

    def of(self, base: Record, value: float) -> float:
        """The margin of the record ``base`` with the value ``value``, in the unit of the record."""
        margin = self.margin if base.emotion is None else self.cell
        return margin * abs(value) if self.relative else margin


def tolerances(metrics: Iterable[str], file: str | Path | None = None) -> dict[str, Tolerance]:
    """The tolerance of each metric, from ``file`` and, for what it leaves out, from the package.

    Raises:
        BadInput: the file is no TOML, a margin is no number of 0 or more, or a metric is unknown.
    """
    shipped = resources.files("ganbench.gate").joinpath("tolerance.toml")
    with resources.as_file(shipped) as path:
        defaults = config.read_toml(path)
    given = config.read_toml(Path(file)) if file is not None else {}
    names = set(metrics) | set(defaults)
    for name, table in given.items():
        if name in RENAMED_METRICS and name not in names:
            raise BadInput(
                f"old name of a metric in {file}: {name!r}; write {RENAMED_METRICS[name]!r}"
            )
        if name not in names:
            raise unknown(f"metric in {file}", name, names)
        if not isinstance(table, dict):
            raise BadInput(f"not a table in {file}: {name!r}; write [{name}] and margin = ...")
    other = defaults[OTHER] | given.get(OTHER, {})
    return {
        name: config.build(
            Tolerance, defaults.get(name, other) | given.get(name, {}), f"tolerance of {name}"
        )
        for name in sorted(names)
    }
