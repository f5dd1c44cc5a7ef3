"""The authors' networks as training programs wrap them, and files that are no checkpoint at all."""

from __future__ import annotations

import authors
import pytest
import torch
from safetensors.torch import save_file

from ganbench.errors import BadInput
from ganbench.methods.weights import read_tensors
from ganbench.official import import_checkpoint

LAYOUTS = ["linear", "stargan", "smit", "stargan-v2"]


def optimiser() -> dict:
    return torch.optim.Adam([torch.nn.Parameter(torch.zeros(2))]).state_dict()


def prefixed(prefix: str):
    def wrap(g, d):
        if all(isinstance(value, dict) for value in g.values()):
            return {name: {f"{prefix}{key}": t for key, t in s.items()} for name, s in g.items()}
        return {f"{prefix}{key}": tensor for key, tensor in g.items()}

    return wrap


WRAPPED = {
    "state_dict": lambda g, d: {"state_dict": g, "epoch": 3},
    "model": lambda g, d: {"model": g},
    "generator": lambda g, d: {"generator": g, "iteration": 100},
    "both": lambda g, d: {"generator": g, "discriminator": d, "optimizer": optimiser()},
    "G and D": lambda g, d: {"G": g, "D": d, "lr": 0.1},
    "with optimiser": lambda g, d: {"state_dict": g, "optimizer": optimiser()},
    "deeper": lambda g, d: {"model": {"state_dict": g}, "args": {"lr": 0.1}},
    "module.": prefixed("module."),
    "module.module.": prefixed("module.module."),
    "_orig_mod.": prefixed("_orig_mod."),
    "_orig_mod.module.": prefixed("_orig_mod.module."),
    "module._orig_mod.": prefixed("module._orig_mod."),
    "wrapped and prefixed": lambda g, d: {"state_dict": prefixed("module.module.")(g, d)},
    "model.": prefixed("model."),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("wrapping", WRAPPED)
def test_a_wrapped_generator_is_the_bare_one(tmp_path, layout, wrapping):
    file, critic = authors.save(layout, authors.states(layout), tmp_path)
    g, d = (torch.load(one, weights_only=True) for one in (file, critic))
    bare = import_checkpoint(layout, file, out=tmp_path / "bare.safetensors").path
    torch.save(WRAPPED[wrapping](g, d), tmp_path / "wrapped.pth")
    found = import_checkpoint(layout, tmp_path / "wrapped.pth", out=tmp_path / "w.safetensors").path
    expected, tensors = read_tensors(bare), read_tensors(found)
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[key]) for key, tensor in tensors.items())


def test_a_lightning_module_of_two_networks(tmp_path):
    file, critic = authors.save("stargan", authors.states("stargan"), tmp_path)
    g, d = (torch.load(one, weights_only=True) for one in (file, critic))
    flat = {f"G.{key}": t for key, t in g.items()} | {f"D.{key}": t for key, t in d.items()}
    torch.save({"state_dict": flat, "global_step": 3}, tmp_path / "l.ckpt")
    options = {"discriminator": tmp_path / "l.ckpt", "out": tmp_path / "l.safetensors"}
    tensors = read_tensors(import_checkpoint("stargan", tmp_path / "l.ckpt", **options).path)
    assert torch.equal(tensors["generator.main.0.weight"], g["main.0.weight"])
    assert torch.equal(tensors["discriminator.conv1.weight"], d["conv1.weight"])
    save_file(flat, tmp_path / "l2.safetensors")
    found = import_checkpoint(
        "stargan", tmp_path / "l2.safetensors", out=tmp_path / "x.safetensors"
    )
    assert torch.equal(read_tensors(found.path)["generator.main.0.weight"], g["main.0.weight"])


def test_which_of_two_is_not_guessed(tmp_path):
    file, _ = authors.save("stargan", authors.states("stargan"), tmp_path)
    g = torch.load(file, weights_only=True)
    torch.save({"first": g, "second": g}, tmp_path / "two.pth")
    with pytest.raises(
        BadInput, match="dictionary of first, second; give the file of the generator"
    ):
        import_checkpoint("stargan", tmp_path / "two.pth", out=tmp_path / "x.safetensors")


def test_a_wrapped_network_of_another_method_is_named(tmp_path):
    file, _ = authors.save("linear", authors.states("linear"), tmp_path)
    torch.save({"state_dict": torch.load(file, weights_only=True)}, tmp_path / "w.pth")
    with pytest.raises(BadInput, match=r"is a GANmut \(linear\) generator; import it as linear"):
        import_checkpoint("stargan", tmp_path / "w.pth", out=tmp_path / "x.safetensors")


@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "a web page"),
        (b"\n  <html lang='en'>", "a web page"),
        ("\ufeff<!doctype HTML>ä".encode(), "a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a web page"),
        (b"<!DOCTYPE html>" + "ä".encode() * 3000, "a web page"),
        (b"hello", "a text"),
        (b'{"message": "Not Found"}\n', "a text"),
        (b"Access denied\r\n", "a text"),
        (b"", "an empty file"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n",
            "a pointer of Git LFS",
        ),
        (b"\x1f\x8b\x08\x00abcdef", "a gzip archive"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 30, "an HDF5 file"),
    ],
)
def test_files_that_are_no_checkpoints(tmp_path, content, what, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=f"or damaged: .* is {what}") as error:
        import_checkpoint("stargan", path, out=tmp_path / "out.safetensors")
    assert "run code" not in str(error.value)
    assert "\n" not in str(error.value)


def test_code_is_still_called_code(tmp_path):
    path = tmp_path / "x.ckpt"
    for content in (
        b"cos\nsystem\n(S'ls'\ntR.",
        b"cposix\nsystem\np0\n(S'touch x'\np1\ntp2\nRp3\n.",
    ):
        path.write_bytes(content)
        with pytest.raises(BadInput, match="would run code"):
            import_checkpoint("stargan", path, out=tmp_path / "out.safetensors")
