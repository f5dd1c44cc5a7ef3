"""The independent judge: the expression network of face-api, which others trained on photographs.

ganbench trains and tunes nothing with it. It shows whether a method pleases only the suite's judge.
The weights come from npm ``@vladmandic/face-api`` 1.7.15, MIT licence (see NOTICE).
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench.devices import resolve
from ganbench.emotions import EMOTIONS
from ganbench.judges.interface import Judged, JudgeSpec, NetworkJudge, resample
from ganbench.methods.tensors import fitted
from ganbench.methods.weights import sha256

SIZE = 112
WIDTHS = (32, 64, 128, 256)

# Subtracted from RGB in 0..255.
MEAN = (122.782, 117.001, 104.298)

# The order of the network's outputs.
OUTPUTS = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")


def pad(x: Tensor) -> Tensor:
    """TensorFlow's "same" padding for a 3 x 3 kernel of stride 2 on even sides: one row and one column after."""
    return F.pad(x, (0, 1, 0, 1))


class SeparableConv(nn.Module):
    """A depthwise 3 x 3 and a pointwise 1 x 1 convolution; stride 2 expects a padded input."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        padding = 2 - stride
        self.depthwise = nn.Conv2d(inputs, inputs, 3, stride, padding, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H', W']."""
        result: Tensor = self.pointwise(self.depthwise(x))
        return result


class DenseBlock(nn.Module):
    """Four convolutions; each takes the sum of the outputs before it, and ``conv0`` halves the sides."""

    def __init__(self, conv0: nn.Module, width: int) -> None:
        super().__init__()
        self.conv0 = conv0
        self.conv1 = SeparableConv(width, width)
        self.conv2 = SeparableConv(width, width)
        self.conv3 = SeparableConv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, width, H / 2, W / 2]."""
        o1 = F.relu(self.conv0(pad(x)))
        o2 = self.conv1(o1)
        o3 = self.conv2(F.relu(o1 + o2))
        o4 = self.conv3(F.relu(o1 + o2 + o3))
        return F.relu(o1 + o2 + o3 + o4)


class ExpressionNet(nn.Module):
    """Four dense blocks, a 7 x 7 average and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        first, *others = WIDTHS
        self.dense0 = DenseBlock(nn.Conv2d(3, first, 3, 2), first)
        self.dense1, self.dense2, self.dense3 = (
            DenseBlock(SeparableConv(inputs, width, 2), width)
            for inputs, width in zip(WIDTHS, others, strict=False)
        )
        self.fc = nn.Linear(WIDTHS[-1], len(OUTPUTS))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """RGB [N, 3, 112, 112] in [0, 1] -> logits [N, 7] in the order of ``OUTPUTS``, features [N, 256]."""
        h = (x * 255 - x.new_tensor(MEAN)[:, None, None]) / 255
        h = self.dense3(self.dense2(self.dense1(self.dense0(h))))
        features = h.mean(dim=(2, 3))
        return self.fc(features), features


def read_weights(path: Path) -> dict[str, Tensor]:
    """The file's tensors in float32: an 8-bit value v stands for v * scale + minimum, as in the published file."""
    with safe_open(path, framework="pt") as file:
        codes = json.loads(file.metadata()["quantised"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, (scale, minimum) in codes.items():
        tensors[name] = (tensors[name].double() * scale + minimum).float()
    return tensors


class FaceAPIJudge(NetworkJudge):
    """``ExpressionNet`` with the interface of judges."""

    def __init__(self, model: ExpressionNet, spec: JudgeSpec) -> None:
        super().__init__(model, spec)
        self.model = model
        self.order = [OUTPUTS.index(emotion) for emotion in spec.emotions]

    @torch.inference_mode()
    def judge(self, images: Tensor) -> Judged:
        """See ``Judge``."""
        logits, features = self.model(resample(images.to(self.device, torch.float32), SIZE))
        return Judged(logits[:, self.order], features)


def load_face_api(device: str | torch.device = "auto") -> FaceAPIJudge:
    """Load the independent judge."""
    path = Path(str(resources.files("ganbench.judges") / "face_api.safetensors"))
    model = ExpressionNet()
    model.load_state_dict(fitted(model.state_dict(), read_weights(path), path))
    model.to(resolve(device)).eval().requires_grad_(False)
    spec = JudgeSpec(
        name="face-api",
        title=f"face-api ({SIZE} px)",
        image_size=SIZE,
        emotions=EMOTIONS,
        layer="average pool",
        dimension=WIDTHS[-1],
        fingerprint=sha256(path),
        licence="MIT",
        trained_on="photographs, by others",
    )
    return FaceAPIJudge(model, spec)
