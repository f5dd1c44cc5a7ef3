"""``ganbench leaderboard`` as processes: a row is made, checked and shown; the rows of the repository pass."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_rows import write_manifest, write_row

from ganbench.data import load_dataset
from ganbench.emotions import EMOTIONS
from ganbench.evaluation.protocol import order
from ganbench.gate.predictions import read_predictions, to_npz
from ganbench.records import Results
from ganbench.text import plural

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "reports" / "leaderboard"


def ganbench(place, *words):
    """A process of the command line."""
    env = os.environ | {"GANBENCH_CACHE": str(place / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "ganbench", "leaderboard", *map(str, words)]
    return subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def board(call):
    """``board(*words)`` -> exit code, stdout, stderr of ``ganbench leaderboard``, without the cost of a process."""
    return lambda *words: call("leaderboard", *words)


@pytest.fixture
def row(tmp_path):
    """A copy of a row of the repository, in ``results/half``."""
    return shutil.copytree(SHIPPED / "ganimation-half-the-change", tmp_path / "results" / "half")


def test_the_rows_of_the_repository_pass_and_make_a_page(tmp_path):
    rows = len(list(SHIPPED.iterdir()))
    done = ganbench(tmp_path, "check", SHIPPED)
    told = f"passed: {plural(rows, 'row')}, {49 * rows} pictures verified\n"
    assert (done.returncode, done.stdout) == (0, told), done
    done = ganbench(tmp_path, "build", SHIPPED, "--out", "site")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"faces64-v1: {6 + rows} methods, 4 points of reference", "site/index.html"]  # fmt: skip
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) < 3e6


def test_a_forged_edit_is_found(board, row):
    first, second = sorted((row / "edits").glob("*-sad.png"))[:2]
    shutil.copy(second, first)
    write_manifest(row)
    code, out, _ = board("check", "results")
    assert code == 1
    assert f"fault: half: {first.name} is not the picture that was scored" in out
    assert "not passed: 1 fault in 1 row, 49 pictures verified" in out


def test_forged_verdicts_are_found(board, row):
    """One verdict of the sample is turned, and every number that is counted from it."""
    results = Results.load(row)
    (label,) = results.methods
    results, judged = read_predictions(row / "predictions.npz", results)
    image = int(sorted((row / "edits").glob("*.png"))[0].name.split("-")[0])
    labels = load_dataset("faces", "test", lazy=True).labels
    place = order(labels).tolist().index(image)
    target = int(np.flatnonzero(judged[label][place] == np.arange(7))[0])
    judged[label][place, target] = other = (target + 1) % 7
    results.confusion[label][labels[image]][target][target] -= 1
    results.confusion[label][labels[image]][target][other] += 1
    shares = 100 * (judged[label] == np.arange(7)).mean(axis=0)
    values = {**dict(zip(EMOTIONS, shares.tolist(), strict=True)), None: float(shares.mean())}
    records = tuple(
        replace(r, value=values[r.emotion])
        if (r.method, r.metric, r.variant) == (label, "accuracy", "")
        else r
        for r in results.records
    )
    (row / "predictions.npz").write_bytes(to_npz(judged, records))
    replace(results, records=records).save(row / "results.json")
    write_manifest(row)
    code, out, _ = board("check", "results")
    assert code == 1
    assert (
        f"{image:05d}-{EMOTIONS[target]}.png is judged as {EMOTIONS[target]}, and the run says"
        in out
    )
    assert out.count("fault: ") == 1


def test_whoever_has_all_edits_is_asked_for_any_of_them(board, row):
    shutil.copytree(row / "edits", row.parents[1] / "all" / "half")
    code, out, _ = board("check", "results", "--edits", "all", "--limit", "3", "--json")
    assert code == 1
    faults = json.loads(out)["faults"]
    assert faults
    assert all("cannot be read" in fault["fault"] for fault in faults)
    code, out, err = board("check", "results", "--edits", "none")
    assert (code, out) == (0, "passed: 1 row, 49 pictures verified\n")
    assert "note: half: no folder none/half; it is verified by the edits that it brings" in err


def test_faults_have_their_exit_codes(board, row):
    (row / "edits_truth.webp").write_bytes(b"RIFF0000WEBP")
    code, out, _ = board("check", "results")
    assert code == 1
    assert "fault: half: changed: edits_truth.webp" in out
    (row / "results.json").write_text("{")
    code, out, _ = board("check", "results", "--json")
    assert code == 2
    (fault,) = json.loads(out)["faults"]
    assert fault["unread"]


def test_a_row_is_made_from_a_run_and_made_again_with_overwrite(board, row):
    """A row is a run folder, too: what is made of it has the same numbers, hashes and proof."""
    words = ("add", "results/half", "--edits", "results/half/edits", "--to", "again")
    code, out, err = board(*words)
    assert code == 0, err
    made = row.parents[1] / "again" / "ganimation-half-the-change"
    assert out.startswith("again/ganimation-half-the-change: 1.0 MB")
    names = {str(path.relative_to(row)) for path in row.rglob("*") if path.is_file()}
    assert {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()} == names
    for name in names:
        assert (made / name).read_bytes() == (row / name).read_bytes(), name
    code, _, err = board(*words)
    assert code == 2
    assert "is not empty" in err
    code, _, err = board(*words, "--limit", "2", "--overwrite")
    assert code == 0, err
    assert len(list((made / "edits").iterdir())) == 14


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "none"], "no folder of results: none"),
        (["build", "empty"], "no run folder in: empty"),
        (["build", "results", "--out", "full"], "is not empty"),
        (["add", "results/mine"], "no edits for: results/mine"),
        (["add", "results/mine", "--edits", "empty", "--to", "new"], "cannot read: empty/"),
        (["add", "none"], "cannot read results"),
        (["check", "results", "--limit", "0"], "0 is not in the range"),
    ],
)
def test_bad_input_is_one_line(board, tmp_path, words, message):
    write_row(tmp_path / "results" / "mine", "mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes").write_text("")
    code, _, err = board(*words)
    assert (code, err.count("\n")) == (2, 1), err
    assert message in err


def test_help_has_an_example_of_each_command(board):
    for words in ([], ["build"], ["check"], ["add"]):
        code, out, _ = board(*words, "--help")
        assert code == 0
        assert f"ganbench leaderboard {words[0] if words else 'check'} " in out
