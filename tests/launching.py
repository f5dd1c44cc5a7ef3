"""Two processes on gloo, over loopback: started by ``torchrun``, or forked as torchrun would start them.

Forked processes come from a server that has imported everything, so that they cost no start. Tests of
what torchrun itself does (signals, restarts) need the real one.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import SERVER

LIMIT = 240  # seconds until a hanging run is given up; idle machines need some ten

KNOWN = {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
if sys.platform == "linux":
    KNOWN["GLOO_SOCKET_IFNAME"] = "lo"


def begin(*arguments: object, restarts: int = 0) -> subprocess.Popen[str]:
    """Start ``torchrun`` with two processes; standard error is piped."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr"]
    command += ["127.0.0.1", "--nproc-per-node", "2", "--max-restarts", str(restarts)]
    command += ["--monitor-interval", "0.1"]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        env=os.environ | KNOWN,
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


def pair(
    function: Callable[..., Any], *arguments: object, **environment: str
) -> tuple[int, str, str]:
    """Run a function in two processes; their largest exit code, output and errors."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        known = dict(os.environ) | KNOWN | environment  # the server has those of its own start
        common = (port, folder, os.getcwd(), known, function, arguments)
        processes = [SERVER.Process(target=_join, args=(rank, *common)) for rank in (0, 1)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(LIMIT)
            if process.is_alive():
                for each in processes:
                    each.kill()
                pytest.fail("hangs")
        out, err = (
            "".join(Path(folder, f"{kind}{rank}").read_text() for rank in (0, 1))
            for kind in ("out", "err")
        )
        return max(abs(process.exitcode or 0) for process in processes), out, err


def _join(
    rank: int,
    port: int,
    folder: str,
    place: str,
    environment: dict[str, str],
    function: Callable[..., Any],
    arguments: tuple[object, ...],
) -> None:
    os.chdir(place)
    os.environ |= environment | {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": str(port),
    }
    with (
        Path(folder, f"out{rank}").open("w") as sys.stdout,
        Path(folder, f"err{rank}").open("w") as sys.stderr,
    ):
        function(*arguments)


def ganbench(*arguments: str) -> None:
    """The command line, in this process."""
    from ganbench.cli import main

    sys.argv = ["ganbench", *arguments]
    main()


def said(err: str) -> list[str]:
    """The lines of ganbench itself, without torchrun's."""
    return [line for line in err.splitlines() if line.startswith("ganbench: ")]
