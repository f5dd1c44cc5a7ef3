"""What extra judges say, beside the first: their accuracy, and how far they agree with it.

Everything else (FED, ERE, features, maps) is the first judge's, whose numbers do not change when
others are asked too. A record of an extra judge has a variant that names it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ganbench.emotions import EMOTIONS
from ganbench.metrics import cells, confusion, share_interval, wilson
from ganbench.metrics.agreement import KAPPA, SPEC, cohen_kappa, cross_counts
from ganbench.metrics.intervals import Statistic
from ganbench.metrics.spec import MetricSpec
from ganbench.records import JUDGE, Record
from ganbench.scoring import MetricInputs
from ganbench.scoring.intervals import SHARE, ends, over_groups
from ganbench.scoring.predictions import Accuracy


def score_agreement(label: str, first: MetricInputs, extra: MetricInputs) -> list[Record]:
    """Accuracy of an extra judge, its agreement with the first in per cent, and kappa.

    Args:
        label: of the extra judge.
        first, extra: of one source of images; only logits are needed.
    """
    method, seen, other, targets = first.method, first.judged, extra.judged, first.targets
    found = Accuracy().score(extra)
    agreed = np.where(seen == other, targets, _other(targets))
    same, n = cells(confusion(first.labels[:, None], targets, agreed))
    for c in range(len(EMOTIONS)):
        if n[c]:
            low, high = wilson(int(same[c]), int(n[c]))
            cell = _record(SPEC, method, 100 * same[c] / n[c], int(n[c]), EMOTIONS[c])
            found.append(replace(cell, low=100 * low, high=100 * high, interval="wilson 95%"))
    mean = _record(SPEC, method, 100 * float((seen == other).mean()), seen.size)
    hits = (seen == other).sum(axis=1, keepdims=True)
    between = share_interval(hits, np.full_like(hits, seen.shape[1]))
    found.append(replace(mean, **ends(between, SHARE, 100)))
    kappa = cohen_kappa(cross_counts(seen, other))
    note = "" if kappa is not None else "both judges see one emotion only"
    found.append(
        replace(
            _record(KAPPA, method, kappa, seen.size),
            note=note,
            **over_groups(len(seen), partial(_kappa_statistic, seen, other)),
        )
    )
    return [replace(record, variant=JUDGE + label) for record in found]


def _kappa_statistic(
    first: NDArray[np.int64], other: NDArray[np.int64], groups: NDArray[np.int64]
) -> Statistic:
    """Kappa of kept groups of images, for ``over_groups``; NaN where two judges see one emotion only."""
    counts = np.stack(
        [cross_counts(first[groups == g], other[groups == g]) for g in np.unique(groups)]
    )

    def kappa(keep: NDArray[np.bool_]) -> float:
        value = cohen_kappa(counts[keep].sum(axis=0))
        return math.nan if value is None else value

    return kappa


def _other(targets: NDArray[np.int64]) -> NDArray[np.int64]:
    return (targets + 1) % len(EMOTIONS)


def _record(
    spec: MetricSpec, method: str, value: float | None, n: int, emotion: str | None = None
) -> Record:
    return Record(
        method=method,
        metric=spec.name,
        emotion=emotion,
        value=value,
        n=n,
        unit=spec.unit,
        direction=spec.direction,
        version=spec.version,
    )
