"""The suite's VGG: torchvision's network, weights from a user's file, and checkpoints of before."""

from __future__ import annotations

import json

import pytest
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.models.vgg import make_layers
from torchvision.transforms import functional as transforms

from ganbench.errors import BadInput
from ganbench.judges.pretrained import read_pretrained
from ganbench.judges.vgg import VGG, VGGConfig, load_vgg
from ganbench.methods.locate import shipped
from ganbench.methods.weights import save_checkpoint, sha256
from ganbench.training.session import prepare

ARCHS = ("vgg16", "vgg16_bn")
LAST = "classifier.6."


class Tiny(nn.Module):
    """A network of the same structure as torchvision's VGG-16, and of a few weights."""

    def __init__(self, arch, num_classes, dropout=0.5):
        super().__init__()
        self.features = make_layers([4, "M", 6, "M"], batch_norm=arch == "vgg16_bn")
        self.avgpool = nn.AdaptiveAvgPool2d(2)
        self.classifier = nn.Sequential(
            nn.Linear(24, 8), nn.ReLU(True), nn.Dropout(dropout),
            nn.Linear(8, 8), nn.ReLU(True), nn.Dropout(dropout),
            nn.Linear(8, num_classes),
        )  # fmt: skip


@pytest.fixture
def tiny(monkeypatch):
    """torchvision's networks are ``Tiny`` ones: ``tiny(arch)`` is a state dict of 1,000 classes."""
    monkeypatch.setattr(
        "torchvision.models.get_model", lambda arch, weights, **options: Tiny(arch, **options)
    )

    def state(arch="vgg16"):
        torch.manual_seed(7)
        return Tiny(arch, 1000).state_dict()

    return state


@pytest.mark.parametrize("arch", ARCHS)
def test_keys_and_shapes_are_torchvision_s(arch):
    with torch.device("meta"):
        ours = VGG(VGGConfig(arch=arch)).state_dict()
        theirs = torchvision.models.get_model(arch).state_dict()
    assert ours.keys() == theirs.keys()
    wrong = [key for key in ours if ours[key].shape != theirs[key].shape]
    assert wrong == [f"{LAST}weight", f"{LAST}bias"]
    assert ours[f"{LAST}weight"].shape == (7, 4096)


@pytest.mark.parametrize("arch", ARCHS)
def test_outputs_are_those_of_torchvision_s_layers(tiny, arch):
    torch.manual_seed(0)
    judge = VGG(VGGConfig(arch=arch)).eval()
    x = torch.rand(2, 3, 224, 224)
    h = transforms.normalize(x, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    h = judge.avgpool(judge.features(h)).flatten(1)
    for layer in judge.classifier[:5]:
        h = layer(h)
    with torch.no_grad():
        logits, features = judge(x * 2 - 1)
        torch.testing.assert_close(features, h)
        torch.testing.assert_close(logits, judge.classifier[6](h))


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_judge_starts_from_torchvision_s_weights(tiny, arch, suffix, tmp_path):
    path, state = tmp_path / f"weights{suffix}", tiny(arch)
    (save_file if suffix == ".safetensors" else torch.save)(state, path)
    session = prepare("judge", "affectnet", {"ema_decay": 0.5}, device="cpu", init=path)
    trainer, setup = session.trainer, session.setup
    model, average = trainer.model.state_dict(), trainer.ema.state_dict()
    assert all(torch.equal(model[k], state[k]) for k in state if not k.startswith(LAST))
    assert model[f"{LAST}weight"].shape == (7, 8)
    assert all(torch.equal(value, average[key]) for key, value in model.items())
    assert setup.network.arch == arch
    assert setup.init == {"name": path.name, "sha256": sha256(path)}
    assert setup.licence == "unknown"
    assert (
        setup.remark
        == f"starts from {path.name}, torchvision's {arch}; its last layer starts with random weights"
    )


def test_files_of_old_torch_of_wrappers_and_of_half_precision(tiny, tmp_path):
    path, state = tmp_path / "weights.pth", tiny("vgg16_bn")
    torch.save({
        f"module.{key}": value.half()
        for key, value in state.items() if not key.endswith("num_batches_tracked")
    }, path)  # fmt: skip
    arch, tensors = read_pretrained(path)
    assert arch == "vgg16_bn"
    assert tensors.keys() == {key for key in state if not key.startswith(LAST)}
    assert {tensors[key].dtype for key in state if "running" in key} == {torch.float32}
    assert torch.equal(tensors["features.0.weight"], state["features.0.weight"].half().float())


def damaged(kind, state, path):
    """Write a file that no judge can start from."""
    if kind == "network":
        state = {"conv1.weight": torch.zeros(3), "bn1.weight": torch.zeros(3)}
    elif kind == "shape":
        state = state | {"classifier.3.weight": torch.zeros(8, 9)}
    elif kind == "missing":
        del state["features.3.bias"]
    elif kind == "NaN":
        state["features.0.bias"][0] = float("nan")
    elif kind == "pickled":
        state = nn.Linear(2, 2)
    torch.save(state, path)
    if kind == "text":
        path.write_text("404: not found\n")
    elif kind == "absent":
        path.unlink()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("absent", "checkpoint not found: weights.pth (No such file or directory); check the path"),
        ("text", "not a file of torch.save, or damaged: weights.pth is a text: fetch the checkpoint"),
        ("network", "not a VGG-16: weights.pth is no network that ganbench knows: conv1.weight, bn1"),
        ("shape", "fit torchvision's vgg16: weights.pth (classifier.3.weight (8, 9) instead of (8, 8)"),
        ("missing", "fit torchvision's vgg16: weights.pth (missing features.3.bias); give torchvision's"),
        ("NaN", "not finite: features.0.bias in weights.pth (1 of 4 values are NaN or infinite)"),
        ("pickled", "reading weights.pth would run code that it names: torch.nn.modules.linear.Linear"),
    ],
)  # fmt: skip
def test_other_files_are_refused_in_a_line(tiny, kind, message, call, tmp_path):
    damaged(kind, tiny(), tmp_path / "weights.pth")
    start = ("--init", "weights.pth", "--dry-run")
    code, _, error = call("train", "judge", "--recipe", "affectnet", *start)
    assert code == 2
    assert message in error
    assert error.count("\n") == 1


def test_a_method_does_not_start_from_them(tiny, call, tmp_path):
    torch.save(tiny(), tmp_path / "weights.pth")
    code, _, error = call("train", "stargan", "--init", "weights.pth", "--dry-run")
    assert code == 2
    assert "not a ganbench checkpoint: weights.pth" in error


def test_sizes_of_torchvision_s_networks_are_fixed():
    with pytest.raises(BadInput, match=r'hidden of vgg16 cannot be changed: 8; .*arch = "stages"'):
        VGGConfig(arch="vgg16", hidden=8)


# -- checkpoints of before ----------------------------------------------------------------------------


def test_a_checkpoint_that_names_no_arch_holds_stages(tmp_path):
    """As those that ganbench wrote before it used torchvision, at any sizes."""
    path = tmp_path / "judge.safetensors"
    torch.manual_seed(0)
    model = VGG(VGGConfig(image_size=16, stages=(1, 2), widths=(4, 6), hidden=8)).eval()
    save_checkpoint(path, model, "judge", "judge")
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["ganbench"])
    assert header["config"].pop("arch") == "stages"
    save_file(load_file(path), path, {"ganbench": json.dumps(header)})
    images = torch.rand(3, 3, 16, 16)
    with torch.no_grad():
        logits, features = model(images * 2 - 1)
    judged = load_vgg(path, "cpu").judge(images)
    assert torch.equal(judged.logits, logits)
    assert torch.equal(judged.features, features)


def test_the_affectnet_judge_of_before_has_its_layers():
    """134,293,447 numbers in a VGG-16 of convolutions without bias, each with a batch norm."""
    with torch.device("meta"):
        model = VGG(VGGConfig())
    assert sum(p.numel() for p in model.parameters()) == 134_293_447
    assert model.fc1.weight.shape == (4096, 512 * 7 * 7)
    assert [m.bias for m in model.modules() if isinstance(m, nn.Conv2d)] == [None] * 13


def test_the_shipped_judge_is_a_narrow_one():
    judge = load_vgg(device="cpu")
    assert judge.model.config.arch == "stages"
    assert judge.spec.fingerprint == sha256(shipped("judge"))
