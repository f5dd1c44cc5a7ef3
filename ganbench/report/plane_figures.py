"""The conditional planes of the evaluated methods, drawn from the edits of the evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import numpy as np

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput, Unsupported
from ganbench.evaluation import protocol
from ganbench.evaluation.plan import Plan
from ganbench.evaluation.samples import Gallery
from ganbench.figures import complex, gamut, load, nuance, plane, same_label, wheel
from ganbench.figures.page import Drawing
from ganbench.figures.plane import JudgedPlane
from ganbench.figures.search import Floats
from ganbench.methods.interface import Method, ability
from ganbench.metrics import softmax
from ganbench.report.cached_scene import cached_scene, picture_of
from ganbench.report.pictures import Picture
from ganbench.storage.source import code_hash
from ganbench.text import plural

# The figures of a plane, as they stand on the page.
ORDER = ("gamut", "wheel", "complex", "same-label", "nuance")

Searches = dict[str, Callable[[Method], Floats]]


def plane_figure_names(plan: Plan) -> list[str]:
    """The names of the files of ``draw_plane_figures``."""
    # A plan that is only told writes nothing into the store.
    return [
        f"{figure}_{name}.png"
        for name, method in plan.methods.items()
        for figure in plan.keys.once(("codes of figures", name), partial(_find_codes, method))
    ]


def draw_plane_figures(plan: Plan, gallery: Gallery) -> list[Picture]:
    """``<figure>_<method>.png`` for methods with a plane and the figures that they can make.

    What the judge sees in the plane is the mean of its predictions on the evaluation's edits with
    codes uniform over Z. Only the few faces shown are edited here, and the store keeps their edits.
    """
    plan.refresh()
    return [
        picture_of(f"{figure}_{name}", _draw(figure, plan, gallery, name))
        for name in plan.methods
        for figure in figure_codes(plan, name)
    ]


def figure_codes(plan: Plan, name: str) -> Mapping[str, Floats]:
    """The figures that can be made of the plane of a method, and their codes [m, 2].

    None if its codes do not fill a plane; the gamut covers the plane and has no codes of its own. The codes are
    searched once, as long as the method does not change: the store keeps them.
    """
    method = plan.methods[name]

    def find() -> Mapping[str, Floats]:
        key = {
            "kind": "codes of figures",
            "code": code_hash([f"ganbench.figures.{figure.replace('-', '_')}" for figure in ORDER]),
            "method": plan.keys.identity(method),
            "found on": method.device.type,
        }
        stored = plan.store.fetch(key, lambda: _find_codes(method))
        return {figure: stored[figure] for figure in sorted(stored, key=ORDER.index)}

    found: Mapping[str, Floats] = plan.keys.once(("codes of figures", name), find)
    return found


def _find_codes(method: Method) -> dict[str, Floats]:
    if "uniform" not in protocol.code_sets(method) or ability(plane.anchors, method) is None:
        return {}
    if ability(plane.distribution, method) is None:
        # Where codes have a label distribution, the distance from the centre is not an intensity.
        searches: Searches = {"wheel": lambda _: wheel.codes(wheel.RHO)}
    else:
        searches = {"complex": complex.mixed_codes, "same-label": same_label.find_codes}
    searches["nuance"] = nuance.codes_around
    codes = {"gamut": np.empty((0, 2))}
    for figure, search in searches.items():
        with suppress(BadInput, Unsupported):
            codes[figure] = search(method).reshape(-1, 2)
    return codes


def _draw(figure: str, plan: Plan, gallery: Gallery, name: str) -> Drawing:
    scene = cached_scene(plan, gallery, [plan.methods[name]])
    if figure in ("complex", "same-label"):
        return load(figure)(scene, codes=figure_codes(plan, name)[figure])
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
