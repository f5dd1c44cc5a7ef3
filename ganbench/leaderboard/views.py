"""The tables of a board: all metrics, by emotion, and by group of the test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ganbench.emotions import EMOTIONS
from ganbench.leaderboard.boards import Board
from ganbench.metrics import METRICS, MetricSpec
from ganbench.records import EXTRA, JUDGE, group_variant
from ganbench.report.groups import groups_of
from ganbench.report.table import Cell, Column, Row, Table
from ganbench.report.tables import (
    FACE_COLUMNS,
    GROUND_TRUTH_COLUMNS,
    QUALITY_COLUMNS,
    Item,
    column_of,
)

# The columns that are shown before a reader chooses others; the first of them is the order of the rows.
FIRST = (
    ("accuracy", ""),
    ("gt_error", ""),
    ("landmarks", ""),
    ("identity", ""),
    ("identity", "found again"),
    ("fed", ""),
    ("background", ""),
)


def main_table(board: Board) -> Table:
    """All rows and all metrics over all emotions.

    A cell counts as the best if its method is tied with the best; no cell does in a column without differences.
    """
    items = _items(board)
    columns = tuple(_column(board, *item) for item in items)
    rows = []
    for label in board.order:
        records = [
            board.results.find(label, metric, variant=variant) for metric, variant, _ in items
        ]
        cells = [
            replace(
                Cell.of(record, column.digits),
                best=_tied(board, label, metric if not variant else ""),
            )
            for record, column, (metric, variant, _) in zip(records, columns, items, strict=True)
        ]
        rows.append(Row(board.title(label), tuple(cells), label in board.competing, label))
    return Table("", columns, tuple(rows))


def shown_first(board: Board) -> list[bool]:
    """Which columns of ``main_table`` are shown first: those of ``FIRST`` and the accuracies of other judges."""
    return [
        (metric, variant) in FIRST or (metric == "accuracy" and variant.startswith(JUDGE))
        for metric, variant, _ in _items(board)
    ]


def ranks_in_words(board: Board, table: Table) -> dict[str, list[str]]:
    """By row the rank in each column of ``main_table``: ``"1"``, ``"2–4"``, or empty without one."""
    found = {}
    for row in table.rows:
        words = []
        for metric, variant, _ in _items(board):
            rank = None if variant else board.ranks.get(metric, {}).get(row.name)
            words.append("" if rank is None else _range(rank))
        found[row.name] = words
    return found


def emotion_tables(board: Board) -> dict[str, Table]:
    """By title of a metric that has values by emotion: a column for each target."""
    found = {}
    for name, spec in board.specs.items():
        by_emotion = {record.emotion for record in board.results.records if record.metric == name}
        if by_emotion - {None}:
            heads = [*(emotion.capitalize() for emotion in EMOTIONS), "All"]
            keys = [(emotion, "") for emotion in (*EMOTIONS, None)]
            found[f"{spec.title} {spec.arrow}".strip()] = _table(board, spec, heads, keys)
    return found


def group_tables(board: Board) -> dict[str, Table]:
    """By title of a metric that has values by group of images: a column for each group."""
    groups = [(name, group) for name, of in groups_of(board.results).items() for group in of]
    known = {record.metric for record in board.results.records if record.group is not None}
    heads = [f"{name}: {group}" for name, group in groups]
    keys = [(None, group_variant(name, group)) for name, group in groups]
    return {
        f"{spec.title} {spec.arrow}".strip(): _table(board, spec, heads, keys)
        for name, spec in board.specs.items()
        if name in known
    }


def _table(
    board: Board, spec: MetricSpec, heads: Sequence[str], keys: Sequence[tuple[str | None, str]]
) -> Table:
    """A table of one metric; the columns have the emotions and variants of ``keys``."""
    columns = tuple(Column.of(spec, head, arrow="") for head in heads)
    rows = []
    for label in board.order:
        records = [board.results.find(label, spec.name, *key) for key in keys]
        if any(record is not None and record.value is not None for record in records):
            cells = tuple(replace(Cell.of(one, spec.digits), best=False) for one in records)
            rows.append(Row(board.title(label), cells, label in board.competing, label))
    return Table("", columns, tuple(rows))


def _items(board: Board) -> list[Item]:
    """The columns of the main table: those of a report, then metrics that have none there."""
    first = ("accuracy", "", "Accuracy")
    judges = board.results.protocol.get(EXTRA, {})
    others: list[Item] = [("accuracy", JUDGE + name, f"Accuracy, {name}") for name in judges]
    others += [*GROUND_TRUTH_COLUMNS, *FACE_COLUMNS, *QUALITY_COLUMNS]
    named = {metric for metric, _, _ in (first, *others)}
    others += [(name, "", spec.title) for name, spec in board.specs.items() if name not in named]
    known = {
        (r.metric, r.variant)
        for r in board.results.records
        if r.value is not None and r.emotion is None and r.method in board.rows
    }
    return [first, *(item for item in others if item[:2] in known)]


def _column(board: Board, metric: str, variant: str, title: str) -> Column:
    return column_of(board.results, (METRICS | board.specs)[metric], variant, title)


def _tied(board: Board, label: str, metric: str) -> bool:
    """Whether no other method is shown to be better in the headline of a metric."""
    rank = board.ranks.get(metric, {}).get(label)
    return rank is not None and rank[0] == 1


def _range(rank: tuple[int, int]) -> str:
    first, last = rank
    return str(first) if first == last else f"{first}–{last}"
