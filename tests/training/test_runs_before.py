"""Run folders that ganbench 0.1 wrote in November 2026: loaded, resumed, made longer, trained again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from run_folders import assert_same
from safetensors.torch import load_file

import ganbench
from ganbench import load_dataset
from ganbench.errors import BadInput
from ganbench.training.folder import read_log
from ganbench.training.recipe import renewed
from ganbench.training.session import prepare

BEFORE = Path(__file__).parents[1] / "golden" / "before" / "runs"
NAMES = ["gaussian", "judge"]


@pytest.fixture
def begin(tmp_path):
    """``begin(name, folder, **changes)``: the training of an old card, in a folder."""

    def make(name, folder, **changes):
        card = json.loads((BEFORE / name / "recipe.json").read_text())
        (tmp_path / "recipe.toml").write_text(f"[{name}]")
        keys = renewed(card["recipe"]) | {"network": card["network"]} | changes
        session = prepare(name, str(tmp_path / "recipe.toml"), keys, seed=0, device="cpu")
        dataset = load_dataset("faces", "train", size=session.image_size, train=14, test=14)
        return session.run(dataset, folder, "ganbench train")

    return make


@pytest.fixture
def copy(tmp_path):
    """``copy(name)``: an old run folder that may be written to."""

    def make(name):
        folder = Path(shutil.copytree(BEFORE / name, tmp_path / "run"))
        (folder / "samples").mkdir()  # its pictures are not in the repository
        return folder

    return make


def test_its_checkpoints_are_loaded():
    for file in (BEFORE / "gaussian", BEFORE / "gaussian/checkpoints/0000003.safetensors"):
        method = ganbench.load_method("gaussian", file, device="cpu")
        edit = method.edit(torch.rand(7, 3, 16, 16), method.codes(ganbench.EMOTIONS))
        assert edit.images.shape == (7, 3, 16, 16)
    judge = ganbench.load_judge(str(BEFORE / "judge"), device="cpu")
    assert judge.judge(torch.rand(2, 3, 16, 16)).logits.shape == (2, 7)


@pytest.mark.parametrize("name", NAMES)
def test_a_finished_run_is_resumed(begin, copy, name):
    folder = copy(name)
    log, tensors = (folder / "log.jsonl").read_text(), load_file(folder / f"{name}.safetensors")
    run = begin(name, folder)
    assert run.resume() == ""
    assert run.done == 6
    assert run.run() == folder / f"{name}.safetensors"
    assert (folder / "log.jsonl").read_text() == log
    assert_same(load_file(folder / f"{name}.safetensors"), tensors)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_is_made_longer(begin, copy, name):
    folder = copy(name)
    run = begin(name, folder, iterations=8)
    assert "falls to 0 at 8" in run.resume()
    assert run.run() == folder / f"{name}.safetensors"
    assert [line["iteration"] for line in read_log(folder)] == list(range(1, 9))
    assert json.loads((folder / "recipe.json").read_text())["schedule"][0] == [0, 6, None]


@pytest.mark.parametrize("name", NAMES)
def test_another_recipe_is_still_refused(begin, copy, name):
    with pytest.raises(BadInput, match=r"recipe beta1 was 0\.\d, now 0\.25"):
        begin(name, copy(name), beta1=0.25).resume()


def test_the_same_training_has_the_same_losses(begin, tmp_path):
    """Up to rounding. The judge is left out: its dropout now draws the same numbers on all devices."""
    run = begin("gaussian", tmp_path / "run")
    run.start()
    run.run()
    clock = {"seconds", "images_per_second", "waited"}
    for then, now in zip(read_log(BEFORE / "gaussian"), read_log(tmp_path / "run"), strict=True):
        assert {k: v for k, v in now.items() if k not in clock} == pytest.approx(
            {k: v for k, v in then.items() if k not in clock}, rel=1e-2
        )
