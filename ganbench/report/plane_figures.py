"""The conditional planes of the evaluated methods, drawn from the edits of the evaluation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ganbench.emotions import EMOTIONS
from ganbench.errors import GanbenchError
from ganbench.evaluation import protocol
from ganbench.evaluation.plan import Plan
from ganbench.evaluation.samples import Gallery
from ganbench.figures import complex, gamut, load, nuance, plane, same_label
from ganbench.figures.page import Drawing
from ganbench.figures.plane import JudgedPlane
from ganbench.methods.interface import Method
from ganbench.metrics import softmax
from ganbench.report.cached_scene import cached_scene, picture_of
from ganbench.report.pictures import Picture
from ganbench.text import plural


def plane_figure_names(plan: Plan) -> list[str]:
    """The names of the files of ``draw_plane_figures``."""
    return [
        f"{figure}_{name}.png"
        for name, method in plan.methods.items()
        for figure in plane_figures(method)
    ]


def draw_plane_figures(plan: Plan, gallery: Gallery) -> list[Picture]:
    """``<figure>_<method>.png`` for methods with a plane and the figures that they can make.

    What the judge sees in the plane is the mean of its predictions on the evaluation's edits with
    codes uniform over Z. Only the few faces shown are edited here, and the store keeps their edits.
    """
    plan.refresh()
    return [
        picture_of(f"{figure}_{name}", _draw(figure, plan, gallery, name))
        for name, method in plan.methods.items()
        for figure in plane_figures(method)
    ]


def plane_figures(method: Method) -> list[str]:
    """The figures that a method can make of its plane; none if its codes do not fill a plane."""
    if "uniform" not in protocol.code_sets(method) or not _succeeds(plane.anchors, method):
        return []
    labelled = _succeeds(plane.distribution, method)
    possible = {
        "gamut": True,
        # Where codes have a label distribution, the distance from the centre is not an intensity.
        "wheel": not labelled,
        "complex": labelled and _succeeds(complex.mixed_codes, method),
        "same-label": labelled and _succeeds(same_label.find_codes, method),
        "nuance": _succeeds(nuance.codes_around, method),
    }
    return [figure for figure in possible if possible[figure]]


def _succeeds(function: Callable[[Method], object], method: Method) -> bool:
    try:
        function(method)
    except GanbenchError:
        return False
    return True


def _draw(figure: str, plan: Plan, gallery: Gallery, name: str) -> Drawing:
    scene = cached_scene(plan, gallery, [plan.methods[name]])
    if figure != "gamut":
        return load(figure)(scene)
    shown = gamut.edit_shown(scene, scene.faces(1).images[0])
    view = judged_plane(plan, name)
    images = len(view.codes) // len(EMOTIONS)
    whole = images == sum(map(len, plan.chunks))
    tested = "all test images" if whole else f"the first {plural(images, 'test image')}"
    return gamut.draw_gamut(scene, view, shown, tested)


def judged_plane(plan: Plan, name: str) -> JudgedPlane:
    """What the judge sees in the evaluation's edits with codes all over the plane."""
    codes = []
    logits = plan.gather("edits", name, "uniform")["logits"]
    logits = logits.reshape(-1, logits.shape[-1])
    for chunk in plan.chunks:
        drawn, _ = protocol.codes(plan.methods[name], "uniform", plan.seed, chunk.number)
        codes.append(plane.array(drawn[: len(chunk) * len(EMOTIONS)]))
    all_codes = np.concatenate(codes)[: len(logits)]
    return JudgedPlane(all_codes, softmax(logits))
