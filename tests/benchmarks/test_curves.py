"""The script of nox -s reproduce, on a training of six steps."""

import json
import runpy
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks/reproduce.py"


@pytest.fixture
def reproduce(monkeypatch, capsys, tmp_path, tiny_recipe):
    """``reproduce(*arguments)`` -> exit code and output."""
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))

    def run(*arguments):
        words = ["--recipe", tiny_recipe, "--data", "faces:train=14"]
        words += ["--curve", str(tmp_path / "curve.json"), *arguments]
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words])
        capsys.readouterr()
        code = 0
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as end:
            code = end.code or 0
        return code, capsys.readouterr().out

    return run


def test_equal_code_passes_and_another_training_fails(reproduce, tmp_path):
    code, _ = reproduce()
    assert "no reference" in code
    assert reproduce("--update")[0] == 0
    curve = json.loads((tmp_path / "curve.json").read_text())
    assert curve["iteration"] == [1, 2, 3, 4, 5, 6]
    code, output = reproduce("--tolerance", "1e-6")
    assert code == 0, output
    code, output = reproduce("--set", "learning_rate=3e-2")
    assert code == 1
    assert "BROKEN" in output


def test_last_bits_pass_and_drifting_or_missing_values_do_not():
    distances = runpy.run_path(str(SCRIPT))["distances"]
    before = {"iteration": [1, 2, 3], "d_real": [2.0, -4.0, 1.0]}
    assert distances(before, before) == {"iteration": 0, "d_real": 0}
    near = before | {"d_real": [2.0001, -4.0, 1.0]}
    assert distances(before, near)["d_real"] == pytest.approx(2.5e-5)
    assert distances(before, before | {"d_real": [2.0, -4.0, 2.0]})["d_real"] == 0.25
    assert distances(before, {"iteration": [1, 2, 3]})["d_real"] == float("inf")
    assert distances(before, before | {"new": [1.0]})["new"] == float("inf")
