"""A table of numbers: its columns, its rows, and which value of a column is the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ganbench.metrics import MetricSpec
from ganbench.metrics.spec import Direction
from ganbench.records import Record


@dataclass(frozen=True)
class Column:
    """A column: its heading, whether higher or lower is better, and the number of decimals.

    Attributes:
        second: whether the column belongs to the table's second half.
    """

    title: str
    direction: Direction
    digits: int
    arrow: str = ""
    second: bool = False

    @classmethod
    def of(cls, spec: MetricSpec, title: str, arrow: str | None = None) -> Column:
        """The column of a metric."""
        return cls(title, spec.direction, spec.digits, spec.arrow if arrow is None else arrow)

    @property
    def heading(self) -> str:
        """The title and the arrow."""
        return f"{self.title} {self.arrow}".strip()


@dataclass(frozen=True)
class Row:
    """A row: its heading, and a value, or None, for each column.

    Attributes:
        competes: whether the row may be the best; those of real images and of true edits may not.
        notes: for each column the text beside the value: its interval, or why there is no value.
        halves: for each column the distance from the value to the farther end of its interval, or
            None; empty where no value has an interval.
        ties: for each column whether the row counts as the best; empty where the values as shown
            decide.
    """

    title: str
    values: tuple[float | None, ...]
    competes: bool = True
    notes: tuple[str, ...] = ()
    halves: tuple[float | None, ...] = ()
    ties: tuple[bool, ...] = ()

    @classmethod
    def of(
        cls,
        title: str,
        records: Sequence[Record | None],
        columns: Sequence[Column],
        competes: bool = True,
    ) -> Row:
        """The row of a record, or None, for each column."""
        return cls(
            title,
            tuple(None if record is None else record.value for record in records),
            competes,
            tuple(_note(record, c.digits) for record, c in zip(records, columns, strict=True)),
            tuple(_half(record) for record in records),
        )


@dataclass(frozen=True)
class Table:
    """Rows and columns with a caption."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def cell(self, row: Row, column: int) -> str:
        """The value as shown; ``n/a`` where there is no value."""
        value = row.values[column]
        return "n/a" if value is None else f"{value:z.{self.columns[column].digits}f}"

    def half(self, row: Row, column: int) -> str:
        """The half-width of the interval as shown: ``±1.2``; empty where there is no interval."""
        half = row.halves[column] if row.halves else None
        return "" if half is None else f"±{half:.{self.columns[column].digits}f}"

    def is_best(self, row: Row, column: int) -> bool:
        """Whether no other row shows a better value, and some row shows a worse one."""
        if row.ties:
            return row.ties[column]
        direction = self.columns[column].direction
        rivals = [r for r in self.rows if r.competes and r.values[column] is not None]
        if row not in rivals or direction == "reported":
            return False
        shown = [float(self.cell(r, column)) for r in rivals]
        best, worst = max(shown), min(shown)
        if direction == "lower":
            best, worst = worst, best
        return float(self.cell(row, column)) == best != worst

    def without_empty_columns(self) -> Table:
        """The table without the columns that have no value in any row."""
        indices = [
            i for i in range(len(self.columns)) if any(r.values[i] is not None for r in self.rows)
        ]
        rows = tuple(
            replace(
                row,
                values=tuple(row.values[i] for i in indices),
                notes=tuple(row.notes[i] for i in indices),
                halves=tuple(row.halves[i] for i in indices),
                ties=tuple(row.ties[i] for i in indices if row.ties),
            )
            for row in self.rows
        )
        return Table(self.caption, tuple(self.columns[i] for i in indices), rows)


def _half(record: Record | None) -> float | None:
    if record is None or record.value is None or record.low is None or record.high is None:
        return None
    return max(record.value - record.low, record.high - record.value)


def _note(record: Record | None, digits: int) -> str:
    if record is None:
        return ""
    if record.low is None or record.high is None:
        return record.note
    return (
        f"{record.low:.{digits}f} to {record.high:.{digits}f} {record.unit} "
        f"({record.interval}, n = {record.n})"
    )
