"""Two runs, number by number: better, worse, same, new, gone or not comparable.

*Worse* takes two things at once: a change beyond the practical margin, and a significant one. There
are two families of tests, each with half of ``ALPHA`` and corrected by Holm's method: the headlines
(one value a method and metric, the mean over emotions) and the details (single emotions, and other
codes and regions). So a false alarm anywhere in a comparison has a chance of at most 5 %, while some
hundreds of details cost the few headlines no power.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ganbench import parsing
from ganbench.emotions import EMOTIONS
from ganbench.gate.folder import check_whole
from ganbench.gate.predictions import PREDICTIONS, Predictions, read_predictions, right
from ganbench.gate.statistics import Tails, detectable, holm, interval_test, sign_flip
from ganbench.gate.tolerance import Tolerance
from ganbench.metrics import Interval, paired
from ganbench.records import EXTRA, LEARNED, MINUS, Key, Record, Results
from ganbench.scoring.intervals import interval_of

# The level that a whole comparison is tested at; the promise is 5 %. Tests from intervals stretch 95 %
# ends to tails of one in a thousand, where they are some per cent too short: with four methods at
# n = 100 a level of 5 % gave alarms in 4.3 % of 1,000 simulated comparisons, one of 3 % in 2.6 %.
ALPHA = 0.03

Status = Literal["", "worse", "gone", "better", "new", "not comparable", "same"]
Test = Literal["", "paired", "intervals", "no interval"]


@dataclass(frozen=True)
class Run:
    """An evaluation to compare; without predictions and influence values only by the intervals of its records."""

    results: Results
    predictions: Predictions


@dataclass(frozen=True)
class Comparison:
    """One number before and after.

    Attributes:
        base, head: the records; None where a run has none.
        status: the verdict; empty until there is one.
        reason: of the verdict, where the numbers do not tell it.
        test: what decided on significance; empty where nothing was tested.
        p: one-sided, in the direction of the change, corrected for all tests of the family.
        margin: in the unit of the records.
        detectable: for headlines with intervals the real worsening that would be caught in 95 % of
            cases. It ignores pairing, which as a rule makes it smaller.
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
        """Either record, for what both have in common."""
        found = self.head or self.base
        assert found is not None
        return found

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
        """Whether it is a method's value over all emotions, in the reading that tables show."""
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
    """A run folder, or its ``results.json``, with the predictions beside it.

    Raises:
        BadInput: no results, damaged ones, or a folder whose files are of different runs.
    """
    results = Results.load(path)
    folder = Path(path) if parsing.is_folder(path) else Path(path).parent
    if parsing.is_folder(path):
        check_whole(folder)
    return Run(*read_predictions(folder / PREDICTIONS, results))


def compare(base: Run, head: Run, tolerances: Mapping[str, Tolerance]) -> Report:
    """Compare two runs; ``tolerances`` has all their metrics.

    Numbers that exist in neither run are left out.
    """
    other = _other_protocol(base.results.protocol, head.results.protocol)
    extra = [run.results.protocol.get(EXTRA, {}) for run in (base, head)]
    before, after = _index(base.results), _index(head.results)
    pairs = [Comparison(before.get(key), after.get(key)) for key in {**after, **before}]
    found = [_settle(pair, other or _other_judge(pair.record, *extra)) for pair in pairs]
    for headline in (True, False):
        family = [i for i, c in enumerate(found) if c.headline is headline and not c.status]
        tested = [_test(found[i], base, head, tolerances) for i in family]
        for i, verdict in zip(family, _verdicts(tested), strict=True):
            found[i] = verdict
    return Report(base.results, head.results, tuple(found))


def _index(results: Results) -> dict[Key, Record]:
    return {
        key: r
        for key, r in results.index.items()
        if r.value is not None and not r.variant.startswith(MINUS)
    }


def _differences(a: Any, b: Any, where: str = "") -> list[str]:
    """Where two protocols differ, in words: ``data images 700 -> 100``."""
    if isinstance(a, dict) and isinstance(b, dict):
        found = []
        for key in {**a, **b}:
            found += _differences(a.get(key), b.get(key), f"{where} {key}".strip())
        return found
    return [] if a == b else [f"{where} {_short(a)} -> {_short(b)}"]


def _other_protocol(base: dict[str, Any], head: dict[str, Any]) -> str:
    """How the protocols differ in what all numbers depend on, in words."""
    before, after = (
        {k: v for k, v in protocol.items() if k not in (EXTRA, LEARNED)}
        for protocol in (base, head)
    )
    found = ", ".join(_differences(before, after))
    return f"other protocol: {found}" if found else ""


def _other_judge(record: Record, base: dict[str, Any], head: dict[str, Any]) -> str:
    """Whether the extra judge of a record is another one in the two runs, in words."""
    if not record.judge:
        return ""
    before, after = base.get(record.judge), head.get(record.judge)
    if before is None or after is None:
        return f"judge {record.judge} in {'head' if before is None else 'base'} only"
    return ", ".join(_differences(before, after, f"judge {record.judge}"))


def _short(value: Any) -> str:
    """As text; of a fingerprint its beginning."""
    text = str(value)
    return text[:8] if len(text) == 64 else text


def _settle(pair: Comparison, other: str) -> Comparison:
    """The verdict where it takes no test, else the pair without one."""
    base, head = pair.base, pair.head
    if other:
        return replace(pair, status="not comparable", reason=other)
    if base is None:
        return replace(pair, status="new")
    if head is None:
        return replace(pair, status="gone")
    for what in ("version", "n", "unit", "direction"):
        before, after = getattr(base, what), getattr(head, what)
        if before != after:
            reason = f"other {what}: {before} -> {after}"
            return replace(pair, status="not comparable", reason=reason)
    if base.direction == "reported":
        return replace(pair, status="same", reason="reported, never an alarm")
    return pair


@dataclass(frozen=True)
class _Tested:
    """A comparison, its margin, and the evidence of a change.

    Attributes:
        worsening: the change, positive if for the worse.
        tails: chances of the change; None without an interval.
        base, head: the values with intervals, if known.
    """

    comparison: Comparison
    worsening: float
    margin: float
    test: Test
    tails: Tails | None
    base: Interval | None
    head: Interval | None


def _test(pair: Comparison, base: Run, head: Run, tolerances: Mapping[str, Tolerance]) -> _Tested:
    record, change = pair.base, pair.change
    assert record is not None
    assert record.value is not None
    assert change is not None
    before, after = (_estimate(record, run.results) for run in (base, head))
    tails = _paired(record, base.predictions, head.predictions)
    test: Test = "no interval" if tails is None else "paired"
    if tails is None and before and after:
        tails = interval_test(before, after)
        test = "paired" if paired(before, after) else "intervals"
    return _Tested(
        comparison=pair,
        worsening=change if record.direction == "lower" else -change,
        margin=tolerances[record.metric].of(record, record.value),
        test=test,
        tails=tails,
        base=before,
        head=after,
    )


def _paired(record: Record, base: Predictions, head: Predictions) -> Tails | None:
    """The test of accuracy on common images, if both runs kept their predictions."""
    method = record.method
    if record.metric != "accuracy" or record.variant or method not in base or method not in head:
        return None
    won = right(head[method]) - right(base[method])
    if record.emotion is None:
        return sign_flip(won.sum(axis=1))
    return sign_flip(won[:, EMOTIONS.index(record.emotion)])


def _estimate(identity: Record, results: Results) -> Interval | None:
    """The value of a record with its interval, or with that of the cells that it is the mean of.

    Cells are taken as independent. That is right for the difference of two runs on the same images
    as far as an image is as hard in one run as in the other.
    """
    record = results.find(identity.method, identity.metric, identity.emotion, identity.variant)
    assert record is not None
    assert record.value is not None
    if record.low is not None and record.high is not None:
        return interval_of(record)
    if record.emotion is not None:
        return None
    found = [results.find(record.method, record.metric, e, record.variant) for e in EMOTIONS]
    cells = [
        interval_of(r)
        for r in found
        if r and r.value is not None and r.low is not None and r.high is not None
    ]
    if not cells or not math.isclose(
        record.value, sum(cell.value for cell in cells) / len(cells), abs_tol=1e-9
    ):
        return None
    below = math.hypot(*(cell.value - cell.low for cell in cells)) / len(cells)
    above = math.hypot(*(cell.high - cell.value for cell in cells)) / len(cells)
    return Interval(record.value, record.value - below, record.value + above)


def _verdicts(family: list[_Tested]) -> list[Comparison]:
    """The verdicts of one family of tests."""
    known = [t.tails for t in family if t.tails is not None]
    lower = iter(holm([tails.lower for tails in known]).tolist())
    upper = iter(holm([tails.upper for tails in known]).tolist())
    found = []
    for tested in family:
        change = tested.comparison.change
        assert change is not None
        chance = None
        if tested.tails is not None:
            tails = Tails(next(lower), next(upper))
            chance = tails.upper if change > 0 else tails.lower
        beyond = abs(tested.worsening) > tested.margin
        significant = chance is None or chance <= ALPHA / 2
        status: Status = "same"
        if beyond and significant:
            status = "worse" if tested.worsening > 0 else "better"
        doubt = "beyond the margin, but not significant" if beyond and not significant else ""
        caught = None
        if tested.comparison.headline and tested.base and tested.head:
            caught = detectable(tested.base, tested.head, tested.margin, ALPHA / 2 / len(known))
        found.append(
            replace(
                tested.comparison,
                status=status,
                reason=doubt,
                test=tested.test,
                p=chance,
                margin=tested.margin,
                detectable=caught,
            )
        )
    return found
