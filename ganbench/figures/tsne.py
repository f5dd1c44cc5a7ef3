"""Figure 1: t-SNE of the judge's features, edits against real images."""

from __future__ import annotations

import numpy as np
import torch

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation import protocol
from ganbench.evaluation.samples import Cloud
from ganbench.figures import feature_map
from ganbench.figures.page import Drawing
from ganbench.figures.scene import Scene
from ganbench.scoring import REAL
from ganbench.seeds import generator

FEWEST = 14


def draw(scene: Scene, limit: int = 350) -> Drawing:
    """Draw two panels on one map with the real images: codes around the means, and uniform over Z.

    For a method without a conditional space, both panels show the edits to its emotions' codes: beside
    the real images, and by emotion.

    Args:
        scene: with labelled faces.
        limit: the number of test images; each is edited once for each panel.

    Raises:
        BadInput: too few images for a map.
    """
    method = scene.method
    most = protocol.CHUNK * len(EMOTIONS)  # the number of codes in a chunk of the protocol
    faces = scene.faces(min(limit, most))
    if len(faces) < FEWEST:
        raise BadInput(f"too few images for t-SNE: {len(faces)}; it needs {FEWEST} at least")
    assert faces.labels is not None  # data sets are labelled
    n = len(faces)
    targets = np.arange(n) % len(EMOTIONS)
    # The emotions of the faces alternate in the same order as the targets. Without a permutation
    # each face would be edited to the emotion that it shows.
    order = torch.randperm(n, generator=generator(scene.seed, "t-SNE"))
    clouds = [Cloud(REAL, "", "Real", scene.judged(faces.images).features.numpy(), faces.labels)]
    sets = [name for name in protocol.code_sets(method) if name != "anchor"] or ["anchor"]
    for name in sets:
        codes, _ = protocol.codes(method, name, scene.seed, 0)
        edits = scene.edits(faces.images[order], codes[None, :n])[0]
        features = scene.judged(edits).features.numpy()
        clouds.append(Cloud(method.name, name, method.title, features, targets))
    positions = feature_map.place(clouds, scene.seed)
    all_positions = np.concatenate(positions)
    real, *edited = zip(clouds, positions, strict=True)
    caption = f"{method.title}: t-SNE of the judge's features of {n} real images (orange) and {n} edits (blue)"
    if len(edited) == 2:
        figure = feature_map.draw_figure1(real, edited[0], edited[1], all_positions)
        caption += " with codes around the means (left) and uniform over the plane (right); one map"
    else:
        figure = feature_map.draw_method(real, edited[0], all_positions)
        caption += " to the emotions' codes (left); the same by emotion (right)"
    figure.set_dpi(scene.dpi)
    note = feature_map.shared_places_note(edited[0][1])
    return Drawing(figure, f"{caption}. Judge: {scene.judge().spec.title}.{note}")
