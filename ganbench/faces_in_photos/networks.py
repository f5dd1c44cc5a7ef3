"""Detector, landmarks and descriptor of faces: three networks of face-api, and their weights.

The weights come from npm ``@vladmandic/face-api`` 1.7.15, MIT licence (see NOTICE and LICENSE_FACES.md beside this
file). The networks were written from facts about the package; the tests compare them with its own runtime.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench.faces_in_photos.layers import MEAN, Backbone, SeparableConv, normalised, read_weights

# Sides of the images that the networks take, in pixels. The detector takes any multiple of 32.
LANDMARKS_SIZE, DESCRIPTOR_SIZE, DETECTOR_STEP = 112, 150, 32
POINTS, DIMENSION = 68, 128

DETECTOR_MEAN = (117.001, 114.697, 97.404)
# Width and height of the detector's five anchors, in cells of its grid.
ANCHORS = (
    (1.603231, 2.094468),
    (6.041143, 7.080126),
    (2.882459, 3.518061),
    (4.266906, 5.178857),
    (9.041765, 10.66308),
)


class Detector(nn.Module):
    """The tiny face detector: a network of the YOLO family with five anchors in each cell."""

    WIDTHS = (16, 32, 64, 128, 256, 512)

    def __init__(self) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(3, self.WIDTHS[0], 3)
        for k, (inputs, width) in enumerate(zip(self.WIDTHS, self.WIDTHS[1:], strict=False), 1):
            self.add_module(f"conv{k}", SeparableConv(inputs, width))
        self.conv8 = nn.Conv2d(self.WIDTHS[-1], 5 * len(ANCHORS), 1)

    def forward(self, x: Tensor) -> Tensor:
        """RGB [N, 3, S, S] in [0, 1], S a multiple of 32 -> [N, 25, S / 32, S / 32].

        Channel 5 a + c belongs to anchor a; c = 0 to 3 are x, y, width and height, and 4 is the score, all
        before sigmoid or exponential.
        """
        h = normalised(x, DETECTOR_MEAN)
        for k in range(len(self.WIDTHS)):
            h = self.get_submodule(f"conv{k}")(h)
            if k < len(self.WIDTHS) - 1:
                h = F.max_pool2d(h, 2, 2, ceil_mode=True)
            else:  # "same" padding of stride 1: one row and one column after the map
                h = F.max_pool2d(F.pad(h, (0, 1, 0, 1), value=-torch.inf), 2, 1)
            # The published network activates before it pools. The largest value is the same, since the activation
            # rises, and only a quarter of the values is activated here.
            h = F.leaky_relu(h, 0.1)
        result: Tensor = self.conv8(h)
        return result


def decoded(output: Tensor) -> tuple[Tensor, Tensor]:
    """What the detector's output [N, 25, g, g] says.

    Returns:
        boxes [N, 5 g g, 4], left, top, right and bottom in shares of the image; scores [N, 5 g g] in [0, 1].
    """
    n, _, g, _ = output.shape
    o = output.view(n, len(ANCHORS), 5, g, g).permute(0, 3, 4, 1, 2)  # row, column, anchor, value
    at = torch.arange(g, device=output.device)
    rows, columns = torch.meshgrid(at, at, indexing="ij")
    corner = torch.stack((columns, rows), -1)[:, :, None]
    centre = (corner + o[..., :2].sigmoid()) / g
    half = o[..., 2:4].exp() * o.new_tensor(ANCHORS) / g / 2
    boxes = torch.cat((centre - half, centre + half), -1)
    return boxes.reshape(n, -1, 4), o[..., 4].sigmoid().reshape(n, -1)


class Landmarks(Backbone):
    """68 points of a face, in the order of the iBUG 300-W annotations."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(self.WIDTHS[-1], 2 * POINTS)

    def forward(self, x: Tensor) -> Tensor:
        """RGB [N, 3, 112, 112] in [0, 1] -> points [N, 68, 2], x and y in shares of the side."""
        points: Tensor = self.fc(self.features(normalised(x, MEAN)))
        return points.view(-1, POINTS, 2)


class Scaled(nn.Module):
    """A convolution with a bias, then a scale and a shift for each channel: a folded batch norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding)
        self.scale = nn.ParameterDict({"weight": torch.ones(outputs), "bias": torch.zeros(outputs)})

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H', W']."""
        weight, bias = self.scale["weight"], self.scale["bias"]
        result: Tensor = self.conv(x) * weight[:, None, None] + bias[:, None, None]
        return result

    def folded(self) -> nn.Conv2d:
        """The convolution that does the same without a scale and a shift of its output."""
        weight, bias = self.scale["weight"], self.scale["bias"]
        assert self.conv.bias is not None
        self.conv.weight.copy_(self.conv.weight * weight[:, None, None, None])
        self.conv.bias.copy_(self.conv.bias * weight + bias)
        return self.conv


class Residual(nn.Module):
    """Two convolutions beside a shortcut; with ``down`` the sides are halved and channels are added."""

    def __init__(self, inputs: int, outputs: int, down: bool) -> None:
        super().__init__()
        self.down = down
        self.conv1 = Scaled(inputs, outputs, 3, 2 if down else 1, 0 if down else 1)
        self.conv2 = Scaled(outputs, outputs, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H', W']."""
        h: Tensor = self.conv2(self.conv1(x).relu_())
        if self.down:
            x = F.avg_pool2d(x, 2)
            # The main branch pads nothing, so it can be a row and a column smaller than the shortcut.
            h = F.pad(h, (0, x.shape[3] - h.shape[3], 0, x.shape[2] - h.shape[2]))
            x = F.pad(x, (0, 0, 0, 0, 0, h.shape[1] - x.shape[1]))
        return h.add_(x).relu_()


class Descriptor(nn.Module):
    """dlib's residual network: faces of one person have near descriptors, those of two persons distant ones."""

    LAYERS = (
        ("32_1", 32), ("32_2", 32), ("32_3", 32), ("64_down", 64), ("64_1", 64), ("64_2", 64), ("64_3", 64),
        ("128_down", 128), ("128_1", 128), ("128_2", 128), ("256_down", 256), ("256_1", 256), ("256_2", 256),
        ("256_down_out", 256),
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.conv32_down = Scaled(3, 32, 7, 2, 0)
        width = 32
        for name, outputs in self.LAYERS:
            self.add_module(f"conv{name}", Residual(width, outputs, "down" in name))
            width = outputs
        self.fc = nn.Linear(width, DIMENSION, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """RGB [N, 3, 150, 150] in [0, 1], faces as in ``geometry.CHIP`` -> [N, 128], not normalised."""
        h = F.max_pool2d(self.conv32_down(normalised(x, MEAN)).relu_(), 3, 2)
        for name, _ in self.LAYERS:
            h = self.get_submodule(f"conv{name}")(h)
        result: Tensor = self.fc(h.mean(dim=(2, 3)))
        return result


Network = TypeVar("Network", Detector, Landmarks, Descriptor)


@lru_cache(maxsize=1)
def fingerprints() -> dict[str, str]:
    """The sha256 (hex) of the weights of each network, by the name of its file."""
    folder = Path(str(resources.files("ganbench.faces_in_photos")))
    names = (cls.__name__.lower() for cls in (Detector, Landmarks, Descriptor))
    return {
        name: hashlib.sha256((folder / f"{name}.safetensors").read_bytes()).hexdigest()
        for name in names
    }


def loaded(network: Network, device: torch.device) -> Network:
    """Fill a network with the weights of the file that has its name, for inference on a device."""
    name = f"{type(network).__name__.lower()}.safetensors"
    path = Path(str(resources.files("ganbench.faces_in_photos") / name))
    network.load_state_dict(read_weights(path))
    network.eval().requires_grad_(False)
    for parent in list(network.modules()):
        for child, module in list(parent.named_children()):
            if isinstance(module, Scaled):
                setattr(parent, child, module.folded())
    # On a CPU convolutions of this layout take half the time: 17 ms a picture instead of 27.
    network.to(memory_format=torch.channels_last)
    return network.to(device)
