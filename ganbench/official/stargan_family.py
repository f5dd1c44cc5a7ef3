"""StarGAN, GANimation, GANmut and GGANmut: one backbone, a generator's and a discriminator's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ganbench.methods.backbone import Discriminator
from ganbench.official.layout import Layout, Role, Tensors, count, size

_COLOURS = 3  # channels of an image, in front of the code in the first convolution


class StarGANLayout(Layout):
    """``<iteration>-G.ckpt`` and ``<iteration>-D.ckpt``, bare state dicts.

    The norms' running statistics are stored and never read: the authors do not call ``eval()``.
    """

    ignored = r"G\..+\.(running_mean|running_var|num_batches_tracked)"
    names: ClassVar[Mapping[Role, str]] = {
        "generator": "{n}-G.ckpt",
        "discriminator": "{n}-D.ckpt",
    }
    fixed: ClassVar[Mapping[str, Any]] = {"scales": 2, "norm": "all", "output": "image"}
    # Our names of what is not the backbone -> theirs.
    renamed: ClassVar[Mapping[str, str]] = {}
    # Theirs -> the axis along which classes lie, and the index of class 0.
    axes: ClassVar[Mapping[str, tuple[int, int]]] = {
        "G.main.0.weight": (1, _COLOURS),
        "D.conv2.weight": (0, 0),
    }

    def image_size(self, tensors: Tensors) -> int | None:
        """The discriminator's full-size kernel tells; the generator takes any size."""
        layers = count(tensors, r"D\.main\.(\d+)\.")
        return size(tensors, "D.conv2.weight", 3) << layers if layers else None

    def classes(self, tensors: Tensors, named: int | None) -> int:
        """One channel of the code a class."""
        return size(tensors, "G.main.0.weight", 1) - _COLOURS

    def network(self, tensors: Tensors, classes: int) -> dict[str, Any]:
        """Widths and depths."""
        sizes = {
            "width": size(tensors, "G.main.0.weight", 0),
            "blocks": count(tensors, r"G\.main\.(\d+)\.main\."),
        }
        if layers := count(tensors, r"D\.main\.(\d+)\."):
            width = size(tensors, "D.main.0.weight", 0)
            sizes |= {"critic_width": width, "critic_layers": layers}
        return sizes

    def heads(self, config: Any) -> list[int]:
        """Outputs of the discriminator's conv2, conv3 ..."""
        return [len(config.emotions)]

    def discriminator(self, config: Any) -> nn.Module:
        return Discriminator(config, self.heads(config))

    def address(self, key: str, config: Any) -> str:
        if key.startswith("discriminator."):
            return f"D.{key.removeprefix('discriminator.')}"
        return f"G.{self.renamed.get(key, key.removeprefix('generator.'))}"

    def class_axis(self, address: str, config: Any) -> tuple[int, int] | None:
        return self.axes.get(address)

    def standard(self, tensors: Tensors, config: Any) -> Tensors:
        """Running statistics as a norm starts with."""
        fresh: Tensors = {}
        for address, tensor in tensors.items():
            if address.startswith("G.main.") and address.endswith(".bias"):
                norm = address.removesuffix("bias")
                fresh[f"{norm}running_mean"] = torch.zeros_like(tensor)
                fresh[f"{norm}running_var"] = torch.ones_like(tensor)
                fresh[f"{norm}num_batches_tracked"] = torch.tensor(0)
        return fresh


class GANimationLayout(StarGANLayout):
    """``net_epoch_<e>_id_G.pth`` and ``..._D.pth``, for action units or for categories.

    Its norms keep no running statistics, but torch 0.3, which the authors used, stores some.
    """

    names: ClassVar[Mapping[Role, str]] = {
        "generator": "net_epoch_{n}_id_G.pth",
        "discriminator": "net_epoch_{n}_id_D.pth",
    }
    renamed: ClassVar[Mapping[str, str]] = {
        "generator.colour.weight": "img_reg.0.weight",
        "generator.attention.weight": "attetion_reg.0.weight",
    }
    fixed: ClassVar[Mapping[str, Any]] = {"scales": 2, "norm": "all"}
    units: ClassVar[int] = 17

    def classes(self, tensors: Tensors, named: int | None) -> int:
        """Seventeen entries are action units unless as many classes are named."""
        entries = super().classes(tensors, named)
        return 0 if entries == self.units and named is None else entries

    def network(self, tensors: Tensors, classes: int) -> dict[str, Any]:
        kind = "emotions" if classes else "action_units"
        return {**super().network(tensors, classes), "condition": kind}

    def class_axis(self, address: str, config: Any) -> tuple[int, int] | None:
        """Of a network conditioned on action units no axis holds classes."""
        by_units = config.condition == "action_units"
        return None if by_units else super().class_axis(address, config)

    def heads(self, config: Any) -> list[int]:
        return [self.units] if config.condition == "action_units" else super().heads(config)

    def standard(self, tensors: Tensors, config: Any) -> Tensors:
        return {}


class GANmutLayout(StarGANLayout):
    """What GANmut and GGANmut share: the authors' code feeds BGR images."""

    licence = "non-commercial (as released by GANmut's authors)"
    fixed: ClassVar[Mapping[str, Any]] = {**StarGANLayout.fixed, "dims": 2}

    def conventional(self, tensors: Tensors, config: Any) -> Tensors:
        """Networks trained here on RGB take BGR once their colour channels are swapped."""
        if config.channels == "bgr":
            return tensors
        last = 15 + config.blocks
        swapped = {
            "G.main.0.weight": _swap(tensors["G.main.0.weight"], 1),
            f"G.main.{last}.weight": _swap(tensors[f"G.main.{last}.weight"], 0),
        }
        if "D.main.0.weight" in tensors:
            swapped["D.main.0.weight"] = _swap(tensors["D.main.0.weight"], 1)
        return {**tensors, **swapped}


class LinearLayout(GANmutLayout):
    """GANmut: the backbone and ``axes``, a linear layer whose rows are the directions."""

    renamed: ClassVar[Mapping[str, str]] = {key: key for key in ("axes.weight", "axes.bias")}
    axes: ClassVar[Mapping[str, tuple[int, int]]] = {
        "G.axes.weight": (0, -1),  # neutral, class 0, has no direction
        "D.conv2.weight": (0, 0),
    }

    def classes(self, tensors: Tensors, named: int | None) -> int:
        """A direction a class, and neutral."""
        return size(tensors, "G.axes.weight", 0) + 1

    def heads(self, config: Any) -> list[int]:
        return [len(config.emotions), 2]


class GaussianLayout(GANmutLayout):
    """GGANmut: the backbone and a Gaussian a class."""

    renamed: ClassVar[Mapping[str, str]] = {
        key: f"{key}.weight" for key in ("mu", "covariance_axes", "covariance_angles")
    }
    axes: ClassVar[Mapping[str, tuple[int, int]]] = {
        "G.mu.weight": (0, 0),
        "G.covariance_axes.weight": (0, 0),
        "G.covariance_angles.weight": (1, 0),
        "D.conv2.weight": (0, 0),
    }

    def classes(self, tensors: Tensors, named: int | None) -> int:
        """A mean a class."""
        return size(tensors, "G.mu.weight", 0)

    def heads(self, config: Any) -> list[int]:
        return [len(config.emotions) + 2]


def _swap(weight: Tensor, axis: int) -> Tensor:
    """A convolution's weight with its first three channels reversed."""
    index = torch.arange(weight.shape[axis])
    index[:_COLOURS] = index[:_COLOURS].flip(0)
    return weight.index_select(axis, index)
