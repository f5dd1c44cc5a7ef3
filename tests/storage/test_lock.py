"""One process at a time in a folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ganbench.errors import BadInput
from ganbench.storage import lock as locks
from ganbench.storage.lock import Lock

TRAIN = "from ganbench.cli import main; main()"


def hold(folder: Path) -> subprocess.Popen[str]:
    """A process that has the lock of a folder until its standard input ends."""
    code = (
        "import sys, pathlib; from ganbench.storage.lock import Lock; "
        "lock = Lock(pathlib.Path(sys.argv[1]), 'training'); print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def write(folder: Path, **changes: object) -> None:
    """A lock file of a process that may or may not be there."""
    owner = vars(locks.Owner.here(None)) | changes
    (folder / locks.NAME).write_text(json.dumps(owner))


def test_a_second_process_is_refused_and_told_by_whom(tmp_path):
    first = hold(tmp_path)
    host = socket.gethostname()
    with pytest.raises(BadInput, match=rf"another training is running in .*process {first.pid} on {host}, since \d"):  # fmt: skip
        Lock(tmp_path, "training")
    first.kill()
    first.wait()
    # A killed process leaves its file, and the kernel takes its lock back.
    assert (tmp_path / locks.NAME).exists()
    Lock(tmp_path, "training").release()
    assert not (tmp_path / locks.NAME).exists()


def test_a_number_that_is_another_process_now_holds_nothing(tmp_path):
    write(tmp_path, pid=os.getppid(), born="1")
    Lock(tmp_path, "training").release()


@pytest.mark.parametrize("text", ["", "[", "[]", '{"pid": "x"}', "\x00\xff", "[" * 100_000])
def test_a_file_without_an_owner_holds_nothing(tmp_path, text):
    (tmp_path / locks.NAME).write_text(text)
    Lock(tmp_path, "training").release()


def test_another_machine_s_lock_stays_and_is_explained(tmp_path):
    write(tmp_path, host="node7", pid=1)
    with pytest.raises(BadInput, match=r"process 1 on node7.*0 minutes ago.*remove .*run\.lock"):
        Lock(tmp_path, "training")
    assert (tmp_path / locks.NAME).exists()
    # What torchrun started again has ended its old processes, wherever they ran.
    write(tmp_path, host="node7", launch="job 5")
    with pytest.raises(BadInput):
        Lock(tmp_path, "training", "job 6", again=True)
    with pytest.raises(BadInput):
        Lock(tmp_path, "training", "job 5")
    Lock(tmp_path, "training", "job 5", again=True).release()


class NoLocks:
    """A file system without flock."""

    LOCK_EX, LOCK_NB = 2, 4

    @staticmethod
    def flock(*_):
        raise OSError(95, "Operation not supported")


@pytest.mark.parametrize("without", [None, NoLocks])
def test_without_flock_the_number_decides(tmp_path, monkeypatch, without):
    monkeypatch.setattr(locks, "fcntl", without)
    process = hold(tmp_path)
    with pytest.raises(BadInput, match=f"process {process.pid} on"):
        Lock(tmp_path, "training")
    process.kill()
    process.wait()
    Lock(tmp_path, "training").release()
    write(tmp_path, pid=os.getppid())
    if locks._born(os.getppid()):
        write(tmp_path, pid=os.getppid(), born="1")  # the number was given again
        Lock(tmp_path, "training").release()
        write(tmp_path, pid=os.getppid(), born=locks._born(os.getppid()))
        with pytest.raises(BadInput):
            Lock(tmp_path, "training")
        write(tmp_path, pid=os.getppid(), boot="of yesterday")
        Lock(tmp_path, "training").release()


def test_an_idle_lock_of_this_process_gives_way_and_a_busy_one_does_not(tmp_path):
    first = Lock(tmp_path, "training")
    second = Lock(tmp_path, "training")
    assert not first.held
    first.release()  # not the second one's
    assert second.held
    second.busy = True
    with pytest.raises(BadInput, match=r"this process .* does so already"):
        Lock(tmp_path, "training")
    second.release()


def test_only_one_of_many_gets_it(tmp_path):
    code = (
        "import sys, pathlib, time; from ganbench.storage.lock import Lock\n"
        "for i in range(40):\n"
        "    try:\n"
        "        lock = Lock(pathlib.Path(sys.argv[1]), 'training')\n"
        "    except ValueError:\n"
        "        continue\n"
        "    inside = pathlib.Path(sys.argv[1], 'inside')\n"
        "    inside.touch(exist_ok=False); inside.unlink()\n"
        "    lock.release()\n"
    )
    many = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(60) for process in many] == [0, 0, 0]


# -- trainings ------------------------------------------------------------------------------------


def test_two_trainings_in_one_folder(tmp_path, tiny_recipe, call, tiny_faces, monkeypatch):
    """The first is a process that works; the second is refused and leaves everything as it was."""
    from toys import photograph

    photograph(tmp_path / "data" / "train", 2)
    command = ["train", "stargan", "--recipe", tiny_recipe, "--data", "folder", "--root", "data"]
    command += ["--device", "cpu", "--out", "run", "--set", "iterations=1000000", "--set", "schedule=official"]  # fmt: skip
    command += ["--set", "sample_every=1000000", "--set", "checkpoint_every=1000000"]
    monkeypatch.chdir(tmp_path)
    first = subprocess.Popen(
        [sys.executable, "-c", TRAIN, *command], stderr=subprocess.PIPE, text=True
    )
    log = tmp_path / "run" / "log.jsonl"
    try:
        for _ in range(1200):
            if (log.exists() and log.stat().st_size) or first.poll() is not None:
                break
            threading.Event().wait(0.1)
        assert first.poll() is None, first.stderr.read()
        card = (tmp_path / "run" / "recipe.json").read_bytes()
        for more in ([], ["--resume"]):
            code, out, err = call(*command, *more)
            assert (code, out) == (2, "")
            said = err.splitlines()[-1]
            assert said.startswith(f"ganbench: another training is running in run: process {first.pid} on ")  # fmt: skip
        assert (tmp_path / "run" / "recipe.json").read_bytes() == card
        first.send_signal(signal.SIGINT)
        assert first.wait(120) == 130
    finally:
        first.kill()
    assert not (tmp_path / "run" / locks.NAME).exists()
    # The run that was left alone has every line, and can be resumed.
    lines = [json.loads(line)["iteration"] for line in log.read_text().splitlines()]
    assert lines == list(range(1, len(lines) + 1))


def test_a_run_that_went_on_elsewhere_is_not_overwritten(tiny_recipe, tiny_faces, tmp_path):
    from ganbench.training.session import prepare

    def begin():
        session = prepare("stargan", tiny_recipe, {"sample_every": 99}, device="cpu")
        return session.run(tiny_faces(), tmp_path / "run", "ganbench train")

    first = begin()
    first.start()
    second = begin()
    second.resume()
    second.run(until=3)
    state = (tmp_path / "run" / "state.pt").read_bytes()
    with pytest.raises(BadInput, match="went on elsewhere since iteration 0; resume it again"):
        first.run()
    assert (tmp_path / "run" / "state.pt").read_bytes() == state
