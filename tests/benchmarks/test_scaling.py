"""The model of what more GPUs would cost: what it counts, and how it adds up."""

import runpy
from pathlib import Path

import pytest

from ganbench.training.session import prepare

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/scaling.py"))


def test_what_an_iteration_reduces_is_counted(tiny_recipe):
    work = SCRIPT["count"]("stargan", tiny_recipe)
    sizes = prepare("stargan", tiny_recipe, device="cpu").trainer.describe()
    # Every step is one of D, every second one of G as well; float32 has four bytes.
    assert work.bytes == 4 * (sizes["discriminator"] + sizes["model"] / 2)
    assert work.reductions == 1.5
    assert work.images == work.batch == 8
    assert work.flops > 0
    assert 100 < work.kernels < 10_000


def test_time_is_computing_or_starting_and_reducing():
    machine = SCRIPT["Machine"](rate=1e12, start=1e-5, bandwidth=1e9, latency=1e-3)
    work = SCRIPT["Work"](10, 16, 16, flops=1e12, kernels=20_000, reductions=2, bytes=1e9)
    assert work.seconds(1, machine) == pytest.approx(1)
    assert work.seconds(2, machine) == pytest.approx(0.5 + 1 + 0.002)
    # A quarter of the work takes as long as starting its kernels.
    assert work.seconds(8, machine) == pytest.approx(0.2 + 1.75 + 0.002)
