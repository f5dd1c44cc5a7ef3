"""Editors of known quality: what each gets right and wrong is known, so metrics must rank them.

They need no network: the embedded faces are rendered again with the answer that the editor stands
for. Only the texture, which must convince a judge, is computed from that judge.
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
from ganbench.validation.scene import RHO, K, Scene, UInt8
from ganbench.validation.texture import paint_texture

# Pictures of one face and target by an editor that draws.
DRAWS = 3

# Standard deviation of the coarse grain, in [0, 1]; the data's own camera has at most 2 / 255.
GRAIN = 0.08

TOO_MUCH = 1.5  # the data end at 1.2


@dataclass(frozen=True)
class Edits:
    """What an editor makes of a scene, uint8.

    Attributes:
        images: [n, 7, 3, S, S], every input towards every target.
        paths: [n, len(RHO), 3, S, S], towards ``scene.targets`` at rising intensity; None for editors
            that take none.
        draws: [n, DRAWS, 3, S, S], towards ``scene.targets`` with different noise; None for
            deterministic ones.
    """

    images: UInt8
    paths: UInt8 | None = None
    draws: UInt8 | None = None


@dataclass(frozen=True)
class Editor:
    """An editor and, in words, what it does."""

    name: str
    what: str
    edit: Callable[[Scene, VGGJudge], Edits]


def _perfect(scene: Scene, _: VGGJudge) -> Edits:
    return Edits(scene.truths, _paths(scene, 1.0))


def _varied(scene: Scene, _: VGGJudge) -> Edits:
    images = scene.render([
        _vary(face, emotion, scene.seed, i, 0)
        for i, face in enumerate(scene.faces)
        for emotion in range(K)
    ])  # fmt: skip
    draws = scene.render([
        _vary(face, int(scene.targets[i]), scene.seed, i, draw)
        for i, face in enumerate(scene.faces)
        for draw in range(DRAWS)
    ])  # fmt: skip
    return Edits(images, draws=draws)


def _half(scene: Scene, _: VGGJudge) -> Edits:
    return Edits(_at(scene, 0.5), _paths(scene, 0.5))


def _exaggerating(scene: Scene, _: VGGJudge) -> Edits:
    return Edits(_at(scene, TOO_MUCH))


def _lazy(scene: Scene, _: VGGJudge) -> Edits:
    return Edits(
        np.repeat(scene.images[:, None], K, axis=1),
        np.repeat(scene.images[:, None], len(RHO), axis=1),
    )


def _abrupt(scene: Scene, _: VGGJudge) -> Edits:
    steps = np.where(np.array(RHO) < 0.5, 0, len(RHO) - 1)
    return Edits(scene.truths, _paths(scene, 1.0)[:, steps])


def _neighbour(scene: Scene, _: VGGJudge) -> Edits:
    other = {a: b for pair in NEIGHBOUR_PAIRS for a, b in (pair, pair[::-1])}
    order = [EMOTIONS.index(other.get(emotion, emotion)) for emotion in EMOTIONS]
    return Edits(scene.truths[:, order])


def _wrong_identity(scene: Scene, _: VGGJudge) -> Edits:
    others = [*scene.faces[1:], scene.faces[0]]
    return Edits(
        scene.render([
            face.with_person(other).with_emotion(emotion)
            for face, other in zip(scene.faces, others, strict=True)
            for emotion in EMOTIONS
        ])
    )  # fmt: skip


def _painter(scene: Scene, _: VGGJudge) -> Edits:
    behind = (scene.joint == BACKGROUND)[:, :, None]
    return Edits(np.where(behind, 255 - scene.truths, scene.truths))


def _grainy(scene: Scene, _: VGGJudge) -> Edits:
    def grained(pictures: UInt8, name: str) -> UInt8:
        noise = torch.randn(pictures.shape, generator=generator(scene.seed, "grain", name))
        noisy = pictures + 255 * GRAIN * noise.numpy()
        return np.asarray(np.clip(np.rint(noisy), 0, 255), np.uint8)

    one = scene.truths[np.arange(len(scene)), scene.targets]
    return Edits(
        grained(scene.truths, "edits"),
        draws=grained(np.repeat(one[:, None], DRAWS, axis=1), "draws"),
    )


def _collapsed(scene: Scene, _: VGGJudge) -> Edits:
    return Edits(np.repeat(scene.truths[:1], len(scene), axis=0))


def _texture(scene: Scene, judge: VGGJudge) -> Edits:
    return Edits(paint_texture(scene, judge))


EDITORS: tuple[Editor, ...] = (
    Editor("perfect", "the rendered right answer", _perfect),
    Editor("varied", "right answers, as strong and as various as in the data", _varied),
    Editor("half", "the right answer at half its intensity", _half),
    Editor("exaggerating", "the right answer at 1.5 times its intensity", _exaggerating),
    Editor("lazy", "returns the input", _lazy),
    Editor("abrupt", "the right answer, but all or nothing along intensity", _abrupt),
    Editor("neighbour", "renders the neighbouring emotion, such as fear for surprise", _neighbour),
    Editor("wrong identity", "another person with the right emotion, same scene", _wrong_identity),
    Editor("painter", "the right answer before a repainted background", _painter),
    Editor("grainy", "the right answer under coarse grain", _grainy),
    Editor("collapsed", "one face for every input of a target", _collapsed),
    Editor("texture", "the input under a faint texture that convinces the judge", _texture),
)


def _at(scene: Scene, intensity: float) -> UInt8:
    """The right answers at another intensity, [n, 7, 3, S, S]."""
    return scene.render([f.with_emotion(e, intensity) for f in scene.faces for e in EMOTIONS])


def _paths(scene: Scene, strength: float) -> UInt8:
    """The right answers along ``RHO`` times ``strength``."""
    return scene.render([
        face.with_emotion(EMOTIONS[scene.targets[i]], rho * strength)
        for i, face in enumerate(scene.faces)
        for rho in RHO
    ])  # fmt: skip


def _vary(face: Face, emotion: int, seed: int, position: int, draw: int) -> Face:
    """The right answer with the intensity and the jitter that the data have."""
    random = np.random.default_rng(np.random.SeedSequence([seed, position, emotion, draw]))
    intensity, expression = sample_expression(random, EMOTIONS[emotion])
    return replace(face, emotion=EMOTIONS[emotion], intensity=intensity, expression=expression)
