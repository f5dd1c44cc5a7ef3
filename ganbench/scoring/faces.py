"""Metrics of the face networks: identity, with expression, landmarks, and whether a face is found.

Their arrays are those of the first images in the protocol's order (``protocol.FEW``), or of all images.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganbench.faces_in_photos.whitening import load_whitening
from ganbench.metrics import (
    METRICS,
    MetricSpec,
    cosine_similarity,
    feature_distances,
    found_again,
    harmonic_score,
    nearer,
    part_distances,
    share_interval,
    softmax,
    strata_of,
    whitened,
)
from ganbench.metrics.landmarks import RELIABLE
from ganbench.records import Record
from ganbench.scoring.features import BEYOND
from ganbench.scoring.interface import REAL, Metric, MetricInputs, Source, record
from ganbench.scoring.intervals import SHARE, ends, how, over_images
from ganbench.storage.store import Arrays
from ganbench.text import plural

OF_MEANS = "of the means"
EUCLIDEAN, AGAIN, NEARER, CHANGE = "euclidean", "found again", "nearer than the input", "change"

TOO_SMALL = "the pictures are too small for the face networks"


class OfFaces(Metric):
    """A metric of what the face networks say; without a value where the pictures are too small for them."""

    faces = True
    sources: ClassVar[tuple[Source, ...]] = ("truth", "method")

    def score(self, inputs: MetricInputs) -> list[Record]:
        """The records of ``measure``, or one without a value."""
        if inputs.faces is None:
            n = inputs.judged.size
            return [record(spec, inputs.method, None, n, note=TOO_SMALL) for spec in self.specs]
        return self.measure(inputs, inputs.faces.inputs, inputs.faces.edits)

    def measure(self, inputs: MetricInputs, real: Arrays, edits: Arrays) -> list[Record]:
        """Records from the arrays of the first n inputs and of their edits."""
        raise NotImplementedError


class Identity(OfFaces):
    """Cosine of the whitened descriptors of input and edit.

    The true edits show the same person, so their row tells what a right edit gets, and the variant ``beyond the
    true edit`` is the mean difference of an edit to its true edit. ``euclidean`` is the distance of the
    plain descriptors, and ``found again`` the share of edits to which no other input is nearer.
    """

    specs = (METRICS["identity"],)

    def measure(self, inputs: MetricInputs, real: Arrays, edits: Arrays) -> list[Record]:
        """Three records, and one for ``beyond the true edit`` where true edits are known."""
        (spec,), faces = self.specs, inputs.faces
        assert faces is not None
        mean, matrix, _ = load_whitening()
        source = whitened(real["descriptor"], mean, matrix)
        white = whitened(edits["descriptor"], mean, matrix)
        cosines = cosine_similarity(source[:, None], white)
        plain = feature_distances(real["descriptor"][:, None], edits["descriptor"])
        records = [_mean(spec, inputs, cosines)]
        if faces.true_edits is not None:
            truth = whitened(faces.true_edits["descriptor"], mean, matrix)
            beyond = cosines - cosine_similarity(source[:, None], truth)
            records.append(_mean(spec, inputs, beyond, variant=BEYOND, direction="reported"))
        facts: dict[str, Any] = {"unit": "distance", "direction": "reported"}
        records.append(_mean(spec, inputs, plain, variant=EUCLIDEAN, **facts))
        # A part of the test persons has fewer others among whom an edit is lost.
        if not inputs.part:
            note = f"among {plural(len(source), 'test person')}"
            again = found_again(source, white)
            records.append(_share(spec, inputs, again, variant=AGAIN, unit="%", note=note))
        return records


class HarmonicScore(OfFaces):
    """HES: harmonic mean of the judge's probability of the target and of the identity of the edit."""

    specs = (METRICS["hes"],)

    def measure(self, inputs: MetricInputs, real: Arrays, edits: Arrays) -> list[Record]:
        """The mean over the edits that change the emotion, and the harmonic mean of their two means."""
        (spec,), n = self.specs, len(real["descriptor"])
        mean, matrix, _ = load_whitening()
        source, white = (whitened(arrays["descriptor"], mean, matrix) for arrays in (real, edits))
        identity = np.clip(cosine_similarity(source[:, None], white), 0, 1)
        targets = np.arange(identity.shape[1])
        expression = softmax(inputs.edits["logits"][:n])[:, targets, targets]
        changed = inputs.changed[:n] & ~np.isnan(identity)
        scores = harmonic_score(expression, identity)
        records = [_mean(spec, inputs, scores, changed)]
        if changed.any():
            records.append(self._of_means(inputs, expression, identity, changed))
        return records

    def _of_means(
        self,
        inputs: MetricInputs,
        expression: NDArray[np.float64],
        identity: NDArray[np.float64],
        changed: NDArray[np.bool_],
    ) -> Record:
        """The harmonic mean of the means E and I; its interval follows from its derivative."""
        e, i = float(expression[changed].mean()), float(identity[changed].mean())
        value = float(harmonic_score(e, i))
        limits: dict[str, Any] = {}
        if e + i > 0:
            # d(2 E I / (E + I)) = 2 (I^2 dE + E^2 dI) / (E + I)^2
            linear = 2 * (i**2 * expression + e**2 * identity) / (e + i) ** 2
            limits = over_images(inputs.labels, np.where(changed, linear, 0), changed)
        facts = {"variant": OF_MEANS, **limits}
        return record(self.specs[0], inputs.method, value, int(changed.sum()), **facts)


class LandmarkError(OfFaces):
    """Distance of the points of an edit to those of the true edit, and their change from the input."""

    specs = (METRICS["landmarks"],)

    def measure(self, inputs: MetricInputs, real: Arrays, edits: Arrays) -> list[Record]:
        """Records of the error where true edits are known, and of the change, over all and by part."""
        (spec,), faces = self.specs, inputs.faces
        assert faces is not None
        start, points = real["points"][:, None], edits["points"]
        changed = inputs.changed[: len(points)]
        records = []
        if faces.true_edits is not None:
            right = faces.true_edits["points"]
            errors, untouched = part_distances(points, right), part_distances(start, right)
            for part, values in errors.items():
                facts = {"variant": part, **_direction(part)}
                records.append(_mean(spec, inputs, values, changed, **facts))
            better = nearer(errors[""], untouched[""])
            facts = {"variant": NEARER, "unit": "%", "direction": "higher"}
            records.append(_share(spec, inputs, better, changed, **facts))
        elif inputs.source == "method":
            note = "photographs have no true edits"
            records.append(record(spec, inputs.method, None, int(changed.sum()), note=note))
        for part, values in part_distances(points, start).items():
            variant = f"{CHANGE}: {part}" if part else CHANGE
            facts = {"variant": variant, "direction": "reported"}
            records.append(_mean(spec, inputs, values, changed, **facts))
        return records


class Found(OfFaces):
    """The share of pictures in which the detector sees a face."""

    specs = (METRICS["found"],)
    sources = ("real", "truth", "method")

    def measure(self, inputs: MetricInputs, real: Arrays, edits: Arrays) -> list[Record]:
        """One record; that of the real images is about the inputs."""
        found = real["found"][:, None] if inputs.method == REAL else edits["found"]
        return [_share(self.specs[0], inputs, found)]


def _direction(part: str) -> dict[str, Any]:
    """Parts whose distances do not rank edits as they must are only reported."""
    return {} if not part or part in RELIABLE else {"direction": "reported"}


def _mean(
    spec: MetricSpec,
    inputs: MetricInputs,
    values: NDArray[np.float64],
    chosen: NDArray[np.bool_] | None = None,
    **facts: Any,
) -> Record:
    """The record of a mean over edits [n, K], of those that are ``chosen`` and have a value."""
    known = ~np.isnan(values)
    if chosen is not None:
        known &= chosen
    value = float(values[known].mean()) if known.any() else None
    limits = over_images(inputs.labels, np.where(known, values, 0), known)
    facts |= {"note": "no such edit"} if value is None else {}
    return record(spec, inputs.method, value, int(known.sum()), **facts, **limits)


def _share(
    spec: MetricSpec,
    inputs: MetricInputs,
    hits: NDArray[np.bool_],
    chosen: NDArray[np.bool_] | None = None,
    **facts: Any,
) -> Record:
    """The record of a share of edits [n, K] in per cent, of those that are ``chosen``."""
    trials = np.ones(hits.shape, np.bool_) if chosen is None else chosen
    n = int(trials.sum())
    if not n:
        return record(spec, inputs.method, None, 0, **(facts | {"note": "no such edit"}))
    strata = strata_of(inputs.labels[: len(hits)])
    sums = (hits & trials).sum(axis=1, keepdims=True)
    interval = share_interval(sums, trials.sum(axis=1, keepdims=True), strata)
    limits = ends(interval, how(SHARE, strata), 100)
    value = 100 * float((hits & trials).sum()) / n
    return record(spec, inputs.method, value, n, **facts, **limits)


__all__ = ["Found", "HarmonicScore", "Identity", "LandmarkError"]
