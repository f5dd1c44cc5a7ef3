"""Comparison of two runs, number by number: better, worse, same, new, gone or not comparable.

A number is *worse* if its change exceeds the practical margin and is significant. There are two families
of tests, each with half of ``ALPHA`` and corrected by Holm's method: the headlines (one value over all
emotions for each method and metric) and the details (single emotions, other codes and regions). The
probability of a false alarm anywhere in a comparison is therefore at most 5 %, and the hundreds of
details do not lower the power of the tests of the few headlines.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ganbench import parsing
from ganbench.emotions import EMOTIONS
from ganbench.gate.folder import check_whole
from ganbench.gate.predictions import PREDICTIONS, Predictions, read_predictions, right
from ganbench.gate.statistics import (
    Tails,
    detectable,
    detectable_share,
    holm,
    interval_test,
    sign_flip,
)
from ganbench.gate.tolerance import Tolerance
from ganbench.metrics import OF_FACES, Interval, paired
from ganbench.records import EXTRA, FACES, MINUS, UNHASHED, Key, Record, Results
from ganbench.scoring.intervals import interval_of

# Significance level of a whole comparison; the promise is 5 %. Tests from intervals extrapolate the ends
# of 95 % intervals to probabilities of one in a thousand, where they are a few per cent too short. With
# four methods at n = 100, a level of 5 % gave alarms in 4.3 % of 1,000 simulated comparisons, and a level
# of 3 % in 2.6 %.
ALPHA = 0.03

Status = Literal["", "worse", "gone", "better", "new", "not comparable", "same"]
Test = Literal["", "paired", "intervals", "no interval"]


@dataclass(frozen=True)
class Run:
    """An evaluation to compare. Without predictions and influence values, its records have only intervals."""

    results: Results
    predictions: Predictions


@dataclass(frozen=True)
class Comparison:
    """One number of two runs.

    Attributes:
        base, head: the records; None where a run has none.
        status: the verdict; empty before the tests.
        reason: why the verdict is this one, where the numbers do not tell it.
        test: how significance was tested; empty without a test.
        p: one-sided p-value in the direction of the change, corrected for all tests of the family.
        margin: margin in the unit of the records.
        detectable: for headlines with intervals, the real worsening that is caught in 95 % of cases. For
            accuracies with predictions of both runs it is that of the paired test; for other numbers
            it ignores pairing, which usually makes it smaller.
    """

    base: Record | None
    head: Record | None
    status: Status = ""
    reason: str = ""
    test: Test = ""
    p: float | None = None
    margin: float | None = None
    detectable: float | None = None

    @property
    def record(self) -> Record:
        """One of the records, for the fields that both have in common."""
        record = self.head or self.base
        assert record is not None
        return record

    @property
    def change(self) -> float | None:
        """head - base."""
        if not self.base or not self.head:
            return None
        if self.base.value is None or self.head.value is None:
            return None
        return self.head.value - self.base.value

    @property
    def headline(self) -> bool:
        """Whether it compares headlines (``Record.headline``)."""
        return self.record.headline

    @property
    def alarms(self) -> bool:
        """Whether it fails the gate."""
        return self.status in ("worse", "gone") and self.record.direction != "reported"


@dataclass(frozen=True)
class Report:
    """All comparisons of two runs, in the order of the records."""

    base: Results
    head: Results
    comparisons: tuple[Comparison, ...]

    @property
    def exit_code(self) -> int:
        """0: nothing worse, 1: something worse or gone, 3: nothing comparable."""
        if any(c.alarms for c in self.comparisons):
            return 1
        return 0 if any(c.status in ("same", "better", "worse") for c in self.comparisons) else 3


def load(path: str | os.PathLike[str]) -> Run:
    """Load a run folder, or a ``results.json``, with the predictions in the same folder.

    Raises:
        BadInput: there are no results, they are damaged, or the files come from different runs.
    """
    results = Results.load(path)
    folder = Path(path) if parsing.is_folder(path) else Path(path).parent
    if parsing.is_folder(path):
        check_whole(folder)
    return Run(*read_predictions(folder / PREDICTIONS, results))


def compare(base: Run, head: Run, tolerances: Mapping[str, Tolerance]) -> Report:
    """Compare two runs.

    Args:
        base, head: the runs. Numbers without a value in both runs are left out.
        tolerances: the margins of all metrics of both runs.
    """
    other = _other_protocol(base.results.protocol, head.results.protocol)
    extra = [run.results.protocol.get(EXTRA, {}) for run in (base, head)]
    before, after = _index(base.results), _index(head.results)
    pairs = [Comparison(before.get(key), after.get(key)) for key in {**after, **before}]
    faces = [run.results.protocol.get(FACES) for run in (base, head)]
    compared = [
        _without_test(
            pair, other or _other_judge(pair.record, *extra) or _other_networks(pair.record, *faces)
        )
        for pair in pairs
    ]
    for headline in (True, False):
        family = [i for i, c in enumerate(compared) if c.headline is headline and not c.status]
        verdicts = _verdicts([compared[i] for i in family], base, head, tolerances)
        for i, verdict in zip(family, verdicts, strict=True):
            compared[i] = verdict
    return Report(base.results, head.results, tuple(compared))


def _index(results: Results) -> dict[Key, Record]:
    """The records with a value that are neither differences of two methods nor about a group of images.

    Groups are small, and there are many of them: their tests would make those of all images less powerful.
    """
    return {
        key: r
        for key, r in results.index.items()
        if r.value is not None and not r.variant.startswith(MINUS) and r.group is None
    }


def _differences(a: Any, b: Any, where: str = "") -> list[str]:
    """The differences of two protocols in words: ``data images 700 -> 100``."""
    if isinstance(a, dict) and isinstance(b, dict):
        return [
            difference
            for key in {**a, **b}
            for difference in _differences(a.get(key), b.get(key), f"{where} {key}".strip())
        ]
    return [] if a == b else [f"{where} {_short(a)} -> {_short(b)}"]


def _other_protocol(base: dict[str, Any], head: dict[str, Any]) -> str:
    """The differences of the protocols that all numbers depend on, in words; empty without any."""
    before, after = (
        {k: v for k, v in protocol.items() if k not in UNHASHED} for protocol in (base, head)
    )
    differences = ", ".join(_differences(before, after))
    return f"other protocol: {differences}" if differences else ""


def _other_judge(record: Record, base: dict[str, Any], head: dict[str, Any]) -> str:
    """How the extra judge of a record differs between the runs, in words; empty if it is the same."""
    if not record.judge:
        return ""
    before, after = base.get(record.judge), head.get(record.judge)
    if before is None or after is None:
        return f"judge {record.judge} in {'head' if before is None else 'base'} only"
    return ", ".join(_differences(before, after, f"judge {record.judge}"))


def _other_networks(record: Record, base: Any, head: Any) -> str:
    """How the face networks of a record differ between the runs, in words; empty if they do not matter."""
    if record.metric not in OF_FACES or base is None or head is None:
        return ""
    return ", ".join(_differences(base, head, FACES))


def _short(value: Any) -> str:
    """A value as text; a fingerprint is cut to its first characters."""
    text = str(value)
    return text[:8] if len(text) == 64 else text


def _without_test(pair: Comparison, other: str) -> Comparison:
    """The comparison with its verdict if that needs no test, else unchanged.

    Args:
        other: why the numbers are not comparable; empty if they are.
    """
    base, head = pair.base, pair.head
    if other:
        return replace(pair, status="not comparable", reason=other)
    if base is None:
        return replace(pair, status="new")
    if head is None:
        return replace(pair, status="gone")
    for field in ("version", "n", "unit", "direction"):
        before, after = getattr(base, field), getattr(head, field)
        if before != after:
            reason = f"other {field}: {before} -> {after}"
            return replace(pair, status="not comparable", reason=reason)
    if base.direction == "reported":
        return replace(pair, status="same", reason="reported, never an alarm")
    return pair


Hits = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Which edits of base and head are right, int64 [N, 7] each."""


def _hits(record: Record, base: Predictions, head: Predictions) -> Hits | None:
    """The hits of an accuracy on the same images, if both runs have predictions."""
    method = record.method
    if record.metric != "accuracy" or record.variant or method not in base or method not in head:
        return None
    return right(base[method]), right(head[method])


def _accuracy_test(record: Record, hits: Hits) -> Tails:
    """The test of accuracy on the same images."""
    change = hits[1] - hits[0]
    if record.emotion is None:
        return sign_flip(change.sum(axis=1))
    return sign_flip(change[:, EMOTIONS.index(record.emotion)])


def _estimate(record: Record | None, results: Results) -> Interval | None:
    """The value of a record with its interval, or with the interval that follows from its cells.

    The cells are assumed to be independent, which holds for the difference of two runs on the same
    images if each image is equally hard in both runs.
    """
    assert record is not None
    assert record.value is not None
    if record.low is not None and record.high is not None:
        return interval_of(record)
    if record.emotion is not None:
        return None
    by_emotion = [results.find(record.method, record.metric, e, record.variant) for e in EMOTIONS]
    cells = [
        interval_of(r)
        for r in by_emotion
        if r and r.value is not None and r.low is not None and r.high is not None
    ]
    if not cells or not math.isclose(
        record.value, sum(cell.value for cell in cells) / len(cells), abs_tol=1e-9
    ):
        return None
    below = math.hypot(*(cell.value - cell.low for cell in cells)) / len(cells)
    above = math.hypot(*(cell.high - cell.value for cell in cells)) / len(cells)
    return Interval(record.value, record.value - below, record.value + above)


def _test(
    pair: Comparison, before: Interval | None, after: Interval | None, hits: Hits | None
) -> tuple[Test, Tails | None]:
    """How significance is tested, and the p-values before the correction; None without an interval."""
    if hits is not None:
        return "paired", _accuracy_test(pair.record, hits)
    if before is None or after is None:
        return "no interval", None
    return "paired" if paired(before, after) else "intervals", interval_test(before, after)


def _verdicts(
    family: list[Comparison], base: Run, head: Run, tolerances: Mapping[str, Tolerance]
) -> list[Comparison]:
    """The comparisons of one family of tests with their verdicts."""
    values = [
        (_estimate(pair.base, base.results), _estimate(pair.head, head.results)) for pair in family
    ]
    hits = [_hits(pair.record, base.predictions, head.predictions) for pair in family]
    tests = [
        _test(pair, *ends, right_edits)
        for pair, ends, right_edits in zip(family, values, hits, strict=True)
    ]
    known = [tails for _, tails in tests if tails is not None]
    lower = iter(holm([tails.lower for tails in known]).tolist())
    upper = iter(holm([tails.upper for tails in known]).tolist())
    verdicts = []
    for pair, (before, after), right_edits, (test, tails) in zip(
        family, values, hits, tests, strict=True
    ):
        record, change = pair.base, pair.change
        assert record is not None
        assert record.value is not None
        assert change is not None
        margin = tolerances[record.metric].of(record, record.value)
        p = None
        if tails is not None:
            tails = Tails(next(lower), next(upper))
            p = tails.upper if change > 0 else tails.lower
        beyond, significant = abs(change) > margin, p is None or p <= ALPHA / 2
        status: Status = "same"
        if beyond and significant:
            status = "worse" if (change > 0) == (record.direction == "lower") else "better"
        doubt = "beyond the margin, but not significant" if beyond and not significant else ""
        smallest = None
        if pair.headline and before and after:
            level = ALPHA / 2 / len(known)
            smallest = _detectable(record, before, after, right_edits, margin, level)
        verdicts.append(
            replace(
                pair,
                status=status,
                reason=doubt,
                test=test,
                p=p,
                margin=margin,
                detectable=smallest,
            )
        )
    return verdicts


def _detectable(
    record: Record,
    base: Interval,
    head: Interval,
    hits: Hits | None,
    margin: float,
    alpha: float,
) -> float:
    """The real worsening of a headline that a test at the level ``alpha`` detects.

    A worsening also changes the variance: that of an accuracy follows p (1 - p), and that of a positive
    number that is better if lower grows in proportion to it, at most fourfold.
    """
    if hits is not None:
        return 100 * detectable_share(*hits, margin / 100, alpha)

    def growth(worsening: float) -> float:
        if record.metric == "accuracy":
            # The middle of the interval of a share near 1 has the variance that the interval counts.
            p = (head.low + head.high) / 200
            q = max(p - worsening / 100, 0.0)
            return math.sqrt(q * (1 - q) / (p * (1 - p))) if 0 < p < 1 else 1.0
        if record.direction == "lower" and head.value > 0:
            return min(math.sqrt(1 + worsening / head.value), 2.0)
        return 1.0

    return detectable(base, head, margin, alpha, growth)
