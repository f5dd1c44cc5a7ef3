"""CONTRIBUTING.md's path of a plug-in author, word for word, and configurations as authors write them."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

import pytest
import torch
from toys import K, Reader, ToyPhotos

import ganbench
from ganbench import config
from ganbench.errors import BadInput
from ganbench.methods.interface import Method
from ganbench.methods.weights import save_checkpoint
from ganbench.storage.store import Store

PAGE = (
    (Path(__file__).parents[1] / "CONTRIBUTING.md")
    .read_text()
    .partition("## A method of your own")[2]
)
MODULE, SAVING = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def block(kind: str) -> str:
    (found,) = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return found


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """``installed(module, entry)``: a package as pip would leave it, and importable."""

    def install(module: str, entry: str) -> None:
        (tmp_path / "mypackage").mkdir()
        (tmp_path / "mypackage" / "__init__.py").touch()
        (tmp_path / "mypackage" / "mymethod.py").write_text(module)
        info = tmp_path / "mypackage-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mypackage\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[ganbench.methods]\n{entry}\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        importlib.invalidate_caches()

    yield install
    for name in [name for name in sys.modules if name.partition(".")[0] == "mypackage"]:
        del sys.modules[name]


def test_the_page_word_for_word(installed, call, tmp_path):
    (entry,) = re.findall(r"^ +(mymethod = .+)$", block("ini"), re.MULTILINE)
    installed(MODULE, entry)
    (tmp_path / "my.toml").write_text(block("toml"))
    exec(SAVING, {})  # our own page
    assert ganbench.load_method("mymethod", "weights.safetensors", device="cpu").licence == "MIT"
    commands = block("sh").splitlines()
    assert len(commands) == 5
    for command in commands:
        code, out, err = call(*shlex.split(command)[1:])
        assert code == 0, (command, err)
        if command == "ganbench methods":
            assert re.search(r"^mymethod +My method +Me, 2026$", out, re.MULTILINE)
    assert "My method" in (tmp_path / "runs" / "eval" / "report.html").read_text()
    assert (tmp_path / "runs" / "mymethod" / "mymethod.safetensors").is_file()
    # What the page says of a method without its checkpoint.
    code, _, err = call("eval", "--methods", "mymethod", "--data", "faces:train=70,test=14")
    assert code == 2
    assert "no shipped checkpoint: 'mymethod'" in err


BARE = '''
from dataclasses import dataclass
import torch
from torch import nn
from ganbench import EMOTIONS
from ganbench.methods import Method

@dataclass(frozen=True)
class Config:
    image_size: int = 8
    emotions: tuple = EMOTIONS
    sizes: list = (1, 2)

class Lazy(Method):
    """Returns its input, or darkens it by a fixed table of its own."""
    name, title, paper, Config = "lazy", "Lazy", "Nobody", Config
    needs_checkpoint = not TABLE
    def __init__(self, config):
        super().__init__(config)
        if TABLE:
            self.table = nn.Parameter(torch.full((7,), 0.9))
    @property
    def code_dim(self):
        return 7
    def encode(self, condition, noise=None):
        return nn.functional.one_hot(condition.emotions, 7).float()
    def translate(self, x, codes):
        return (x * (codes @ self.table)[:, None, None, None] if TABLE else x), None
'''


@pytest.mark.parametrize("table", [False, True])
def test_a_method_that_needs_no_checkpoint(installed, call, tmp_path, table):
    installed(f"TABLE = {table}\n{BARE}", "lazy = mypackage.mymethod:Lazy")
    method = ganbench.load_method("lazy", device="cpu")
    assert method.device == torch.device("cpu")
    assert not any(p.requires_grad for p in method.parameters())
    assert method.spec.emotions == ganbench.EMOTIONS
    store = Store(tmp_path / "store")
    found = ganbench.evaluate(["lazy"], ToyPhotos(14), Reader(), store=store, device="cpu")
    assert re.fullmatch("[0-9a-f]{64}", found.results.methods["lazy"]["weights"])
    # With a file it works as well.
    ganbench.save_checkpoint(tmp_path / "lazy.safetensors", method)
    again = ganbench.load_method("lazy", tmp_path / "lazy.safetensors", device="cpu")
    assert again.config.emotions == ganbench.EMOTIONS
    assert again.card == {}
    code, out, err = call("checkpoints", "show", "lazy.safetensors")
    assert code == 0, err
    assert "lazy" in out
    assert call("checkpoints", "verify", "lazy.safetensors")[0] == 0
    code, _, err = call("edit", "--framed", "--images", tmp_path / "no", "--method", "lazy", "--emotion", "sad", "--out", "o")  # fmt: skip
    assert code == 2


def test_a_plug_in_that_cannot_be_built(installed):
    broken = BARE.replace("super().__init__(config)", "raise OSError('no table.bin')")
    installed(f"TABLE = True\n{broken}", "lazy = mypackage.mymethod:Lazy")
    with pytest.raises(
        BadInput, match="lazy cannot be built without a checkpoint: OSError: no table"
    ):
        ganbench.load_method("lazy", device="cpu")


# -- configurations -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inner:
    width: int = 3
    steps: tuple = ((1, 2), (3,))


@dataclass(frozen=True)
class Odd:
    bare: tuple = (1, "a", (2, (3, 4)))
    listed: list = field(default_factory=lambda: [1, [2]])
    table: dict = field(default_factory=lambda: {"a": 1, "b": {"c": [2]}})
    names: list[str] = field(default_factory=lambda: ["x", "y"])
    pairs: tuple[tuple[int, float], ...] = ((1, 2.0), (3, 4.0))
    widths: dict[str, int] = field(default_factory=lambda: {"a": 1})
    by_number: dict[int, float] = field(default_factory=lambda: {3: 0.5})
    inner: Inner = Inner()
    inners: list[Inner] = field(default_factory=lambda: [Inner(4), Inner(5, ())])
    by_name: dict[str, Inner] = field(default_factory=lambda: {"a": Inner(6)})
    either: int | str = "auto"
    other: int | str = 3
    several: tuple[int, ...] | None = (1, 2)
    optional: Optional[list[int]] = None  # noqa: UP045
    chosen: frozenset[str] = frozenset({"a", "b"})
    anything: Any = 3
    rate: float | None = 1.0


def test_configurations_come_back():
    odd = Odd()
    back = config.build(Odd, config.plain(odd), "odd")
    assert back == odd
    assert isinstance(back.bare[2], tuple)
    assert isinstance(back.inner.steps[0], tuple)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"bare": 3}, "wrong type of odd bare: 3; give a list"),
        ({"listed": "ab"}, "wrong type of odd listed: 'ab'; give a list"),
        ({"table": [1]}, "wrong type of odd table"),
        ({"names": [1]}, "wrong type of odd names: 1"),
        ({"widths": {"a": "b"}}, "wrong type of odd widths a: 'b'"),
        ({"inners": [{"wdth": 3}]}, "unknown key in odd inners: 'wdth'; did you mean 'width'"),
        ({"either": [3]}, "wrong type of odd either"),
    ],
)
def test_what_does_not_fit_is_named(table, message):
    with pytest.raises(BadInput, match=message):
        config.build(Odd, table, "odd")


def test_what_cannot_be_saved_is_named(tmp_path):
    @dataclass(frozen=True)
    class Strange:
        image_size: int = 8
        emotions: tuple = ganbench.EMOTIONS
        what: Any = torch.relu

    class Mine(Method):
        name, title, paper, Config = "mine", "Mine", "Me", Strange

    with pytest.raises(BadInput, match="Strange holds what JSON cannot"):
        ganbench.save_checkpoint(tmp_path / "x.safetensors", Mine(Strange()))
    with pytest.raises(BadInput, match="the card of mine holds what JSON cannot"):
        ganbench.save_checkpoint(tmp_path / "x", Mine(Strange(what=1)), card={"a": object()})
    with pytest.raises(BadInput, match="Linear has no name or no config"):
        ganbench.save_checkpoint(tmp_path / "x.safetensors", torch.nn.Linear(2, K))
    assert not list(tmp_path.iterdir())


KEEPING = """
from dataclasses import dataclass
from functools import lru_cache

import torch
from ganbench.emotions import EMOTIONS
from ganbench.methods import Method

@dataclass(frozen=True)
class Config:
    image_size: int = 8
    emotions: tuple[str, ...] = EMOTIONS

@lru_cache
def kernel():
    return torch.ones(3)

class Keeping(Method):
    name, title, paper = "keeping", "Keeping", "Me, 2026"
    Config = Config

    def __init__(self, config):
        super().__init__(config)
        self.weight = torch.nn.Parameter(torch.zeros(3))
        self.kernel = kernel()

    code_dim = 7

    def translate(self, x, codes):
        return x * self.kernel[None, :, None, None], None
"""


def test_what_a_plug_in_keeps_while_it_is_built_has_values(installed, tmp_path):
    installed(KEEPING, "keeping = mypackage.mymethod:Keeping")
    from mypackage.mymethod import Keeping, kernel

    path = tmp_path / "keeping.safetensors"
    save_checkpoint(path, Keeping(Keeping.Config()), "method", "keeping", {})
    kernel.cache_clear()  # as in a new process
    method = ganbench.load_method("keeping", path, device="cpu")
    assert method.kernel.tolist() == [1, 1, 1]
    size = method.config.image_size
    edit = method.edit(torch.rand(1, 3, size, size), torch.zeros(1, 7))
    assert edit.images.isfinite().all()
