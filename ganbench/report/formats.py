"""Tables as CSV, Markdown, LaTeX, and for the terminal."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganbench.report.table import Row, Table
from ganbench.text import latex, markdown, markdown_table, printable

if TYPE_CHECKING:
    from rich.table import Table as RichTable


def to_csv(table: Table, protocol: str = "") -> str:
    """A line for each row, with six significant digits; a cell without a value is empty.

    A column in which a value has an interval is followed by two columns with the ends of the intervals,
    titled ``low`` and ``high``. The last column is the name of the protocol, if it is given.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    intervals = [
        any(row.cells[i].sides is not None for row in table.rows) for i in range(len(table.columns))
    ]
    heads = ["Method"]
    for column, wide in zip(table.columns, intervals, strict=True):
        title = printable(column.title)
        heads += [title, *([f"{title} low", f"{title} high"] if wide else [])]
    last = [printable(protocol)] if protocol else []
    writer.writerow(heads + ["Protocol"] * bool(protocol))
    for row in table.rows:
        values: list[float | None] = []
        for cell, wide in zip(row.cells, intervals, strict=True):
            values.append(cell.value)
            if cell.value is not None and cell.sides is not None:
                values += [cell.value - cell.sides[0], cell.value + cell.sides[1]]
            elif wide:
                values += [None, None]
        cells = ("" if v is None else f"{v:.6g}" for v in values)
        writer.writerow([printable(row.title), *cells, *last])
    return file.getvalue()


def to_markdown(table: Table) -> str:
    """A Markdown table below its caption; the best value of each column is bold."""
    heads = ["Method", *(markdown(c.heading) for c in table.columns)]
    lines = [[markdown(row.title), *_cells(table, row, "**{}**")] for row in table.rows]
    body = markdown_table(heads, lines, range(1, len(heads)))
    return f"{markdown(table.caption)}\n\n{body}\n"


def to_latex(table: Table, label: str) -> str:
    """A ``table`` environment, which needs booktabs; the best value of each column is bold."""
    heads = [latex(c.heading) for c in table.columns]
    lines = [" & ".join(["Method", *heads])]
    for row in table.rows:
        cells = _cells(table, row, r"\textbf{{{}}}")
        cells = [_sides_in_latex(cell.replace("n/a", "--")) for cell in cells]
        lines.append(" & ".join([latex(row.title), *cells]))
    first, *rest = lines
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex(table.caption)}}}",
            rf"\label{{{label}}}",
            rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
            r"\toprule",
            first + r" \\",
            r"\midrule",
            *(line + r" \\" for line in rest),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _sides_in_latex(cell: str) -> str:
    """A cell with ``±1.2`` or ``+1.3 -1.0`` in mathematics."""
    cell = cell.replace("±", r"$\pm$")
    return re.sub(r" \+([0-9.]+) -([0-9.]+)$", r" $^{+\1}_{-\2}$", cell)


def _cells(table: Table, row: Row, bold: str) -> list[str]:
    """The values of a row with the distances to the ends of their intervals; ``bold`` formats the best values."""
    cells = []
    for i in range(len(table.columns)):
        value = table.value(row, i)
        value = bold.format(value) if table.is_best(row, i) else value
        cells.append(f"{value} {table.sides(row, i)}".strip())
    return cells


def to_rich(table: Table, columns: Sequence[int] | None = None, caption: bool = True) -> RichTable:
    """A table for the terminal; the best value of each column is bold and green, and intervals stand below.

    Args:
        table: the table.
        columns: positions of the columns to show; None shows all.
        caption: whether the caption stands above.
    """
    from rich.table import Table as RichTable
    from rich.text import Text

    columns = range(len(table.columns)) if columns is None else columns
    shown = RichTable(
        title=Text(printable(table.caption)) if caption else None,
        title_style="",
        title_justify="left",
        pad_edge=False,
        box=None,
    )
    shown.add_column("Method", no_wrap=True, header_style="bold")
    for i in columns:
        head = Text(printable(table.columns[i].heading))
        shown.add_column(head, justify="right", no_wrap=True, header_style="bold")
    for row in table.rows:
        cells = []
        for i in columns:
            cell = Text(table.value(row, i), style="bold green" if table.is_best(row, i) else "")
            sides = table.sides(row, i)
            cells.append(cell.append(f"\n{sides}", style="not bold dim") if sides else cell)
        shown.add_row(Text(printable(row.title), style="" if row.competes else "dim"), *cells)
    return shown
