"""The static page of a leaderboard, and the files beside it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from PIL import Image

import ganbench
from ganbench import parsing
from ganbench.data.export import check_folder
from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.errors import BadInput
from ganbench.leaderboard.boards import Board, as_json, make_boards
from ganbench.leaderboard.front import Chart, make_chart
from ganbench.leaderboard.rows import KINDS, Row, read_rows, run_folders
from ganbench.leaderboard.views import (
    emotion_tables,
    group_tables,
    main_table,
    ranks_in_words,
    shown_first,
)
from ganbench.metrics import MetricSpec
from ganbench.report.references import told
from ganbench.report.table import Table
from ganbench.report.templating import environment, script_of, source_of
from ganbench.scoring import REAL, TRUTH
from ganbench.storage.store import write_atomic
from ganbench.text import is_web, plural

SCHEMA = 1

PAGE, DATA = "index.html", "leaderboard.json"


@dataclass(frozen=True)
class View:
    """What the page shows of a board.

    Attributes:
        main: all metrics; ``first`` says which columns are shown first, and ``ranks`` has words for its cells.
        ranked: place and title of the columns with ranks.
        won: a sentence for each point of reference: in which metrics it is better than every method.
        pictures: the file of each row's pictures, by label; ``inputs`` and ``truth`` those of the inputs and of the
            true edits (empty without), and ``images`` their number.
        trained_on: the data that methods learned from.
    """

    board: Board
    main: Table
    first: list[bool]
    ranks: dict[str, list[str]]
    ranked: list[tuple[int, str]]
    won: list[str]
    chart: Chart | None
    by_emotion: dict[str, Table]
    by_group: dict[str, Table]
    pictures: dict[str, str]
    inputs: str
    truth: str
    images: int
    trained_on: list[str]


def build(folder: Path, out: Path, force: bool = False) -> list[Board]:
    """Write the page of all run folders in a folder.

    Args:
        folder: holds run folders at any depth.
        out: the page is ``index.html`` in it. Files of an earlier page are replaced or removed.
        force: write into a folder that holds something else.

    Raises:
        BadInput: a run folder is damaged, two rows have one name, or ``out`` cannot be written.
    """
    before = _files_of(out)
    if not before:
        check_folder(out, force)
    rows = [row for place in run_folders(folder) for row in read_rows(place)]
    if not rows:
        raise BadInput(f"no row in: {folder}; all of its rows are reference values of ganbench")
    boards = make_boards(rows)
    files = site_files(boards)
    for name, content in files.items():
        write_atomic(out / name, content)
    for name in before - files.keys():
        (out / name).unlink(missing_ok=True)
    return boards


def site_files(boards: Sequence[Board]) -> dict[str, bytes]:
    """The files of the page by their names, the page first and ``leaderboard.json`` last."""
    files: dict[str, bytes] = {PAGE: b""}
    views = []
    for board in boards:
        for row in board.rows.values():
            files[f"rows/{board.slug}/{row.label}.json"] = row.run.results.to_json().encode()
            files[f"rows/{board.slug}/{row.label}.csv"] = row_csv(row).encode()
        for label, webp in board.sprites.items():
            files[_picture(board, label)] = webp
        views.append(make_view(board))
    files[PAGE] = render(views).encode()
    files[DATA] = b""
    table = {
        "schema": SCHEMA,
        "ganbench": ganbench.__version__,
        "protocols": [as_json(board) for board in boards],
        "files": list(files),
    }
    files[DATA] = json.dumps(table, indent=1).encode() + b"\n"
    return files


def make_view(board: Board) -> View:
    """What the page shows of a board."""
    main = main_table(board)
    ranks = ranks_in_words(board, main)
    ranked = [
        (place + 1, column.title)
        for place, column in enumerate(main.columns)
        if any(words[place] for words in ranks.values())
    ]
    pictures = {
        label: quote(_picture(board, label)) for label in board.rows if label in board.sprites
    }
    marks = {
        mark: quote(_picture(board, mark)) if mark in board.sprites else ""
        for mark in (REAL, TRUTH)
    }
    return View(
        board,
        main,
        shown_first(board),
        ranks,
        ranked,
        told(board.results),
        make_chart(board),
        emotion_tables(board),
        group_tables(board),
        pictures,
        marks[REAL],
        marks[TRUTH],
        _images(board.sprites[next(iter(pictures))]) if pictures else 0,
        sorted({board.rows[label].fact("trained_on") for label in board.competing}),
    )


def render(views: Sequence[View]) -> str:
    """The text of ``index.html``."""
    pages = environment("ganbench.leaderboard")
    pages.filters["is_web"] = is_web
    board = script_of("board.js", package="ganbench.leaderboard")
    script = f"{script_of('tables.js')}\n{board}"
    specs: dict[str, MetricSpec] = {}
    for view in views:
        specs |= view.board.specs
    rows = sum(len(view.board.rows) for view in views)
    return pages.get_template("board.html").render(
        views_of=views,
        kinds=KINDS,
        emotions=EMOTIONS,
        colours=COLOURS,
        metrics=list(specs.values()),
        version=ganbench.__version__,
        count=f"{plural(rows, 'row')} of {plural(len(views), 'protocol')}",
        scripts=Markup(script),
        script_source=source_of(script),
    )


def row_csv(row: Row) -> str:
    """A line for each number of a row."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    keys = ("metric", "variant", "emotion", "value", "low", "high", "interval", "n", "unit", "version")  # fmt: skip
    writer.writerow(["protocol", "method", *keys])
    for record in row.run.results.records:
        if record.method == row.label:
            values = [getattr(record, key) for key in keys]
            cells = ["" if value is None else value for value in values]
            writer.writerow([row.run.results.protocol_name, row.title, *cells])
    return file.getvalue()


def _picture(board: Board, label: str) -> str:
    return f"pictures/{board.slug}/{label}.webp"


def _images(webp: bytes) -> int:
    """The number of test images in a picture: it has a row for each, and a column for each emotion."""
    width, height = Image.open(io.BytesIO(webp)).size
    return height * len(EMOTIONS) // width


def _files_of(out: Path) -> set[str]:
    """The files of an earlier page in a folder; empty if there is none."""
    try:
        table: Mapping[str, Any] = parsing.read_json(out / DATA, kind=dict)
    except parsing.Refused:
        return set()
    files = table.get("files")
    if not isinstance(files, list):
        return set()
    inside = (name for name in files if isinstance(name, str) and ".." not in Path(name).parts)
    return {name for name in inside if not Path(name).is_absolute()}
