"""GANmut and GGANmut are also called linear and gaussian, wherever a method is named."""

from __future__ import annotations

import json
import re

import pytest
from conftest import RECIPE
from toys import photograph

import ganbench
from ganbench.errors import BadInput
from ganbench.methods.weights import read_header
from ganbench.registry import METHODS
from ganbench.training import recipe as recipes
from ganbench.training.setup import configure

NAMES = {"linear": ("ganmut", "GANmut", "Linear"), "gaussian": ("gganmut", "GGANmut", "GAUSSIAN")}
PAIRS = [(name, other) for name, others in NAMES.items() for other in others]


@pytest.fixture
def done(call):
    """``done(*arguments)``: standard output of a command that succeeds."""

    def run(*arguments):
        code, out, err = call(*arguments)
        assert code == 0, err
        return out

    return run


@pytest.mark.parametrize(("name", "other"), PAIRS)
def test_python_takes_both(name, other):
    assert METHODS.canonical(other) == name
    assert ganbench.load_method(other, device="cpu").name == name
    assert configure(other).name == name


def test_lists_and_errors_show_both(call, done):
    for command in (("methods",), ("checkpoints", "list")):
        out = done(*command)
        for name, (alias, *_) in NAMES.items():
            assert re.search(rf"^\W*{name} \({alias}\) ", out, re.MULTILINE)
    for command in (("train", "gganmutt"), ("eval", "--methods", "gganmutt"), ("reproduce", "gganmutt")):  # fmt: skip
        _, _, err = call(*command)
        assert "did you mean 'gganmut'? known: " in err
        assert "gaussian (gganmut), " in err
        assert "linear (ganmut), " in err


def test_a_recipe_takes_both(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[GANmut]\niterations = 5\n[gaussian]\niterations = 7\n")
    assert recipes.load(str(path), "linear") == {"iterations": 5}
    assert configure("gganmut", str(path), {"warmup_iterations": 0}).recipe.iterations == 7
    path.write_text("[ganmut]\n[linear]\n")
    with pytest.raises(BadInput, match=r"tables \[ganmut\] and \[linear\] for one method"):
        recipes.load(str(path), "linear")


def test_every_command_takes_both(done, tmp_path):
    for split in ("train", "test"):
        photograph(tmp_path / "photos" / split)
    (tmp_path / "tiny.toml").write_text(RECIPE.replace("NAME", "GGANmut").replace("16", "64"))
    data = ("--data", "folder", "--root", "photos", "--device", "cpu")
    assert done("train", "GGANmut", "--recipe", "tiny.toml", *data) == "runs/gaussian/gaussian.safetensors\n"  # fmt: skip
    card = json.loads((tmp_path / "runs/gaussian/recipe.json").read_text())
    assert card["name"] == "gaussian"
    assert card["command"].startswith("ganbench train gaussian ")
    done("train", "gganmut", "--recipe", "tiny.toml", *data, "--resume")
    assert done("plot", "runs/gganmut") == "runs/gaussian/curves.png\n"
    methods = "mine:GGANmut=runs/gganmut"
    plan = done("eval", "--methods", methods, *data, "--metrics", "accuracy", "--dry-run")
    assert "mine (GGANmut)" in plan
    face = tmp_path / "photos/test/sad/0.png"
    done("edit", "--framed", "--method", "gganmut=runs/gganmut", "--images", face,
         "--resize", "--emotion", "happy", "--out", "edits", "--device", "cpu")  # fmt: skip
    done("figure", "nuance", "--method", "gganmut=runs/gganmut", *data, "--out", "n.png")  # fmt: skip
    assert "complete" in done("checkpoints", "verify", "gganmut", "runs/gganmut")
    done("checkpoints", "export", "runs/gganmut", "--official", "--out", "authors")
    (file,) = (tmp_path / "authors").iterdir()
    done("checkpoints", "import", "gganmut", file, "--image-size", 64, "--out", "back.safetensors")
    assert read_header(tmp_path / "back.safetensors")["name"] == "gaussian"
    assert done("reproduce", "gganmut", "--dry-run").startswith("gaussian: 6,500 iterations")
