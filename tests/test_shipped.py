"""What lies in checkpoints/, and that it reaches a user who installs the wheel."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import torch

import ganbench
from ganbench import config
from ganbench.methods.locate import shipped
from ganbench.methods.weights import read_header, sha256
from ganbench.training.recipe import Recipe, renewed
from ganbench.training.session import prepare

ROOT = Path(__file__).parent.parent
NAMES = ["judge", *ganbench.list_methods()[:6]]
MANIFEST = tomllib.loads((ROOT / "checkpoints/faces/MANIFEST.toml").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_tells_the_truth(name):
    path, entry = shipped(name), MANIFEST[name]
    assert sha256(path) == entry["sha256"]
    assert path.stat().st_size == entry["bytes"] < 8 << 20
    card = read_header(path)["card"]
    for key in ("seed", "command", "hours", "licence", "data"):
        assert card[key] == entry[key], key
    assert not re.search(r"(^|\s)[~/]", entry["command"])


@pytest.mark.parametrize("name", NAMES)
def test_it_was_trained_with_the_shipped_recipe(name):
    card = read_header(shipped(name))["card"]
    plan = prepare(name, "faces", seed=card["seed"], device="cpu")
    # Built again from the card: what has become an option since then had its default.
    for now, then in (
        (plan.trainer.model.config, card["network"]),
        (plan.trainer.recipe, renewed(card["recipe"])),
    ):
        assert how_it_learns(now) == how_it_learns(config.build(type(now), then, "card"))
    # The run may have gone on: a recipe of constant rates says where its best checkpoint was.
    assert plan.trainer.recipe.iterations == card["iteration"]


def how_it_learns(configuration):
    free = {"log_every", "sample_every", "checkpoint_every", "keep", "iterations"}
    if isinstance(configuration, Recipe):
        last = configuration.augmentation(configuration.iterations - 1)
        if last != configuration.augment:  # the run ended before its images began to vary
            configuration = dataclasses.replace(configuration, augment=last, augment_from=0)
    return {k: v for k, v in config.plain(configuration).items() if k not in free}


def test_all_methods_share_one_resolution():
    sizes = {ganbench.load_method(name, device="cpu").spec.image_size for name in NAMES[1:]}
    assert sizes == {64}


def test_the_judge_knows_the_test_faces():
    data, judge = (
        ganbench.load_dataset("faces", "test", limit=210),
        ganbench.load_judge(device="cpu"),
    )
    right = judge.judge(data.images(range(210))).logits.argmax(1).numpy() == data.labels
    assert right.mean() >= 0.95


def test_the_readme_example_runs(monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    scope: dict = {}
    exec(code, scope)  # our own README
    assert scope["edit"].images.shape == (8, 3, 64, 64)
    assert torch.equal(scope["codes"], scope["method"].anchors()[1].expand(8, 2))


def test_the_wheel_holds_everything(tmp_path):
    # Built from a copy: setuptools leaves a folder build/, whose stale modules a later wheel would hold.
    source = tmp_path / "source"
    source.mkdir()
    for name in ("ganbench", "baselines", "checkpoints"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--wheel-dir", tmp_path, source],
        check=True,
        env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    files = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"ganbench/checkpoints/faces/{name}.safetensors" for name in NAMES}
    wanted |= {
        "ganbench/checkpoints/faces/MANIFEST.toml",
        "ganbench/baselines/smit.py",
        "ganbench/data/faces/head.npz",
        "ganbench/data/faces/HEAD_LICENSE.md",
        "ganbench/recipes/faces.toml",
        "ganbench/recipes/affectnet.toml",
        "ganbench/report/templates/report.html",
        "ganbench/report/paper_table1.toml",
        "ganbench/py.typed",
    }
    assert wanted <= files
    assert not [file for file in files if file.startswith(("tests/", "baselines/", "checkpoints/"))]
    modules = {
        f"ganbench/{p.relative_to(ROOT / 'ganbench')}" for p in (ROOT / "ganbench").rglob("*.py")
    }
    assert modules <= files
