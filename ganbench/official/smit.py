"""SMIT: files ``<epoch>_<iteration>_G.pth``, which hold the frozen embedding, and ``..._D.pth``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from ganbench.official.layout import Layout, Role, Tensors, count, size

_EMBEDDING = "G.Domain_Embedding.model.output"
_CRITIC_LAYER = r"D\.cnns_main\.0\.conv_(\d+)\."  # layers of the finest scale
_STYLE = 20  # length of the style z in the authors' code


class SMITLayout(Layout):
    """The layout of SMIT. Layers are named after their width; older files call the embedding ``adain_net``.

    Args:
        discriminator: builds the discriminator of a configuration.
    """

    ignored = r"G\..+\.(running_mean|running_var)"
    names: ClassVar[Mapping[Role, str]] = {
        "generator": "0000_{n}_G.pth",
        "discriminator": "0000_{n}_D.pth",
    }

    fixed: ClassVar[Mapping[str, Any]] = {"scales": 3, "norm": "all"}

    def __init__(self, discriminator: Callable[[Any], nn.Module]) -> None:
        self._discriminator = discriminator

    def address_all(self, content: Mapping[str, Any], role: Role) -> Tensors:
        older = re.compile(r"G\.adain_net\.(?:\w+\.)*(weight|bias)")
        tensors = super().address_all(content, role)
        return {older.sub(rf"{_EMBEDDING}.\1", address): t for address, t in tensors.items()}

    def image_size(self, tensors: Tensors) -> int | None:
        """The finest discriminator halves the image down to 2 px; the generator takes any size."""
        layers = count(tensors, _CRITIC_LAYER)
        return 2 << layers if layers else None

    def classes(self, tensors: Tensors, named: int | None) -> int:
        """The discriminator's outputs; without it the inputs of the embedding that are no style."""
        if "D.cnns_aux.0.aux.weight" in tensors:
            return size(tensors, "D.cnns_aux.0.aux.weight", 0)
        return named or size(tensors, f"{_EMBEDDING}.weight", 1) - _STYLE

    def network(self, tensors: Tensors, classes: int) -> dict[str, Any]:
        sizes: dict[str, Any] = {
            "width": size(tensors, "G.generator.fake.fake.weight", 1),
            "blocks": count(tensors, r"G\.generator\.main\.res_\d+_(\d+)\."),
            "noise_dim": size(tensors, f"{_EMBEDDING}.weight", 1) - classes,
        }
        if scales := count(tensors, r"D\.cnns_src\.(\d+)\."):
            last = size(tensors, "D.cnns_src.0.src.weight", 1)
            width = 2 * last >> count(tensors, _CRITIC_LAYER)
            sizes |= {"critic_scales": scales, "critic_width": width}
        return sizes

    def discriminator(self, config: Any) -> nn.Module:
        return self._discriminator(config)

    def address(self, key: str, config: Any) -> str:
        match key.split("."):
            case ["embedding", tensor]:
                return f"{_EMBEDDING}.{tensor}"
            case ["generator", "colour", tensor]:
                return f"G.generator.fake.fake.{tensor}"
            case ["generator", "attention", tensor]:
                return f"G.generator.attn.attn.{tensor}"
            case ["generator", "blocks", place, conv, tensor]:
                layer = {"conv1": 0, "conv2": 3}[conv]
                return f"G.generator.main.res_{8 * config.width}_{place}.main.{layer}.{tensor}"
            case ["generator", side, place, layer, tensor]:
                octave = int(place) if side == "down" else 2 - int(place)
                return f"G.generator.main.{side}_{layer}_{config.width << octave}.{tensor}"
            case ["discriminator", "scales", scale, "main", place, tensor]:
                # Every second layer is an activation.
                width = config.first_critic_width << (int(place) // 2)
                return f"D.cnns_main.{scale}.conv_{width}.module.{tensor}"
            case ["discriminator", "scales", scale, head, tensor]:
                return f"D.cnns_{head}.{scale}.{head}.{tensor}"
        raise KeyError(key)

    def class_axis(self, address: str, config: Any) -> tuple[int, int] | None:
        if address == f"{_EMBEDDING}.weight":
            return 1, config.noise_dim
        return (0, 0) if address.startswith("D.cnns_aux.") else None

    def standard(self, tensors: Tensors, config: Any) -> Tensors:
        """Running statistics of the AdaIN layers, behind each convolution of a block."""
        fresh: Tensors = {}
        for address, tensor in tensors.items():
            conv = re.fullmatch(r"(G\.generator\.main\.res_.+\.main)\.(\d)\.weight", address)
            if conv:
                norm = f"{conv[1]}.{int(conv[2]) + 1}"
                fresh[f"{norm}.running_mean"] = torch.zeros(tensor.shape[0])
                fresh[f"{norm}.running_var"] = torch.ones(tensor.shape[0])
        return fresh
