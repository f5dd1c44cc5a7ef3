"""The evaluated methods side by side on one face, and the styles of those that take noise."""

from __future__ import annotations

from ganbench.evaluation.plan import Plan
from ganbench.evaluation.samples import Gallery
from ganbench.figures import load
from ganbench.report.cached_scene import cached_scene, picture_of
from ganbench.report.pictures import Picture

# The largest number of methods in one comparison, so that it fits on a page.
MOST = 8


def comparison_figure_names(plan: Plan) -> list[str]:
    """The names of the files of ``draw_comparison_figures``."""
    return [f"{name}.png" for name, _, _ in _comparison_figures(plan)]


def draw_comparison_figures(plan: Plan, gallery: Gallery) -> list[Picture]:
    """``compare.png`` of several methods, ``styles_<method>.png`` of those that take noise."""
    plan.refresh()
    pictures = []
    for name, figure, methods in _comparison_figures(plan):
        scene = cached_scene(plan, gallery, [plan.methods[method] for method in methods])
        pictures.append(picture_of(name, load(figure)(scene)))
    return pictures


def _comparison_figures(plan: Plan) -> list[tuple[str, str, list[str]]]:
    """For each picture its name, the figure, and the methods shown."""
    names = list(plan.methods)
    figures = []
    for start in range(0, len(names), MOST) if len(names) > 1 else ():
        number = f"_{start // MOST + 1}" if start else ""
        figures.append((f"compare{number}", "compare", names[start : start + MOST]))
    return figures + [
        (f"styles_{name}", "styles", [name]) for name in names if plan.methods[name].noise_dim
    ]
