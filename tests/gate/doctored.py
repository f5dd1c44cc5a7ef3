"""Doctored runs: predictions drawn by chance, and the results that the evaluation would make of them."""

from dataclasses import replace

import numpy as np

from ganbench.emotions import EMOTIONS
from ganbench.gate import Run
from ganbench.metrics import METRICS
from ganbench.records import Results
from ganbench.scoring import MetricInputs, record
from ganbench.scoring.predictions import Accuracy

K = len(EMOTIONS)


def predictions(rng, chances):
    """int8 [N, 7]: the judge sees target c in image i with ``chances[i, c]``, else its neighbour."""
    hit = rng.random(chances.shape) < chances
    return np.where(hit, np.arange(K), (np.arange(K) + 1) % K).astype(np.int8)


def run(judged, extra=(), kept=False, seed=0, **protocol):
    """A run of the methods in ``judged``; it keeps what paired tests need where ``kept``."""
    images = len(next(iter(judged.values())))
    records = []
    for method, seen in judged.items():
        anchor = {"anchor": {"logits": np.eye(K)[seen]}}
        records += Accuracy().score(MetricInputs(method, np.arange(images) % K, {}, anchor))
    results = Results(
        protocol={"data": {"images": images, "fingerprint": "f" * 64}, "judge": "vgg"} | protocol,
        seed=seed,
        methods={method: {"title": method, "weights": "d" * 64} for method in judged},
        records=tuple(r if kept else replace(r, influence=None) for r in (*records, *extra)),
    )
    return Run(results, judged if kept else {})


def number(metric, value, method="smit", **more):
    return record(METRICS[metric], method, value, 700, **more)
