"""A report of the gate as a table for the terminal, as JSON, and as Markdown for a pull request."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganbench.gate.comparison import ALPHA, Comparison, Report
from ganbench.records import Record, Results
from ganbench.text import markdown, markdown_table, plural, printable

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA = 1

# Names that a row of several numbers shows.
SHOWN = 4

# Largest number of rows in a table, and of names in a sentence. The JSON has all numbers.
ROWS, NAMES = 500, 30

# Order of the rows: those that fail the gate come first.
ORDER = ("worse", "gone", "better", "new", "not comparable", "same")
_STYLES = {"worse": "bold red", "gone": "bold red", "better": "green", "same": "dim"}
_HEADS = ("Verdict", "Method", "Metric", "Base", "Head", "Change", "Margin", "Why")
_NUMBERS = range(3, 7)
_METRIC = _HEADS.index("Metric")
_WHY = 26  # least width of the column that tells the reason, characters
_VERDICTS = {0: "nothing worse", 1: "worse", 3: "nothing comparable"}


@dataclass(frozen=True)
class Line:
    """A row of the table: one number, or several numbers with the same verdict and reason."""

    status: str
    cells: tuple[str, ...]


def lines(report: Report) -> list[Line]:
    """Rows of the table: all numbers that changed, then the headlines that did not.

    There are at most ``ROWS`` rows, and a last one that counts those that are left out.
    """
    rows_of: list[list[Comparison]] = []
    for status in ORDER:
        chosen = [c for c in report.comparisons if c.status == status]
        chosen.sort(key=lambda c: not c.headline)
        groups: dict[tuple[str, str, str], list[Comparison]] = {}
        for c in chosen:
            if status in ("worse", "better"):
                # The details of a metric share a row, so that the headlines stand out.
                key = (c.record.method, "" if c.headline else "detail", c.record.metric)
            elif status == "same" and c.headline:
                key = (c.record.method, "", c.record.metric)
            elif status != "same":
                key = ("", "", c.reason)
            else:
                continue
            groups.setdefault(key, []).append(c)
        rows_of += groups.values()
    rows = [_line(group[0]) if len(group) == 1 else _summed(group) for group in rows_of[:ROWS]]
    if rest := rows_of[ROWS:]:
        words = f"{plural(len(rest), 'row')} more; --json has all"
        rows.append(Line(rest[0][0].status, ("", "", "", "", "", "", words)))
    return rows


def summary(report: Report) -> list[str]:
    """The verdict in words, and notes on what the comparison could detect."""
    counts = Counter[str](c.status for c in report.comparisons)
    counted = ", ".join(f"{counts[status]} {status}" for status in ORDER if counts[status])
    sentences = [f"{_VERDICTS[report.exit_code].capitalize()}: {counted or 'no numbers'}."]
    detectable: dict[str, tuple[float, str]] = {}
    for c in report.comparisons:
        largest, _ = detectable.get(c.record.metric, (0.0, ""))
        if c.detectable is not None and c.detectable > largest:
            detectable[c.record.metric] = (c.detectable, c.record.unit)
    if detectable:
        listed = _listed(f"{name} {value:.3g} {unit}" for name, (value, unit) in detectable.items())
        sentences.append(f"A real worsening is caught in 95 % of cases from: {listed}.")
    margins = sorted({c.record.metric for c in report.comparisons if c.test == "no interval"})
    if margins:
        sentences.append(f"Some have no interval, so only the margin decided: {_listed(margins)}.")
    base, head = (
        {label: str(facts.get("method", label)) for label, facts in run.methods.items()}
        for run in (report.base, report.head)
    )
    others = [
        f"{label} {base[label]} in base, {head[label]} in head"
        for label in base
        if label in head and base[label] != head[label]
    ]
    if others:
        sentences.append(f"One label stands for two methods: {_listed(others)}.")
    return sentences


def _listed(names: Iterable[str]) -> str:
    """Names as a part of a sentence, at most ``NAMES``."""
    names = list(names)
    more = [f"and {len(names) - NAMES:,} more"] if len(names) > NAMES else []
    return ", ".join([*names[:NAMES], *more])


def to_rich(report: Report, narrow: bool = False) -> Table:
    """A table for the terminal; if ``narrow``, margin and reason stand below the name of the metric."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for i, head in enumerate(_HEADS[:-2] if narrow else _HEADS):
        is_reason = head == "Why"
        table.add_column(
            head,
            justify="right" if i in _NUMBERS else "left",
            no_wrap=not is_reason,
            min_width=_WHY if is_reason else None,
            header_style="bold",
        )
    for line in lines(report):
        cells = [printable(cell) for cell in (line.status, *line.cells)]
        if narrow:
            *cells, margin, why = cells
            below = [f"margin {margin}", why] if margin else [why]
            cells[_METRIC] = "\n".join([cells[_METRIC], *below])
        style = _STYLES.get(line.status, "")
        table.add_row(*(Text(cell, style=style) for cell in cells))
    return table


def to_markdown(report: Report) -> str:
    """A comment for a pull request; numbers that did not change are in a folded part."""
    verdict, *notes = summary(report)
    changed = [line for line in lines(report) if line.status != "same"]
    same = [line for line in lines(report) if line.status == "same"]
    parts = [f"### ganbench compare\n\n**{markdown(verdict)}**"]
    if changed:
        parts.append(_table(changed))
    if same:
        parts.append(f"<details><summary>Not changed</summary>\n\n{_table(same)}\n\n</details>")
    return "\n\n".join([*parts, *map(markdown, notes)]) + "\n"


def to_json(report: Report) -> str:
    """All numbers as JSON; ``schema`` is the version of the layout."""
    counts = Counter[str](c.status for c in report.comparisons)
    table = {
        "schema": SCHEMA,
        "verdict": _VERDICTS[report.exit_code],
        "exit_code": report.exit_code,
        "alpha": ALPHA,
        "counts": {status: counts[status] for status in ORDER},
        "base": _run(report.base),
        "head": _run(report.head),
        "comparisons": [_plain(c) for c in report.comparisons],
    }
    return json.dumps(table, indent=1, allow_nan=False) + "\n"


def _run(results: Results) -> dict[str, Any]:
    return {
        "protocol_hash": results.protocol_hash,
        "seed": results.seed,
        "methods": {name: facts.get("weights") for name, facts in results.methods.items()},
    }


def _plain(c: Comparison) -> dict[str, Any]:
    facts = ("method", "metric", "emotion", "variant", "unit", "direction")
    return {
        **{name: getattr(c.record, name) for name in facts},
        "status": c.status,
        "alarm": c.alarms,
        "reason": c.reason,
        "base": _ends(c.base),
        "head": _ends(c.head),
        **{name: getattr(c, name) for name in ("change", "margin", "test", "p", "detectable")},
    }


def _ends(record: Record | None) -> dict[str, Any] | None:
    names = ("value", "low", "high", "interval", "n", "version")
    return None if record is None else {name: getattr(record, name) for name in names}


def _line(c: Comparison) -> Line:
    why = c.reason or (c.test if c.p is None else f"{c.test}, p {_p(c.p)}")
    change = "" if c.change is None else f"{c.change:+.3g}"
    margin = "" if c.margin is None else f"{c.margin:.3g}"
    cells = (c.record.method, _name(c), _number(c.base), _number(c.head), change, margin, why)
    return Line(c.status, cells)


def _summed(chosen: list[Comparison]) -> Line:
    """One row for several numbers with the same verdict."""
    methods = ", ".join(dict.fromkeys(c.record.method for c in chosen))
    metrics = ", ".join(dict.fromkeys(c.record.metric for c in chosen))
    first = chosen[0]
    names = [_name(c).removeprefix(f"{metrics} ") for c in chosen[:SHOWN]]
    names += ["..."] * (len(chosen) > SHOWN)
    why = first.reason or ", ".join(names if first.margin is not None else [])
    numbers = plural(len(chosen), "number")
    return Line(
        first.status,
        (methods, metrics, "", "", "", "", f"{numbers}: {why}" if why else numbers),
    )


def _name(c: Comparison) -> str:
    parts = (c.record.metric, c.record.variant, c.record.emotion)
    return " ".join(part for part in parts if part)


def _number(record: Record | None) -> str:
    return "" if record is None else f"{record.value:.4g}"


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def _table(chosen: list[Line]) -> str:
    rows = [
        (
            f"**{line.status}**" if line.status in ("worse", "gone") else line.status,
            *map(markdown, line.cells),
        )
        for line in chosen
    ]
    return markdown_table(_HEADS, rows, _NUMBERS)
