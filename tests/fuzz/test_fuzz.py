"""100 damaged files of all kinds, the first of those that ``nox -s fuzz`` tries."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks/fuzz"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each input is read by a fork")
def test_no_damaged_file_is_a_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--count", "100"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "100 inputs, 0 wrong" in done.stdout
