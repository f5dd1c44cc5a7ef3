"""The table of a trial: all metrics of ``ganbench.metrics`` on the edits of one editor.

Calibration is missing, because it is a metric of judges and not of editors.
"""

from __future__ import annotations

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
from ganbench.faces_in_photos.framed import Framed
from ganbench.judges.interface import Judge
from ganbench.metrics.gt_error import REGIONS
from ganbench.validation.cached import CachedFaces, CachedJudge, Predictions
from ganbench.validation.editors import Edits
from ganbench.validation.faces import RHO, K, KnownFaces, UInt8

Float = NDArray[np.float64]
Better = Literal["higher", "lower"]

# Number of faces whose edits the face networks are asked about: they take most of the time.
FACES = 70


@dataclass(frozen=True)
class Reference:
    """What the edits of all editors are compared with.

    Attributes:
        faces: the inputs and their true edits.
        judge: the judge whose predictions and features the metrics use.
        other: the independent judge.
        real, true: predictions of ``judge`` for the inputs [n] and for the true edits [n, 7].
        networks: the face networks, which are asked about the first ``FACES`` faces and their edits.
    """

    faces: KnownFaces
    judge: CachedJudge
    other: CachedJudge
    real: Predictions
    true: Predictions
    networks: CachedFaces

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Which edits are towards another emotion than the input shows, bool [n, 7]."""
        return np.asarray(self.faces.labels[:, None] != np.arange(K))


@dataclass(frozen=True)
class JudgedEdits:
    """The edits of one editor, and the predictions [n, 7] of both judges for them."""

    reference: Reference
    edits: Edits
    predictions: Predictions
    other_predictions: Predictions

    @property
    def counts(self) -> NDArray[np.int64]:
        """The confusion [source, target, judged] of the judge."""
        return _confusion(self.reference.faces, self.predictions)

    @property
    def flat(self) -> NDArray[np.float32]:
        """Features [n * 7, d]."""
        return self.predictions.features.reshape(-1, self.predictions.features.shape[-1])

    @cached_property
    def prdc(self) -> metrics.PRDC:
        """Precision, recall, density and coverage against the inputs."""
        return metrics.prdc(self.reference.real.features, self.flat)

    @cached_property
    def along_path(self) -> Float | None:
        """The judge's softmax along each path, [n, len(RHO), 7]; None for editors without paths."""
        if self.edits.paths is None:
            return None
        return metrics.softmax(self.reference.judge.predict(self.edits.paths).logits)

    @cached_property
    def gt_distances(self) -> tuple[Float, Float]:
        """Distances by region of the edits and of the inputs to the true edits of changed emotions."""
        faces, changed = self.reference.faces, self.reference.changed
        unedited = np.repeat(faces.images[:, None], K, axis=1)
        true_edits, joint = _floats(faces.true_edits[changed]), faces.edit_regions[changed]
        of_edits, of_inputs = (
            metrics.gt_distances(_floats(pictures[changed]), true_edits, joint)
            for pictures in (self.edits.images, unedited)
        )
        return of_edits, of_inputs

    @cached_property
    def faces(self) -> tuple[Framed, Framed, Framed]:
        """What the face networks say of the first inputs [k], of their edits [k, 7] and of the true edits."""
        of, networks = self.reference.faces, self.reference.networks
        pictures = (of.images, self.edits.images, of.true_edits)
        real, edits, true = (networks.describe(p[:FACES]) for p in pictures)
        return real, edits, true

    @property
    def whitened(self) -> tuple[Float, Float]:
        """Whitened descriptors of the first inputs [k, 128] and of their edits [k, 7, 128]."""
        real, edits, _ = self.faces
        networks = self.reference.networks
        return networks.whitened(real.descriptor), networks.whitened(edits.descriptor)

    @property
    def shape_errors(self) -> tuple[dict[str, Float], dict[str, Float]]:
        """Distances of the points of edits and inputs to those of the true edits, of changed emotions."""
        real, edits, true = self.faces
        changed = self.reference.changed[: len(real.points)]
        of_edits, of_inputs = (
            {
                name: values[changed]
                for name, values in metrics.part_distances(p, true.points).items()
            }
            for p in (edits.points, real.points[:, None])
        )
        return of_edits, of_inputs

    @cached_property
    def gains(self) -> Float:
        """Parallel and orthogonal gain in pixels, [2, n, 7]."""
        faces = self.reference.faces
        # Image by image, because all images in float64 would take gigabytes.
        gains = [
            metrics.gt_gain(source.reshape(-1), edits.reshape(K, -1), true.reshape(K, -1))
            for source, edits, true in zip(
                faces.images, self.edits.images, faces.true_edits, strict=True
            )
        ]
        return np.stack(gains, axis=1)


@dataclass(frozen=True)
class Column:
    """One number of the table.

    Attributes:
        name: name of the column; its first word is the name of the metric.
        title: heading in the table.
        better: whether higher or lower values are better. For metrics that are only reported, whether
            they mean more of the right expression.
        digits: decimals shown.
        measure: computes the number; None where the editor has none.
    """

    name: str
    title: str
    better: Better
    digits: int
    measure: Callable[[JudgedEdits], float | None]

    @property
    def metric(self) -> str:
        """Name of the metric that the column is a reading of."""
        return self.name.partition(" ")[0]

    def cell(self, value: float | None) -> str:
        """The value as the table shows it."""
        return "-" if value is None else f"{value:.{self.digits}f}"


def prepare(faces: KnownFaces, judge: Judge, other: Judge) -> Reference:
    """Ask the judge about the inputs and the true edits."""
    for one in (judge, other):
        contract.try_judge(one, torch.from_numpy(faces.images[: contract.IMAGES]).float() / 255)
    cached = CachedJudge(judge)
    real, true = cached.predict(faces.images), cached.predict(faces.true_edits)
    return Reference(faces, cached, CachedJudge(other), real, true, CachedFaces(judge.device))


def measure(reference: Reference, edits: Edits) -> dict[str, float | None]:
    """The values of all columns for one editor."""
    predictions = (judge.predict(edits.images) for judge in (reference.judge, reference.other))
    judged = JudgedEdits(reference, edits, *predictions)
    return {column.name: column.measure(judged) for group in COLUMNS.values() for column in group}


def _confusion(faces: KnownFaces, predictions: Predictions) -> NDArray[np.int64]:
    return metrics.confusion(
        faces.labels[:, None], np.arange(K), predictions.logits.argmax(axis=-1)
    )


def _accuracy(counts: NDArray[np.int64]) -> float:
    right, n = metrics.cells(counts)
    return float(100 * (right / n).mean())


def _other_accuracy(judged: JudgedEdits) -> float:
    return _accuracy(_confusion(judged.reference.faces, judged.other_predictions))


def _ere(judged: JudgedEdits) -> float:
    return metrics.ere_distance(judged.predictions.logits, np.eye(K))


def _fed(judged: JudgedEdits) -> float:
    return metrics.frechet_distance(judged.reference.real.features, judged.flat)


def _kid(judged: JudgedEdits) -> float:
    return metrics.kernel_distance(judged.reference.real.features, judged.flat)


def _neighbour_confusion(judged: JudgedEdits) -> float:
    confused, n = metrics.neighbour_counts(judged.counts)
    return float(100 * confused.sum() / n.sum())


def _diversity(judged: JudgedEdits) -> float:
    if judged.edits.draws is None:  # every draw of a deterministic editor is the same edit
        targets = judged.reference.faces.targets
        edits = judged.predictions.features[np.arange(len(targets)), targets]
        draws = np.repeat(edits[:, None], 2, axis=1)
    else:
        draws = judged.reference.judge.predict(judged.edits.draws).features
    return float(metrics.noise_diversity(draws).mean())


def _of_target(judged: JudgedEdits) -> Float | None:
    """The judge's probability of the target along each path, [n, len(RHO)]; None without paths."""
    p = judged.along_path
    return None if p is None else p[np.arange(len(p)), :, judged.reference.faces.targets]


def _intensity(judged: JudgedEdits) -> float | None:
    p = _of_target(judged)
    return None if p is None else float(metrics.intensity_response(RHO, p).mean())


def _cls(judged: JudgedEdits) -> float | None:
    p = _of_target(judged)
    return None if p is None else float(metrics.control_linearity(RHO, p).mean())


def _cls_true(judged: JudgedEdits) -> float | None:
    faces, paths = judged.reference.faces, judged.edits.paths
    if paths is None:
        return None
    n = len(faces)
    low, high = faces.true_edits[:, 0], faces.true_edits[np.arange(n), faces.targets]
    flat = [_floats(x).reshape(n, 1, -1) for x in (faces.images, low, high)]
    edits = _floats(paths).reshape(n, len(RHO), -1)
    return float(
        metrics.control_linearity(RHO, metrics.unit_position(flat[0], edits, *flat[1:])).mean()
    )


def _smoothness(judged: JudgedEdits) -> float | None:
    p = judged.along_path
    values = np.array(np.nan) if p is None else metrics.path_smoothness(p)
    return None if np.isnan(values).all() else float(np.nanmean(values))


def _gain(judged: JudgedEdits) -> float:
    before = metrics.softmax(judged.reference.real.logits)[:, None]
    rise = metrics.probability_gain(
        before, metrics.softmax(judged.predictions.logits), np.arange(K)
    )
    return float(rise[judged.reference.changed].mean())


def _gain_part(judged: JudgedEdits, part: int) -> float:
    return float(np.nanmean(judged.gains[part][judged.reference.changed]))


def _input_similarity(judged: JudgedEdits) -> float:
    inputs, edits = (_thumbnails(x) for x in (judged.reference.faces.images, judged.edits.images))
    source = metrics.deviations(inputs, inputs)[:, None]
    return float(np.nanmean(metrics.cosine_similarity(source, metrics.deviations(edits, inputs))))


def _identity(judged: JudgedEdits) -> float:
    real, edits = judged.whitened
    return float(metrics.cosine_similarity(real[:, None], edits).mean())


def _hes(judged: JudgedEdits) -> float:
    real, edits = judged.whitened
    p = metrics.softmax(judged.predictions.logits[: len(real)])[:, np.arange(K), np.arange(K)]
    scores = metrics.harmonic_score(p, metrics.cosine_similarity(real[:, None], edits))
    return float(scores[judged.reference.changed[: len(real)]].mean())


def _found_again(judged: JudgedEdits) -> float:
    return float(100 * metrics.found_again(*judged.whitened).mean())


def _landmarks(judged: JudgedEdits, part: str) -> float:
    return float(judged.shape_errors[0][part].mean())


def _nearer(judged: JudgedEdits) -> float:
    edits, inputs = judged.shape_errors
    return float(100 * metrics.nearer(edits[""], inputs[""]).mean())


def _found(judged: JudgedEdits) -> float:
    return float(100 * judged.faces[1].found.mean())


def _thumbnails(pictures: UInt8) -> NDArray[np.float32]:
    """[..., 3, S, S] -> [..., 3, s, s] in [0, 1]."""
    small = thumbnails(torch.from_numpy(_floats(pictures)))
    return small.reshape(*pictures.shape[:-3], *small.shape[1:])


def _floats(pictures: UInt8) -> NDArray[np.float32]:
    """[..., 3, S, S] -> [N, 3, S, S] in [0, 1]."""
    return pictures.reshape(-1, *pictures.shape[-3:]).astype(np.float32) / np.float32(255)


def _background(judged: JudgedEdits) -> float:
    faces = judged.reference.faces
    change = metrics.background_change(
        _floats(np.repeat(faces.images, K, axis=0)),
        _floats(judged.edits.images),
        np.repeat(faces.regions, K, axis=0),
    )
    return float(np.nanmean(change))


def _gt_error(judged: JudgedEdits, region: str) -> float | None:
    column = REGIONS.index(region)
    edited, unedited = judged.gt_distances
    return metrics.relative_distance(edited[:, column], unedited[:, column])


def _gt_error_features(judged: JudgedEdits) -> float | None:
    real, true = judged.reference.real.features, judged.reference.true.features
    changed = judged.reference.changed
    edited = metrics.feature_distances(judged.predictions.features, true)[changed]
    unedited = metrics.feature_distances(real[:, None], true)[changed]
    return metrics.relative_distance(edited, unedited, nothing_to_do=0.0)


# Groups as wide as a terminal. The first one shows the judge's predictions beside the ground truth.
COLUMNS: dict[str, tuple[Column, ...]] = {
    "What the judge says, and what is true": (
        Column("accuracy", "Accuracy", "higher", 1, lambda e: _accuracy(e.counts)),
        Column("accuracy face-api", "Accuracy, face-api", "higher", 1, _other_accuracy),
        Column("gt_error", "Ground-truth error", "lower", 2, lambda e: _gt_error(e, "all")),
        Column("gt_error mouth", "Ground-truth error, mouth", "lower", 2, lambda e: _gt_error(e, "mouth")),
        Column("gain", "Gain", "higher", 2, _gain),
        Column("gain parallel", "Parallel gain", "higher", 2, lambda e: _gain_part(e, 0)),
        Column("gain orthogonal", "Orthogonal gain", "lower", 2, lambda e: _gain_part(e, 1)),
    ),
    "Predictions": (
        Column("ere", "ERE", "lower", 3, _ere),
        Column("neighbour_confusion", "mSCR", "lower", 1, _neighbour_confusion),
        Column("intensity", "Intensity", "higher", 3, _intensity),
        Column("cls", "CLS", "higher", 3, _cls),
        Column("cls true intensity", "CLS, true intensity", "higher", 3, _cls_true),
        Column("smoothness", "Smoothness", "lower", 2, _smoothness),
    ),
    "Sets of images": (
        Column("fed", "FED", "lower", 2, _fed),
        Column("kid", "KID", "lower", 4, _kid),
        Column("precision", "Precision", "higher", 3, lambda e: e.prdc.precision),
        Column("recall", "Recall", "higher", 3, lambda e: e.prdc.recall),
        Column("density", "Density", "higher", 3, lambda e: e.prdc.density),
        Column("coverage", "Coverage", "higher", 3, lambda e: e.prdc.coverage),
        Column("diversity", "Diversity", "higher", 2, _diversity),
    ),
    "What must stay, and the ground truth by region": (
        Column("input_similarity", "Input similarity", "higher", 3, _input_similarity),
        Column("background", "Background", "lower", 4, _background),
        Column("gt_error eyes", "Ground-truth error, eyes", "lower", 2, lambda e: _gt_error(e, "eyes")),
        Column("gt_error face", "Ground-truth error, face", "lower", 2, lambda e: _gt_error(e, "face")),
        Column("gt_error head", "Ground-truth error, hair", "lower", 2, lambda e: _gt_error(e, "head")),
        Column("gt_error features", "Ground-truth error, features", "lower", 2, _gt_error_features),
    ),
    "Person and shape, by the face networks": (
        Column("identity", "Identity", "higher", 3, _identity),
        Column("hes", "HES", "higher", 3, _hes),
        Column("identity found again", "Found again", "higher", 1, _found_again),
        Column("landmarks", "Landmark error", "lower", 3, lambda e: _landmarks(e, "")),
        Column("landmarks brows", "Brows", "lower", 3, lambda e: _landmarks(e, "brows")),
        Column("landmarks mouth", "Mouth", "lower", 3, lambda e: _landmarks(e, "mouth")),
        Column("landmarks jaw", "Jaw", "lower", 3, lambda e: _landmarks(e, "jaw")),
        Column("landmarks nearer", "Nearer than the input", "higher", 1, _nearer),
        Column("found", "Face found", "higher", 1, _found),
    ),
}  # fmt: skip
