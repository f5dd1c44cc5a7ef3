"""Metrics of the judge's predictions: accuracy, ERE, gain, confusion of neighbours, and calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.emotions import EMOTIONS
from ganbench.metrics import (
    METRICS,
    Interval,
    binomial_ends,
    calibration_interval,
    cells,
    gt_gain,
    judge_calibration,
    neighbour_counts,
    probability_gain,
    ratio_interval,
    share_interval,
    softmax,
    total_variation,
)
from ganbench.metrics.neighbour_confusion import FFE_BENCH_PAIRS, NEIGHBOUR_PAIRS
from ganbench.records import Record
from ganbench.scoring.interface import ANCHOR, BY_TARGET, Metric, MetricInputs, record
from ganbench.scoring.intervals import CELL, HALL, HALVES, SHARE, ends, how, over_images
from ganbench.text import plural


class Accuracy(Metric):
    """Accuracy for each target emotion with ``binomial_ends``, and the mean with ``share_interval``, in %."""

    specs = (METRICS["accuracy"],)
    sources = ("real", "truth", "method")

    def score(self, inputs: MetricInputs) -> list[Record]:
        """The row of Table 1: seven cells, and their mean."""
        (spec,), method = self.specs, inputs.method
        right, n = cells(inputs.confusion)
        records = []
        for c in range(len(EMOTIONS)):
            if not n[c]:
                records.append(
                    record(spec, method, None, 0, c, note="no test image of this emotion")
                )
                continue
            low, high = binomial_ends(int(right[c]), int(n[c]))
            cell: dict[str, Any] = {"low": 100 * low, "high": 100 * high, "interval": f"{CELL} 95%"}
            records.append(record(spec, method, 100 * right[c] / n[c], int(n[c]), c, **cell))
        known = [r.value for r in records if r.value is not None]
        note = "" if len(known) == len(EMOTIONS) else f"mean of {plural(len(known), 'emotion')}"
        mean = sum(known) / len(known) if known else None
        is_target = inputs.targets[..., None] == np.arange(len(EMOTIONS))
        hits = is_target & (inputs.judged == inputs.targets)[..., None]
        interval = share_interval(hits.sum(axis=1), is_target.sum(axis=1), inputs.strata)
        limits = ends(interval, how(SHARE, inputs.strata), 100) if mean is not None else {}
        return [*records, record(spec, method, mean, len(inputs.labels), note=note, **limits)]


class ERE(Metric):
    """Mean total variation to the desired distribution, for each set of codes that has one.

    The edits with anchor codes also get a value for each target emotion.
    """

    specs = (METRICS["ere"],)

    def score(self, inputs: MetricInputs) -> list[Record]:
        """A record over all targets for each set of codes, and records by target for anchor codes."""
        (spec,), records = self.specs, []
        for codes, edits in inputs.sets.items():
            if "desired" not in edits:
                continue
            variant = "" if codes == ANCHOR else codes
            distance = total_variation(softmax(edits["logits"]), edits["desired"])
            for c, column in BY_TARGET if codes == ANCHOR else BY_TARGET[:1]:
                values = distance[:, column]
                mean, limits = float(values.mean()), over_images(inputs.labels, values)
                records.append(
                    record(spec, inputs.method, mean, values.size, c, variant=variant, **limits)
                )
        return records


class Gain(Metric):
    """The rise of the target's probability, and where true edits are known the parts of the edit.

    Edits to the emotion of the input are left out. The parallel and the orthogonal part are measured in
    the judge's features. They are pooled over the edits: the parallel part is the slope of a regression
    of the edits on the true edits, and the orthogonal part is the root of the mean squared residual.
    """

    specs = (METRICS["gain"],)
    sources = ("truth", "method")

    def score(self, inputs: MetricInputs) -> list[Record]:
        """Mean rise over all targets and by target, and likewise ``parallel`` and ``orthogonal``."""
        (spec,), method = self.specs, inputs.method
        before = softmax(inputs.real["logits"])[:, None]
        after = softmax(inputs.edits["logits"])
        rise = probability_gain(before, after, inputs.targets)
        records = []
        for c, column in BY_TARGET:
            chosen, values = inputs.changed[:, column], rise[:, column]
            n = int(chosen.sum())
            value = float(values[chosen].mean()) if n else None
            note, limits = (
                "" if n else "no input of another emotion",
                over_images(inputs.labels, values, chosen),
            )
            records.append(record(spec, method, value, n, c, note=note, **limits))
        if inputs.true_edits is not None:
            records += self._parts(inputs, inputs.true_edits["features"])
        return records

    def _parts(self, inputs: MetricInputs, truth: NDArray[Any]) -> list[Record]:
        """Records of the parallel and the orthogonal part; ``truth`` [N, 7, d] are features of true edits."""
        start = inputs.real["features"][:, None]
        parallel, orthogonal = gt_gain(start, inputs.edits["features"], truth)
        length = np.square(np.asarray(truth, np.float64) - start).sum(axis=-1)
        records = []
        for c, column in BY_TARGET:
            known = inputs.changed[:, column] & (length[:, column] > 0)
            weights = np.where(known, length[:, column], 0)
            for variant, values in (("parallel", parallel), ("orthogonal", np.square(orthogonal))):
                sums = np.where(known, values[:, column] * weights, 0).sum(axis=1)
                totals = weights.sum(axis=1)
                value, interval = None, None
                if known.any():
                    value = float(sums.sum() / totals.sum())
                    interval = ratio_interval(sums, totals, inputs.strata)
                    if variant == "orthogonal":
                        value = value**0.5
                        if interval is not None:
                            low, high = (
                                max(end, 0) ** 0.5 for end in (interval.low, interval.high)
                            )
                            interval = Interval(value, low, high, interval.influence)
                records.append(
                    record(
                        self.specs[0],
                        inputs.method,
                        value,
                        int(known.sum()),
                        c,
                        variant=variant,
                        unit="ratio",
                        note="" if value is not None else "the inputs are already right there",
                        **ends(interval, how(HALL, inputs.strata)),
                    )
                )
        return records


class NeighbourConfusion(Metric):
    """mSCR: the rate of confused edits over all pairs of neighbours, as variants for FFE-Bench's and each pair, in %."""

    specs = (METRICS["neighbour_confusion"],)
    sources = ("truth", "method")

    def score(self, inputs: MetricInputs) -> list[Record]:
        """Five rates."""
        (spec,), judged = self.specs, inputs.judged
        confused, trials = neighbour_counts(inputs.confusion)
        pairs = [[EMOTIONS.index(name) for name in pair] for pair in NEIGHBOUR_PAIRS]
        of_images = np.stack([(judged[:, p] == p[::-1]).sum(axis=1) for p in pairs], axis=1)
        readings = {"": slice(None)}
        readings |= {"/".join(p): slice(i, i + 1) for i, p in enumerate(NEIGHBOUR_PAIRS)}
        readings |= {"FFE-Bench": slice(len(FFE_BENCH_PAIRS))}
        records = []
        for variant, part in readings.items():
            n = int(trials[part].sum())
            rate = 100 * float(confused[part].sum()) / n
            wrong = of_images[:, part].sum(axis=1, keepdims=True)
            made = np.full_like(wrong, 2 * len(pairs[part]))
            interval = share_interval(wrong, made, inputs.strata)
            limits = ends(interval, how(SHARE, inputs.strata), 100)
            records.append(record(spec, inputs.method, rate, n, variant=variant, **limits))
        return records


class Calibration(Metric):
    """ECE of the judge on the real images, with the Brier score and the log-likelihood as variants."""

    specs = (METRICS["calibration"],)
    sources = ("real",)
    by_group = False  # ECE of few images is mostly bias

    def score(self, inputs: MetricInputs) -> list[Record]:
        """Three records of the judge."""
        (spec,), logits, labels = self.specs, inputs.real["logits"], inputs.labels
        judged, n = judge_calibration(logits, labels), len(labels)
        limits = ends(
            calibration_interval(logits, labels, inputs.strata), how(HALVES, inputs.strata)
        )
        records = [record(spec, inputs.method, judged.ece, n, **limits)]
        for variant, values, unit in (
            ("brier", judged.brier, "squared probability"),
            ("nll", judged.nll, "nats"),
        ):
            facts = {"variant": variant, "unit": unit} | over_images(labels, values[:, None])
            records.append(record(spec, inputs.method, float(values.mean()), n, **facts))
        return records
