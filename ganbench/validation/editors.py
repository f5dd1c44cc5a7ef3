"""Editors of known quality: what each one does right and wrong is known, so metrics must rank them.

An editor is no network; it renders the embedded faces again in a certain way. Only the texture, which
must convince a judge, is computed from the gradients of this judge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from ganbench.data.faces import Face, sample_expression
from ganbench.data.regions import BACKGROUND
from ganbench.emotions import EMOTIONS
from ganbench.judges.vgg import VGGJudge
from ganbench.metrics.neighbour_confusion import NEIGHBOUR_PAIRS
from ganbench.seeds import generator
from ganbench.validation.faces import RHO, K, KnownFaces, UInt8
from ganbench.validation.texture import paint_texture

# Pictures of one face and target by an editor with noise.
DRAWS = 3

# Standard deviation of the coarse grain, in [0, 1]. The noise in the data has at most 2 / 255.
GRAIN = 0.08

TOO_MUCH = 1.5  # intensity; the largest one in the data is 1.2


@dataclass(frozen=True)
class Edits:
    """The edits of one editor, uint8.

    Attributes:
        images: [n, 7, 3, S, S], every input towards every target.
        paths: [n, len(RHO), 3, S, S], towards ``KnownFaces.targets`` at rising intensity; None for
            editors without intensity.
        draws: [n, DRAWS, 3, S, S], towards ``KnownFaces.targets`` with different noise; None for
            deterministic editors.
    """

    images: UInt8
    paths: UInt8 | None = None
    draws: UInt8 | None = None


@dataclass(frozen=True)
class Editor:
    """An editor: its name, what it makes in words, and the function that makes it."""

    name: str
    what: str
    edit: Callable[[KnownFaces, VGGJudge], Edits]


def _perfect(faces: KnownFaces, _: VGGJudge) -> Edits:
    return Edits(faces.true_edits, _paths(faces, 1.0))


def _varied(faces: KnownFaces, _: VGGJudge) -> Edits:
    images = faces.render([
        _vary(face, emotion, faces.seed, i, 0)
        for i, face in enumerate(faces.faces)
        for emotion in range(K)
    ])  # fmt: skip
    draws = faces.render([
        _vary(face, int(faces.targets[i]), faces.seed, i, draw)
        for i, face in enumerate(faces.faces)
        for draw in range(DRAWS)
    ])  # fmt: skip
    return Edits(images, draws=draws)


def _half(faces: KnownFaces, _: VGGJudge) -> Edits:
    return Edits(_at(faces, 0.5), _paths(faces, 0.5))


def _exaggerating(faces: KnownFaces, _: VGGJudge) -> Edits:
    return Edits(_at(faces, TOO_MUCH))


def _lazy(faces: KnownFaces, _: VGGJudge) -> Edits:
    return Edits(
        np.repeat(faces.images[:, None], K, axis=1),
        np.repeat(faces.images[:, None], len(RHO), axis=1),
    )


def _abrupt(faces: KnownFaces, _: VGGJudge) -> Edits:
    steps = np.where(np.array(RHO) < 0.5, 0, len(RHO) - 1)
    return Edits(faces.true_edits, _paths(faces, 1.0)[:, steps])


def _neighbour(faces: KnownFaces, _: VGGJudge) -> Edits:
    other = {a: b for pair in NEIGHBOUR_PAIRS for a, b in (pair, pair[::-1])}
    order = [EMOTIONS.index(other.get(emotion, emotion)) for emotion in EMOTIONS]
    return Edits(faces.true_edits[:, order])


def _wrong_identity(faces: KnownFaces, _: VGGJudge) -> Edits:
    others = [*faces.faces[1:], faces.faces[0]]
    return Edits(
        faces.render([
            face.with_person(other).with_emotion(emotion)
            for face, other in zip(faces.faces, others, strict=True)
            for emotion in EMOTIONS
        ])
    )  # fmt: skip


def _faceless(faces: KnownFaces, _: VGGJudge) -> Edits:
    side = faces.size // 4  # blocks of this size, of which 16 are put in the opposite order
    n = faces.size // side
    cut = faces.true_edits[..., : n * side, : n * side]
    blocks = cut.reshape(*cut.shape[:-2], n, side, n, side)
    turned = blocks[..., ::-1, :, ::-1, :].reshape(cut.shape)
    images = faces.true_edits.copy()
    images[..., : n * side, : n * side] = turned
    return Edits(images)


def _painter(faces: KnownFaces, _: VGGJudge) -> Edits:
    behind = (faces.edit_regions == BACKGROUND)[:, :, None]
    return Edits(np.where(behind, 255 - faces.true_edits, faces.true_edits))


def _grainy(faces: KnownFaces, _: VGGJudge) -> Edits:
    def add_grain(pictures: UInt8, name: str) -> UInt8:
        noise = torch.randn(pictures.shape, generator=generator(faces.seed, "grain", name))
        noisy = pictures + 255 * GRAIN * noise.numpy()
        return np.asarray(np.clip(np.rint(noisy), 0, 255), np.uint8)

    one = faces.true_edits[np.arange(len(faces)), faces.targets]
    return Edits(
        add_grain(faces.true_edits, "edits"),
        draws=add_grain(np.repeat(one[:, None], DRAWS, axis=1), "draws"),
    )


def _collapsed(faces: KnownFaces, _: VGGJudge) -> Edits:
    return Edits(np.repeat(faces.true_edits[:1], len(faces), axis=0))


def _texture(faces: KnownFaces, judge: VGGJudge) -> Edits:
    return Edits(paint_texture(faces, judge))


EDITORS: tuple[Editor, ...] = (
    Editor("perfect", "the true edit", _perfect),
    Editor("varied", "true edits with the intensities and variations of the data", _varied),
    Editor("half", "the true edit at half its intensity", _half),
    Editor("exaggerating", "the true edit at 1.5 times its intensity", _exaggerating),
    Editor("lazy", "returns the input", _lazy),
    Editor("abrupt", "the true edit, but with only two intensities, none and full", _abrupt),
    Editor("neighbour", "renders the neighbouring emotion, such as fear for surprise", _neighbour),
    Editor(
        "wrong identity",
        "another person with the right emotion, in the same pose, light and place",
        _wrong_identity,
    ),
    Editor(
        "faceless",
        "the true edit turned upside down in blocks, so that there is no face",
        _faceless,
    ),
    Editor("painter", "the true edit with a repainted background", _painter),
    Editor("grainy", "the true edit with coarse grain", _grainy),
    Editor("collapsed", "one face for every input of a target", _collapsed),
    Editor("texture", "the input with a faint texture that convinces the judge", _texture),
)


def _at(faces: KnownFaces, intensity: float) -> UInt8:
    """The true edits at another intensity, [n, 7, 3, S, S]."""
    return faces.render([f.with_emotion(e, intensity) for f in faces.faces for e in EMOTIONS])


def _paths(faces: KnownFaces, strength: float) -> UInt8:
    """The true edits at the intensities ``RHO`` times ``strength``, [n, len(RHO), 3, S, S]."""
    return faces.render([
        face.with_emotion(EMOTIONS[faces.targets[i]], rho * strength)
        for i, face in enumerate(faces.faces)
        for rho in RHO
    ])  # fmt: skip


def _vary(face: Face, emotion: int, seed: int, position: int, draw: int) -> Face:
    """A true edit with an intensity and a variation drawn as in the data."""
    random = np.random.default_rng(np.random.SeedSequence([seed, position, emotion, draw]))
    intensity, expression = sample_expression(random, EMOTIONS[emotion])
    return replace(face, emotion=EMOTIONS[emotion], intensity=intensity, expression=expression)
