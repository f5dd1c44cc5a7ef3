"""tools/train_shipped.py: the judge and all methods trained within a time, stopped, continued and evaluated."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ganbench.methods.weights import read_header

TOOL = Path(__file__).parent.parent / "tools/train_shipped.py"
NAMES = ("judge", "stargan", "linear", "gaussian", "ganimation", "smit", "stargan-v2")

# Networks of a few channels: an iteration takes some 20 ms.
TINY = """
[judge]
base = "faces:judge"
iterations = 60
decay_iterations = 20
[judge.network]
widths = [4, 4, 8, 8]
hidden = 8
""" + "".join(
    f"""
[{name}]
base = "faces:{name}"
iterations = 40
warmup_iterations = 4
[{name}.network]
{"max_channels = 8" if name == "stargan-v2" else "width = 4"}
{"channel_base = 256" if name == "stargan-v2" else "blocks = 1"}
{"hidden = 8" if name == "stargan-v2" else "critic_width = 4"}
"""
    for name in NAMES[1:]
)


def call(folder: Path, minutes: float, *more: str) -> subprocess.CompletedProcess[str]:
    recipe = folder / "tiny.toml"
    recipe.write_text(TINY)
    words = [sys.executable, str(TOOL), "--recipe", str(recipe), "--minutes", str(minutes)]
    return subprocess.run(
        [*words, "--device", "cpu", "--out", str(folder / "all"), *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


@pytest.mark.slow
def test_all_are_trained_stopped_continued_and_evaluated(tmp_path):
    done = call(tmp_path, 0.6, "--whole")  # too little for seven processes
    folder = tmp_path / "all"
    plan = json.loads((folder / "plan.json").read_text())["trainings"]
    assert sorted(plan) == sorted(NAMES)
    assert not any(job["settings"] for job in plan.values())

    def finished() -> bool:
        return all((folder / name / f"{name}.safetensors").exists() for name in NAMES)

    assert not finished(), "everything was trained in half a minute: give it less time"
    for _ in range(5):  # a busy machine needs more calls
        done = call(tmp_path, 2)
        if finished():
            break
    assert done.returncode == 0, done.stdout + done.stderr
    for name in NAMES:
        run = folder / name
        assert read_header(run / f"{name}.safetensors")["card"]["iteration"] == (
            60 if name == "judge" else 40
        )
        assert (run / "log.jsonl").exists()
        assert name == "judge" or list((run / "samples").glob("*.png"))
    records = json.loads((folder / "eval/results.json").read_text())["records"]
    assert {record["method"] for record in records} >= set(NAMES[1:])


@pytest.mark.slow
def test_lengths_are_shortened_alike(tmp_path):
    call(tmp_path, 0.02)
    jobs = json.loads((tmp_path / "all/plan.json").read_text())["trainings"]
    for name in NAMES:
        assert 8 <= jobs[name]["settings"]["iterations"] < 60
