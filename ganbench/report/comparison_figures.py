"""The evaluated methods side by side on one face, and the styles of those that take noise."""

from __future__ import annotations

from ganbench.evaluation.plan import Plan
from ganbench.evaluation.samples import Gallery
from ganbench.figures import find
from ganbench.report.cached_scene import as_picture, scene
from ganbench.report.html import Picture

# Methods of one comparison: what a page holds.
MOST = 8


def plate_names(run: Plan) -> list[str]:
    """The files of ``draw_plates``."""
    return [f"{name}.png" for name, _, _ in _plates(run)]


def draw_plates(run: Plan, gallery: Gallery) -> list[Picture]:
    """``compare.png`` of several methods, ``styles_<method>.png`` of those that take noise."""
    run.refresh()
    return [
        as_picture(name, find(kind).load()(scene(run, gallery, [run.methods[m] for m in shown])))
        for name, kind, shown in _plates(run)
    ]


def _plates(run: Plan) -> list[tuple[str, str, list[str]]]:
    """(name of the file, figure, methods shown) of each."""
    names = list(run.methods)
    found = []
    for start in range(0, len(names), MOST) if len(names) > 1 else ():
        number = f"_{start // MOST + 1}" if start else ""
        found.append((f"compare{number}", "compare", names[start : start + MOST]))
    return found + [
        (f"styles_{name}", "styles", [name]) for name in names if run.methods[name].noise_dim
    ]
