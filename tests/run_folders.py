"""What tests of trainings compare: the files that a run leaves, without times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file


def log(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of the log, without times."""
    lines = (folder / "log.jsonl").read_text().splitlines(keepends=True)
    values = [json.loads(line) for line in lines if line.endswith("\n")]
    for line in values:
        assert line.pop("seconds") >= 0
        assert line.pop("images_per_second") > 0
        assert 0 <= line.pop("waited") <= 1
    return values


def state(folder: Path) -> dict[str, Any]:
    """The state, without times."""
    found: dict[str, Any] = torch.load(folder / "state.pt", weights_only=True)
    del found["seconds"], found["window"]["seconds"]
    return found


def outcome(folder: Path) -> dict[str, Any]:
    """Everything that two equal runs have in common: weights, state, log, samples, names of files."""
    (final,) = folder.glob("*.safetensors")
    return {
        "final": load_file(final),
        "state": state(folder),
        "log": log(folder),
        "checkpoints": {p.name: load_file(p) for p in (folder / "checkpoints").iterdir()},
        "samples": {p.name: p.read_bytes() for p in (folder / "samples").iterdir()},
        "files": sorted(p.name for p in folder.iterdir()),
    }


def assert_same(a: Any, b: Any, where: str = "run") -> None:
    """Assert that two nested structures are equal to the last bit."""
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict | list):
        pairs = a.items() if isinstance(a, dict) else enumerate(a)
        assert len(a) == len(b), where
        for key, value in pairs:
            assert_same(value, b[key], f"{where} {key}")
    else:
        assert a == b, where
