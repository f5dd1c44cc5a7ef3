"""Two processes train as one: gradients, stopping, dying, going on."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
import torch
from conftest import RECIPE
from gradients import main as compare_gradients
from launching import begin, end, ganbench, pair, said
from run_folders import assert_same, outcome
from toys import photograph

from ganbench.distributed import Share

LENGTH = 60


def test_averaged_gradients_are_those_of_one_process_on_the_global_batch(tmp_path):
    code, _, err = pair(compare_gradients, str(tmp_path / "found.json"))
    assert code == 0, err
    for rank in (0, 1):
        found = json.loads((tmp_path / f"found.{rank}").read_text())
        assert len({case.partition(":")[0] for case in found}) == 6
        for case, (averaged, own, logged, steps) in found.items():
            assert averaged < 1e-9, case
            assert logged < 1e-9, case
            assert own > 1e-3, case  # else the comparison would show nothing
            assert steps >= 4, case


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """A folder of photographs to train on, and a recipe; the working folder."""
    monkeypatch.chdir(tmp_path)
    photograph(tmp_path / "photos" / "train", 3)
    recipe = RECIPE.replace("NAME", "linear").replace("iterations = 6", f"iterations = {LENGTH}")
    (tmp_path / "tiny.toml").write_text(
        recipe.replace("sample_every = 3", "sample_every = 20").replace(
            "checkpoint_every = 3", "checkpoint_every = 5\nkeep = 100"
        )
    )
    return tmp_path


def train(out, *arguments):
    """Arguments of ``ganbench train`` on the photographs, into ``out``."""
    return (
        *("train", "linear", "--recipe", "tiny.toml", "--device", "cpu", "--data", "folder"),
        *("--root", "photos", "--out", str(out), *arguments),
    )


def logged(folder):
    """The finished lines of a log."""
    path = folder / "log.jsonl"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def wait_for(process, folder, iteration, others=()):
    """Wait until other processes than ``others`` have logged an iteration; the run must be alive then."""
    for _ in range(20_000):
        reached = any(line["iteration"] >= iteration for line in logged(folder))
        if reached and not set(workers(process)) & set(others):
            break
        assert process.poll() is None, end(process)
        time.sleep(0.01)
    assert process.poll() is None


def workers(process):
    """Process ids of the two processes of a ``torchrun``."""
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in found if b"ganbench" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_a_run_that_died_and_was_then_stopped_is_the_run_that_never_was(photographs, call):
    straight, broken = photographs / "straight", photographs / "broken"
    os.chdir(photographs)
    code, out, err = pair(ganbench, *train(straight))
    assert code == 0, err
    assert out.strip() == str(straight / "linear.safetensors")  # only one process prints
    assert [line["iteration"] for line in logged(straight)] == [*range(1, LENGTH + 1)]

    # One process dies; torchrun starts both again, without --resume.
    process = begin("-m", "ganbench", *train(broken), restarts=1)
    wait_for(process, broken, 12)
    first, dead = logged(broken)[:10], workers(process)  # the checkpoint of iteration 10 is there
    os.kill(dead[1], signal.SIGKILL)
    # A cluster's SIGTERM reaches the processes at different moments; they stop at the same one.
    wait_for(process, broken, 20, others=dead)
    process.send_signal(signal.SIGTERM)
    code, _, err = end(process)
    assert code != 0
    assert "Traceback" not in "".join(said(err))
    before, stopped = (
        logged(broken),
        torch.load(broken / "state.pt", weights_only=True)["iteration"],
    )
    assert before[:10] == first  # times included: nothing was trained again
    assert 20 <= stopped < LENGTH

    # Another number of processes is refused; so is a folder that holds another launch's run.
    code, _, err = call(*train(broken, "--resume"))
    assert code == 2
    assert "cannot resume: processes was 2, now 1" in err
    code, _, err = pair(ganbench, *train(broken))
    assert code != 0
    assert set(said(err)) == {
        f"ganbench: a run is already there: {broken}; add --resume or choose another --out"
    }

    code, _, err = pair(ganbench, *train(broken, "--resume"))
    assert code == 0, err
    assert logged(broken)[: len(before)] == before
    runs = outcome(straight), outcome(broken)
    for run in runs:
        del run["checkpoints"]  # a stop leaves one more
    assert_same(*runs)


def test_a_batch_that_cannot_be_shared_is_refused_once(photographs):
    code, _, err = pair(ganbench, *train(photographs / "run", "--set", "batch_size=7"))
    assert code != 0
    assert said(err) == [
        "ganbench: batch_size 7 cannot be shared by 2 processes; start as many as divide it, or "
        "change batch_size"
    ]


def test_what_the_first_process_cannot_write_ends_both(photographs):
    (photographs / "file").write_text("")
    code, _, err = pair(ganbench, *train(photographs / "file"))
    assert code != 0
    (line,) = said(err)
    assert line.startswith("ganbench: cannot write to: ")


def test_rows_of_a_share():
    rows = torch.arange(24)
    for world in (1, 2, 3, 4):
        shares = [Share(rank, world) for rank in range(world)]
        parts = [share.local_rows(rows).tolist() for share in shares]
        assert sorted(row for part in parts for row in part) == rows.tolist()
        for share, part in zip(shares, parts, strict=True):
            assert share.global_count(len(part)) == 24
            for n in range(25):
                assert part[: share.local_count(n)] == [row for row in part if row < n]
