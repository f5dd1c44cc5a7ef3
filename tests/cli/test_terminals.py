"""Terminals that are no UTF-8 ones, pipes that nobody reads, and names that try to be something else."""

import ast
import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganbench.cli import main
from ganbench.methods.weights import save_checkpoint
from ganbench.metrics import METRICS
from ganbench.records import Results
from ganbench.scoring import record

MODULE = [sys.executable, "-m", "ganbench"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
HOSTILE = "ä[/x] [bold]\x1b[2J\u202e\n|$\\frac$ 表"
SEEN = r"ä[/x] [bold]\x1b[2J\u202e\n|$\frac$ 表"


def results(title: str, accuracy: float) -> Results:
    records = [
        record(METRICS["accuracy"], name, accuracy, 700, low=accuracy - 1, high=accuracy + 1)
        for name in ("smit", title)
    ]
    return Results(
        {"version": 1}, 0, {name: {"title": name} for name in ("smit", title)}, tuple(records)
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, accuracy in (("base", 90), ("head", 20)):
        results(HOSTILE, accuracy).save(folder / f"{name}.json")
    return folder


def test_hostile_names_in_records_are_shown_everywhere(runs, call):
    for option in ((), ("--markdown",), ("--json",)):
        code, out, err = call("compare", runs / "base.json", runs / "head.json", *option)
        assert (code, err) == (1, "")
        assert "\x1b" not in out
        assert "\u202e" not in out
        if option == ("--markdown",):
            assert r"ä\[/x\] \[bold\]\\x1b\[2J\\u202e\\n\|\$\\frac\$ 表" in out
        elif not option:
            assert SEEN in out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_that_is_not_utf_8(runs, encoding, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(
        sys, "argv", ["ganbench", "compare", str(runs / "base.json"), str(runs / "head.json")]
    )
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 1  # that of compare: something is worse
    assert rb"\x1b[2J\u202e\n|$\frac$ \u8868" in stream.buffer.getvalue()


def test_processes_with_unusual_output(tmp_path):
    """A plain C locale, a full disk, no output at all, and a reader that has left."""
    light = [*MODULE, "data", "list"]
    plain = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    read, write = os.pipe()
    os.close(read)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with open("/dev/full", "wb") as full:
        started = [
            subprocess.Popen(command, cwd=tmp_path, env={**ENVIRONMENT, **more}, **options)
            for command, more, options in (
                ([*MODULE, "compare", "ä[/x]", "b"], plain, pipes),
                (light, {}, {"stdout": full, "stderr": subprocess.PIPE}),
                (light, {}, {"stdout": write, "stderr": subprocess.PIPE}),
                (["sh", "-c", '"$@" >&- 2>&-', "sh", *light], {}, {}),
            )
        ]
        told = [process.communicate(timeout=120)[1] for process in started]
    os.close(write)
    ascii_, full_, left, closed = (process.returncode for process in started)
    assert ascii_ == 2
    assert re.fullmatch(rb"ganbench: cannot read results: \\xc3\\xa4\[/x\] .*\n", told[0])
    assert full_ == 2
    assert re.fullmatch(rb"ganbench: cannot write the output \(.*\n", told[1])
    assert (left, told[2]) == (141, b"")
    assert closed == 0


def test_our_own_characters_have_ascii_ones(capsys):
    from ganbench.cli.screen import _replace

    error = UnicodeEncodeError("ascii", "a ± ↑ 表", 2, 7, "")
    assert _replace(error) == ("+- ^ \\u8868", 7)


@pytest.fixture
def picture_folder(tmp_path, tiny_method):
    """A small method, and pictures whose folder and names are hostile."""
    method = tiny_method("stargan")
    save = tmp_path / "tiny.safetensors"
    save_checkpoint(save, method, "method", "stargan", {})
    folder = tmp_path / "pictures \x1b]0;title\x07["  # and then a slash
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in ("x] $\\bad$ \x1b[2J\u202e\n.png", ":smile: [red].png"):
        Image.fromarray(random.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / name)
    (folder / "broken\x1b[31m.png").write_bytes(b"no picture")
    return save, folder


def test_edit_shows_the_names_of_files(picture_folder, call, tmp_path):
    save, folder = picture_folder
    out = tmp_path / "out [" / "x]\x1b[5m"
    code, said, err = call(
        "edit", "--framed", "--images", folder, "--method", f"stargan={save}",
        "--emotion", "happy", "--out", out, "--skip-bad", "--device", "cpu",
    )  # fmt: skip
    assert code == 0
    assert r"out [/x]\x1b[5m" in said
    assert r"broken\x1b[31m.png" in err
    assert "\x1b" not in said + err
    assert len(list(out.iterdir())) == 2


def test_figures_show_the_names_of_files(picture_folder, call, tmp_path):
    """Names are in figures too, where dollars would start a formula."""
    save, folder = picture_folder
    pictures = [path for path in folder.iterdir() if not path.name.startswith("broken")]
    out = tmp_path / "[" / "x] $\\bad$\x1b.pdf"
    code, said, err = call(
        "figure", "compare", "--images", *pictures, "--methods", f"stargan={save}", "--out", out,
    )  # fmt: skip
    assert (code, err) == (0, ""), err
    assert r"[/x] $\bad$\x1b.pdf" in said
    assert "\x1b" not in said
    assert out.is_file()


def test_figures_take_titles_literally():
    from ganbench.figures.curves import draw
    from ganbench.figures.page import to_pdf, to_png

    log = [{"iteration": i, "loss": 1.0, "$\\bad$": 2.0} for i in (1, 2)]
    figure = draw(log, "run $\\bad{ \x1b $ title")
    assert to_png(figure)
    assert to_pdf(figure)


def test_errors_are_one_line_without_control_characters(call, tmp_path):
    code, out, err = call("compare", "a[/x]\x1b[2J\nb", tmp_path)
    assert (code, out) == (2, "")
    assert r"a[/x]\x1b[2J b" in err
    assert err.count("\n") == 1
    code, out, err = call("edit", "--framed", "--im\x1b[2Jages", "x")
    assert code == 2
    assert "\x1b" not in err


def test_a_terminal_gets_bars_whose_words_are_no_markup(tmp_path):
    """In a real terminal, where bars are drawn: a data set's name is a part of them."""
    main, other = pty.openpty()
    wide = {**ENVIRONMENT, "COLUMNS": "120"}
    head = "from ganbench.cli.screen import *;b=progress_bar(screen(err=True))\n"
    code = head + "with b as move: move('[/x]\\x1b[2J', 0, 1, '[bold]')"
    done = subprocess.run([sys.executable, "-c", code], stderr=other, env=wide, check=False)
    os.close(other)
    drawn = os.read(main, 100_000)
    os.close(main)
    assert done.returncode == 0
    assert rb"[/x]\x1b[2J" in drawn
    assert b"[bold]" in drawn
    assert b"\x1b[2J" not in drawn


def test_all_that_is_printed_goes_through_one_module():
    """Whoever prints by other means prints what users wrote as it is, or interprets it."""
    package = Path(__file__).parents[2]
    names = {"echo", "secho", "Console", "TextColumn", "Progress"}
    for path in [*(package / "ganbench").rglob("*.py"), *(package / "baselines").rglob("*.py")]:
        tree = ast.parse(path.read_text("utf-8"))
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith(("rich", "click"))
            for alias in node.names
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or path.name == "screen.py":
                continue
            called = node.func
            if isinstance(called, ast.Name):
                assert called.id != "print", path
                assert called.id not in names & imported, path
            elif isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
                assert (called.value.id, called.attr) not in {("click", n) for n in names}, path
