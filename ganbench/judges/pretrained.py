"""Weights of torchvision's VGG-16 from a user's file, as the start of a judge's training.

torchvision publishes them as ``vgg16-397923af.pth`` and ``vgg16_bn-6c64b313.pth``. Nothing is downloaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from ganbench.errors import BadInput
from ganbench.judges.vgg import VGG, VGGConfig
from ganbench.methods.tensors import fitted, mismatch
from ganbench.official.files import read
from ganbench.official.kinds import identify, is_state
from ganbench.official.layout import bare

Arch = Literal["vgg16", "vgg16_bn"]

WANTED = "give torchvision's weights of vgg16 or vgg16_bn, a .pth or .safetensors file"


def read_pretrained(path: Path) -> tuple[Arch, dict[str, Tensor]]:
    """The architecture of the file's network, and its tensors without the last layer.

    Args:
        path: a state dict that ``torch.save`` wrote, which is read without running code, or a
            .safetensors file of the same keys. Its last layer may have any number of classes.

    Raises:
        BadInput: the file is missing, damaged or of another network.
    """
    content = read(path)
    if not is_state(content) or "features.0.weight" not in bare(content):
        raise BadInput(f"not a VGG-16: {path} is {identify(content).what}; {WANTED}")
    tensors = {key: value for key, value in bare(content).items() if not _of_last_layer(key)}
    arch: Arch = "vgg16_bn" if "features.1.running_mean" in tensors else "vgg16"
    with torch.device("meta"):
        state = VGG(VGGConfig(arch=arch)).state_dict()
    expected = {key: value for key, value in state.items() if not _of_last_layer(key)}
    # Files of torch 0.3, as torchvision publishes them, lack the counts of batches.
    counts = {key: torch.tensor(0) for key in expected if key.endswith(".num_batches_tracked")}
    tensors = counts | tensors
    if wrong := mismatch(expected, tensors):
        raise BadInput(f"weights do not fit torchvision's {arch}: {path} ({wrong}); {WANTED}")
    return arch, fitted(expected, tensors, path)


def load_pretrained(path: Path, model: nn.Module) -> None:
    """Fill a judge from a file of ``read_pretrained``; its last layer keeps its values.

    Raises:
        BadInput: as for ``read_pretrained``.
    """
    _, tensors = read_pretrained(path)
    model.load_state_dict(model.state_dict() | tensors)


def _of_last_layer(key: str) -> bool:
    return key.startswith("classifier.6.")
