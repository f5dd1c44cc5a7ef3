"""Checkpoints: what is saved comes back, and whatever else is given is refused by name."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import ganbench
from ganbench.errors import BadInput
from ganbench.judges.vgg import VGG, VGGConfig
from ganbench.methods.weights import read_header, save_checkpoint, sha256

CARD = {"licence": "CC-BY-4.0", "seed": 3, "data": {"name": "tiny", "images": 21}}


@pytest.fixture
def saved(tiny_method, tmp_path):
    """A checkpoint of stargan."""
    path = tmp_path / "stargan.safetensors"
    save_checkpoint(path, tiny_method("stargan"), "method", "stargan", CARD)
    return path


@pytest.fixture
def saved_judge(tmp_path):
    path = tmp_path / "judge.safetensors"
    torch.manual_seed(0)
    judge = VGG(VGGConfig(image_size=16, stages=(1, 1), widths=(4, 6), hidden=8)).eval()
    save_checkpoint(path, judge, "judge", "judge", CARD)
    return path


def rewrite(path: Path, header=None, **changes) -> Path:
    """The checkpoint again, with keys of its header or the header itself replaced."""
    card = {**read_header(path), **changes} if header is None else header
    other = path.with_name("other.safetensors")
    save_file(load_file(path), other, metadata={"ganbench": json.dumps(card)})
    return other


def one_line(error: pytest.ExceptionInfo) -> None:
    assert "\n" not in str(error.value)


# -- what works -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "gaussian", "stargan", "ganimation", "smit", "stargan-v2"])  # fmt: skip
def test_a_method_comes_back_as_it_was(tiny_method, tmp_path, name):
    method, path = tiny_method(name), tmp_path / "m.safetensors"
    save_checkpoint(path, method, "method", name, CARD)
    loaded = ganbench.load_method(name, path, device="cpu")
    assert loaded.config == method.config
    state = method.state_dict()
    assert loaded.state_dict().keys() == state.keys()
    for key, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, state[key])
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    size = method.spec.image_size
    images, codes = torch.rand(2, 3, size, size), method.codes(torch.tensor([1, 5]))
    assert torch.equal(loaded.edit(images, codes).images, method.edit(images, codes).images)


def test_a_method_knows_where_it_comes_from(saved):
    method = ganbench.load_method("stargan", str(saved), device="cpu")
    assert method.spec.licence == "CC-BY-4.0"
    assert method.card == CARD
    assert method.fingerprint == sha256(saved)
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]  # nothing temporary


def test_options_of_the_architecture_come_back(tiny_method, tmp_path):
    path = tmp_path / "m.safetensors"
    for name, network in [
        ("gaussian", {"channels": "rgb", "means": "circle"}),
        ("ganimation", {"condition": "action_units"}),
        ("stargan", {"emotions": ("calm", "glad")}),
    ]:
        method = tiny_method(name, **network)
        save_checkpoint(path, method, "method", name, {})
        assert ganbench.load_method(name, path, device="cpu").config == method.config


def test_a_checkpoint_is_replaced_only_when_the_new_one_is_complete(
    tiny_method, saved, monkeypatch
):
    before = saved.read_bytes()

    def full_disk(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(saved, tiny_method("stargan", seed=1), "method", "stargan", CARD)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_judge_comes_back_as_it_was(saved_judge):
    judge = ganbench.load_judge(checkpoint=saved_judge, device="cpu")
    assert judge.spec.image_size == 16
    assert judge.spec.dimension == 8
    assert judge.spec.licence == "CC-BY-4.0"
    assert judge.spec.fingerprint == sha256(saved_judge)
    assert judge.spec.trained_on == "tiny"
    images = torch.rand(5, 3, 16, 16)
    judged = judge.judge(images)
    assert judged.logits.shape == (5, 7)
    assert judged.features.shape == (5, 8)
    logits, features = judge.model(images * 2 - 1)
    assert torch.equal(judged.logits, logits)
    assert torch.equal(judged.features, features)
    assert (judged.features >= 0).all()
    # A batch is judged as its images are, and other sizes are resampled.
    alone = torch.cat([judge.judge(image[None]).logits for image in images])
    torch.testing.assert_close(judged.logits, alone, atol=1e-5, rtol=0)
    assert judge.judge(torch.rand(2, 3, 64, 64)).logits.shape == (2, 7)
    by_path = ganbench.load_judge(str(saved_judge), device="cpu")
    assert by_path.spec == judge.spec


# -- what is refused ----------------------------------------------------------------------------------


def load(kind: str, path: Path):
    if kind == "method":
        return ganbench.load_method("stargan", path, device="cpu")
    return ganbench.load_judge(checkpoint=path, device="cpu")


@pytest.mark.parametrize("kind", ["method", "judge"])
class TestRefused:
    @pytest.fixture
    def path(self, kind, saved, saved_judge):
        return saved if kind == "method" else saved_judge

    def test_missing(self, kind, tmp_path):
        with pytest.raises(BadInput, match=r"checkpoint not found: .*nowhere.safetensors"):
            load(kind, tmp_path / "nowhere.safetensors")

    def test_a_folder(self, kind, tmp_path):
        with pytest.raises(BadInput, match="not a run folder"):
            load(kind, tmp_path)

    @pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 100, b"PK\x03\x04" + b"\0" * 50])
    def test_not_safetensors(self, kind, tmp_path, content):
        path = tmp_path / "x.safetensors"
        path.write_bytes(content)
        with pytest.raises(BadInput, match=r"not a ganbench checkpoint: .*x.safetensors") as error:
            load(kind, path)
        one_line(error)

    def test_cut_short(self, kind, path):
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(BadInput, match="not a ganbench checkpoint"):
            load(kind, path)

    def test_without_a_card(self, kind, tmp_path):
        path = tmp_path / "x.safetensors"
        save_file({"a": torch.zeros(2)}, path)
        with pytest.raises(BadInput, match="no card in its header"):
            load(kind, path)
        save_file({"a": torch.zeros(2)}, path, metadata={"ganbench": "{not json"})
        with pytest.raises(BadInput, match="its card: it is no JSON"):
            load(kind, path)

    @pytest.mark.parametrize("header", [[], 3, {"format": 1}, {"format": 1, "kind": "method"}])
    def test_with_a_card_of_another_shape(self, kind, path, header):
        with pytest.raises(BadInput, match="not a ganbench checkpoint"):
            load(kind, rewrite(path, header=header))

    def test_of_a_newer_format(self, kind, path):
        with pytest.raises(BadInput, match=r"checkpoint of format 2: .*upgrade"):
            load(kind, rewrite(path, format=2))

    def test_of_another_method(self, kind, tiny_method, tmp_path):
        path = tmp_path / "linear.safetensors"
        save_checkpoint(path, tiny_method("linear"), "method", "linear", CARD)
        with pytest.raises(BadInput, match=r"linear.safetensors holds .*'linear'"):
            load(kind, path)

    def test_of_the_other_kind(self, kind, saved, saved_judge):
        with pytest.raises(BadInput, match=r"holds .*'(judge|stargan)'"):
            load(kind, saved_judge if kind == "method" else saved)

    def test_with_missing_extra_and_misshapen_tensors(self, kind, path):
        tensors = load_file(path)
        first, second = sorted(key for key, value in tensors.items() if value.ndim)[:2]
        broken = {key: value for key, value in tensors.items() if key != first}
        broken["intruder"] = torch.zeros(1)
        broken[second] = torch.zeros(*tensors[second].shape, 2)
        save_file(broken, path, metadata={"ganbench": json.dumps(read_header(path))})
        with pytest.raises(BadInput, match="does not fit its own configuration") as error:
            load(kind, path)
        for part in (f"missing {first}", "extra intruder", f"{second} (", "instead of ("):
            assert part in str(error.value)
        one_line(error)

    def test_many_mismatches_are_cut_short(self, kind, path):
        save_file({"a": torch.zeros(1)}, path, metadata={"ganbench": json.dumps(read_header(path))})
        with pytest.raises(BadInput, match=r"and \d+ more"):
            load(kind, path)

    def test_with_an_unknown_key_in_its_configuration(self, kind, path):
        config = {**read_header(path)["config"], "imagesize": 3}
        with pytest.raises(BadInput, match=r"unknown key in checkpoint.*did you mean 'image_size'"):
            load(kind, rewrite(path, config=config))

    @pytest.mark.parametrize("write", [pickle.dump, torch.save], ids=["pickle", "torch"])
    def test_a_pickle_is_never_executed(self, kind, tmp_path, write):
        proof = tmp_path / "executed"
        path = tmp_path / "evil.safetensors"
        with path.open("wb") as file:
            write(Payload(proof), file)
        with pytest.raises(BadInput, match="not a ganbench checkpoint") as error:
            load(kind, path)
        one_line(error)
        assert not proof.exists()


class Payload:
    """An object that touches a file when it is unpickled without care."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self):
        return Path.touch, (self.proof,)


def test_the_payload_would_work(tmp_path):
    proof = tmp_path / "executed"
    pickle.loads(pickle.dumps(Payload(proof)))
    assert proof.exists()


def test_unknown_names_get_a_hint(saved):
    with pytest.raises(BadInput, match=r"unknown method: 'stargn'; did you mean 'stargan'\?"):
        ganbench.load_method("stargn", saved)
    with pytest.raises(BadInput, match=r"unknown judge: 'vg'; did you mean 'vgg'\?"):
        ganbench.load_judge("vg")


def test_unknown_devices_are_named(saved):
    with pytest.raises(BadInput, match="device is not available: 'gpu'"):
        ganbench.load_method("stargan", saved, device="gpu")


def test_a_method_that_ships_nothing_says_how_to_get_one(monkeypatch, tmp_path):
    from ganbench.methods import locate

    monkeypatch.setattr(locate, "shipped_folder", lambda: tmp_path)
    with pytest.raises(BadInput, match=r"no shipped checkpoint: 'stargan'.*ganbench train stargan"):
        ganbench.load_method("stargan")
