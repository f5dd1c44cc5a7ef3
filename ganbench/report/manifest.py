"""The manifest of a run: everything that is needed to repeat the run, and its cost.

It describes the machine without its name, and names files without their folders.
"""

from __future__ import annotations

import dataclasses
import platform
import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import ganbench
from ganbench.evaluation.plan import Pieces
from ganbench.evaluation.protocol import training_notes
from ganbench.provenance import machine
from ganbench.records import Results
from ganbench.stopwatch import Stopwatch

PACKAGES = (
    "torch", "torchvision", "numpy", "scipy", "scikit-learn", "openTSNE", "matplotlib", "pillow", "numba",
    "safetensors",
)  # fmt: skip


def make_manifest(
    results: Results,
    stopwatch: Stopwatch,
    command: Sequence[str],
    files: dict[str, str],
    left_out: str = "",
    notes: Sequence[str] = (),
    pieces: Pieces | None = None,
) -> dict[str, Any]:
    """The manifest as JSON-ready values.

    Args:
        results: of the run.
        stopwatch: with the stages of the run.
        command: the command line of the run, as a list of arguments.
        files: the sha256 (hex) of each other file of the run.
        left_out: the part of the data that was not used, see ``Dataset.left_out``.
        notes: what a reader must know of the data, a line each.
        pieces: how much of the run was stored before it began.
    """
    stages = {
        name: {
            "seconds": round(stage.seconds, 3),
            **({"beside": round(stage.beside, 3)} if stage.beside else {}),
            "peak_mib": round(stage.peak_mib),
        }
        for name, stage in stopwatch.stages.items()
    }
    seconds = sum(stage.seconds for stage in stopwatch.stages.values())
    return {
        "schema": 1,
        "ganbench": ganbench.__version__,
        "command": shlex.join(anonymous(argument) for argument in command),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": results.seed,
        "protocol": results.protocol,
        "protocol_hash": results.protocol_hash,
        "left_out": left_out,
        "pieces": None if pieces is None else dataclasses.asdict(pieces),
        "notes": [*training_notes(results.protocol), *notes],
        "methods": {name: facts["weights"] for name, facts in results.methods.items()},
        "python": platform.python_version(),
        "packages": {name: v for name in PACKAGES if (v := _version(name))},
        "machine": machine(),
        "seconds": round(seconds, 3),
        "peak_mib": round(max((s.peak_mib for s in stopwatch.stages.values()), default=0)),
        "stages": stages,
        "files": files,
    }


def anonymous(argument: str) -> str:
    """An argument in which every absolute path, and every path with ~ or .., is cut to its last name."""
    parts = re.split(r"([=,])", argument.replace("\\", "/"))
    return "".join(
        Path(part).name
        if part.startswith(("/", "~", "..")) or re.match(r"[A-Za-z]:/", part)
        else part
        for part in parts
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
