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
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import SERVER

from ganbench.storage import source

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
    """Run a function in two processes of one group; their largest exit code, output and errors."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    common |= {"MASTER_PORT": port, "TORCHELASTIC_RUN_ID": port} | environment
    ranks = [common | {"RANK": rank, "LOCAL_RANK": rank} for rank in ("0", "1")]
    return forked(ranks, function, *arguments)


def forked(
    environments: list[dict[str, str]], function: Callable[..., Any], *arguments: object
) -> tuple[int, str, str]:
    """Run a function in a process for each environment; their largest exit code, output and errors."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = [(f"{folder}/out{i}", f"{folder}/err{i}") for i in range(len(environments))]
        inherited = dict(os.environ) | KNOWN  # the server has the environment of its own start
        processes = [
            SERVER.Process(
                target=_run, args=(files, inherited | more, os.getcwd(), function, arguments)
            )
            for files, more in zip(outputs, environments, strict=True)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(LIMIT)
            if process.is_alive():
                for each in processes:
                    each.kill()
                pytest.fail("hangs")
        out, err = ("".join(Path(paths[kind]).read_text() for paths in outputs) for kind in (0, 1))
        return max(abs(process.exitcode or 0) for process in processes), out, err


def _run(
    outputs: tuple[str, str],
    environment: dict[str, str],
    place: str,
    function: Callable[..., Any],
    arguments: tuple[object, ...],
) -> None:
    os.chdir(place)
    os.environ |= environment
    # torch read the variable when the server imported it. The number of threads changes the last bits.
    torch.set_num_threads(int(environment["OMP_NUM_THREADS"]))
    source.PROCESS.began = time.time()  # the server, which has imported ganbench, began earlier
    with (
        Path(outputs[0]).open("w") as out,
        Path(outputs[1]).open("w") as err,
        redirect_stdout(out),
        redirect_stderr(err),
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
