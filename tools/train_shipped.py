"""Train the judge and all six methods within a time, and evaluate them.

    python tools/train_shipped.py --recipe faces --minutes 180             # on all cores
    python tools/train_shipped.py --recipe faces128 --minutes 10 --device cuda
    python tools/train_shipped.py --recipe faces --minutes 180 --whole     # the recipe's lengths, in several calls

The script measures how long an iteration of each training takes on this machine, shortens the recipe's lengths by
one factor so that all trainings and an evaluation fit into the minutes, and trains. If the minutes suffice, the lengths
are the recipe's. On a CPU as many trainings run at once as there are cores, with one thread each. On a GPU two run at
once, because a step of a small network does not fill it.

The folder has a run of each training, with its checkpoints, card, log and sample grids, plan.json with the lengths, and
the evaluation. A training that is not finished at its end is stopped, and the same command continues it to the
bit, also on another machine that has the folder. With ``--whole`` the lengths are the recipe's whatever the minutes are.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ganbench.data import load_dataset
from ganbench.devices import cores, resolve
from ganbench.seeds import generator
from ganbench.storage.store import write_atomic
from ganbench.training.batches import Batch
from ganbench.training.session import prepare
from ganbench.training.stepper import Stepper, recorder_for

# The longest trainings come first, so that short ones fill the gaps. The judge is first, because probes need it.
NAMES = ("judge", "stargan-v2", "smit", "gaussian", "linear", "ganimation", "stargan")

# Keys of a recipe that count iterations and are shortened with it.
LENGTHS = ("iterations", "warmup_iterations", "decay_iterations", "ds_iterations", "augment_from")

# Parts of the minutes that the evaluation gets, and that a training may be longer than was measured.
EVALUATION, RESERVE = 0.15, 0.15

# Seconds that a process takes to start, and an evaluation beside its edits; and those of an edit of a face by six
# methods to seven emotions at 64 px on one core.
START, REPORT, FACE = 15, 40, 0.4


@dataclass
class Job:
    """A training of this call.

    Attributes:
        name: of the method, or "judge".
        settings: recipe keys and their values, which replace those of the recipe.
        seconds: how long it will take, as measured.
        process: while it trains.
        ends: when it is stopped, on the clock of ``time.monotonic``.
    """

    name: str
    settings: dict[str, int]
    seconds: float
    process: subprocess.Popen[bytes] | None = None
    ends: float = field(default=0.0)


def seconds_of_iteration(trainer: Any, device: torch.device) -> float:
    """Seconds of an iteration after the warm-up, measured over a cycle of steps on random images."""
    size, recipe = trainer.model.config.image_size, trainer.recipe
    count = len(trainer.indices(torch.arange(700).numpy() % 7, 0, 0))
    images = torch.rand(count, 3, size, size, generator=generator(0, "images"))
    units = torch.rand(count, 17) if trainer.needs_action_units else None
    batch = Batch(
        images.to(device, memory_format=torch.channels_last),
        (torch.arange(count) % 7).to(device),
        None if units is None else units.to(device),
    )
    step = Stepper(trainer, recorder_for(trainer), print)
    cycle, begin = getattr(trainer, "cycle", 1), recipe.warmup_iterations
    begin += -begin % cycle
    for cycles in (
        4 if device.type == "cuda" else 1,
        1,
    ):  # the first ones record the steps on a GPU
        start = time.perf_counter()
        for iteration in range(begin, begin + cycles * cycle):
            trainer.set_rates(iteration)
            step(iteration, batch, generator(0, "step", iteration))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        taken = (time.perf_counter() - start) / (cycles * cycle)
    return taken


def measured(recipe: str, device: torch.device) -> dict[str, tuple[dict[str, int], float]]:
    """Lengths of each training in the recipe, and seconds of an iteration; renders the faces if they are not stored."""
    found = {}
    for name in NAMES:
        session = prepare(name, recipe, {}, device=str(device))
        for split in ("train", "test"):
            load_dataset("faces", split, size=session.image_size)
        options = session.trainer.recipe
        lengths = {key: getattr(options, key, 0) for key in LENGTHS}
        # A recipe whose rate never falls has a decay that is longer than the run.
        lengths = {key: value for key, value in lengths.items() if 0 < value <= options.iterations}
        found[name] = lengths, seconds_of_iteration(session.trainer, device)
        print(f"{name:<12}{1000 * found[name][1]:>9.1f} ms an iteration", flush=True)
    return found


def plan(
    folder: Path, chosen: argparse.Namespace, device: torch.device, workers: int, end: float
) -> list[Job]:
    """The trainings and their lengths: those of plan.json, or those that end before ``end``."""
    path = folder / "plan.json"
    if path.exists():
        stored = json.loads(path.read_text())
        if stored["recipe"] != chosen.recipe:
            sys.exit(f"{folder} has trainings of recipe {stored['recipe']}; name another --out")
        return [Job(name, **job) for name, job in stored["trainings"].items()]
    found = measured(chosen.recipe, device)
    whole = {name: lengths["iterations"] * taken for name, (lengths, taken) in found.items()}
    available = (end - time.monotonic()) * (1 - RESERVE) * workers - START * len(NAMES)
    # No schedule of several trainings ends before the longest of them.
    factor = min(1.0, available / sum(whole.values()), available / workers / max(whole.values()))
    if chosen.whole:
        factor = 1.0
    jobs = []
    for name, (lengths, _) in found.items():
        settings = {key: max(1, round(factor * value)) for key, value in lengths.items()}
        settings["iterations"] = max(
            settings["iterations"], settings.get("warmup_iterations", 0) + 8
        )
        jobs.append(Job(name, settings if factor < 1 else {}, factor * whole[name]))
    trainings = {job.name: {"settings": job.settings, "seconds": job.seconds} for job in jobs}
    write_atomic(path, json.dumps({"recipe": chosen.recipe, "trainings": trainings}, indent=1))
    print(f"lengths are {factor:.0%} of the recipe's", flush=True)
    return jobs


def command(job: Job, chosen: argparse.Namespace, folder: Path) -> list[str]:
    """The command that trains, or continues."""
    run = folder / job.name
    words = [sys.executable, "-m", "ganbench", "train", job.name, "--recipe", chosen.recipe]
    for key, value in job.settings.items():
        words += ["--set", f"{key}={value}"]
    if steps := job.settings.get("iterations"):
        words += [
            "--set",
            f"checkpoint_every={max(1, steps // 4)}",
            "--set",
            f"sample_every={max(1, steps // 4)}",
        ]
    words += ["--device", chosen.device, "--out", str(run)]
    return [*words, "--resume"] if (run / "state.pt").exists() else words


def train(
    jobs: list[Job], chosen: argparse.Namespace, folder: Path, workers: int, end: float
) -> None:
    """Run the trainings, some at once; stop those that are not finished at the end."""
    waiting = [job for job in jobs if not (folder / job.name / f"{job.name}.safetensors").exists()]
    running: list[Job] = []
    threads = (
        "1" if chosen.device == "cpu" or resolve(chosen.device).type == "cpu" else str(cores())
    )
    environment = os.environ | {"OMP_NUM_THREADS": threads}
    try:
        while waiting or running:
            while waiting and len(running) < workers and time.monotonic() < end - START:
                job = waiting.pop(0)
                (folder / job.name).mkdir(parents=True, exist_ok=True)
                with (folder / f"{job.name}.txt").open("ab") as log:
                    job.process = subprocess.Popen(
                        command(job, chosen, folder), env=environment, stdout=log, stderr=log
                    )
                running.append(job)
                print(f"{job.name} trains: {job.settings or 'as in the recipe'}", flush=True)
            if time.monotonic() > end:
                waiting.clear()
                for job in running:
                    stop(job)
            for job in [job for job in running if job.process and job.process.poll() is not None]:
                running.remove(job)
                assert job.process is not None
                print(f"{job.name} ended with exit code {job.process.returncode}", flush=True)
            time.sleep(0.5)
    finally:
        for job in running:
            stop(job)
            if job.process:
                job.process.wait()


def stop(job: Job) -> None:
    """Ask a training to write its state and to end."""
    if job.process and job.process.poll() is None and not job.ends:
        job.process.send_signal(signal.SIGINT)
        job.ends = time.monotonic()


def checkpoint(run: Path) -> Path | None:
    """The finished model of a run, or its last checkpoint; None if there is neither."""
    found = [*run.glob("*.safetensors"), *sorted(run.glob("checkpoints/*.safetensors"))[::-1]]
    return found[0] if found else None


def evaluate(folder: Path, chosen: argparse.Namespace, seconds: float) -> int:
    """Evaluate what there is with as many test faces as the seconds allow; returns the exit code."""
    files: Mapping[str, Path | None] = {name: checkpoint(folder / name) for name in NAMES}
    methods = ",".join(f"{name}={path}" for name, path in files.items() if path and name != "judge")
    if not methods or files["judge"] is None:
        print("no evaluation: it needs a checkpoint of the judge and of a method", flush=True)
        return 1
    size = prepare("stargan", chosen.recipe, {}, device="cpu").image_size
    face = FACE * (size / 64) ** 2 / (cores() if resolve(chosen.device).type == "cpu" else 20)
    limit = int(max(14, min(700, (seconds - REPORT) / face))) // 7 * 7
    words = [
        sys.executable,
        "-m",
        "ganbench",
        "eval",
        "--methods",
        methods,
        "--judge",
        str(files["judge"]),
    ]
    words += ["--limit", str(limit), "--device", chosen.device, "--out", str(folder / "eval")]
    print(f"evaluates {limit} test faces", flush=True)
    return subprocess.run(words, check=False).returncode


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="faces")
    parser.add_argument("--minutes", type=float, required=True, help="Time of this call.")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="Folder; default: runs/RECIPE.")
    parser.add_argument("--whole", action="store_true", help="Keep the recipe's lengths.")
    chosen = parser.parse_args()
    begun = time.monotonic()
    device = resolve(chosen.device)
    folder = chosen.out or Path("runs") / Path(chosen.recipe).stem
    folder.mkdir(parents=True, exist_ok=True)
    workers = cores() if device.type == "cpu" else 2
    end = begun + 60 * chosen.minutes * (1 - EVALUATION)
    if device.type == "cpu":
        torch.set_num_threads(1)  # as in each of the trainings
    jobs = plan(folder, chosen, device, workers, end)
    train(jobs, chosen, folder, workers, end)
    code = evaluate(folder, chosen, begun + 60 * chosen.minutes - time.monotonic())
    print(f"{(time.monotonic() - begun) / 60:.1f} of {chosen.minutes:g} minutes", flush=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
