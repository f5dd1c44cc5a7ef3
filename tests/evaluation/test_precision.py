"""The arithmetic of the methods belongs to the numbers: to their protocol and to the keys of what is stored."""

import pytest
import torch
from click.testing import CliRunner
from toys import SIZE, Painter, Reader, ToyConfig, ToyPhotos

from ganbench.cli import cli
from ganbench.errors import BadInput
from ganbench.evaluation.precision import arithmetic, check_precision, imitated
from ganbench.evaluation.run import evaluate
from ganbench.gate.comparison import _other_protocol
from ganbench.judges.interface import Judged
from ganbench.methods.interface import Edit
from ganbench.records import Results
from ganbench.storage.store import Store

N = 21


class Layers(Painter):
    """Paints with a convolution, and remembers what its layers computed in."""

    def __init__(self):
        super().__init__()
        self.config = ToyConfig(SIZE)
        self.conv = torch.nn.Conv2d(3, 3, 1)
        torch.nn.init.dirac_(self.conv.weight)
        torch.nn.init.constant_(self.conv.bias, 1 / 3)
        self.seen = SEEN

    def translate(self, x, codes):
        y = self.conv(super().translate(x, codes)[0]) - 1 / 3
        SEEN.append((y.dtype, y.mean().item()))
        return y, None


SEEN = []


class Whole(Layers):
    """A plug-in that overrides ``edit``."""

    name = "whole"

    def edit(self, images, codes):
        y = self.conv(images)
        SEEN.append((y.dtype, y.mean().item()))
        return Edit(y.clamp(0, 1), None)


class Watched(Reader):
    """A judge with a layer."""

    def judge(self, images):
        weight = torch.eye(3)[:, :, None, None]
        images = torch.nn.functional.conv2d(images, weight)
        assert images.dtype == torch.float32
        found = super().judge(images)
        return Judged(found.logits, found.features)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def run(store, method, **more):
    SEEN.clear()
    return evaluate([method], ToyPhotos(N), Watched(), store=store, **more).results


@pytest.mark.parametrize("kind", [Layers, Whole])
def test_methods_compute_in_the_asked_precision_and_judges_in_float32(store, kind):
    run(store, kind())
    assert {dtype for dtype, _ in SEEN} == {torch.float32}
    exact = [mean for _, mean in SEEN]
    run(store, kind(), precision="bf16")
    assert {dtype for dtype, _ in SEEN} == {
        torch.bfloat16
    }  # float32 pieces were not taken for these
    assert [mean for _, mean in SEEN] != exact
    run(store, kind(), precision="bf16")
    assert not SEEN  # they were stored


def test_the_protocol_says_so_and_runs_of_two_are_not_compared(store):
    exact, coarse = run(store, Layers()), run(store, Layers(), precision="bf16")
    assert "precision" not in exact.protocol  # results of before had this arithmetic
    assert coarse.protocol["precision"] == "bf16"
    assert exact.protocol_hash != coarse.protocol_hash
    assert "precision None -> bf16" in _other_protocol(exact.protocol, coarse.protocol)
    assert Results.from_json(coarse.to_json()) == coarse


def test_tf32_needs_a_gpu_and_other_names_are_refused(store):
    with pytest.raises(BadInput, match="tf32 needs a CUDA device: the methods are on cpu; use"):
        run(store, Layers(), precision="tf32")
    with pytest.raises(BadInput, match="fp8"):
        run(store, Layers(), precision="fp8")
    assert check_precision("tf32", [torch.device("cuda")]) == "tf32"


def test_tf32_is_switched_back():
    backends = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [backend.allow_tf32 for backend in backends]
    with pytest.raises(ValueError), arithmetic("tf32", torch.device("cuda")):  # noqa: PT011, PT012
        assert all(backend.allow_tf32 for backend in backends)
        raise ValueError
    assert [backend.allow_tf32 for backend in backends] == before


@pytest.mark.parametrize(
    ("precision", "device", "instructions", "warned"),
    [
        ("bf16", "cpu", False, True),
        ("bf16", "cpu", True, False),
        ("bf16", "cuda", False, False),
        ("float32", "cpu", False, False),
    ],
)
def test_an_arithmetic_that_a_processor_imitates_is_told(
    monkeypatch, precision, device, instructions, warned
):
    monkeypatch.setattr("ganbench.evaluation.precision.computes_bf16", lambda: instructions)
    lines = imitated(precision, [torch.device(device)])
    assert bool(lines) == warned
    assert all("no instructions for bf16" in line for line in lines)


@pytest.mark.parametrize("instructions", [False, True])
def test_eval_says_that_bf16_is_imitated_before_it_begins(monkeypatch, instructions):
    monkeypatch.setattr("ganbench.evaluation.precision.computes_bf16", lambda: instructions)
    chosen = [
        "eval",
        "--methods",
        "stargan",
        "--data",
        "faces:test=7",
        "--precision",
        "bf16",
        "--dry-run",
    ]
    result = CliRunner().invoke(cli, chosen)
    assert result.exit_code == 0, result.output
    assert ("no instructions for bf16" in result.stderr) is not instructions
