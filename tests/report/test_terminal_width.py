"""Tables fit the terminal, and pipes get progress as lines."""

import re

import pytest
from rich.table import Table
from sample import results

from ganbench.cli import screen as screens
from ganbench.cli.eval import print_tables
from ganbench.cli.screen import Closed, print_table, progress_bar, screen
from ganbench.report.tables import table1


def printed(capsys):
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)


@pytest.mark.parametrize("width", [60, 80, 120, 400])
def test_a_table_fits_the_terminal_and_loses_no_cell(width, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    table = table1(results())
    print_tables([table, None])
    text = printed(capsys)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in text
    for row in table.rows:
        for i in range(len(table.columns)):
            assert table.value(row, i) in text
    heads = " ".join(line for line in lines if line.startswith("Method")).split()
    words = [word for column in table.columns for word in column.heading.split()]
    assert [word for word in heads if word != "Method"] == words
    # Each part begins with the names of the rows; the caption stands once.
    parts = sum(line.startswith("Method") for line in lines)
    assert (parts == 1) == (width == 400)
    assert sum(line.startswith("StarGAN") for line in lines) == parts
    assert text.count("Accuracy (%") == 1


def test_a_pipe_gets_the_whole_table(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    print_tables([table1(results())])
    assert sum(line.startswith("Method") for line in printed(capsys).splitlines()) == 1


def characters(text):
    """The characters of a text but spaces, in alphabetical order: what is folded has the same."""
    return sorted("".join(text.split()))


@pytest.mark.parametrize("width", [30, 46, 60, 80, None])
@pytest.mark.parametrize("no_wrap", [False, True])
def test_a_table_folds_cells_and_cuts_none(width, no_wrap, monkeypatch, capsys):
    if width:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(width))
    rows = [
        ("predictions on edits of ganimation", "57 pieces", "1,234,567.8", "2026-11-28 20:24"),
        ("true edits", "4,900 pieces of 64 px", "0.5", "2026-11-01 07:00"),
    ]
    table = Table(box=None, pad_edge=False)
    for head, justify in zip(("What", "Pieces", "Size", "Used"), "llrr", strict=True):
        table.add_column(head, justify={"l": "left", "r": "right"}[justify], no_wrap=no_wrap)
    for row in rows:
        table.add_row(*row)
    print_table(screen(), table)
    text = printed(capsys)
    assert characters(text) == characters("What Pieces Size Used" + " ".join(sum(rows, ())))
    assert max(map(len, text.splitlines())) <= (width or 100)
    # Words are folded before numbers are.
    assert "1,234,567.8" in text or width == 30
    assert (rows[0][0] in text) == (width is None)


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless it is moved."""
    now = [100.0]
    monkeypatch.setattr(screens, "monotonic", lambda: now[0])
    monkeypatch.setattr(screens, "EVERY", 10.0)
    return now


def test_a_pipe_gets_a_line_every_ten_seconds(clock, capsys):
    with progress_bar(screen(err=True)) as move:
        for second in range(36):
            clock[0] = 100.0 + second
            move("evaluate", 100 * second, 4900, "" if second < 30 else "nearly")
        clock[0] += 10
        move("tables\x1b[2J", 0, None)
    err = capsys.readouterr().err
    assert err.splitlines() == [
        "evaluate: 1,000 of 4,900",
        "evaluate: 2,000 of 4,900",
        "evaluate: 3,000 of 4,900, nearly",
        r"tables\x1b[2J",
    ]
    assert "\r" not in err
    assert "\x1b" not in err


def test_short_work_and_quiet_processes_print_nothing(clock, capsys):
    with progress_bar(screen(err=True)) as move:
        clock[0] += 9.9
        move("evaluate", 1, 2)
    with progress_bar(screen(err=True, quiet=True)) as move:
        clock[0] += 50
        move("evaluate", 1, 2)
    assert capsys.readouterr().err == ""


def test_work_goes_on_when_nobody_reads_its_progress(clock):
    class Gone:
        quiet, is_terminal, asked = False, False, 0

        def print(self, *text, **options):
            self.asked += 1
            raise Closed

    gone = Gone()
    with progress_bar(gone) as move:
        for _ in range(3):
            clock[0] += 20
            move("evaluate", 1, 2)
    assert gone.asked == 1
