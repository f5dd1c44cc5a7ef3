"""The plain loop of the benchmark has the losses of the training that it is compared with."""

import runpy
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/plain.py"))


@pytest.mark.parametrize("method", SCRIPT["METHODS"])
def test_plain_and_fast_are_the_same_at_the_size_of_the_faces(method):
    assert SCRIPT["differences"](method, "faces") <= SCRIPT["TOLERANCE"]
