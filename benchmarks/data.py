"""Measure how fast pictures are decoded into the cache, how long training waits for its data, and the time to
open a data set of AffectNet's size.

    python benchmarks/data.py                    # all of it
    python benchmarks/data.py --images 20000 --pictures 1000 --method ''

Writes tiny JPEG files, which are hard links of a few files, and AffectNet's list of them into a temporary
folder. Opens the folder twice as 'ganbench train' does, and measures times and memory. Then builds the cache of
JPEG files of 128 px, and compares with processes that only decode them, as many as there are cores; and draws
batches from it beside steps that sleep for 2 ms, as a CPU does beside a fast GPU. At last it trains METHOD for a
few iterations on the embedded faces and measures how long the steps waited for batches. Exits with 1 if a limit
is broken.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image

from ganbench.data import decoded, load_dataset
from ganbench.data.files import cores
from ganbench.data.table import TableDataset
from ganbench.distributed import WHOLE
from ganbench.stopwatch import peak_mib
from ganbench.training.batches import Batches, shuffled
from ganbench.training.folder import read_log
from ganbench.training.images import choose

INDEX_SECONDS, WAITING = 30.0, 0.02
# The share of the rate of decoding that building the cache must reach, and how often both are measured.
BUILDING, REPEATS = 0.9, 3
# Seconds of a step that sleeps, and number of these steps.
STEP, SLEEPS = 0.002, 1000
LINKS = 30_000  # of one file; file systems allow more


def report(what: str, value: float, allowed: float, unit: str) -> bool:
    """Print a line, and return whether the limit holds; negative numbers have a lower limit."""
    word = "ok    " if value <= allowed else "BROKEN"
    sign = ">=" if allowed < 0 else "<="
    print(f"{word} {what:<50} {abs(value):8.2f} {unit:<4} {sign} {abs(allowed):g}", flush=True)
    return value <= allowed


def populate(root: Path, count: int) -> None:
    """Write ``count`` images of 16 px, a thousand in each folder, and the list of them."""
    lines = ["subDirectory_filePath,expression"]
    for i in range(count):
        folder, original = root / f"{i // 1000}", root / f"{i // LINKS}.jpg"
        if i % 1000 == 0:
            folder.mkdir()
        if i % LINKS == 0:
            Image.new("RGB", (16, 16), (i // LINKS, 90, 60)).save(original)
        os.link(original, folder / f"{i}.jpg")
        lines.append(f"{i // 1000}/{i}.jpg,{i % 7}")
    (root / "training.csv").write_text("\n".join(lines) + "\n")


def index(count: int) -> bool:
    """Open ``count`` images twice."""
    holds = True
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GANBENCH_CACHE"] = f"{folder}/cache"
        populate(Path(folder), count)
        before = peak_mib()
        for what in ("index", "index again"):
            start, busy = time.perf_counter(), time.process_time()
            opened = load_dataset("affectnet", "train", root=folder, size=128)
            taken, busy = time.perf_counter() - start, time.process_time() - busy
            assert len(opened) == count
            holds &= report(f"{what}: {count:,} images", taken, INDEX_SECONDS, "s")
            print(f"       of which processors worked {busy:26.2f} s")
        del os.environ["GANBENCH_CACHE"]
        print(f"       memory it took {peak_mib() - before:37.0f} MiB")
    return holds


def photographs(root: Path, count: int) -> None:
    """Write ``count`` JPEG files of 128 px, links of 200 different ones, and AffectNet's list of them."""
    random, lines = np.random.default_rng(0), ["subDirectory_filePath,expression"]
    for i in range(count):
        path = root / f"{i}.jpg"
        if i < 200:
            coarse = Image.fromarray(random.integers(0, 256, (9, 9, 3), dtype=np.uint8))
            smooth = np.asarray(coarse.resize((128, 128), Image.Resampling.BICUBIC), np.float64)
            noisy = (smooth + random.normal(0, 5, smooth.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(path, quality=90)
        else:
            os.link(root / f"{i % 200}.jpg", path)
        lines.append(f"{i}.jpg,{i % 7}")
    (root / "training.csv").write_text("\n".join(lines) + "\n")


def processor_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def rates(work: Callable[[], object], count: int) -> tuple[float, float]:
    """Pictures a second of wall time, and of processor time, of one run of ``work``."""
    start, busy = time.perf_counter(), processor_seconds()
    work()
    return count / (time.perf_counter() - start), count / (processor_seconds() - busy)


def decode_alone(dataset: TableDataset) -> None:
    """Decode all pictures in one process a core, and throw them away."""
    children = []
    for k in range(cores()):
        if (child := os.fork()) == 0:
            for row in range(k, len(dataset), cores()):
                dataset._files.image(row)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def build(count: int) -> bool:
    """Build the cache of decoded pictures; draw batches from it beside steps of 2 ms."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GANBENCH_CACHE"] = f"{folder}/cache"
        photographs(Path(folder), count)
        dataset = load_dataset("affectnet", "train", root=folder, size=128, keep=False)
        assert isinstance(dataset, TableDataset)
        assert len(dataset) == count
        decoded.key_of(dataset)  # the code that reads pictures is hashed once a process
        alone, built = [], []
        for _ in range(REPEATS):  # in turn, since other work on the machine comes and goes
            alone.append(rates(lambda: decode_alone(dataset), count))
            for file in Path(folder).glob("cache/pictures/*"):
                file.unlink()
            built.append(rates(lambda: decoded.ensure(dataset), count))
        for what, found in (("decoding alone", alone), ("building the cache", built)):
            wall, busy = (max(values) for values in zip(*found, strict=True))
            print(f"       {what}: {wall:,.0f} pictures a second, {busy:,.0f} a processor second")
        share = 100 * max(wall for wall, _ in built) / max(wall for wall, _ in alone)
        holds = report("rate of building / rate of decoding alone", -share, -100 * BUILDING, "%")
        if hasattr(os, "posix_fadvise"):
            forget(decoded.ensure(dataset).path)
            holds &= beside_sleep(dataset, "disk", ", not in memory")
        for place in ("disk", "memory", "files"):
            holds &= beside_sleep(dataset, place)
        del os.environ["GANBENCH_CACHE"]
    return holds


def forget(path: Path) -> None:
    """Let the system write a file to the disk and drop it from memory, as it does with a file larger than that."""
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


class HostBatches(Batches):
    """Batches of which only the part is made that a CPU makes for a GPU."""

    def _land(self, host: Any) -> Any:
        return host


def beside_sleep(dataset: TableDataset, place: str, remark: str = "") -> bool:
    """Draw batches of 16 beside steps that sleep."""
    images = choose(place, dataset, torch.device("cpu"), 10**9)
    trainer: Any = SimpleNamespace(
        device=torch.device("meta"),  # no CPU, and it needs no pinned memory
        share=WHOLE,
        needs_action_units=False,
        indices=lambda labels, iteration, seed: shuffled(len(labels), 16, iteration, seed),
    )
    batches = HostBatches(trainer, images, dataset.labels, 0)
    start, waited, steps = 0.0, 0.0, 0
    for step, _ in enumerate(batches.between(0, SLEEPS + 20)):
        if step == 20:  # processes are started, and the file is in memory
            batches.time_waited()
            start = time.perf_counter()
        time.sleep(STEP)
        steps += step >= 20
    taken, waited = time.perf_counter() - start, batches.time_waited()
    what = f"waiting beside steps of {1000 * STEP:g} ms, {place}{remark}"
    # Decoding 16 JPEG files takes longer than a step: "files" is there to compare with.
    return report(what, 100 * waited / taken, 100.0 if place == "files" else 100 * WAITING, "%")


def waiting(method: str, iterations: int) -> bool:
    """Train, and measure how long steps wait for batches."""
    from ganbench.training.session import prepare

    recipe = {"warmup_iterations": 0, "probe_every": 0, "log_every": iterations}
    session = prepare(method, "faces", recipe, device="cpu")
    holds = True
    for place in ("memory", "disk"):
        dataset = load_dataset(
            "faces", "train", size=session.image_size, keep=place == "memory", train=1400
        )
        with tempfile.TemporaryDirectory() as folder:
            run = session.run(dataset, Path(folder) / "run", "")
            run.start(place)
            run.run(until=run.done + iterations)
            line = read_log(Path(folder) / "run")[-1]
        holds &= report(
            f"waiting for data, {method}, {place}", 100 * line["waited"], 100 * WAITING, "%"
        )
        session = prepare(method, "faces", recipe, device="cpu")
    return holds


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=290_000)
    parser.add_argument("--pictures", type=int, default=6000)
    parser.add_argument("--method", default="stargan")
    parser.add_argument("--iterations", type=int, default=60)
    chosen = parser.parse_args()
    holds = index(chosen.images) if chosen.images else True
    if chosen.pictures:
        holds &= build(chosen.pictures)
    if chosen.method:
        holds &= waiting(chosen.method, chosen.iterations)
    sys.exit(not holds)


if __name__ == "__main__":
    main()
