"""ONNX judges, with a network whose outputs can be worked out by hand."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.judges import load_judge
from ganbench.judges.onnx import OnnxInput

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

# The order of the toy's outputs: one more than the seven, and spelt otherwise.
LABELS = ("anger", "Contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


@pytest.fixture
def network(tmp_path):
    """Writes a network: mean colour [N, 3], the features, times the weights of each output."""

    def write(batch="n", side=8, features=True, softmax=False, scale=1.0):
        weights = np.arange(24, dtype=np.float32).reshape(3, 8)
        weights[1:] *= scale
        nodes = [
            helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["features"]),
            helper.make_node("MatMul", ["features", "w"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["p"]),
        ]
        head = "p" if softmax else "logits"
        outputs = [helper.make_tensor_value_info(head, TensorProto.FLOAT, [batch, 8])]
        if features:
            outputs.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, [batch, 3]))
        graph = helper.make_graph(
            nodes if softmax else nodes[:-1],
            "toy",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, side, side])],
            outputs,
            [numpy_helper.from_array(weights, "w")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        path = tmp_path / "toy.onnx"
        onnx.save(model, path)
        return path

    return write


def load(path, **expects):
    return load_judge(f"onnx:{path}", expects=OnnxInput(**{"labels": LABELS, **expects}))


def test_outputs_are_the_seven_in_our_order(network):
    colours = torch.tensor([[0.1, 0.2, 0.3], [0.9, 0.5, 0.0]])
    images = colours[:, :, None, None].expand(-1, -1, 12, 12)  # resampled to 8
    judged = load(network()).judge(images)
    expected = colours @ torch.arange(24.0).reshape(3, 8)
    torch.testing.assert_close(judged.logits, expected[:, [5, 4, 6, 7, 3, 2, 0]])
    torch.testing.assert_close(judged.features, colours)


def test_a_fixed_batch_of_one_and_a_normalisation(network):
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    judged = load(network(batch=1), mean=(0.5, 0.25, 0.0), std=(0.5, 1.0, 2.0)).judge(images)
    means = images.mean((2, 3))
    expected = (means - torch.tensor([0.5, 0.25, 0.0])) / torch.tensor([0.5, 1.0, 2.0])
    torch.testing.assert_close(judged.features, expected)


def test_probabilities_become_logits(network):
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) / 9
    plain = load(network()).judge(images).logits.softmax(1)
    torch.testing.assert_close(load(network(softmax=True)).judge(images).logits.softmax(1), plain)


def test_without_a_second_output_the_features_are_the_outputs(network):
    spec = load(network(features=False)).spec
    assert (spec.layer, spec.dimension) == ("logits", 8)
    spec = load(network()).spec
    assert (spec.layer, spec.dimension) == ("features", 3)


def test_the_identity_covers_what_changes_numbers(network):
    path = network()
    marks = {
        load(path).spec.fingerprint,
        load(path, mean=(0.5, 0.5, 0.5)).spec.fingerprint,
        load(path, labels=LABELS[::-1]).spec.fingerprint,
    }
    assert len(marks) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": LABELS[1:]}, "labels lack angry"),
        ({"labels": (*LABELS, "fearful")}, "labels repeat fearful"),
        ({"labels": EMOTIONS}, "7 labels for outputs"),
        ({"size": 9}, "image size unclear"),
        ({"std": (1.0, 0.0, 1.0)}, "std above 0"),
    ],
)
def test_what_does_not_fit_is_refused(network, options, message):
    with pytest.raises(BadInput, match=message):
        load(network(), **options)


def test_an_open_size_must_be_given(network):
    with pytest.raises(BadInput, match="image size unclear"):
        load(network(side="s"))
    assert load(network(side="s"), size=8).spec.image_size == 8


def test_files_that_are_none(tmp_path):
    with pytest.raises(BadInput, match="not found"):
        load(tmp_path / "missing.onnx")
    (tmp_path / "noise.onnx").write_bytes(b"noise")
    with pytest.raises(BadInput, match="not an ONNX network"):
        load(tmp_path / "noise.onnx")
    with pytest.raises(BadInput, match="no labels"):
        load_judge(f"onnx:{tmp_path / 'noise.onnx'}")
    with pytest.raises(BadInput, match="ONNX judges only"):
        load_judge("face-api", expects=OnnxInput(LABELS))


def test_without_the_extra_one_line_says_what_to_install(monkeypatch, network):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BadInput, match=r"pip install 'ganbench\[onnx\]'"):
        load(network())


def test_the_command_line_says_it_in_one_line(network):
    command = [sys.executable, "-m", "ganbench", "eval", "--methods", "stargan", "--dry-run"]
    command += ["--judge", f"onnx:{network()}", "--labels", "happy,sad"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    lines = [line for line in ended.stderr.splitlines() if line.strip()]
    assert len(lines) == 1
    assert "labels lack neutral" in lines[0]


@pytest.mark.parametrize("scale", [np.nan, np.inf])
def test_weights_that_are_not_finite(network, scale):
    with pytest.raises(BadInput, match=r"not finite: the network returns NaN .*toy.onnx"):
        load(network(scale=np.float32(scale)))


class Session:
    """Gives what a network of somebody's might give for a batch of two."""

    def __init__(self, *outputs):
        self.outputs = outputs

    def run(self, names, inputs):
        return list(self.outputs)


GOOD, WIDE = np.zeros((2, 8), np.float32), np.zeros((2, 3), np.float32)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ((GOOD * np.nan, WIDE), "not finite: the network returns NaN"),
        ((GOOD, WIDE + np.inf), "not finite: the network returns NaN"),
        ((GOOD.astype(np.int64), WIDE), "an output holds int64, no floating-point"),
        (([{"happy": 0.5}], WIDE), "an output holds list, no floating-point"),
        ((GOOD, np.float32(3.0)), "an output holds float32|outputs of shape"),
        ((GOOD, np.array(3.0, np.float32)), r"outputs of shape \(\) for 2 images"),
        ((GOOD, np.zeros((1, 3), np.float32)), r"outputs of shape \(1, 3\) for 2 images"),
        ((GOOD[:1], WIDE), r"outputs of shape \(1, 8\) for 2 images"),
        ((GOOD[:, :7], WIDE), r"8 labels for outputs of shape \(7,\)"),
    ],
)
def test_outputs_that_are_no_verdicts(network, outputs, message):
    judge = load(network())
    judge.session = Session(*outputs)
    with pytest.raises(BadInput, match=message) as error:
        judge.judge(torch.rand(2, 3, 8, 8))
    assert "\n" not in str(error.value)
