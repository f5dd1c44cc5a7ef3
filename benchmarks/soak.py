"""Check that memory does not grow in a long training, or with the number of edited pictures.

    python benchmarks/soak.py                       # 2,000 iterations of a small StarGAN
    python benchmarks/soak.py --method smit --iterations 500
    python benchmarks/soak.py --iterations 0        # editing only

Prints the resident memory during the training, and the peak of 'ganbench edit' on a few pictures and on ten
times as many. Exits with 1 if the memory grew by more than 20 MiB in the second half of the training, or if
ten times as many pictures need more than 20 MiB more.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ALLOWED = 20.0  # MiB
SMALL = ("network.width=4", "network.critic_width=4", "network.blocks=1")


def resident() -> float:
    """This process's resident memory, MiB; Linux only."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


def report(what: str, grown: float) -> bool:
    """Print a line, and return whether the growth is allowed."""
    print(
        f"{'ok    ' if grown <= ALLOWED else 'BROKEN'} {what:<44} {grown:8.1f} MiB <= {ALLOWED:g}"
    )
    return grown <= ALLOWED


def train(method: str, iterations: int) -> bool:
    """Train with logs, samples and checkpoints, and return whether the memory stays flat."""
    from ganbench.config import parse_assignments
    from ganbench.data import load_dataset
    from ganbench.training.session import prepare

    often = tuple(f"{key}_every={iterations // 10}" for key in ("log", "sample", "checkpoint"))
    words = (f"iterations={iterations}", "probe_every=0", *often, *SMALL)
    session = prepare(method, "faces", parse_assignments(words), device="cpu")
    dataset = load_dataset("faces", "train", size=session.image_size, limit=700)
    memory: list[float] = []

    def note(line: object) -> None:
        memory.append(resident())

    with tempfile.TemporaryDirectory() as folder:
        run = session.run(dataset, Path(folder) / "run", "", note)
        run.start()
        run.run()
    print(f"       {method}, MiB: {' '.join(f'{value:.0f}' for value in memory)}")
    return report(
        f"growth over the second half of {iterations:,}", memory[-1] - memory[len(memory) // 2 - 1]
    )


def edit_peak(count: int) -> float:
    """Peak memory, MiB, of a process that edits ``count`` pictures of 64 px."""
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "in"
        pictures.mkdir()
        noise = np.random.default_rng(0)
        for i in range(count):
            pixels = noise.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(pictures / f"{i}.png")
        words = [
            "edit",
            "--framed",
            "--images",
            str(pictures),
            "--method",
            "stargan",
            "--emotion",
            "happy",
        ]
        program = (
            "import sys, resource; from ganbench.cli import cli; "
            f"cli.main({[*words, '--out', folder + '/out']!r}, standalone_mode=False); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True
        )
    return float(done.stdout.split()[-1])


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="stargan")
    parser.add_argument("--iterations", type=int, default=2000, help="A multiple of 20.")
    parser.add_argument("--pictures", type=int, default=200)
    chosen = parser.parse_args()
    holds = train(chosen.method, chosen.iterations) if chosen.iterations else True
    if chosen.pictures:
        few, many = (edit_peak(chosen.pictures * times) for times in (1, 10))
        print(
            f"       editing {chosen.pictures} pictures: {few:.0f} MiB, ten times: {many:.0f} MiB"
        )
        holds &= report("editing ten times as many", many - few)
    sys.exit(not holds)


if __name__ == "__main__":
    main()
