"""From the arrays of the pass to records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.emotions import EMOTIONS
from ganbench.metrics import (
    METRICS,
    cells,
    confusion,
    feature_distances,
    frechet_distance,
    relative_distance,
    softmax,
    total_variation,
    wilson,
)
from ganbench.metrics.truth import REGIONS
from ganbench.records import Record
from ganbench.store import Arrays

REAL, TRUTH = "real", "truth"

# The set of codes that FED is computed from by default, where a method has it (EVALUATION.md).
NEAR, EXACT = "near", "exact"


def record(
    method: str,
    metric: str,
    value: float | None,
    n: int,
    emotion: int | None = None,
    **more: Any,
) -> Record:
    """A record of one of our metrics; unit, direction and version come from its definition."""
    spec = METRICS[metric]
    return Record(
        method=method,
        metric=metric,
        emotion=None if emotion is None else EMOTIONS[emotion],
        value=value,
        n=n,
        unit=spec.unit,
        direction=spec.direction,
        version=spec.version,
        **more,
    )


def score_accuracy(method: str, counts: NDArray[np.int64], images: int) -> list[Record]:
    """Seven cells with Wilson intervals and their mean, in per cent; ``counts`` as of ``confusion``."""
    right, n = cells(counts)
    found = []
    for c in range(len(EMOTIONS)):
        if not n[c]:
            found.append(
                record(method, "accuracy", None, 0, c, note="no test image of this emotion")
            )
            continue
        low, high = wilson(int(right[c]), int(n[c]))
        ends = {"low": 100 * low, "high": 100 * high, "interval": "wilson 95%"}
        found.append(record(method, "accuracy", 100 * right[c] / n[c], int(n[c]), c, **ends))
    known = [r.value for r in found if r.value is not None]
    note = "" if len(known) == len(EMOTIONS) else f"mean of {len(known)} emotions"
    mean = sum(known) / len(known) if known else None
    return [*found, record(method, "accuracy", mean, images, note=note)]


def score_fed(method: str, variant: str, real: Arrays, edits: Arrays) -> Record:
    """FED of one set of edits."""
    fake = edits["features"].reshape(-1, edits["features"].shape[-1])
    n = len(real["features"])
    if n < 2:
        return record(method, "fed", None, len(fake), variant=variant, note="needs two real images")
    value = frechet_distance(real["features"], fake)
    return record(method, "fed", value, len(fake), variant=variant, note=f"against {n} real images")


def score_ere(method: str, variant: str, edits: Arrays, by_emotion: bool) -> list[Record]:
    """ERE of one set of edits, over all and for each target; none if its codes stand for nothing."""
    if "desired" not in edits:
        return []
    distance = total_variation(softmax(edits["logits"]), edits["desired"])
    found = [record(method, "ere", float(distance.mean()), distance.size, variant=variant)]
    for c in range(len(EMOTIONS)) if by_emotion else ():
        value = float(distance[:, c].mean())
        found.append(record(method, "ere", value, len(distance), c, variant=variant))
    return found


def score_background(method: str, edits: Arrays) -> Record:
    """Mean change outside the face; without a value where the data have no masks."""
    if "background" not in edits:
        n = edits["logits"].shape[0] * len(EMOTIONS)
        return record(method, "background", None, n, note="the data have no face masks")
    known = edits["background"][~np.isnan(edits["background"])]
    return record(method, "background", float(known.mean()) if len(known) else None, len(known))


def score_truth(
    method: str, edits: Arrays, truth: Arrays, real: Arrays, sources: NDArray[np.int64]
) -> list[Record]:
    """Distance to the right answer relative to the unedited input, by region, over changed emotions."""
    distances = {
        region: (edits["truth"][..., i], truth["truth"][..., i]) for i, region in enumerate(REGIONS)
    }
    distances["features"] = (
        feature_distances(edits["features"], truth["features"]),
        feature_distances(real["features"][:, None], truth["features"]),
    )
    changed = sources[:, None] != np.arange(len(EMOTIONS))
    found = []
    for region, (edited, unedited) in distances.items():
        floor = {"nothing_to_do": 0.0} if region == "features" else {}
        for c in (None, *range(len(EMOTIONS))):
            chosen = changed if c is None else changed & (np.arange(len(EMOTIONS)) == c)
            value = relative_distance(edited[chosen], unedited[chosen], **floor)
            found.append(
                record(
                    method,
                    "truth",
                    value,
                    int(chosen.sum()),
                    c,
                    variant="" if region == "all" else region,
                    note="" if value is not None else "the inputs are already right there",
                )
            )
    return found


def score_method(
    method: str,
    sets: Mapping[str, Arrays],
    real: Arrays,
    truth: Arrays | None,
    sources: NDArray[np.int64],
) -> tuple[list[Record], NDArray[np.int64]]:
    """All records of a method, and its confusion [source, target, judged].

    Args:
        sets: for each set of codes the arrays of ``Pass.gather``.
        real, truth: those of the inputs and of the right answers, if known.
        sources: int64 [N], the emotions of the inputs.
    """
    exact = sets[EXACT]
    counts = confusion(
        sources[:, None], np.arange(len(EMOTIONS))[None], exact["logits"].argmax(axis=-1)
    )
    found = score_accuracy(method, counts, len(sources))
    default = NEAR if NEAR in sets else EXACT
    for name, edits in sets.items():
        found.append(score_fed(method, "" if name == default else name, real, edits))
    for name, edits in sets.items():
        found += score_ere(method, "" if name == EXACT else name, edits, name == EXACT)
    found.append(score_background(method, exact))
    if truth is not None:
        found += score_truth(method, exact, truth, real, sources)
    else:
        n = exact["logits"].shape[0] * len(EMOTIONS)
        found.append(
            record(method, "truth", None, n, note="photographs have no known right answer")
        )
    return found, counts


def score_real(real: Arrays, sources: NDArray[np.int64]) -> tuple[list[Record], NDArray[np.int64]]:
    """The judge's accuracy on the inputs against their annotation: the table's first row."""
    counts = confusion(sources, sources, real["logits"].argmax(axis=-1))
    return score_accuracy(REAL, counts, len(sources)), counts


def score_perfect(
    truth: Arrays, real: Arrays, sources: NDArray[np.int64]
) -> tuple[list[Record], NDArray[np.int64]]:
    """What the rendered right answers themselves get: the mark that no method needs to exceed."""
    judged = truth["logits"].argmax(axis=-1)
    counts = confusion(sources[:, None], np.arange(len(EMOTIONS))[None], judged)
    found = score_accuracy(TRUTH, counts, len(sources))
    found += [score_fed(TRUTH, "", real, truth), score_background(TRUTH, truth)]
    return found, counts
