"""What ``ganbench.evaluate`` and ``ganbench.score`` return: results that show themselves in a notebook."""

from __future__ import annotations

import html
import io
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, wraps
from pathlib import Path
from typing import ParamSpec

import pandas as pd
from PIL import Image

from ganbench.errors import BadInput, unknown
from ganbench.evaluation import run
from ganbench.evaluation.collect import Evaluation
from ganbench.report.comparison_figures import draw_comparison_figures
from ganbench.report.pictures import Picture, draw_grids, draw_maps, place_points
from ganbench.report.plane_figures import draw_plane_figures
from ganbench.report.run_folder import check_writable, file_names, write_run
from ganbench.report.table import Table
from ganbench.report.tables import Tables, make_tables
from ganbench.submission import scorer
from ganbench.text import plural, printable

Arguments = ParamSpec("Arguments")


@dataclass(frozen=True, repr=False, eq=False)
class Outcome(Evaluation):
    """An evaluation, with its tables and figures. See ``Evaluation`` for the attributes."""

    @cached_property
    def tables(self) -> Tables:
        """All tables."""
        return make_tables(self.results)

    def table(self, name: str = "main") -> pd.DataFrame:
        """A table of the report: a row for each method, a column for each metric; no value is NaN.

        Args:
            name: ``"main"`` is Table 1, ``"faces"`` what the face networks say, ``"other"`` the metrics in no
                other table; see ``Tables``. ``"by pose"`` has the groups of a property.

        Raises:
            BadInput: there is no such table, or the evaluation has no numbers for it.
        """
        table = self._table(name)
        values = [[cell.value for cell in row.cells] for row in table.rows]
        index = pd.Index([row.title for row in table.rows], name="Method")
        frame = pd.DataFrame(
            values, index=index, columns=[c.title for c in table.columns], dtype=float
        )
        frame.attrs["caption"] = table.caption
        return frame

    def _table(self, name: str) -> Table:
        known = {
            field.name: getattr(self.tables, field.name)
            for field in fields(Tables)
            if field.name != "groups"
        }
        known |= {f"by {key}": table for key, table in self.tables.groups.items()}
        if name not in known:
            raise unknown("table", name, known)
        found: Table | None = known[name]
        if found is None:
            there = ", ".join(key for key, table in known.items() if table)
            raise BadInput(f"no numbers for the table: {name!r}; this evaluation has {there}")
        return found

    def numbers(self) -> pd.DataFrame:
        """Every number: a row for each record, with its interval, n, unit and direction."""
        columns = ["method", "metric", "emotion", "variant", "value", "low", "high", "n", "unit"]
        columns += ["direction", "version", "interval", "note"]
        rows = [[getattr(r, column) for column in columns] for r in self.results.records]
        return pd.DataFrame(rows, columns=columns)

    @property
    def figures(self) -> list[str]:
        """Names of the figures that ``figure`` draws."""
        names = [] if self.plan is None else file_names(self.plan)
        return [name.removesuffix(".png") for name in names if name.endswith(".png")]

    def figure(self, name: str) -> Image.Image:
        """A picture of the run folder, drawn when it is asked for.

        Args:
            name: one of ``figures``, such as ``"grid_gaussian"``, ``"tsne_gaussian"`` or ``"compare"``.

        Raises:
            BadInput: there is no such figure, or there are too few images for a map.
        """
        if name not in self.figures:
            raise unknown("figure", name, self.figures)
        drawn = {picture.name: picture for picture in self._drawn(name)}
        if f"{name}.png" not in drawn:
            raise BadInput(f"too few images for the figure {name!r}; evaluate more of them")
        return Image.open(io.BytesIO(drawn[f"{name}.png"].png))

    def _drawn(self, name: str) -> list[Picture]:
        """The figures that are drawn together with this one."""
        assert self.plan is not None
        if name.startswith("tsne_"):
            return draw_maps(self.results, place_points(self))
        if name.startswith("grid_"):
            return draw_grids(self)
        if name.startswith(("compare", "styles_")):
            return draw_comparison_figures(self.plan, self.gallery)
        return draw_plane_figures(self.plan, self.gallery)

    def save(self, folder: str | Path) -> Path:
        """Write the run folder of ``ganbench eval``: results, tables, pictures and the page.

        Returns:
            The path of the page.

        Raises:
            BadInput: the folder cannot be written.
        """
        check_writable(Path(folder))
        write_run(self, Path(folder), plan=self.plan, more=self.files)
        return Path(folder) / "report.html"

    def __repr__(self) -> str:
        data = self.results.protocol["data"]
        return printable(
            f"<ganbench: {', '.join(self.results.methods)} on {plural(data['images'], 'image')} of "
            f"{data['name']}, {self.results.protocol_name}>"
        )

    def _repr_html_(self) -> str:
        """Table 1, for notebooks."""
        table = self.tables.main
        columns = range(len(table.columns))
        frame = pd.DataFrame(
            [
                [f"{table.value(row, i)} {table.sides(row, i)}".strip() for i in columns]
                for row in table.rows
            ],
            index=[printable(row.title) for row in table.rows],
            columns=[printable(column.heading) for column in table.columns],
        )
        return f"{frame.to_html(escape=True)}<p>{html.escape(printable(table.caption))}</p>"


def _shown(function: Callable[Arguments, Evaluation]) -> Callable[Arguments, Outcome]:
    """The function, whose result shows itself."""

    @wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Outcome:
        found = function(*args, **kwargs)
        return Outcome(**{field.name: getattr(found, field.name) for field in fields(found)})

    return call


evaluate = _shown(run.evaluate)
score = _shown(scorer.score)
