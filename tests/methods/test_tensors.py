"""Weights that are no weights: refused by the tensor's name, wherever they come in."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import ganbench
from ganbench.errors import BadInput
from ganbench.judges import face_api
from ganbench.judges.vgg import VGG, VGGConfig
from ganbench.methods.locate import shipped
from ganbench.methods.tensors import fitted
from ganbench.methods.weights import load_discriminator, read_header, read_tensors, save_checkpoint
from ganbench.official import export_checkpoint, import_checkpoint

sys.path.append(str(Path(__file__).parents[1] / "official"))
import authors

NAN, INF = float("nan"), float("inf")

# What becomes of a weight -> what the message says; the rest of the line names the tensor.
WRONG = {
    "nan": (lambda t: t.fill_(NAN), r"not finite: {} in .*take another checkpoint"),
    "one nan": (lambda t: t.view(-1)[:1].fill_(NAN) and t, r"not finite: {} in .*\(1 of"),
    "inf": (lambda t: t.view(-1)[-1:].fill_(INF) and t, "not finite: {} in"),
    "-inf": (lambda t: t.view(-1)[-1:].fill_(-INF) and t, "not finite: {} in"),
    "nan in half": (lambda t: t.fill_(NAN).half(), "not finite: {} in"),
    "int32": (lambda t: t.to(torch.int32), "{} in .* is int32, not float32"),
    "int64": (lambda t: t.to(torch.int64), "{} in .* is int64, not float32"),
    "uint8": (lambda t: t.to(torch.uint8), "{} in .* is uint8, not float32"),
    "bool": (lambda t: t.to(torch.bool), "{} in .* is bool, not float32"),
    "float8": (lambda t: t.to(torch.float8_e4m3fn), "{} in .* is float8_e4m3fn, not float32"),
    "complex": (lambda t: t.to(torch.complex64), "{} in .* is complex64, not float32"),
    "double": (lambda t: t.double() + 1e-12, "{} in .* is float64 with digits .* float32"),
}  # fmt: skip
HARMLESS = {
    "half": lambda t: t.half(),
    "bfloat16": lambda t: t.bfloat16(),
    "double": lambda t: t.double(),
}


def changed(path: Path, key: str, change) -> Path:
    """The checkpoint again, with one tensor changed."""
    tensors = load_file(path)
    tensors[key] = change(tensors[key].clone()).contiguous()
    other = path.with_name("changed.safetensors")
    save_file(tensors, other, metadata={"ganbench": json.dumps(read_header(path))})
    return other


@pytest.fixture
def method(tiny_method, tmp_path):
    path = tmp_path / "m.safetensors"
    save_checkpoint(path, tiny_method("stargan"), "method", "stargan", {})
    return path


@pytest.fixture
def judge(tmp_path):
    path = tmp_path / "judge.safetensors"
    model = VGG(VGGConfig(image_size=16, stages=(1, 1), widths=(4, 6), hidden=8)).eval()
    save_checkpoint(path, model, "judge", "judge", {})
    return path


@pytest.fixture
def imported(tmp_path):
    """An imported checkpoint with its discriminator and unused tensors."""
    g, d = authors.save("stargan", authors.states("stargan"), tmp_path)
    return import_checkpoint("stargan", g, discriminator=d, out=tmp_path / "i.safetensors").path


@pytest.mark.parametrize("fault", WRONG)
def test_a_method_s_checkpoint(method, fault):
    change, message = WRONG[fault]
    path = changed(method, "generator.main.0.weight", change)
    with pytest.raises(BadInput, match=message.format("generator.main.0.weight")) as error:
        ganbench.load_method("stargan", path, device="cpu")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("fault", WRONG)
def test_a_judge_s_checkpoint(judge, fault):
    change, message = WRONG[fault]
    with pytest.raises(BadInput, match=message.format("fc3.bias")):
        ganbench.load_judge(str(changed(judge, "fc3.bias", change)), device="cpu")


@pytest.mark.parametrize("fault", WRONG)
def test_a_discriminator_to_train_on_from(imported, tiny_method, fault):
    from ganbench.baselines.stargan import StarGANTrainer

    change, message = WRONG[fault]
    path = changed(imported, "discriminator.conv1.weight", change)
    loaded = ganbench.load_method("stargan", path, device="cpu")
    critic = StarGANTrainer(loaded, StarGANTrainer.Recipe()).discriminator
    with pytest.raises(BadInput, match=message.format("conv1.weight")) as error:
        load_discriminator(path, critic)
    assert "discriminator of" in str(error.value)


@pytest.mark.parametrize("key", ["generator.main.0.weight", "discriminator.conv1.weight"])
@pytest.mark.parametrize("fault", WRONG)
def test_export(imported, tmp_path, fault, key):
    change, message = WRONG[fault]
    path = changed(imported, key, change)
    with pytest.raises(BadInput, match=message.format(key)):
        export_checkpoint(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_export_and_verify_look_at_what_nothing_reads(imported, tmp_path, call):
    unused = sorted(f"unused.{key}" for key in read_tensors(imported, "unused."))
    path = changed(imported, next(k for k in unused if "mean" in k), lambda t: t.fill_(NAN))
    with pytest.raises(BadInput, match=r"not finite: G.main.*running_mean"):
        export_checkpoint(path, tmp_path / "out")
    code, _, err = call("checkpoints", "verify", path)
    assert code == 2
    assert "not finite" in err


@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
@pytest.mark.parametrize("fault", WRONG)
def test_import(tmp_path, fault, suffix):
    change, message = WRONG[fault]
    g, d = authors.save("stargan", authors.states("stargan"), tmp_path)
    for role, file, key in (("G", g, "main.0.weight"), ("D", d, "conv1.weight")):
        state = torch.load(file, weights_only=True)
        before = state[key].clone()
        state[key] = change(state[key].clone())
        path = file.with_name(f"{role}{suffix}")
        save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
        files = {"file": path} if role == "G" else {"file": g, "discriminator": path}
        with pytest.raises(BadInput, match=message.format(f"{role}.{key}")):
            import_checkpoint("stargan", **files, out=tmp_path / "x.safetensors")
        assert not (tmp_path / "x.safetensors").exists()
        state[key] = before


@pytest.mark.parametrize("kind", HARMLESS)
def test_other_precisions_that_lose_nothing(method, tmp_path, kind):
    change = HARMLESS[kind]
    key = "generator.main.0.weight"
    path = changed(method, key, change)
    weight = ganbench.load_method("stargan", path, device="cpu").state_dict()[key]
    assert weight.dtype == torch.float32
    assert torch.equal(weight, load_file(path)[key].float())

    g, _ = authors.save("stargan", authors.states("stargan"), tmp_path)
    state = torch.load(g, weights_only=True)
    torch.save({k: change(t) if t.is_floating_point() else t for k, t in state.items()}, g)
    found = read_tensors(import_checkpoint("stargan", g, out=tmp_path / "o.safetensors").path)
    assert torch.equal(found[key], change(state["main.0.weight"]).float())


def test_counters_stay_integers(judge):
    key = next(k for k in load_file(judge) if k.endswith("num_batches_tracked"))
    ganbench.load_judge(str(judge), device="cpu")
    path = changed(judge, key, lambda t: t.float())
    with pytest.raises(BadInput, match=f"{key} in .* is float32, not int64"):
        ganbench.load_judge(str(path), device="cpu")


def test_a_constant_of_the_network_may_be_infinite():
    mask = {"mask": torch.tensor([0.0, -INF])}
    assert torch.equal(fitted(mask, dict(mask), "f")["mask"], mask["mask"])
    with pytest.raises(BadInput, match="not finite: mask in f"):
        fitted(mask, {"mask": torch.tensor([-INF, 0.0])}, "f")


def test_tensors_whose_values_are_not_all_in_the_file(tmp_path):
    g, _ = authors.save("stargan", authors.states("stargan"), tmp_path)
    state = torch.load(g, weights_only=True)
    weight = state["main.0.weight"]
    for odd in (weight.to_sparse(), weight[:1, :1, :1, :1].clone().expand(weight.shape)):
        torch.save({**state, "main.0.weight": odd}, g)
        with pytest.raises(BadInput, match=r"G.main.0.weight in .* is no plain tensor"):
            import_checkpoint("stargan", g, out=tmp_path / "x.safetensors")


def test_the_independent_judge_is_checked_too(monkeypatch):
    real = face_api.read_weights
    monkeypatch.setattr(face_api, "read_weights", lambda p: real(p) | {"fc.bias": torch.full((7,), NAN)})  # fmt: skip
    with pytest.raises(BadInput, match=r"not finite: fc.bias in .*face_api"):
        face_api.load_face_api("cpu")


def test_nobody_saves_what_nobody_could_load(tiny_method, tmp_path):
    method = tiny_method("stargan")
    method.generator.main[0].weight.data.view(-1)[0] = NAN
    with pytest.raises(BadInput, match=r"not finite: generator.main.0.weight in stargan"):
        save_checkpoint(tmp_path / "x.safetensors", method, "method", "stargan", {})
    assert not list(tmp_path.iterdir())


def test_shipped_checkpoints_hold_nothing_of_the_kind():
    for name in (*ganbench.list_methods()[:6], "judge"):
        assert all(bool(t.isfinite().all()) for t in read_tensors(shipped(name)).values())
