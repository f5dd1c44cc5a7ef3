"""Whatever else is given as the authors' file is refused in one line that says what it is."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import authors
import pytest
import torch
from safetensors.torch import save_file

from ganbench.baselines.stargan import StarGANTrainer
from ganbench.errors import BadInput, Unsupported
from ganbench.methods.interface import Method
from ganbench.methods.weights import load_discriminator, save_checkpoint
from ganbench.official import export_checkpoint, import_checkpoint


@pytest.fixture
def files(tmp_path):
    """``files(layout)``: the authors' files of a small random checkpoint."""

    def make(layout: str) -> tuple[Path, Path]:
        folder = tmp_path / layout
        folder.mkdir(exist_ok=True)
        return authors.save(layout, authors.states(layout), folder)

    return make


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """``refused(match, method, file, **options)``: one line, and nothing is written."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)

    def check(match: str, method: str, file: Path, **options: object) -> None:
        before = sorted(place.iterdir())
        with pytest.raises(BadInput, match=match) as error:
            import_checkpoint(method, file, **options)
        assert "\n" not in str(error.value)
        assert sorted(place.iterdir()) == before

    return check


def changed(file: Path, change) -> Path:
    """The file with its content changed in place."""
    content = torch.load(file, weights_only=True)
    change(content)
    torch.save(content, file)
    return file


# -- another file than it was given as ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "layout", "what"),
    [
        ("gaussian", "linear", r"GANmut \(linear\) generator; import it as linear: ganbench"),
        ("linear", "gaussian", r"GGANmut \(gaussian\) generator; import it as gaussian"),
        ("linear", "stargan", "StarGAN generator; import it as stargan"),
        ("stargan", "ganimation7", "GANimation generator; import it as ganimation"),
        ("ganimation", "smit", "SMIT generator; import it as smit"),
        ("smit", "stargan-v2", "StarGAN-v2 file of .*; import it as stargan-v2"),
        ("stargan-v2", "stargan", "StarGAN generator"),
    ],
)
def test_the_generator_of_another_method(refused, files, method, layout, what):
    refused(f"not a generator of {method}: .* is a {what}", method, files(layout)[0])


def test_generator_and_discriminator_exchanged(refused, files):
    g, d = files("stargan")
    refused("give it with --discriminator", "stargan", d)
    refused("give it as FILE, and the discriminator", "stargan", g, discriminator=g)


@pytest.mark.parametrize(
    ("method", "layout", "what"),
    [
        ("stargan", "linear", r"GANmut \(linear\) discriminator"),
        ("linear", "stargan", "discriminator of StarGAN, GANimation or GGANmut"),
        ("stargan", "smit", "SMIT discriminator"),
    ],
)
def test_the_discriminator_of_another_method(refused, files, method, layout, what):
    refused(what, method, files(method)[0], discriminator=files(layout)[1])


def test_a_discriminator_with_other_heads(refused, files):
    # GGANmut's has the code beside the classes in one head.
    g, d = files("stargan")[0], files("gaussian")[1]
    refused(r"D.conv2.weight \(9, .*instead of \(7,", "stargan", g, discriminator=d)


@pytest.mark.parametrize("key", ["axes.weight", "mu.weight"])
def test_the_3d_variant_of_ganmut(refused, files, key):
    layout = "linear" if key == "axes.weight" else "gaussian"
    file = changed(files(layout)[0], lambda state: state.update({key: torch.randn(7, 3)}))
    refused("3-d variant of GANmut", layout, file)


def test_optimisers_and_other_dictionaries(refused, tmp_path):
    file = tmp_path / "x.pth"
    weight = torch.nn.Parameter(torch.zeros(2))
    optimiser = torch.optim.Adam([weight]).state_dict()
    for content, what in (
        (optimiser, "state of an optimiser"),
        ({"generator": optimiser, "discriminator": optimiser}, "state of an optimiser"),
        ({"trainer": {}, "iteration": 3, "seconds": 1.0}, "ganbench training run"),
        ({"fan": {"a": torch.zeros(2)}}, "no StarGAN-v2 file but a dictionary of fan"),
        ({"from_rgb.weight": torch.zeros(2)}, "the generator alone of a StarGAN-v2 file"),
        ({"a.weight": torch.zeros(2)}, "no network that ganbench knows: a.weight"),
        ({"epoch": 3, "lr": 0.1}, "other things than tensors: epoch, lr"),
        ({3: torch.zeros(2)}, "other things than tensors: 3"),
        (torch.zeros(2), "no dictionary of tensors but Tensor"),
        ({}, "no dictionary of tensors"),
    ):
        torch.save(content, file)
        refused(what, "stargan-v2", file)


# -- damaged and dangerous files ----------------------------------------------------------------------


class Payload:
    """Touches a file when it is unpickled without care."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self):
        return os.mkdir, (str(self.proof),)


@pytest.mark.parametrize("write", [pickle.dump, torch.save])
def test_nothing_is_executed(refused, tmp_path, write):
    file, proof = tmp_path / "evil.ckpt", tmp_path / "executed"
    with file.open("wb") as stream:
        write({"axes.weight": Payload(proof)}, stream)
    refused(r"would run code|not a file of torch.save", "linear", file)
    assert not proof.exists()


def test_a_whole_network_is_refused_with_the_way_out(refused, tmp_path):
    file = tmp_path / "whole.pth"
    torch.save(torch.nn.Linear(2, 2), file)
    refused(r"torch.nn.modules.linear.Linear.*docs/checkpoints.md", "linear", file)


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 100, b"PK\x03\x04" + b"\0" * 50, b"\x80\x02}q\x00."])  # fmt: skip
def test_not_a_checkpoint_at_all(refused, tmp_path, content):
    file = tmp_path / "x.ckpt"
    file.write_bytes(content)
    refused("not a file of torch.save, or damaged|would run code", "linear", file)


def test_cut_short_or_missing(refused, files, tmp_path):
    file, _ = files("linear")
    file.write_bytes(file.read_bytes()[:-5000])
    refused("damaged", "linear", file)
    refused("checkpoint not found", "linear", tmp_path / "nowhere.ckpt")
    refused("checkpoint not found", "linear", tmp_path)


def test_a_ganbench_checkpoint_needs_no_import(refused, tiny_method, tmp_path):
    path = tmp_path / "linear.safetensors"
    save_checkpoint(path, tiny_method("linear"), "method", "linear", {})
    refused("needs no import", "linear", path)


def test_safetensors_of_nobody_or_damaged(refused, files, tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"a.weight": torch.zeros(2)}, path)
    refused("no network that ganbench knows: a.weight", "linear", path)
    save_file(torch.load(files("smit")[0], weights_only=True), path)
    refused("is a SMIT generator; import it as smit", "linear", path)
    path.write_bytes(path.read_bytes()[:-10])
    refused("not a safetensors file, or damaged", "smit", path)
    path.write_bytes(b"hello")
    refused("not a safetensors file, or damaged", "smit", path)


# -- networks that do not fit -------------------------------------------------------------------------


def test_wrong_keys_are_listed_in_groups(refused, files):
    def damage(state: dict) -> None:
        del state["main.9.main.0.weight"]
        for place in (3, 6):
            del state[f"main.{place}.weight"]
        state["main.21.weight"] = torch.zeros(3, 2, 7, 7)
        state["main.19.weight"] = torch.zeros(5)
        state["intruder"] = torch.zeros(1)

    file = changed(files("stargan")[0], damage)
    match = (
        r"missing G.main.\*.weight \(2\), G.main.9.main.0.weight; extra G.intruder; "
        r"G.main.19.weight \(5,\) instead of \(4,\), as wrong G.main.21.weight; it is incomplete"
    )
    refused(match, "stargan", file)


@pytest.mark.parametrize(
    ("layout", "key"),
    [
        ("stargan", "G.main.0.weight"),
        ("smit", "G.Domain_Embedding.model.output.weight"),
        ("stargan-v2", "generator.from_rgb.weight"),
        ("stargan-v2", "style_encoder.shared.7.weight"),
        ("stargan-v2", "mapping_network.shared.0.weight"),
    ],
)
def test_without_the_tensor_that_tells_a_size(refused, files, layout, key):
    network, _, name = key.partition(".")

    def damage(content: dict) -> None:
        del (content[network] if layout == "stargan-v2" else content)[name]

    file = changed(files(layout)[0], damage)
    refused(f"incomplete checkpoint: {key}", layout, file)


def test_a_stargan_v2_file_without_one_of_its_networks(refused, files):
    file = changed(files("stargan-v2")[0], lambda content: content.pop("style_encoder"))
    refused("no StarGAN-v2 file but a dictionary of generator, mapping_network", "stargan-v2", file)


# -- options ------------------------------------------------------------------------------------------


def test_options_that_contradict_the_file(refused, files):
    g, d = files("stargan")
    refused("--image-size 64 contradicts", "stargan", g, discriminator=d, image_size=64)
    refused("--image-size 64 contradicts", "stargan-v2", files("stargan-v2")[0], image_size=64)
    refused("image_size must be a multiple of 64: 100", "stargan", g, image_size=100)
    refused("must name the 7 classes", "stargan", g, emotions=["sad", "happy"])
    refused("must name the 7 classes", "stargan", g, emotions=["sad"] * 7)
    refused("must name the 7 classes", "stargan", g, emotions=["sad", "", *"abcde"])
    order = ["happy", "neutral", "sad", "surprised", "fearful", "disgusted", "angry"]
    refused("name neutral first", "linear", files("linear")[0], emotions=order)


def test_other_numbers_of_classes_must_be_named(refused, files):
    def narrow(state: dict) -> None:
        state["main.0.weight"] = state["main.0.weight"][:, :5].contiguous()

    file = changed(files("stargan")[0], narrow)
    refused("the file has 2 classes.*--emotions", "stargan", file)


def test_nothing_is_overwritten(refused, files, tmp_path):
    g, _ = files("stargan")
    there = tmp_path / "there.safetensors"
    there.write_text("mine")
    refused("already there: .*there.safetensors", "stargan", g, out=there)
    assert there.read_text() == "mine"
    imported = import_checkpoint("stargan", g, out=tmp_path / "new.safetensors")
    before = g.read_bytes()
    with pytest.raises(BadInput, match=r"already there: .*200000-G.ckpt"):
        export_checkpoint(imported.path, g.parent)
    assert g.read_bytes() == before


def test_a_place_that_cannot_be_written(refused, files, tmp_path):
    g, _ = files("stargan")
    refused("cannot write", "stargan", g, out=tmp_path / "no" / "such" / "x.safetensors")


# -- methods and checkpoints without a layout ---------------------------------------------------------


def test_a_plug_in_without_a_layout(tiny_method):
    class Plugin(Method):
        name = "plugin"

    with pytest.raises(Unsupported, match="plugin has no authors' layout"):
        Plugin.official()


def test_a_judge_is_not_exported(tmp_path):
    from ganbench.methods.locate import shipped

    with pytest.raises(BadInput, match="only methods have authors"):
        export_checkpoint(shipped("judge"), tmp_path)


def test_a_checkpoint_without_discriminator_says_how_to_get_one(files, tmp_path):
    g, d = files("stargan")
    alone = import_checkpoint("stargan", g, out=tmp_path / "alone.safetensors").path
    method = tiny(alone)
    critic = StarGANTrainer(method, StarGANTrainer.Recipe()).discriminator
    with pytest.raises(BadInput, match=r"no discriminator in the checkpoint: .*--discriminator"):
        load_discriminator(alone, critic)
    both = import_checkpoint("stargan", g, discriminator=d, out=tmp_path / "both.safetensors").path
    method = tiny(both)
    critic = StarGANTrainer(method, StarGANTrainer.Recipe()).discriminator
    load_discriminator(both, critic)
    stored = torch.load(d, weights_only=True)
    assert all(torch.equal(tensor, stored[key]) for key, tensor in critic.state_dict().items())
    critic.conv2 = torch.nn.Conv2d(3, 3, 1)
    with pytest.raises(BadInput, match=r"missing conv2.bias; conv2.weight .* instead of"):
        load_discriminator(both, critic)


def tiny(path: Path) -> Method:
    from ganbench import load_method

    return load_method("stargan", path, device="cpu")
