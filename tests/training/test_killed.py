"""Runs that are killed, in separate processes, and resumed: they equal the run that was never killed.

The processes are forked from a server that has imported everything, so that a death costs no start.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from pathlib import Path

import pytest
import torch
from conftest import JUDGE, NETWORKS, SERVER, TinyFaces
from run_folders import assert_same, outcome

COMMON = """
iterations = 12
batch_size = 8
ema_decay = 0.9
warmup_iterations = 2
log_every = 3
sample_every = 5
checkpoint_every = 4
keep = 2
"""


def recipe(folder: Path) -> str:
    """A recipe in which lines, samples and checkpoints fall on different iterations."""
    parts = []
    for name, network in NETWORKS.items():
        sizes = "\n".join(f"{key} = {value}" for key, value in network.items())
        parts.append(f"[{name}]{COMMON}[{name}.network]\n{sizes}\n")
    judge = JUDGE.replace("hidden = 8", "hidden = 8\ndropout = 0.5")
    parts.append(judge.replace("iterations = 6", COMMON.strip()).replace("batch_size = 8\n", "")
                 .replace("ema_decay = 0.9\nlog_every = 1\ncheckpoint_every = 3", ""))  # fmt: skip
    path = folder / "tiny.toml"
    path.write_text("\n".join(parts))
    return str(path)


class Faces(TinyFaces):
    """Noise at another size."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.pixels = torch.nn.functional.interpolate(self.pixels, size)


def train(name, recipe, folder, die=None, until=None, limit=None) -> None:
    """A process of a run: starts or resumes it, and goes on to iteration ``until``.

    It dies in its ``die``-th step of writing a file; no file may be larger than ``limit`` bytes.
    """
    from ganbench.errors import BadInput
    from ganbench.training.session import prepare

    torch.set_num_threads(1)
    if die is not None:
        perish(die)
    session = prepare(name, recipe, device="cpu")
    run = session.run(Faces(session.image_size), Path(folder), "ganbench train")
    run.resume() if (Path(folder) / "state.pt").exists() else run.start()
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        run.run(until)
    except BadInput as error:
        Path(f"{folder}.error").write_text(str(error))
    Path(f"{folder}.seconds").write_text(str(time.process_time()))


def perish(count: int) -> None:
    """Kill this process before the ``count``-th step of writing: half-written, synced, renamed ..."""
    left = [count]

    def tick() -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(owner, name, before=None):
        function = getattr(owner, name)

        def wrapped(*arguments, **options):
            if before is not None:
                before(*arguments)
            tick()
            return function(*arguments, **options)

        setattr(owner, name, wrapped)

    def half(path, data):
        with open(path, "wb") as file:
            file.write(data[: len(data) // 2])

    def half_state(state, file):
        file.write(b"PK half")
        file.flush()
        file.seek(0)

    around(os, "replace")
    around(os, "fsync")
    around(Path, "write_bytes", half)
    around(Path, "unlink")
    around(torch, "save", half_state)


def spawn(*arguments):
    process = SERVER.Process(target=train, args=arguments)
    process.start()
    return process


def finish(*arguments):
    process = spawn(*arguments)
    process.join(120)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode == 0


def worked(process) -> float:
    """Processor seconds of a living process: a busy machine does not change them."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("name", [*NETWORKS, "judge"])
def test_a_run_killed_at_random_moments_is_the_run_that_never_was(name, tmp_path):
    file, moments = recipe(tmp_path), random.Random(name)
    assert finish(name, file, str(tmp_path / "straight"))
    length = float((tmp_path / "straight.seconds").read_text())
    deaths, wanted = 0, 3 if name == "stargan" else 1
    for _ in range(wanted + 2):  # a process may end before its moment
        process, moment = spawn(name, file, str(tmp_path / "killed")), moments.uniform(0.2, 0.8)
        while process.is_alive() and worked(process) < moment * length:
            time.sleep(0.002)
        process.kill()
        process.join()
        deaths += process.exitcode == -signal.SIGKILL
        if deaths == wanted:
            break
    assert deaths
    assert finish(name, file, str(tmp_path / "killed"))
    assert_same(outcome(tmp_path / "straight"), outcome(tmp_path / "killed"))


def test_a_run_killed_in_every_step_of_writing(tmp_path):
    name, file = "stargan", recipe(tmp_path)
    assert finish(name, file, str(tmp_path / "straight"))
    deaths = 0
    while not finish(name, file, str(tmp_path / "killed"), deaths):
        deaths += 1
        leftovers = list((tmp_path / "killed").rglob(".*"))
        assert len(leftovers) <= 1, leftovers  # the next process removes what the last one left
    assert deaths > 10  # else ``perish`` does not see the steps
    assert_same(outcome(tmp_path / "straight"), outcome(tmp_path / "killed"))


@pytest.mark.parametrize("what", ["checkpoint", "state"])
def test_a_full_disk_ends_the_run_with_the_reason(what, tmp_path):
    file, folder = recipe(tmp_path), tmp_path / "full"
    assert finish("stargan", file, str(tmp_path / "straight"))
    assert finish("stargan", file, str(folder), None, 2)
    four = tmp_path / "four"
    assert finish("stargan", file, str(four), None, 4)
    sizes = {
        "checkpoint": (four / "checkpoints/0000004.safetensors").stat().st_size,
        "state": (four / "state.pt").stat().st_size,
    }
    limits = {"checkpoint": sizes["checkpoint"] // 2, "state": sum(sizes.values()) // 2}
    assert limits["checkpoint"] < sizes["checkpoint"] < limits["state"] < sizes["state"]
    before = (folder / "state.pt").read_bytes()
    assert finish("stargan", file, str(folder), None, None, limits[what])
    last = {"checkpoint": 2, "state": 4}[what]  # each is written after the other
    assert Path(f"{folder}.error").read_text() == (
        f"cannot write the {what} of iteration 4: File too large; make room and add --resume "
        f"(last good checkpoint: {folder}/checkpoints/000000{last}.safetensors)"
    )
    assert (folder / "state.pt").read_bytes() == before
    assert not list(folder.rglob(".*"))
    assert finish("stargan", file, str(folder))
    assert_same(outcome(tmp_path / "straight"), outcome(folder))
