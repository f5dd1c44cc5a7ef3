"""The workflow in the docs: it is YAML of a workflow, asks for no rights that it needs not, and its commands run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def workflow():
    page = (ROOT / "docs" / "leaderboard.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return yaml.safe_load(block)


def test_it_runs_for_pull_requests_and_has_few_rights(workflow):
    events = workflow[True]  # YAML 1.1 reads the key "on" as a truth value
    assert {"pull_request", "push"} == set(events)
    assert workflow["permissions"] == {"contents": "read"}
    check, publish = workflow["jobs"]["check"], workflow["jobs"]["publish"]
    assert "permissions" not in check
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert publish["needs"] == "check"
    assert publish["if"] == "github.event_name == 'push'"
    assert all("run" in step or re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in check["steps"])  # fmt: skip


def test_its_commands_check_and_build_a_folder_of_results(workflow, tmp_path):
    row = ROOT / "reports/leaderboard/ganimation-half-the-change"
    shutil.copytree(row, tmp_path / "results" / "half")
    env = os.environ | {"GANBENCH_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    commands = [step["run"] for step in workflow["jobs"]["check"]["steps"] if "run" in step]
    ours = [shlex.split(command) for command in commands if command.startswith("ganbench ")]
    assert [words[2] for words in ours] == ["check", "build"]
    for words in ours:
        command = [sys.executable, "-m", *words]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    (upload,) = [step for step in workflow["jobs"]["check"]["steps"] if "upload" in step.get("uses", "")]  # fmt: skip
    assert (tmp_path / upload["with"]["path"] / "index.html").is_file()
