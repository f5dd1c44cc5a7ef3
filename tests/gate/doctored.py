"""Doctored runs: outcomes drawn by chance, and the results that the evaluation would make of them."""

import numpy as np

from ganbench.emotions import EMOTIONS
from ganbench.gate import Run
from ganbench.records import Results
from ganbench.scoring import record, score_accuracy

K = len(EMOTIONS)


def outcomes(rng, chances):
    """int8 [N, 7]: the judge sees target c in image i with ``chances[i, c]``, else its neighbour."""
    hit = rng.random(chances.shape) < chances
    return np.where(hit, np.arange(K), (np.arange(K) + 1) % K).astype(np.int8)


def run(judged, extra=(), kept=False, seed=0, **protocol):
    """A run of the methods in ``judged``; it keeps the outcomes where ``kept``."""
    images = len(next(iter(judged.values())))
    records = []
    for method, seen in judged.items():
        # score_accuracy reads hits and trials of each target off this.
        counts = np.zeros((1, K, K), np.int64)
        for c in range(K):
            counts[0, c] = np.bincount(seen[:, c], minlength=K)
        records += score_accuracy(method, counts, images)
    results = Results(
        protocol={"data": {"images": images, "fingerprint": "f" * 64}, "judge": "vgg"} | protocol,
        seed=seed,
        methods={method: {"title": method, "weights": "d" * 64} for method in judged},
        records=(*records, *extra),
    )
    return Run(results, judged if kept else {})


def number(metric, value, method="smit", **more):
    return record(method, metric, value, 700, **more)
