"""Layers that the networks of face-api share, and the reader of their weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional as F

# Subtracted from RGB in 0..255 by all networks but the detector.
MEAN = (122.782, 117.001, 104.298)


def normalised(x: Tensor, mean: tuple[float, float, float]) -> Tensor:
    """RGB [N, 3, H, W] in [0, 1] less ``mean``, which is in 0..255."""
    return x - x.new_tensor(mean)[:, None, None] / 255


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
        total: Tensor = self.conv0(pad(x)).relu_()
        total = self.conv1(total).add_(total)
        total = self.conv2(F.relu(total)).add_(total)
        total = self.conv3(F.relu(total)).add_(total)
        return total.relu_()


class Backbone(nn.Module):
    """Four dense blocks and an average over places."""

    WIDTHS = (32, 64, 128, 256)

    def __init__(self) -> None:
        super().__init__()
        first, *others = self.WIDTHS
        self.dense0 = DenseBlock(nn.Conv2d(3, first, 3, 2), first)
        self.dense1, self.dense2, self.dense3 = (
            DenseBlock(SeparableConv(inputs, width, 2), width)
            for inputs, width in zip(self.WIDTHS, others, strict=False)
        )

    def features(self, x: Tensor) -> Tensor:
        """Normalised images [N, 3, 112, 112] -> [N, 256]."""
        h: Tensor = self.dense3(self.dense2(self.dense1(self.dense0(x))))
        return h.mean(dim=(2, 3))


def read_weights(path: Path) -> dict[str, Tensor]:
    """The file's tensors in float32: an 8-bit value v stands for v * scale + minimum, as in the published file."""
    with safe_open(path, framework="pt") as file:
        codes = json.loads(file.metadata()["quantised"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, (scale, minimum) in codes.items():
        tensors[name] = tensors[name].double() * scale + minimum
    return {name: tensor.to(torch.float32) for name, tensor in tensors.items()}
