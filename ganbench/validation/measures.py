"""Every metric of ``ganbench.metrics`` on the edits of one editor: the columns of the table.

Calibration is missing: it is about a judge, not about an editor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench import metrics
from ganbench.evaluation import contract
from ganbench.evaluation.compute import thumbnails
from ganbench.judges.interface import Judge, ask
from ganbench.metrics.gt_error import REGIONS
from ganbench.validation.editors import Edits
from ganbench.validation.scene import RHO, K, Scene, UInt8

Float = NDArray[np.float64]
Better = Literal["higher", "lower"]

BATCH = 28


@dataclass(frozen=True)
class Verdicts:
    """A judge's logits float32 [..., 7] and features float32 [..., d]."""

    logits: NDArray[np.float32]
    features: NDArray[np.float32]


class Eye:
    """A judge that looks at every picture once, however many editors make the same one."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.seen: dict[bytes, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

    def look(self, pictures: UInt8) -> Verdicts:
        """Verdicts on pictures uint8 [..., 3, S, S]."""
        flat = pictures.reshape(-1, *pictures.shape[-3:])
        keys = [hashlib.sha256(picture.tobytes()).digest() for picture in flat]
        new = list({key: i for i, key in enumerate(keys) if key not in self.seen}.values())
        for start in range(0, len(new), BATCH):
            rows = new[start : start + BATCH]
            found = ask(self.judge, torch.from_numpy(flat[rows]).float() / 255)
            logits, features = found.logits.numpy(), found.features.numpy()
            self.seen |= {keys[row]: (logits[i], features[i]) for i, row in enumerate(rows)}
        shape = pictures.shape[:-3]
        logits, features = (np.stack([self.seen[key][i] for key in keys]) for i in (0, 1))
        return Verdicts(logits.reshape(*shape, -1), features.reshape(*shape, -1))


@dataclass(frozen=True)
class Known:
    """What all editors share: the scene, and the judges' predictions on inputs and right answers."""

    scene: Scene
    eye: Eye
    other: Eye
    real: Verdicts
    truth: Verdicts

    @property
    def asked(self) -> NDArray[np.bool_]:
        """bool [n, 7]: edits that are to change the emotion."""
        return np.asarray(self.scene.labels[:, None] != np.arange(K))


@dataclass(frozen=True)
class Seen:
    """An editor's edits and the verdicts on them; ``other`` is the independent judge's."""

    known: Known
    edits: Edits
    judged: Verdicts
    other: Verdicts

    @property
    def counts(self) -> NDArray[np.int64]:
        """The confusion [source, target, judged] of the judge."""
        return _confusion(self.known.scene, self.judged)

    @property
    def flat(self) -> NDArray[np.float32]:
        """Features [n * 7, d]."""
        return self.judged.features.reshape(-1, self.judged.features.shape[-1])

    @cached_property
    def neighbourhoods(self) -> metrics.PRDC:
        """Precision, recall, density and coverage against the inputs."""
        return metrics.prdc(self.known.real.features, self.flat)

    @cached_property
    def along_path(self) -> Float | None:
        """The judge's softmax along each path, [n, len(RHO), 7]."""
        if self.edits.paths is None:
            return None
        return metrics.softmax(self.known.eye.look(self.edits.paths).logits)

    @cached_property
    def gt_distances(self) -> tuple[Float, Float]:
        """Distances to the right answer of changed emotions, by region: of the edit, of the input."""
        scene, asked = self.known.scene, self.known.asked
        lazy = np.repeat(scene.images[:, None], K, axis=1)
        truths, joint = _floats(scene.truths[asked]), scene.joint[asked]
        edited, unedited = (
            metrics.gt_distances(_floats(x[asked]), truths, joint)
            for x in (self.edits.images, lazy)
        )
        return edited, unedited

    @cached_property
    def gains(self) -> Float:
        """Gain parallel and orthogonal to the step to the right answer, in pixels, [2, n, 7]."""
        scene = self.known.scene
        ways = zip(scene.images, self.edits.images, scene.truths, strict=True)
        # Image by image: in float64 all of them would take gigabytes.
        found = [
            metrics.gt_gain(source.reshape(-1), edit.reshape(K, -1), truth.reshape(K, -1))
            for source, edit, truth in ways
        ]
        return np.stack(found, axis=1)


@dataclass(frozen=True)
class Column:
    """One number of the table.

    Attributes:
        name: of the column; its first word is the metric's name.
        title: its heading.
        better: which end is better. Of metrics that are only reported: which end means more of the
            right expression.
        digits: decimals shown.
        measure: the number; None where the editor has none.
    """

    name: str
    title: str
    better: Better
    digits: int
    measure: Callable[[Seen], float | None]

    @property
    def metric(self) -> str:
        """Name of the metric that it is a reading of."""
        return self.name.partition(" ")[0]

    def cell(self, value: float | None) -> str:
        """The value as shown."""
        return "-" if value is None else f"{value:.{self.digits}f}"


def prepare(scene: Scene, judge: Judge, other: Judge) -> Known:
    """Judge what all editors share."""
    for one in (judge, other):
        contract.try_judge(one, torch.from_numpy(scene.images[: contract.IMAGES]).float() / 255)
    eye = Eye(judge)
    return Known(scene, eye, Eye(other), eye.look(scene.images), eye.look(scene.truths))


def measure(known: Known, edits: Edits) -> dict[str, float | None]:
    """All columns of one editor."""
    seen = Seen(known, edits, known.eye.look(edits.images), known.other.look(edits.images))
    return {column.name: column.measure(seen) for group in COLUMNS.values() for column in group}


def _confusion(scene: Scene, judged: Verdicts) -> NDArray[np.int64]:
    return metrics.confusion(scene.labels[:, None], np.arange(K), judged.logits.argmax(axis=-1))


def _accuracy(counts: NDArray[np.int64]) -> float:
    right, n = metrics.cells(counts)
    return float(100 * (right / n).mean())


def _ere(seen: Seen) -> float:
    return metrics.ere_distance(seen.judged.logits, np.eye(K))


def _neighbour_confusion(seen: Seen) -> float:
    confused, n = metrics.neighbour_counts(seen.counts)
    return float(100 * confused.sum() / n.sum())


def _diversity(seen: Seen) -> float:
    if seen.edits.draws is None:  # deterministic: every draw is the same edit
        rows = np.arange(len(seen.known.scene))
        draws = np.repeat(seen.judged.features[rows, seen.known.scene.targets][:, None], 2, axis=1)
    else:
        draws = seen.known.eye.look(seen.edits.draws).features
    return float(metrics.noise_diversity(draws).mean())


def _intensity(seen: Seen) -> float | None:
    p = seen.along_path
    if p is None:
        return None
    wanted = p[np.arange(len(p)), :, seen.known.scene.targets]
    return float(metrics.intensity_response(RHO, wanted).mean())


def _smoothness(seen: Seen) -> float | None:
    p = seen.along_path
    found = np.array(np.nan) if p is None else metrics.path_smoothness(p)
    return None if np.isnan(found).all() else float(np.nanmean(found))


def _gain(seen: Seen) -> float:
    before, after = metrics.softmax(seen.known.real.logits), metrics.softmax(seen.judged.logits)
    rise = metrics.probability_gain(before[:, None], after, np.arange(K))
    return float(rise[seen.known.asked].mean())


def _gt_gain(seen: Seen, which: int) -> float:
    return float(np.nanmean(seen.gains[which][seen.known.asked]))


def _input_similarity(seen: Seen) -> float:
    inputs, edits = (_thumbnails(x) for x in (seen.known.scene.images, seen.edits.images))
    source = metrics.deviations(inputs, inputs)[:, None]
    return float(np.nanmean(metrics.cosine_similarity(source, metrics.deviations(edits, inputs))))


def _thumbnails(pictures: UInt8) -> NDArray[np.float32]:
    """[..., 3, S, S] -> [..., 3, s, s] in [0, 1]."""
    small = thumbnails(torch.from_numpy(_floats(pictures)))
    return small.reshape(*pictures.shape[:-3], *small.shape[1:])


def _floats(pictures: UInt8) -> NDArray[np.float32]:
    """[..., 3, S, S] -> [N, 3, S, S] in [0, 1]."""
    return pictures.reshape(-1, *pictures.shape[-3:]).astype(np.float32) / np.float32(255)


def _background(seen: Seen) -> float:
    scene = seen.known.scene
    change = metrics.background_change(
        _floats(np.repeat(scene.images, K, axis=0)),
        _floats(seen.edits.images),
        np.repeat(scene.regions, K, axis=0),
    )
    return float(np.nanmean(change))


def _gt_error(seen: Seen, region: str) -> float | None:
    column = REGIONS.index(region)
    edited, unedited = seen.gt_distances
    return metrics.relative_distance(edited[:, column], unedited[:, column])


def _gt_error_features(seen: Seen) -> float | None:
    known, asked = seen.known, seen.known.asked
    edited = metrics.feature_distances(seen.judged.features, known.truth.features)
    unedited = metrics.feature_distances(known.real.features[:, None], known.truth.features)
    return metrics.relative_distance(edited[asked], unedited[asked], nothing_to_do=0.0)


# In groups as wide as a terminal; the first shows side by side what a judge says and what is true.
COLUMNS: dict[str, tuple[Column, ...]] = {
    "What the judge says, and what is true": (
        Column("accuracy", "Accuracy", "higher", 1, lambda s: _accuracy(s.counts)),
        Column(
            "accuracy face-api",
            "Accuracy, face-api",
            "higher",
            1,
            lambda s: _accuracy(_confusion(s.known.scene, s.other)),
        ),
        Column("gt_error", "Ground-truth error", "lower", 2, lambda s: _gt_error(s, "all")),
        Column("gt_error mouth", "Ground-truth error, mouth", "lower", 2, lambda s: _gt_error(s, "mouth")),
        Column("gain", "Gain", "higher", 2, _gain),
        Column("gain parallel", "Parallel gain", "higher", 2, lambda s: _gt_gain(s, 0)),
        Column("gain orthogonal", "Orthogonal gain", "lower", 2, lambda s: _gt_gain(s, 1)),
    ),
    "Predictions": (
        Column("ere", "ERE", "lower", 3, _ere),
        Column("neighbour_confusion", "Confusion of neighbours", "lower", 1, _neighbour_confusion),
        Column("intensity", "Intensity", "higher", 3, _intensity),
        Column("smoothness", "Smoothness", "lower", 2, _smoothness),
    ),
    "Sets of images": (
        Column("fed", "FED", "lower", 2, lambda s: metrics.frechet_distance(s.known.real.features, s.flat)),
        Column("kid", "KID", "lower", 4, lambda s: metrics.kernel_distance(s.known.real.features, s.flat)),
        Column("precision", "Precision", "higher", 3, lambda s: s.neighbourhoods.precision),
        Column("recall", "Recall", "higher", 3, lambda s: s.neighbourhoods.recall),
        Column("density", "Density", "higher", 3, lambda s: s.neighbourhoods.density),
        Column("coverage", "Coverage", "higher", 3, lambda s: s.neighbourhoods.coverage),
        Column("diversity", "Diversity", "higher", 2, _diversity),
    ),
    "What must stay, and the right answer by region": (
        Column("input_similarity", "Input similarity", "higher", 3, _input_similarity),
        Column("background", "Background", "lower", 4, _background),
        Column("gt_error eyes", "Ground-truth error, eyes", "lower", 2, lambda s: _gt_error(s, "eyes")),
        Column("gt_error face", "Ground-truth error, face", "lower", 2, lambda s: _gt_error(s, "face")),
        Column("gt_error head", "Ground-truth error, hair", "lower", 2, lambda s: _gt_error(s, "head")),
        Column("gt_error features", "Ground-truth error, features", "lower", 2, _gt_error_features),
    ),
}  # fmt: skip
