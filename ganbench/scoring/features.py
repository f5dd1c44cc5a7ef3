"""Metrics of features: FED, KID and PRDC in the judge's, likeness to the input in those of pixels."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.metrics import (
    METRICS,
    assign_groups,
    cosine_similarity,
    deviations,
    frechet_distance,
    frechet_statistic,
    kernel_distance,
    kernel_statistic,
    prdc,
    prdc_intervals,
    similarity_statistic,
)
from ganbench.metrics.intervals import Statistic
from ganbench.metrics.precision_recall import NEAREST
from ganbench.metrics.precision_recall import SPECS as PRDC_SPECS
from ganbench.records import Record
from ganbench.scoring.interface import ANCHOR, NOISY, Metric, MetricInputs, record
from ganbench.scoring.intervals import HALVES, ends, over_groups

BEYOND = "beyond the true edit"


class SetDistance(Metric):
    """A distance of the real images and the edits with each set of codes.

    The interval is the jackknife of groups of images: an image and all its edits share a group, on
    both sides of the distance.
    """

    sources = ("truth", "method")
    distance = staticmethod(frechet_distance)
    statistic = staticmethod(frechet_statistic)

    def score(self, inputs: MetricInputs) -> list[Record]:
        """A record of each set; the one that tables show is ``NOISY``, else ``ANCHOR``."""
        (spec,), real = self.specs, inputs.real["features"]
        n = len(real)
        default = NOISY if NOISY in inputs.sets else ANCHOR
        found = []
        for codes, edits in inputs.sets.items():
            fake = flat(edits["features"])
            variant = "" if codes == default else codes
            if n < 2:
                note = "needs two real images"
                found.append(
                    record(spec, inputs.method, None, len(fake), variant=variant, note=note)
                )
                continue
            limits: dict[str, Any] = {}
            if not inputs.repetition:
                of_groups = partial(self._of_groups, real, fake)
                limits = over_groups(n, of_groups)
            value = self.distance(real, fake)
            note = f"against {n} real images"
            found.append(
                record(spec, inputs.method, value, len(fake), variant=variant, note=note, **limits)
            )
        return found

    def _of_groups(
        self, real: NDArray[Any], fake: NDArray[Any], groups: NDArray[np.int64]
    ) -> Statistic:
        """The distance of kept groups; the edits [7 N, d] are in the groups of their images [N, d]."""
        return self.statistic(real, fake, groups, np.repeat(groups, len(fake) // len(real)))


class FED(SetDistance):
    """The Frechet distance."""

    specs = (METRICS["fed"],)


class KID(SetDistance):
    """The kernel distance."""

    specs = (METRICS["kid"],)
    distance = staticmethod(kernel_distance)
    statistic = staticmethod(kernel_statistic)


class PRDC(Metric):
    """Precision, recall, density and coverage of the edits that FED shows by default.

    The intervals are from halves of the images, since shares of neighbours are not smooth in them.
    """

    specs = PRDC_SPECS
    sources = ("truth", "method")

    def score(self, inputs: MetricInputs) -> list[Record]:
        """Four records."""
        real = inputs.real["features"]
        fake = flat((inputs.sets.get(NOISY) or inputs.edits)["features"])
        if len(real) <= NEAREST:
            note = f"needs more than {NEAREST} real images"
            return [record(s, inputs.method, None, len(fake), note=note) for s in self.specs]
        note = f"against {len(real)} real images"
        image = np.repeat(np.arange(len(real)), len(fake) // len(real))
        intervals = None if inputs.repetition else prdc_intervals(real, fake, image)
        if intervals is None:
            values = prdc(real, fake)._asdict()
            limits: dict[str, dict[str, Any]] = {name: {} for name in values}
        else:
            values = {name: interval.value for name, interval in intervals._asdict().items()}
            limits = {name: ends(found, HALVES) for name, found in intervals._asdict().items()}
        return [
            record(s, inputs.method, values[s.name], len(fake), note=note, **limits[s.name])
            for s in self.specs
        ]


class InputSimilarity(Metric):
    """Likeness of input and edit in their deviations from the mean input, and that of the right answer.

    No network of identities is part of the suite, and the judge's features forget persons
    (docs/validation.md). The right answer shows the same person by construction, so what it gets is
    the mark (row ``truth``), and the variant ``beyond the true edit`` subtracts it, edit by edit:
    above 0 an edit changed less than is right, below 0 more.
    """

    specs = (METRICS["input_similarity"],)
    sources = ("truth", "method")

    def score(self, inputs: MetricInputs) -> list[Record]:
        """One record, two with right answers."""
        (spec,), originals = self.specs, inputs.real["thumbnail"]
        pictures = [inputs.edits["thumbnail"]]
        if inputs.true_edits is not None:
            pictures.append(inputs.true_edits["thumbnail"])
        start = deviations(originals, originals)[:, None]
        cosines = [cosine_similarity(start, deviations(p, originals)) for p in pictures]
        readings = {"": cosines[0]}
        if len(cosines) > 1:
            readings[BEYOND] = cosines[0] - cosines[1]
        limits = {} if inputs.repetition else self._limits(originals, pictures)
        found = []
        for variant, values in readings.items():
            known = ~np.isnan(values)
            value = float(values[known].mean()) if known.any() else None
            found.append(
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
        return found

    def _limits(
        self, originals: NDArray[Any], pictures: list[NDArray[Any]]
    ) -> dict[str, dict[str, Any]]:
        """The fields of the interval of each reading."""
        n, groups = len(originals), assign_groups(len(originals))
        edits, *right = (similarity_statistic(originals, p, groups) for p in pictures)
        found = {"": over_groups(n, lambda _: edits)}
        if right:
            found[BEYOND] = over_groups(n, lambda _: lambda keep: edits(keep) - right[0](keep))
        return found


def flat(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """[N, 7, d] -> [7 N, d]."""
    return features.reshape(-1, features.shape[-1])
