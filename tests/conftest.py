"""What several tests share: networks and data small enough to train in a blink."""

from __future__ import annotations

import multiprocessing
import sys

import numpy as np
import pytest
import torch

from ganbench.cli import main, screen
from ganbench.data.dataset import Dataset
from ganbench.methods.interface import Method
from ganbench.registry import METHODS

pytest_plugins = ["browsing"]

# A busy machine must not add lines of progress to what commands print to standard error.
screen.EVERY = float("inf")

# Processes forked from a server that has imported everything: they cost no start.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    ["conftest", "ganbench.training.session", "ganbench.training.samples", "torch._dynamo"]
    + [f"ganbench.baselines.{name}" for name in ("stargan", "ganimation", "smit", "stargan_v2")]
    + ["ganbench.ganmut.linear", "ganbench.ganmut.gaussian"]
)

SIZE = 16
BACKBONE = {"image_size": SIZE, "width": 4, "blocks": 1, "critic_width": 4, "critic_layers": 2}

# Architecture of each method at its smallest.
NETWORKS: dict[str, dict[str, object]] = {
    "linear": BACKBONE,
    "gaussian": BACKBONE,
    "stargan": BACKBONE,
    "ganimation": BACKBONE,
    "smit": {"image_size": 32, "width": 4, "blocks": 1, "critic_width": 4},
    "stargan-v2": {
        "image_size": 32,
        "channel_base": 128,
        "max_channels": 8,
        "hidden": 8,
        "bottleneck": 1,
    },
}

RECIPE = """
[NAME]
iterations = 6
batch_size = 8
learning_rate = 1e-3
decay_iterations = 4
warmup_iterations = 1
ema_decay = 0.9
n_critic = 2
log_every = 1
sample_every = 3
checkpoint_every = 3
[NAME.augment]
flip = 0.5
rotate = 5.0
zoom = [0.9, 1.1]
[NAME.network]
image_size = 16
width = 4
blocks = 1
critic_width = 4
critic_layers = 2
"""

JUDGE = """
[judge]
iterations = 6
batch_size = 8
decay_iterations = 4
ema_decay = 0.9
log_every = 1
checkpoint_every = 3
[judge.augment]
flip = 0.5
[judge.network]
image_size = 16
stages = [1, 1]
widths = [4, 6]
hidden = 8
"""


class TinyFaces(Dataset):
    """Noise with labels, kept in memory; ``units`` adds action units."""

    name, split, size = "tiny", "train", SIZE

    def __init__(self, n: int = 21, units: bool = False) -> None:
        self.labels = np.arange(n) % 7
        self.paths = [f"{i}.png" for i in range(n)]
        self.fingerprint = f"tiny {n} {units}"
        random = torch.Generator().manual_seed(0)
        self.pixels = torch.rand(n, 3, SIZE, SIZE, generator=random)
        self.units = torch.rand(n, 17, generator=random) if units else None

    def images(self, indices):
        return self.pixels[torch.as_tensor(np.asarray(indices))]

    def action_units(self, indices):
        return None if self.units is None else self.units[torch.as_tensor(np.asarray(indices))]


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Nets this small only lose time to threads, and sums in one order keep runs comparable."""
    torch.set_num_threads(1)


@pytest.fixture
def tiny_faces():
    """``tiny_faces(n, units)``: a small data set."""
    return TinyFaces


@pytest.fixture
def tiny_method():
    """``tiny_method(name, seed, **network)``: a small untrained method, ready to edit."""

    def make(name: str, seed: int = 0, **network: object) -> Method:
        cls = METHODS.load(name, Method)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(cls.Config(**{**NETWORKS[name], **network})).requires_grad_(False).eval()

    return make


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """``call(*args)`` -> exit code, stdout, stderr of the entry point, without the cost of a process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))

    def run(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ganbench", *map(str, args)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def tiny_recipe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of a recipe of a few steps for the StarGAN family and the judge."""
    family = [
        RECIPE.replace("NAME", name) for name in ("linear", "gaussian", "stargan", "ganimation")
    ]
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text("".join([*family, JUDGE]))
    return str(path)
