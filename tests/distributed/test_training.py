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
from launching import begin, end, photograph, said
from safetensors.torch import load_file

from ganbench.distributed import Share

GRADIENTS = Path(__file__).with_name("gradients.py")
LENGTH = 60


def test_averaged_gradients_are_those_of_one_process_on_the_joined_batch(tmp_path):
    code, _, err = end(begin(GRADIENTS, tmp_path / "found.json"))
    assert code == 0, err
    for rank in (0, 1):
        found = json.loads((tmp_path / f"found.{rank}").read_text())
        assert len({case.partition(":")[0] for case in found}) == 6
        for case, (averaged, own, logged, steps) in found.items():
            assert averaged < 1e-9, case
            assert logged < 1e-9, case
            assert own > 1e-3, case  # else the shares would be no test
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


def train(out, *arguments, restarts=0):
    """``torchrun -m ganbench train`` on the photographs, into ``out``."""
    return begin(
        *("-m", "ganbench", "train", "linear", "--recipe", "tiny.toml", "--device", "cpu"),
        *("--data", "folder", "--root", "photos", "--out", out, *arguments),
        restarts=restarts,
    )


def log(folder):
    """The finished lines of a log."""
    path = folder / "log.jsonl"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def wait_for(process, folder, iteration):
    """Wait until a run has logged an iteration; it must be alive then."""
    for _ in range(20_000):
        if any(line["iteration"] >= iteration for line in log(folder)):
            break
        assert process.poll() is None, end(process)
        time.sleep(0.01)
    assert process.poll() is None


def workers(process):
    """Process ids of the two processes of a ``torchrun``."""
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in found if b"ganbench" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def outcome(folder):
    """All that must be equal, without what the clock decides."""
    state = torch.load(folder / "state.pt", weights_only=True)
    lines = log(folder)
    for line in lines:
        del line["seconds"], line["images_per_second"]
    return {
        "final": load_file(folder / "linear.safetensors"),
        "networks": state["trainer"]["networks"],
        "log": lines,
        "samples": {p.name: p.read_bytes() for p in (folder / "samples").iterdir()},
    }


def assert_same(a, b, where="run"):
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same(a[key], b[key], f"{where} {key}")
    else:
        assert a == b, where


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_a_run_that_was_stopped_and_then_died_is_the_run_that_never_was(photographs, call):
    straight, broken = photographs / "straight", photographs / "broken"
    os.chdir(photographs)
    code, out, err = end(train(straight))
    assert code == 0, err
    assert out.strip() == str(straight / "linear.safetensors")  # one process speaks
    assert [line["iteration"] for line in log(straight)] == [*range(1, LENGTH + 1)]

    # A cluster's SIGTERM reaches the processes at different moments; they stop at the same one.
    process = train(broken)
    wait_for(process, broken, 12)
    process.send_signal(signal.SIGTERM)
    code, _, err = end(process)
    assert code != 0
    assert "Traceback" not in "".join(said(err))
    stopped = torch.load(broken / "state.pt", weights_only=True)["iteration"]
    assert 12 <= stopped < LENGTH
    before = log(broken)

    # One process dies; torchrun starts both again, without a word of the user.
    process = train(broken, "--resume", restarts=1)
    wait_for(process, broken, stopped + 12)
    os.kill(workers(process)[1], signal.SIGKILL)
    code, _, err = end(process)
    assert code == 0, err
    assert log(broken)[: len(before)] == before  # to the clock: nothing was done again
    assert_same(outcome(straight), outcome(broken))

    # Another number of processes is refused; so is a folder that holds another launch's run.
    code, _, err = call("train", "linear", "--recipe", "tiny.toml", "--device", "cpu", "--resume",
                        "--data", "folder", "--root", "photos", "--out", broken)  # fmt: skip
    assert code == 2
    assert "cannot resume: processes was 2, now 1" in err
    code, _, err = end(train(broken, restarts=1))
    assert code != 0
    assert set(said(err)) == {
        f"ganbench: a run is already there: {broken}; add --resume or choose another --out"
    }


def test_a_restart_needs_no_resume(photographs):
    folder = photographs / "run"
    process = train(folder, restarts=1)
    wait_for(process, folder, 12)
    first = log(folder)[:10]  # the checkpoint of iteration 10 is there
    os.kill(workers(process)[0], signal.SIGKILL)
    code, _, err = end(process)
    assert code == 0, err
    assert log(folder)[:10] == first
    assert [line["iteration"] for line in log(folder)] == [*range(1, LENGTH + 1)]


def test_a_batch_that_cannot_be_shared_is_refused_once(photographs):
    code, _, err = end(train(photographs / "run", "--set", "batch_size=7"))
    assert code != 0
    assert said(err) == [
        "ganbench: batch_size 7 cannot be shared by 2 processes; start as many as divide it, or "
        "change batch_size"
    ]


def test_what_the_first_process_cannot_write_ends_both(photographs):
    (photographs / "file").write_text("")
    code, _, err = end(train(photographs / "file"))
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
