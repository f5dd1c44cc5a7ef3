"""Plug-ins of third parties: found, loaded, and named when they are broken."""

from __future__ import annotations

import importlib
import sys

import pytest
import torch

import ganbench
from ganbench.errors import BadInput
from ganbench.methods.interface import Method
from ganbench.methods.weights import save_checkpoint
from ganbench.registry import METHODS, Registry
from ganbench.training.session import prepare

MODULE = '''
from dataclasses import dataclass
import torch
from torch import nn
from ganbench.emotions import EMOTIONS
from ganbench.methods.interface import Method

@dataclass(frozen=True)
class Config:
    image_size: int = 8
    emotions: tuple[str, ...] = EMOTIONS
    gain: float = 0.5

class Dimmer(Method):
    """Scales the image by the code."""
    name, title, paper, Config = "dimmer", "Dimmer", "Nobody 2020", Config
    def __init__(self, config):
        super().__init__(config)
        self.levels = nn.Parameter(torch.linspace(0.1, 0.9, len(config.emotions)))
    @property
    def code_dim(self):
        return 1
    def encode(self, condition, noise=None):
        return self.levels[condition.emotions][:, None]
    def translate(self, x, codes):
        return x * codes[:, :, None, None] * self.config.gain, None

NOT_A_METHOD = 3
class NotAMethodEither: pass
'''


@pytest.fixture
def plug_in(tmp_path, monkeypatch):
    """``plug_in(entries, **modules)``: installs a package that registers ``entries``."""

    def install(entries: str, last: bool = False, **modules: str) -> None:
        for name, source in modules.items():
            (tmp_path / f"{name}.py").write_text(source)
        info = tmp_path / "plug_in_for_tests-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug-in-for-tests\nVersion: 1.0\n")  # fmt: skip
        (info / "entry_points.txt").write_text(f"[ganbench.methods]\n{entries}\n")
        monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)] if last else [str(tmp_path), *sys.path])  # fmt: skip
        importlib.invalidate_caches()

    before = set(sys.modules)
    yield install
    for name in set(sys.modules) - before:
        if name.startswith("plug_in_"):
            del sys.modules[name]


def test_a_plug_in_is_listed_after_ours_without_being_imported(plug_in):
    plug_in(
        "zebra = plug_in_a:Dimmer\ndimmer = plug_in_a:Dimmer",
        plug_in_a="raise RuntimeError('imported')",
    )
    assert ganbench.list_methods()[:6] == ["linear", "gaussian", "stargan", "ganimation", "smit", "stargan-v2"]  # fmt: skip
    assert ganbench.list_methods()[6:] == ["dimmer", "zebra"]
    assert "plug_in_a" not in sys.modules


def test_a_plug_in_works_as_ours_do(plug_in, tmp_path):
    plug_in("dimmer = plug_in_b:Dimmer", plug_in_b=MODULE)
    cls = METHODS.load("dimmer", Method)
    method = cls(cls.Config(gain=0.25))
    save_checkpoint(tmp_path / "d.safetensors", method, "method", "dimmer", {"licence": "MIT"})
    loaded = ganbench.load_method("dimmer", tmp_path / "d.safetensors", device="cpu")
    assert loaded.spec.title == "Dimmer"
    assert loaded.spec.licence == "MIT"
    assert loaded.config.gain == 0.25
    images = torch.rand(7, 3, 8, 8)
    edit = loaded.edit(images, loaded.codes(torch.arange(7)))
    expected = ((2 * images - 1) * torch.linspace(0.1, 0.9, 7)[:, None, None, None] * 0.25 + 1) / 2
    torch.testing.assert_close(edit.images, expected)


def test_a_plug_in_without_training_says_so(plug_in):
    plug_in("dimmer = plug_in_b:Dimmer", plug_in_b=MODULE)
    with pytest.raises(ganbench.errors.Unsupported, match="dimmer cannot be trained by ganbench"):
        prepare("dimmer", device="cpu")


def test_a_plug_in_without_a_shipped_checkpoint_says_so(plug_in):
    plug_in("dimmer = plug_in_b:Dimmer", plug_in_b=MODULE)
    with pytest.raises(BadInput, match="no shipped checkpoint: 'dimmer'"):
        ganbench.load_method("dimmer")


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import a_module_that_is_not_there", "No module named 'a_module_that_is_not_there'"),
        ("x = 1", "Dimmer"),
        ("raise RuntimeError('no GPU here')", "no GPU here"),
        ("def f(:", "invalid syntax"),
    ],
    ids=["import", "attribute", "error", "syntax"],
)
def test_a_broken_plug_in_is_named(plug_in, source, cause):
    plug_in("dimmer = plug_in_c:Dimmer", plug_in_c=source)
    with pytest.raises(BadInput, match=r"'dimmer' cannot be imported from 'plug_in_c:Dimmer'") as e:
        METHODS.load("dimmer", Method)
    assert cause in str(e.value)
    assert "reinstall or remove" in str(e.value)
    # The others are not affected.
    assert METHODS.load("stargan", Method).name == "stargan"


@pytest.mark.parametrize("what", ["NOT_A_METHOD", "NotAMethodEither", "Config"])
def test_a_plug_in_of_another_kind_is_named(plug_in, what):
    plug_in(f"odd = plug_in_d:{what}", plug_in_d=MODULE)
    with pytest.raises(BadInput, match=f"'odd' is 'plug_in_d:{what}', not a subclass of .*Method"):
        METHODS.load("odd", Method)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("name", ["stargan", "StarGAN", "GANmut"])
def test_a_plug_in_cannot_take_one_of_our_names(plug_in, last, name):
    plug_in(f"{name} = plug_in_b:Dimmer", last=last, plug_in_b=MODULE)
    assert METHODS.load(name, Method).__module__.startswith("ganbench.")
    assert METHODS.names() == list(METHODS.first)


def test_unknown_names_are_hinted_at(plug_in):
    plug_in("dimmer = plug_in_b:Dimmer", plug_in_b=MODULE)
    with pytest.raises(
        BadInput, match=r"unknown method: 'dimer'; did you mean 'dimmer'\? known: d"
    ):
        METHODS.load("dimer")


def test_an_empty_group():
    empty = Registry("ganbench.nothing", "thing")
    assert empty.names() == []
    with pytest.raises(BadInput, match="unknown thing: 'x'"):
        empty.load("x")


@pytest.mark.parametrize("name", ["linear", "gaussian", "stargan", "ganimation", "smit", "stargan-v2"])  # fmt: skip
def test_ours_carry_the_name_they_are_registered_under(name):
    cls = METHODS.load(name, Method)
    assert cls.name == name
    assert cls.Config().emotions == ganbench.EMOTIONS
    assert cls.trainer().Recipe().iterations > 0
