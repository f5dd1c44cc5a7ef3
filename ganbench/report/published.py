"""The published Table 1, which is shown on the page and on request."""

from __future__ import annotations

import tomllib
from importlib import resources

from ganbench.report.table import Cell, Column, Row, Table


def paper_table1() -> Table:
    """The published Table 1 and the mean of each row. Its data, judge and weights are those of the paper."""
    text = resources.files("ganbench.report").joinpath("paper_table1.toml").read_text("utf-8")
    paper = tomllib.loads(text)
    names = [*(name.capitalize() for name in paper["columns"]), "Mean"]
    columns = tuple(Column(name, "reported", 1) for name in names)
    rows = tuple(
        Row(title, (*map(Cell, values), Cell(sum(values) / len(values))), competes=False)
        for title, values in paper["rows"].items()
    )
    caption = (
        f"{paper['title']}: accuracy ({paper['unit']}) on {paper['data']}; judge: {paper['judge']}. "
        "Data set, judge and weights differ from those of ganbench: the numbers are not comparable."
    )
    return Table(caption, columns, rows)
