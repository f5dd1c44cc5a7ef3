"""``ganbench train``: plans, starting from a checkpoint, and which faces."""

from __future__ import annotations

import json
import re

import pytest
import torch
from click.testing import CliRunner
from conftest import NETWORKS
from safetensors.torch import load_file, save_file

from ganbench.cli.train import train
from ganbench.data import load_dataset
from ganbench.errors import BadInput
from ganbench.judges.vgg import VGG, VGGConfig
from ganbench.methods.weights import read_header, save_checkpoint, sha256
from ganbench.registry import METHODS
from ganbench.training.session import prepare
from ganbench.training.setup import configure

JUDGE = {"image_size": 16, "stages": (1, 1), "widths": (4, 6), "hidden": 8}
COUNTS = {  # of the published checkpoints, and of torchvision's vgg16_bn with seven outputs
    "linear": ("8,421,138", "44,794,816"),
    "gaussian": ("8,421,155", "44,794,816"),
    "stargan": ("8,436,800", "44,778,432"),
    "ganimation": ("8,439,936", "44,778,432"),
    "smit": ("8,165,472", "3,699,024"),
    "stargan-v2": ("33,632,003", "6,542,272", "20,963,904", "20,737,671"),
    "judge": ("134,297,671",),
}


@pytest.fixture(autouse=True)
def _empty_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")


def run(*arguments):
    """Standard output and error of ``ganbench train``; its errors are raised."""
    result = CliRunner().invoke(train, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def refused(*arguments):
    """The message of a refusal."""
    result = CliRunner().invoke(train, [str(a) for a in arguments])
    assert isinstance(result.exception, BadInput), result.output
    return str(result.exception)


# -- plans ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COUNTS)
def test_the_paper_s_run_is_planned_without_data(name, tmp_path):
    out, err = run(name, "--recipe", "affectnet", "--dry-run")
    assert err == ""
    for count in COUNTS[name]:
        assert count in out
    assert "283,901 images (AffectNet's training images of the seven emotions, assumed)" in out
    for label in (
        "Schedule",
        "Loss",
        "Augmentation",
        "Precision",
        "Weight average",
        "Memory",
        "Disk",
    ):
        assert re.search(rf"^{label} ", out, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []


def test_the_plan_tells_when_images_begin_to_vary():
    out, _ = run("smit", "--dry-run", "--set", "augment.rotate=5", "--set", "augment_from=3000")
    assert "flip 0.5, rotate 5.0; before iteration 3,000: flip 0.5" in out


@pytest.mark.parametrize("name", ["stargan", "judge"])
def test_the_short_run_is_planned_without_rendering(name, tmp_path):
    out, _ = run(name, "--dry-run")
    assert "7,000 images (embedded faces)" in out
    assert list(tmp_path.iterdir()) == []


def test_a_plan_tells_what_the_recipe_says():
    out, _ = run("linear", "--recipe", "affectnet", "--dry-run", "--set", "noise=0.075")
    assert re.search(r"model +8,421,138 +400,000 +0.0001", out)
    assert re.search(r"discriminator +44,794,816 +2,000,000 +0.0001", out)
    assert "2,000,000 iterations of 16 images: 32,000,000 images, 112.7 epochs" in out
    assert "0.0001, from iteration 1,900,000 on falling to 0 at 2,000,000" in out
    assert "model: - g_fake + g_cls + 10 g_rec + g_coor + 4 g_strength" in out
    assert re.search(r"noise\s+0\.075", out)
    assert "flip 0.5, rotate 7.5, shift 0.0586, zoom [1.075, 1.15]" in out
    assert re.search(r"Weight average +none", out)
    assert "a checkpoint of 33.68 MB every 10,000 iterations, of which 3 are kept" in out
    out, _ = run("linear", "--recipe", "affectnet", "--dry-run", "--set", "schedule=official")
    assert "0.0001 to the end" in out


def test_a_plan_of_a_folder_counts_its_images(tmp_path):
    for emotion, count in (("happy", 3), ("sad", 1)):
        folder = tmp_path / "photos" / "train" / emotion
        folder.mkdir(parents=True)
        for i in range(count):
            (folder / f"{i}.jpg").write_bytes(b"not looked at")
    out, _ = run("stargan", "--dry-run", "--data", "folder", "--root", "photos")
    assert "4 images (listed: 0 neutral, 3 happy, 1 sad, 0 surprised" in out


def test_a_plan_of_other_faces_counts_them():
    out, _ = run("stargan", "--dry-run", "--data", "faces:train=70,seed=2")
    assert "70 images (embedded faces)" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "folder"], "needs --root"),
        (["--data", "folde"], "did you mean 'folder'"),
        (["--data", "faces:sed=1"], "did you mean 'seed'"),
        (["--data", "faces:seed"], "not a data set: 'faces:seed'"),
        (["--data", "faces:seed=-1"], "not a data set"),
        (["--data", "faces:"], "not a data set"),
        (["--data", "folder:seed=1", "--root", "."], "takes no option 'seed'"),
        (["--data", "faces:size=3"], "unknown option of data set 'faces': 'size'"),
        (["--data", "faces:train=3"], "too few train pictures: 3"),
        (["--root", "."], "no data set was recognised under"),
        (["--resume"], "nothing to resume"),
        (["--init", "nowhere.safetensors"], "checkpoint not found"),
        (["--set", "iteration=3"], "did you mean 'iterations'"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["run", "plan"])
def test_plans_and_runs_refuse_the_same(arguments, message, more, tmp_path):
    assert message in refused("stargan", *arguments, *more)
    assert list(tmp_path.iterdir()) == []


# -- which faces ------------------------------------------------------------------------------------


def test_faces_of_another_seed_are_trained_on(tiny_recipe, tmp_path):
    data = "faces:train=14,seed=3"
    arguments = ["--recipe", tiny_recipe, "--set", "iterations=2", "--device", "cpu", "--out", "a"]
    run("stargan", *arguments, "--data", data)
    card = read_header(tmp_path / "a/stargan.safetensors")["card"]
    faces = load_dataset("faces", "train", size=16, train=14, seed=3)
    assert card["data"] == {"name": "faces", "images": 14, "fingerprint": faces.fingerprint}
    assert f"--data {data}" in card["command"]


# -- starting from a checkpoint -----------------------------------------------------------------------


@pytest.fixture
def place(tiny_faces, tiny_recipe, monkeypatch):
    """Arguments of a training on noise with the tiny recipe."""
    monkeypatch.setattr("ganbench.data.load_dataset", lambda *_, **__: tiny_faces())
    return ["--recipe", tiny_recipe, "--device", "cpu"]


def checkpoint(path, name, discriminator=True, **network):
    """A checkpoint with random weights, as an import would make it."""
    torch.manual_seed(99)
    if name == "judge":
        save_checkpoint(path, VGG(VGGConfig(**JUDGE)), "judge", "judge", {"licence": "MIT"})
        return path
    cls = METHODS.load(name)
    method = cls(cls.Config(**{**NETWORKS[name], **network}))
    trainer = cls.trainer()(method, cls.trainer().Recipe())
    state = trainer.networks["discriminator"].state_dict() if discriminator else {}
    beside = {f"discriminator.{key}": tensor for key, tensor in state.items()}
    beside["unused.step"] = torch.zeros(2)
    save_checkpoint(path, method, "method", name, {"licence": "CC BY-NC 4.0"}, beside)
    return path


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("name", [*NETWORKS, "judge"])
@pytest.mark.parametrize("recipe", ["faces", "affectnet"])
def test_networks_average_and_discriminator_start_from_the_file(name, recipe, tmp_path):
    path = checkpoint(tmp_path / "start.safetensors", name)
    trainer = prepare(name, recipe, {"ema_decay": 0.5}, device="cpu", init=path).trainer
    stored = load_file(path)
    model = {k: v for k, v in stored.items() if not k.startswith(("discriminator.", "unused."))}
    assert equal(trainer.model.state_dict(), model)
    assert equal(trainer.ema.state_dict(), model)
    if name != "judge":
        critic = trainer.networks["discriminator"].state_dict()
        if getattr(trainer.recipe, "source_head", False):
            del critic[
                f"{trainer.networks['discriminator'].heads[-1]}.weight"
            ]  # random: the file has none
        assert equal({f"discriminator.{k}": v for k, v in critic.items()}, {
            k: v for k, v in stored.items() if k.startswith("discriminator.")
        })  # fmt: skip


def test_the_network_is_the_file_s_and_the_training_the_recipe_s(place, tmp_path):
    path = checkpoint(tmp_path / "start.safetensors", "stargan", width=6)
    _, err = run("stargan", *place, "--init", path, "--out", "a", "--set", "iterations=2")
    first, *notes = err.splitlines()
    assert (
        first
        == "starts from start.safetensors; its network replaces that of the recipe: width 6 (not 4)"
    )
    assert all(
        note.startswith(("note: ", "computes on ", "images: ")) for note in notes
    )  # notes on so short a run
    header = read_header(tmp_path / "a/stargan.safetensors")
    assert header["config"]["width"] == 6
    card = header["card"]
    assert card["recipe"]["n_critic"] == 2
    assert card["init"] == {"name": "start.safetensors", "sha256": sha256(path)}
    assert card["licence"] == "CC BY-NC 4.0"
    assert "--init start.safetensors" in card["command"]
    assert str(tmp_path) not in json.dumps(header)


def test_without_a_discriminator_that_starts_afresh(place, tmp_path):
    path = checkpoint(tmp_path / "start.safetensors", "stargan", discriminator=False)
    _, err = run("stargan", *place, "--init", path, "--set", "iterations=2")
    first, *_ = err.splitlines()
    assert (
        first
        == "starts from start.safetensors, which holds no discriminator: the discriminator starts with random weights"
    )
    fresh, begun = (
        prepare("stargan", place[1], device="cpu", init=init).trainer for init in (None, path)
    )
    assert equal(fresh.discriminator.state_dict(), begun.discriminator.state_dict())
    assert not equal(fresh.model.state_dict(), begun.model.state_dict())


def test_a_run_that_started_from_a_file_is_resumed_without_it(place, tmp_path):
    path = checkpoint(tmp_path / "start.safetensors", "stargan", width=6)
    more = ("--set", "schedule=official", "--set", "checkpoint_every=2")
    run("stargan", *place, *more, "--init", path, "--out", "straight")
    run("stargan", *place, *more, "--init", path, "--out", "halted", "--set", "iterations=4")
    path.unlink()
    run("stargan", *place, *more, "--out", "halted", "--resume")
    straight, halted = (tmp_path / f"{name}/stargan.safetensors" for name in ("straight", "halted"))
    assert equal(load_file(straight), load_file(halted))
    facts = [read_header(file)["card"] for file in (straight, halted)]
    assert facts[0]["init"] == facts[1]["init"]
    assert facts[0]["licence"] == facts[1]["licence"] == "CC BY-NC 4.0"


def test_what_cannot_be_started_from(place, tmp_path):
    path = checkpoint(tmp_path / "start.safetensors", "stargan")
    assert "already has weights" in refused("stargan", *place, "--init", path, "--resume")
    message = refused("linear", *place, "--init", path)
    assert "holds 'stargan', not 'linear'" in message
    judge = checkpoint(tmp_path / "judge.safetensors", "judge")
    assert "checkpoint of another judge" in refused("stargan", *place, "--init", judge)
    assert "checkpoint of another method" in refused("judge", *place, "--init", path)
    assert not (tmp_path / "runs").exists()


def test_a_discriminator_of_another_size_is_named(tmp_path):
    path = checkpoint(tmp_path / "start.safetensors", "stargan")
    header = read_header(path)
    header["config"]["critic_width"] = 6
    save_file(load_file(path), path, metadata={"ganbench": json.dumps(header)})
    with pytest.raises(BadInput, match="does not fit its own configuration"):
        prepare("stargan", "faces", device="cpu", init=path)


def test_a_plan_takes_the_network_of_the_file(tmp_path):
    path = checkpoint(tmp_path / "start.safetensors", "stargan", width=6)
    out, _ = run("stargan", "--dry-run", "--init", path)
    assert "image_size 16, width 6" in out
    assert re.search(r"Start +starts from start.safetensors", out)
    assert configure("stargan", init=path).network.width == 6
