"""Measure how long training waits for its data, and the time to open a data set of AffectNet's size.

    python benchmarks/data.py                    # index 290,000 files, and the waiting of a short run
    python benchmarks/data.py --images 20000 --method ''

Writes tiny JPEG files, which are hard links of a few files, and AffectNet's list of them into a temporary
folder. Opens the folder twice as 'ganbench train' does, and measures times and memory. Then trains METHOD for
a few iterations on the embedded faces and measures how long the steps waited for batches. Exits with 1 if a
limit is broken.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

from ganbench.data import load_dataset
from ganbench.stopwatch import peak_mib

INDEX_SECONDS, WAITING = 30.0, 0.05
LINKS = 30_000  # of one file; file systems allow more


def report(what: str, value: float, allowed: float, unit: str) -> bool:
    """Print a line, and return whether the limit holds."""
    word = "ok    " if value <= allowed else "BROKEN"
    print(f"{word} {what:<44} {value:8.2f} {unit:<4} <= {allowed:g}", flush=True)
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


def waiting(method: str, iterations: int) -> bool:
    """Train, and measure how long steps wait for batches."""
    from ganbench.training.batches import Batches
    from ganbench.training.session import prepare

    waited = 0.0
    between = Batches.between

    def timed(self: Batches, first: int, end: int) -> Any:
        nonlocal waited
        stream = between(self, first, end)
        yield next(stream)  # no step runs while the first batch is prepared
        while True:
            start = time.perf_counter()
            batch = next(stream, None)
            waited += time.perf_counter() - start
            if batch is None:
                return
            yield batch

    session = prepare(method, "faces", {"warmup_iterations": 0, "probe_every": 0}, device="cpu")
    dataset = load_dataset("faces", "train", size=session.image_size)
    Batches.between = timed  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        run = session.run(dataset, Path(folder) / "run", "")
        run.start()
        start = time.perf_counter()
        run.run(until=iterations)
        taken = time.perf_counter() - start
    return report(f"waiting for data, {method}", 100 * waited / taken, 100 * WAITING, "%")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=290_000)
    parser.add_argument("--method", default="stargan")
    parser.add_argument("--iterations", type=int, default=60)
    chosen = parser.parse_args()
    holds = index(chosen.images) if chosen.images else True
    if chosen.method:
        holds &= waiting(chosen.method, chosen.iterations)
    sys.exit(not holds)


if __name__ == "__main__":
    main()
