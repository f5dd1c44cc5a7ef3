"""Tables as CSV, Markdown, LaTeX, and for the terminal."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from ganbench.report.tables import Table

if TYPE_CHECKING:
    from rich.table import Table as RichTable

_LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"↑": r"$\uparrow$", "↓": r"$\downarrow$"}
)


def to_csv(table: Table) -> str:
    """One line a row, six significant digits; empty where there is no value."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["Method", *(column.title for column in table.columns)])
    for row in table.rows:
        writer.writerow([row.title, *("" if v is None else f"{v:.6g}" for v in row.values)])
    return file.getvalue()


def to_markdown(table: Table) -> str:
    """A pipe table with the caption above it; the best of each column in bold."""
    heads = ["Method", *(f"{c.title} {c.arrow}".strip() for c in table.columns)]
    lines = [heads, ["---", *["---:"] * len(table.columns)]]
    for row in table.rows:
        cells = [table.cell(row, i) for i in range(len(table.columns))]
        best = [table.is_best(row, i) for i in range(len(table.columns))]
        lines.append(
            [row.title, *(f"**{c}**" if b else c for c, b in zip(cells, best, strict=True))]
        )
    body = "\n".join(
        "| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines
    )
    return f"{table.caption}\n\n{body}\n"


def to_latex(table: Table, label: str) -> str:
    """A ``table`` environment; needs the package booktabs. The best of each column in bold."""
    heads = [f"{c.title} {c.arrow}".strip().translate(_LATEX) for c in table.columns]
    lines = [" & ".join(["Method", *heads])]
    for row in table.rows:
        cells = [table.cell(row, i).replace("n/a", "--") for i in range(len(table.columns))]
        cells = [rf"\textbf{{{c}}}" if table.is_best(row, i) else c for i, c in enumerate(cells)]
        lines.append(" & ".join([row.title.translate(_LATEX), *cells]))
    first, *rest = lines
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{table.caption.translate(_LATEX)}}}",
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


def to_rich(table: Table) -> RichTable:
    """A table for the terminal; the best of each column in bold green."""
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(
        title=table.caption, title_style="", title_justify="left", pad_edge=False, box=None
    )
    shown.add_column("Method", no_wrap=True, header_style="bold")
    for column in table.columns:
        head = f"{column.title} {column.arrow}".strip()
        shown.add_column(head, justify="right", no_wrap=True, header_style="bold")
    for row in table.rows:
        cells = [
            Text(table.cell(row, i), style="bold green" if table.is_best(row, i) else "")
            for i in range(len(table.columns))
        ]
        shown.add_row(Text(row.title, style="" if row.competes else "dim"), *cells)
    return shown
