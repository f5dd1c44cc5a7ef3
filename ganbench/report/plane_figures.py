"""The conditional planes of the evaluated methods, seen through the edits that the pass has made."""

from __future__ import annotations

import numpy as np

from ganbench.emotions import EMOTIONS
from ganbench.evaluation import protocol
from ganbench.evaluation.plan import Plan
from ganbench.evaluation.samples import Gallery
from ganbench.figures import complex, find, gamut, nuance, plane, same_label
from ganbench.figures.page import Drawing
from ganbench.figures.plane import JudgedPlane
from ganbench.methods.interface import Method
from ganbench.metrics import softmax
from ganbench.report.cached_scene import KeptScene, as_picture, fits, scene
from ganbench.report.html import Picture


def plane_names(run: Plan) -> list[str]:
    """The files of ``draw_planes``."""
    return [f"{kind}_{name}.png" for name, method in run.methods.items() for kind in _kinds(method)]


def draw_planes(run: Plan, gallery: Gallery) -> list[Picture]:
    """``<figure>_<method>.png`` of methods with a plane: the figures that they can make.

    What the judge sees in the plane is the mean of its verdicts on the edits with codes uniform over
    Z, which the pass has made. Only the few faces shown are edited here; the store keeps them.
    """
    run.refresh()
    return [
        as_picture(f"{kind}_{name}", _draw(kind, run, name, scene(run, gallery, [method])))
        for name, method in run.methods.items()
        for kind in _kinds(method)
    ]


def _kinds(method: Method) -> list[str]:
    if "uniform" not in protocol.code_sets(method) or not fits(plane.anchors, method):
        return []
    labelled = fits(plane.distribution, method)
    can = {
        "gamut": True,
        # Where codes have a label distribution, the distance from the centre is no intensity.
        "wheel": not labelled,
        "complex": labelled and fits(complex.mixed_codes, method),
        "same-label": labelled and fits(same_label.find_codes, method),
        "nuance": fits(nuance.codes_around, method),
    }
    return [kind for kind, possible in can.items() if possible]


def _draw(kind: str, run: Plan, name: str, stage: KeptScene) -> Drawing:
    if kind != "gamut":
        return find(kind).load()(stage)
    shown = gamut.edit_shown(stage, stage.faces(1).images[0])
    return gamut.draw_gamut(stage, _view(run, name), shown, "all test images")


def _view(run: Plan, name: str) -> JudgedPlane:
    """What the judge saw in the edits with codes all over the plane."""
    method = run.methods[name]
    codes = np.concatenate(
        [
            protocol.codes(method, "uniform", run.seed, chunk.number)[0][
                : len(chunk) * len(EMOTIONS)
            ]
            .cpu()
            .numpy()
            for chunk in run.chunks
        ]
    )
    logits = run.gather("edits", name, "uniform")["logits"].reshape(len(codes), -1)
    return JudgedPlane(codes, softmax(logits))
