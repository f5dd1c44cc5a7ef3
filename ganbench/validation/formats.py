"""A trial as JSON, as Markdown, and as tables for the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ganbench.text import markdown, markdown_table
from ganbench.validation.checks import BY_NAME
from ganbench.validation.editors import EDITORS
from ganbench.validation.measures import COLUMNS, Column
from ganbench.validation.trial import CheckResult, Trial

if TYPE_CHECKING:
    from rich.table import Table as RichTable

SCHEMA = 1


def to_json(trial: Trial) -> str:
    """The text of ``validation.json``."""
    body = {
        "schema": SCHEMA,
        **trial.facts,
        "editors": {editor.name: editor.what for editor in EDITORS},
        "table": trial.table,
        "checks": [
            {
                "column": result.check.column,
                "claim": result.check.claim,
                "why": result.check.why,
                "passed": result.passed,
                "known": result.known,
                "values": result.values,
            }
            for result in trial.results
        ],
    }
    return json.dumps(body, indent=1, allow_nan=False) + "\n"


def to_markdown(trial: Trial) -> str:
    """The text of ``validation.md``."""
    parts = [f"# The metrics on editors of known quality\n\n{markdown(_facts(trial))}\n"]
    for caption, columns in COLUMNS.items():
        head = ["Editor", *map(_title, columns)]
        rows = [
            [name, *(column.cell(values[column.name]) for column in columns)]
            for name, values in trial.table.items()
        ]
        parts.append(f"## {caption}\n\n{markdown_table(head, rows, range(1, len(head)))}\n")
    parts.append(
        "\n".join(f"- **{markdown(editor.name)}**: {markdown(editor.what)}" for editor in EDITORS)
        + "\n"
    )
    rows = [
        [markdown(cell) for cell in (*_cells(result), result.check.why)] for result in trial.results
    ]
    checks = markdown_table(["Metric", "Expected", "Found", "", "Because"], rows)
    parts.append(f"## Checks\n\n{markdown(summary(trial))}\n\n{checks}\n")
    return "\n".join(parts)


def tables(trial: Trial) -> Iterator[RichTable]:
    """Tables for the terminal: one for each group of columns, then the checks."""
    from rich.table import Table as RichTable
    from rich.text import Text

    for caption, columns in COLUMNS.items():
        table = RichTable(
            title=caption, title_style="", title_justify="left", box=None, pad_edge=False
        )
        table.add_column("Editor")
        for column in columns:
            table.add_column(_title(column), justify="right")
        for name, values in trial.table.items():
            table.add_row(name, *(column.cell(values[column.name]) for column in columns))
        yield table
    checks = RichTable(
        box=None, pad_edge=False, title="Checks", title_style="", title_justify="left"
    )
    for head in ("Metric", "Expected", "Found", ""):
        checks.add_column(head)
    before = ""
    for result in trial.results:
        title, *rest, verdict = _cells(result)
        style = "green" if result.passed else "bold red"
        checks.add_row(title if title != before else "", *rest, Text(verdict, style))
        before = title
    yield checks


def summary(trial: Trial) -> str:
    """The number of checks that hold, and the columns with checks that do not."""
    held = len(trial.results) - len(trial.failed)
    parts = [f"{held} of {len(trial.results)} checks hold."]
    for known, title in ((False, "Failed"), (True, "Known to fail, and withheld")):
        columns = dict.fromkeys(o.check.column for o in trial.failed if o.known is known)
        if columns:
            parts.append(f"{title}: {'; '.join(BY_NAME[name].title for name in columns)}.")
    if again := trial.holds_again:
        parts.append(f"Known to fail, but held here: {'; '.join(BY_NAME[c].title for c in again)}.")
    return " ".join(parts)


def _facts(trial: Trial) -> str:
    judge, other = (trial.facts[name]["title"] for name in ("judge", "independent judge"))
    return (
        f"{trial.facts['faces']} faces at {trial.facts['size']} px, seed {trial.facts['seed']}; "
        f"judge {judge}, independent judge {other}."
    )


def _title(column: Column) -> str:
    return f"{column.title} {'↑' if column.better == 'higher' else '↓'}"


def _cells(result: CheckResult) -> tuple[str, str, str, str]:
    """Metric, claim, values in the order of the claim, and verdict."""
    column = BY_NAME[result.check.column]
    values = ", ".join(column.cell(value) for value in result.values.values())
    verdict = "holds" if result.passed else "fails (known)" if result.known else "FAILS"
    return column.title, result.check.claim, values, verdict
