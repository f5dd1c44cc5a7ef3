"""Metrics of sets of features (FED, KID, PRDC), and input similarity, whose features are pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.metrics import (
    METRICS,
    Interval,
    cosine_similarity,
    deviations,
    frechet_distance,
    frechet_interval,
    kernel_distance,
    kernel_interval,
    prdc,
    prdc_intervals,
    similarity_influence,
    skewed_interval,
    strata_of,
)
from ganbench.metrics.precision_recall import NEAREST
from ganbench.metrics.precision_recall import SPECS as PRDC_SPECS
from ganbench.records import Record
from ganbench.scoring.interface import Metric, MetricInputs, record
from ganbench.scoring.intervals import HALL, HALVES, ends, how, over_images

BEYOND = "beyond the true edit"


class SetDistance(Metric):
    """A distance between the real images and the edits, for each set of codes.

    An image and all its edits are one unit of the interval.
    """

    sources = ("truth", "method")
    by_group = False  # a distance depends on the number of images
    distance: Callable[[ArrayLike, ArrayLike], float] = staticmethod(frechet_distance)
    interval: Callable[
        [ArrayLike, ArrayLike, NDArray[np.int64], NDArray[np.int64]], Interval | None
    ] = staticmethod(frechet_interval)

    def score(self, inputs: MetricInputs) -> list[Record]:
        """A record for each set of codes; that of ``headline_codes`` is the headline.

        Edits of the first n images are compared with these images.
        """
        (spec,) = self.specs
        records = []
        for codes, edits in inputs.sets.items():
            n = len(edits["features"])
            real, fake = inputs.real["features"][:n], flat(edits["features"])
            strata = inputs.strata if n == len(inputs.labels) else strata_of(inputs.labels[:n])
            value, limits, note = None, {}, "needs two real images"
            if n >= 2:
                note = f"against {n} real images"
                interval = None
                if not inputs.repetition:
                    image = np.repeat(np.arange(n), len(fake) // n)
                    interval = self.interval(real, fake, image, strata)
                    limits = ends(interval, how(HALL, strata))
                # An interval holds the value, which takes much of its time.
                value = interval.value if interval else self.distance(real, fake)
            variant = "" if codes == inputs.headline_codes else codes
            records.append(
                record(spec, inputs.method, value, len(fake), variant=variant, note=note, **limits)
            )
        return records


class FED(SetDistance):
    """The Frechet distance of the judge's features."""

    specs = (METRICS["fed"],)


class KID(SetDistance):
    """The kernel distance of the judge's features."""

    specs = (METRICS["kid"],)
    distance = staticmethod(kernel_distance)
    interval = staticmethod(kernel_interval)


class PRDC(Metric):
    """Precision, recall, density and coverage of the edits that the headline of FED is computed from.

    The intervals come from halves of the images, because shares of neighbours are not smooth in the images.
    """

    specs = PRDC_SPECS
    sources = ("truth", "method")
    by_group = False  # neighbours among fewer images are farther away

    def score(self, inputs: MetricInputs) -> list[Record]:
        """Four records."""
        real = inputs.real["features"]
        fake = flat(inputs.sets[inputs.headline_codes]["features"])
        if len(real) <= NEAREST:
            note = f"needs more than {NEAREST} real images"
            return [record(s, inputs.method, None, len(fake), note=note) for s in self.specs]
        note = f"against {len(real)} real images"
        image = np.repeat(np.arange(len(real)), len(fake) // len(real))
        intervals = None if inputs.repetition else prdc_intervals(real, fake, image, inputs.strata)
        if intervals is None:
            values = prdc(real, fake)._asdict()
            limits: dict[str, dict[str, Any]] = {name: {} for name in values}
        else:
            values = {name: interval.value for name, interval in intervals._asdict().items()}
            limits = {
                name: ends(interval, how(HALVES, inputs.strata))
                for name, interval in intervals._asdict().items()
            }
        return [
            record(s, inputs.method, values[s.name], len(fake), note=note, **limits[s.name])
            for s in self.specs
        ]


class InputSimilarity(Metric):
    """Similarity of input and edit in pixels, as differences to the mean input.

    The judge's features do not tell persons apart (docs/validation.md). A true edit shows the same person
    by construction, so its value, in the row ``truth``, is what a good method gets. The variant
    ``beyond the true edit`` is the mean difference of an edit to its true edit: above 0 the edits change
    less than the true edits, and below 0 they change more.
    """

    specs = (METRICS["input_similarity"],)
    sources = ("truth", "method")

    def score(self, inputs: MetricInputs) -> list[Record]:
        """One record, and one for ``beyond the true edit`` where true edits are known."""
        (spec,), originals = self.specs, inputs.real["thumbnail"]
        every = (inputs.whole or inputs).real["thumbnail"]  # the mean is that of all images
        pictures = [inputs.edits["thumbnail"]]
        if inputs.true_edits is not None:
            pictures.append(inputs.true_edits["thumbnail"])
        start = deviations(originals, every)[:, None]
        cosines = [cosine_similarity(start, deviations(p, every)) for p in pictures]
        readings = {"": cosines[0]}
        if len(cosines) > 1:
            readings[BEYOND] = cosines[0] - cosines[1]
        limits: dict[str, dict[str, Any]] = {}
        if inputs.part:  # the mean is given, and only the cosines vary
            known = ~np.isnan(cosines[0])
            limits[""] = over_images(inputs.labels, cosines[0], known)
        elif not inputs.repetition:
            limits = self._limits(inputs, originals, pictures, cosines)
        records = []
        for variant, values in readings.items():
            known = ~np.isnan(values)
            value = float(values[known].mean()) if known.any() else None
            records.append(
                record(
                    spec,
                    inputs.method,
                    value,
                    int(known.sum()),
                    variant=variant,
                    direction="reported" if variant else spec.direction,
                    note="" if value is not None else "the inputs do not differ",
                    **limits.get(variant, {}),
                )
            )
        return records

    def _limits(
        self,
        inputs: MetricInputs,
        originals: NDArray[Any],
        pictures: list[NDArray[Any]],
        cosines: list[NDArray[np.float64]],
    ) -> dict[str, dict[str, Any]]:
        """The fields of the interval of each reading."""
        influences = [similarity_influence(originals, p) for p in pictures]
        limits = {}
        if len(originals) < 4 or influences[0] is None:
            return {}
        found = [("", float(np.nanmean(cosines[0])), influences[0])]
        if len(influences) > 1 and influences[1] is not None:
            beyond = float(np.nanmean(cosines[0] - cosines[1]))
            found.append((BEYOND, beyond, influences[0] - influences[1]))
        for variant, value, influence in found:
            interval = skewed_interval(value, influence, inputs.strata)
            limits[variant] = ends(interval, how(HALL, inputs.strata))
        return limits


def flat(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """[N, 7, d] -> [7 N, d]."""
    return features.reshape(-1, features.shape[-1])
