"""Real ``torchrun``: two processes on gloo, over loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganbench.emotions import EMOTIONS

LIMIT = 240  # seconds until a hanging run is given up; idle machines need some ten


def begin(*arguments: object, restarts: int = 0, **environment: str) -> subprocess.Popen[str]:
    """Start ``torchrun`` with two processes; standard error is piped."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr"]
    command += ["127.0.0.1", "--nproc-per-node", "2", "--max-restarts", str(restarts)]
    command += ["--monitor-interval", "0.1"]
    known = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    if sys.platform == "linux":
        known["GLOO_SOCKET_IFNAME"] = "lo"
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        env=known | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, output and errors of a run; one that hangs fails the test."""
    try:
        out, err = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.terminate()  # torchrun ends its processes
        out, err = process.communicate(timeout=60)
        pytest.fail(f"hangs:\n{err}")
    return process.returncode, out, err


def said(err: str) -> list[str]:
    """The lines of ganbench itself, without torchrun's."""
    return [line for line in err.splitlines() if line.startswith("ganbench: ")]


def photograph(split: Path, each: int) -> None:
    """Noise of 16 px as photographs: a folder per emotion, ``each`` in it."""
    random = np.random.default_rng(0)
    for emotion in EMOTIONS:
        folder = split / emotion
        folder.mkdir(parents=True)
        for i in range(each):
            pixels = random.integers(0, 255, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}.png")
