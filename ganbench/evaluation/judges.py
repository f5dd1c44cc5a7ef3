"""Records of extra judges: their accuracy, and their agreement with the main judge.

All other numbers, features and maps come from the main judge and do not depend on the extra judges. The
variant of a record of an extra judge names the judge.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ganbench.emotions import EMOTIONS
from ganbench.metrics import share_interval, wilson
from ganbench.metrics.agreement import KAPPA, SPEC, cohen_kappa, cross_counts
from ganbench.metrics.intervals import Statistic
from ganbench.records import JUDGE, Record
from ganbench.scoring import MetricInputs, record
from ganbench.scoring.intervals import SHARE, ends, over_groups
from ganbench.scoring.predictions import Accuracy


def score_agreement(name: str, main: MetricInputs, extra: MetricInputs) -> list[Record]:
    """Accuracy of an extra judge, its agreement with the main judge in per cent, and Cohen's kappa.

    Args:
        name: of the extra judge.
        main, extra: what the two judges saw in the same images; only logits are needed.
    """
    method, first, second = main.method, main.judged, extra.judged
    records = Accuracy().score(extra)
    equal = first == second
    for c in range(len(EMOTIONS)):
        cell = equal[main.targets == c]
        if n := cell.size:
            same = int(cell.sum())
            low, high = (100 * end for end in wilson(same, n))
            value, how = 100 * same / n, "wilson 95%"
            records.append(record(SPEC, method, value, n, c, low=low, high=high, interval=how))
    hits = equal.sum(axis=1, keepdims=True)
    facts = ends(share_interval(hits, np.full_like(hits, equal.shape[1])), SHARE, 100)
    records.append(record(SPEC, method, 100 * float(equal.mean()), equal.size, **facts))
    kappa = cohen_kappa(cross_counts(first, second))
    facts = over_groups(len(first), partial(_kappa_statistic, first, second))
    facts["note"] = "" if kappa is not None else "both judges see one emotion only"
    records.append(record(KAPPA, method, kappa, equal.size, **facts))
    return [replace(r, variant=JUDGE + name) for r in records]


def _kappa_statistic(
    first: NDArray[np.int64], second: NDArray[np.int64], groups: NDArray[np.int64]
) -> Statistic:
    """Kappa over some groups of images, for ``over_groups``; NaN where both judges see one emotion only."""
    counts = np.stack(
        [cross_counts(first[groups == g], second[groups == g]) for g in np.unique(groups)]
    )

    def kappa(keep: NDArray[np.bool_]) -> float:
        value = cohen_kappa(counts[keep].sum(axis=0))
        return math.nan if value is None else value

    return kappa
