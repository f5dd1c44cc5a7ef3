"""Records of extra judges: their accuracy, and their agreement with the main judge.

All other numbers, features and maps come from the main judge and do not depend on the extra judges. The
variant of a record of an extra judge names the judge.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ganbench.emotions import EMOTIONS
from ganbench.metrics import binomial_ends, share_interval, skewed_interval
from ganbench.metrics.agreement import KAPPA, SPEC, cohen_kappa, cross_counts, kappa_influence
from ganbench.records import JUDGE, Record
from ganbench.scoring import MetricInputs, record
from ganbench.scoring.intervals import CELL, HALL, SHARE, ends, how
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
            low, high = (100 * end for end in binomial_ends(same, n))
            cell = {"low": low, "high": high, "interval": f"{CELL} 95%"}
            records.append(record(SPEC, method, 100 * same / n, n, c, **cell))
    hits = equal.sum(axis=1, keepdims=True)
    shares = share_interval(hits, np.full_like(hits, equal.shape[1]), main.strata)
    facts = ends(shares, how(SHARE, main.strata), 100)
    records.append(record(SPEC, method, 100 * float(equal.mean()), equal.size, **facts))
    kappa = cohen_kappa(cross_counts(first, second))
    influence = kappa_influence(first, second)
    facts = {"note": "" if kappa is not None else "both judges see one emotion only"}
    if kappa is not None and influence is not None and len(first) >= 4:
        interval = skewed_interval(kappa, influence, main.strata)
        facts |= ends(interval, how(HALL, main.strata))
    records.append(record(KAPPA, method, kappa, equal.size, **facts))
    return [replace(r, variant=JUDGE + name) for r in records]
