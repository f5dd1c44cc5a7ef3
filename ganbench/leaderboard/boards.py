"""The boards of a leaderboard: the rows of one protocol in one table, with paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ganbench.leaderboard.rows import Row, frozen_rows
from ganbench.metrics import MetricSpec
from ganbench.records import Results
from ganbench.report.naming import REFERENCES, specs
from ganbench.report.ties import ranks_of
from ganbench.scoring import REAL, TRUTH
from ganbench.submission.rows import join


@dataclass(frozen=True)
class Board:
    """The rows of one protocol.

    Attributes:
        results: of all rows, with the differences of every two methods.
        rows: by label; those that compete by falling accuracy, then points of reference.
        sprites: the WebP of each row, and of ``REAL`` and ``TRUTH``, by label.
    """

    results: Results
    rows: Mapping[str, Row]
    sprites: Mapping[str, bytes]

    @property
    def name(self) -> str:
        """The name of the protocol."""
        return self.results.protocol_name

    @property
    def slug(self) -> str:
        """The name for files and anchors."""
        return self.name.replace(":", "-")

    @property
    def competing(self) -> list[str]:
        """The labels of the rows that are no points of reference, in the order of the table."""
        return [label for label, row in self.rows.items() if row.kind != "reference"]

    @property
    def order(self) -> list[str]:
        """The labels of all rows of a table, those of true edits and real images last."""
        known = {record.method for record in self.results.records}
        return [*self.rows, *(mark for mark in (TRUTH, REAL) if mark in known)]

    @cached_property
    def specs(self) -> dict[str, MetricSpec]:
        """The metrics of the protocol's rows by name."""
        return specs(self.results)

    @cached_property
    def ranks(self) -> dict[str, dict[str, tuple[int, int]]]:
        """The smallest and the largest rank by metric and label (``metrics.rank_ranges``)."""
        found = {
            name: ranks_of(self.results, spec, self.competing) for name, spec in self.specs.items()
        }
        return {name: ranks for name, ranks in found.items() if ranks}

    def title(self, label: str) -> str:
        """The name of a row in print."""
        return REFERENCES.get(label) or self.rows[label].title

    def value(self, label: str, metric: str, variant: str = "") -> float | None:
        """The value of a row over all emotions."""
        record = self.results.find(label, metric, variant=variant)
        return None if record is None else record.value


def make_boards(rows: Sequence[Row]) -> list[Board]:
    """The boards of rows of any protocols: those of named protocols by name, then others.

    The reference values of the package stand on each board whose protocol has some. Differences of every two
    methods are computed anew, since their intervals hold together.

    Raises:
        BadInput: two rows of a protocol have the same name.
    """
    groups: dict[tuple[str, int, str], list[Row]] = {}
    for row in rows:
        results = row.run.results
        key = (results.protocol_name, results.seed, results.protocol_hash)
        groups.setdefault(key, []).append(row)
    ordered = sorted(groups, key=lambda key: (key[0].startswith("own:"), len(key[0]), key))
    return [_board([*frozen_rows(key[0]), *groups[key]]) for key in ordered]


def _board(rows: Sequence[Row]) -> Board:
    """The board of all rows of a protocol, those of the package first."""
    first, *others = (row.run for row in rows)
    results = join(first.results, others).results
    found = Board(results, {row.label: row for row in rows}, {})

    def place(row: Row) -> tuple[bool, float]:
        return row.kind == "reference", -(found.value(row.label, "accuracy") or 0.0)

    sprites: dict[str, bytes] = {}
    for row in rows:
        sprites = {**row.sprites, **sprites}  # the inputs are those of the first row that has them
    return Board(results, {row.label: row for row in sorted(rows, key=place)}, sprites)


def as_json(board: Board) -> dict[str, Any]:
    """What other programs may read of a board."""
    return {
        "name": board.name,
        "hash": board.results.protocol_hash,
        "rows": [_row_as_json(board, row) for row in board.rows.values()],
    }


def _row_as_json(board: Board, row: Row) -> dict[str, Any]:
    values = {}
    for name, spec in board.specs.items():
        record = board.results.find(row.label, name)
        if record is not None and record.value is not None:
            rank = board.ranks.get(name, {}).get(row.label)
            values[name] = {
                "value": record.value,
                "low": record.low,
                "high": record.high,
                "n": record.n,
                "unit": spec.unit,
                "version": record.version,
                "ranks": None if rank is None else list(rank),
            }
    facts = {key: row.fact(key) for key in ("url", "paper", "licence", "trained_on", "weights")}
    return {"label": row.label, "title": row.title, "kind": row.kind, **facts, "values": values}
