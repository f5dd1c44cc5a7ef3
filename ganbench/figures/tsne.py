"""Figure 1: t-SNE of the judge's features, edits against real images."""

from __future__ import annotations

import numpy as np
import torch

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation import protocol
from ganbench.evaluation.samples import Cloud
from ganbench.figures import feature_map as tsne
from ganbench.figures.page import DPI, Drawing
from ganbench.figures.scene import Scene
from ganbench.scoring import REAL
from ganbench.seeds import generator

FEWEST = 14


def draw(scene: Scene, limit: int = 350) -> Drawing:
    """Two panels: codes around the means and uniform over Z, on one map with the real images.

    A method without a conditional space gets two views of its emotions' own codes instead: against
    the real images, and by emotion.

    Args:
        scene: with labelled faces.
        limit: use so many test images; each is edited once for each set of codes.

    Raises:
        BadInput: too few images for a map.
    """
    method = scene.method
    most = protocol.CHUNK * len(EMOTIONS)  # the codes of one chunk of the protocol are enough
    faces = scene.faces(min(limit, most))
    if len(faces) < FEWEST:
        raise BadInput(f"too few images for t-SNE: {len(faces)}; it needs {FEWEST} at least")
    assert faces.labels is not None  # data sets are labelled
    n = len(faces)
    targets = np.arange(n) % len(EMOTIONS)
    # The faces come one emotion after the other, as the targets do: mixed, or each would be edited
    # to the emotion that it shows.
    order = torch.randperm(n, generator=generator(scene.seed, "t-SNE"))
    clouds = [Cloud(REAL, "", "Real", scene.judged(faces.images).features.numpy(), faces.labels)]
    sets = [name for name in protocol.code_sets(method) if name != "anchor"] or ["anchor"]
    for name in sets:
        codes, _ = protocol.codes(method, name, scene.seed, 0)
        edits = scene.edits(faces.images[order], codes[None, :n])[0]
        features = scene.judged(edits).features.numpy()
        clouds.append(Cloud(method.name, name, method.title, features, targets))
    places = tsne.place(clouds, scene.seed)
    everything = np.concatenate(places)
    real, *made = zip(clouds, places, strict=True)
    about = f"{method.title}: t-SNE of the judge's features of {n} real images (orange) and {n} edits (blue)"
    if len(made) == 2:
        figure = tsne.draw_figure1(real, made[0], made[1], everything)
        what = "with codes around the means (left) and uniform over the plane (right); one map"
    else:
        figure = tsne.draw_method(real, made[0], everything)
        what = "to the emotions' own codes (left); the same by emotion (right)"
    figure.set_dpi(DPI)
    note = tsne.repeats_note(made[0][1])
    return Drawing(figure, f"{about} {what}. Judge: {scene.judge().spec.title}.{note}")
