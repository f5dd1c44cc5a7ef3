"""A table of numbers: its columns, its rows, and which value of a column is the best."""

from __future__ import annotations

from dataclasses import dataclass

from ganbench.metrics import MetricSpec
from ganbench.metrics.spec import Direction
from ganbench.records import Record


@dataclass(frozen=True)
class Column:
    """A column: its heading, whether higher or lower is better, and the number of decimals.

    Attributes:
        second: whether the column belongs to the table's second half.
        metric: the name of the metric; empty if the column shows none.
    """

    title: str
    direction: Direction
    digits: int
    arrow: str = ""
    second: bool = False
    metric: str = ""

    @classmethod
    def of(cls, spec: MetricSpec, title: str, arrow: str | None = None) -> Column:
        """The column of a metric."""
        arrow = spec.arrow if arrow is None else arrow
        return cls(title, spec.direction, spec.digits, arrow, metric=spec.name)

    @property
    def heading(self) -> str:
        """The title and the arrow."""
        return f"{self.title} {self.arrow}".strip()


Sides = tuple[float, float]
"""The distances from a value to the lower and to the upper end of its interval."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        value: None if there is no value.
        sides: the distances from the value to the lower and to the upper end of its interval; None
            without an interval.
        note: the interval, or why there is no value.
        best: whether the value counts as the best; None where the values as shown decide.
        text: what is shown beside the value instead of the distances.
    """

    value: float | None = None
    sides: Sides | None = None
    note: str = ""
    best: bool | None = None
    text: str = ""

    @classmethod
    def of(cls, record: Record | None, digits: int) -> Cell:
        """The cell of a record; ``digits`` is the number of decimals of the ends of its interval."""
        if record is None:
            return cls()
        if record.value is None or record.low is None or record.high is None:
            return cls(record.value, note=record.note)
        note = (
            f"{record.low:.{digits}f} to {record.high:.{digits}f} {record.unit} "
            f"({record.interval}, n = {record.n})"
        )
        sides = (record.value - record.low, record.high - record.value)
        return cls(record.value, sides, note)


@dataclass(frozen=True)
class Row:
    """A row: its heading, and a cell for each column.

    Attributes:
        competes: whether the row may be the best; those of real images and of true edits may not.
        name: the label of the method, or ``"real"``; empty if the row is of neither.
    """

    title: str
    cells: tuple[Cell, ...]
    competes: bool = True
    name: str = ""


@dataclass(frozen=True)
class Table:
    """Rows and columns with a caption."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def value(self, row: Row, column: int) -> str:
        """The value as shown; ``n/a`` where there is no value."""
        value = row.cells[column].value
        return "n/a" if value is None else f"{value:z.{self.columns[column].digits}f}"

    def sides(self, row: Row, column: int) -> str:
        """The distances to the ends of the interval as shown, ``+1.3 -1.0``, or ``±1.2`` if they are equal.

        Empty where there is no interval; the cell's text where it has one.
        """
        sides, text = row.cells[column].sides, row.cells[column].text
        if sides is None or text:
            return text
        below, above = (f"{max(side, 0):.{self.columns[column].digits}f}" for side in sides)
        return f"±{above}" if above == below else f"+{above} -{below}"

    def is_best(self, row: Row, column: int) -> bool:
        """Whether no other row shows a better value, and some row shows a worse one."""
        cell, direction = row.cells[column], self.columns[column].direction
        if cell.best is not None:
            return cell.best
        rivals = [r for r in self.rows if r.competes and r.cells[column].value is not None]
        if row not in rivals or direction == "reported":
            return False
        shown = [float(self.value(r, column)) for r in rivals]
        best, worst = max(shown), min(shown)
        if direction == "lower":
            best, worst = worst, best
        return float(self.value(row, column)) == best != worst
