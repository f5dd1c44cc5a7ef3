"""The conditional planes of the evaluated methods, seen through the edits that the pass has made."""

from __future__ import annotations

import numpy as np
import torch

from ganbench import protocol
from ganbench.emotions import EMOTIONS
from ganbench.figures import gamut, plane, wheel
from ganbench.figures.page import to_png
from ganbench.figures.plane import View
from ganbench.figures.scene import Faces, Scene
from ganbench.gallery import Gallery
from ganbench.methods.interface import Method
from ganbench.metrics import softmax
from ganbench.passes import Pass
from ganbench.report.html import Picture
from ganbench.store import Arrays


def plane_names(run: Pass) -> list[str]:
    """The files of ``draw_planes``."""
    return [f"{kind}_{name}.png" for name, method in run.methods.items() for kind in _kinds(method)]


def draw_planes(run: Pass, gallery: Gallery) -> list[Picture]:
    """``gamut_<method>.png`` of methods with a plane, ``wheel_<method>.png`` where it has no p_z.

    What the judge sees in the plane is the mean of its verdicts on the edits with codes uniform over
    Z, which the pass has made. Only the faces laid over it are edited here; the store keeps them.
    """
    found = []
    for name, method in run.methods.items():
        kinds = _kinds(method)
        if not kinds:
            continue
        laid = _lay(run, name, gallery)
        over = gamut.Lattice(*(laid[part] for part in ("face", "codes", "edits", "seen")))
        judge = run.judge.spec.title
        drawings = [gamut.picture(method, _view(run, name), over, "all test images", judge)]
        if "wheel" in kinds:
            drawings.append(wheel.picture(method, wheel.RHO, laid["face"], laid["rings"]))
        found += [
            Picture(f"{kind}_{name}.png", to_png(drawing.figure), drawing.caption)
            for kind, drawing in zip(kinds, drawings, strict=True)
        ]
    return found


def _kinds(method: Method) -> list[str]:
    if "space" not in protocol.code_sets(method) or protocol.ability(plane.anchors, method) is None:
        return []
    # Where codes have a label distribution, the distance from the centre is no intensity.
    return ["gamut", *["wheel"] * (protocol.ability(plane.distribution, method) is None)]


def _view(run: Pass, name: str) -> View:
    """What the judge saw in the edits with codes all over the plane."""
    method = run.methods[name]
    codes = np.concatenate(
        [
            protocol.codes(method, "space", run.seed, chunk.number)[0][: len(chunk) * len(EMOTIONS)]
            .cpu()
            .numpy()
            for chunk in run.chunks
        ]
    )
    logits = run.gather("edits", name, "space")["logits"].reshape(len(codes), -1)
    return View(codes, softmax(logits))


def _lay(run: Pass, name: str, gallery: Gallery) -> Arrays:
    """Edits of the first test image over the plane and around the wheel."""

    def make() -> Arrays:
        face = torch.from_numpy(gallery.inputs[0]).float() / 255
        method = run.methods[name]
        scene = Scene((method,), run.seed, lambda _: Faces(face[None], ("",)), lambda: run.judge)
        with run.stopwatch.measure(f"edit: {method.title}"):
            laid: Arrays = dict(vars(gamut.lay(scene, face)))
            if "wheel" in _kinds(method):
                laid["rings"] = wheel.turn(scene, face, wheel.RHO)
            return laid

    job = next(job for job in run.jobs() if (job.method, job.codes) == (name, "space"))
    places = {"across": gamut.LAID, "rho": list(wheel.RHO), "spokes": wheel.SPOKES}
    return run.store.fetch({**run.key(job), "kind": "plane", "places": places}, make)
