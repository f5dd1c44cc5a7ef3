"""StarGAN, GANimation, GANmut and GGANmut, which have one backbone and two files: generator, discriminator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ganbench.methods.backbone import Discriminator
from ganbench.official.layout import Layout, Role, Tensors, count, size

_COLOURS = 3  # channels of an image, in front of the code in the first convolution


class StarGANLayout(Layout):
    """``<iteration>-G.ckpt`` and ``<iteration>-D.ckpt``, which are state dicts.

    The files hold running statistics of the norms. The authors' programs never read them, since they do
    not call ``eval()``.
    """

    ignored = r"G\..+\.(running_mean|running_var|num_batches_tracked)"
    names: ClassVar[Mapping[Role, str]] = {
        "generator": "{n}-G.ckpt",
        "discriminator": "{n}-D.ckpt",
    }
    fixed: ClassVar[Mapping[str, Any]] = {
        "scales": 2,
        "upsample": "transposed",
        "norm": "all",
        "output": "image",
    }
    # Our keys of tensors outside the backbone -> the authors' keys.
    renamed: ClassVar[Mapping[str, str]] = {}
    # Address -> the axis along which classes lie, and the index of class 0.
    axes: ClassVar[Mapping[str, tuple[int, int]]] = {
        "G.main.0.weight": (1, _COLOURS),
        "D.conv2.weight": (0, 0),
    }

    def image_size(self, tensors: Tensors) -> int | None:
        """The kernel of the discriminator's head has the size of its last map; the generator takes any size."""
        layers = count(tensors, r"D\.main\.(\d+)\.")
        return size(tensors, "D.conv2.weight", 3) << layers if layers else None

    def classes(self, tensors: Tensors, named: int | None) -> int:
        """Each class is one channel of the code."""
        return size(tensors, "G.main.0.weight", 1) - _COLOURS

    def network(self, tensors: Tensors, classes: int) -> dict[str, Any]:
        """Widths and depths of the generator, and of the discriminator if it is there."""
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
        """The running statistics that a new norm has."""
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

    The norms keep no running statistics, but torch 0.3, which the authors used, stores some.
    """

    names: ClassVar[Mapping[Role, str]] = {
        "generator": "net_epoch_{n}_id_G.pth",
        "discriminator": "net_epoch_{n}_id_D.pth",
    }
    renamed: ClassVar[Mapping[str, str]] = {
        "generator.colour.weight": "img_reg.0.weight",
        "generator.attention.weight": "attetion_reg.0.weight",
    }
    fixed: ClassVar[Mapping[str, Any]] = {
        "scales": 2,
        "upsample": "transposed",
        "norm": "all",
    }
    units: ClassVar[int] = 17

    def classes(self, tensors: Tensors, named: int | None) -> int:
        """A code of 17 entries has action units, unless the user names 17 classes."""
        entries = super().classes(tensors, named)
        return 0 if entries == self.units and named is None else entries

    def network(self, tensors: Tensors, classes: int) -> dict[str, Any]:
        kind = "emotions" if classes else "action_units"
        return {**super().network(tensors, classes), "condition": kind}

    def class_axis(self, address: str, config: Any) -> tuple[int, int] | None:
        """No axis holds classes where the condition is action units."""
        by_units = config.condition == "action_units"
        return None if by_units else super().class_axis(address, config)

    def heads(self, config: Any) -> list[int]:
        return [self.units] if config.condition == "action_units" else super().heads(config)

    def standard(self, tensors: Tensors, config: Any) -> Tensors:
        return {}


class GANmutLayout(StarGANLayout):
    """The part that GANmut and GGANmut share: the authors' networks take BGR images."""

    licence = "non-commercial (as released by GANmut's authors)"
    fixed: ClassVar[Mapping[str, Any]] = {**StarGANLayout.fixed, "dims": 2}

    def conventional(self, tensors: Tensors, config: Any) -> Tensors:
        """A network that was trained on RGB takes BGR once its colour channels are swapped."""
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
        """Each class has a direction, except neutral."""
        return size(tensors, "G.axes.weight", 0) + 1

    def heads(self, config: Any) -> list[int]:
        return [len(config.emotions), 2]


class GaussianLayout(GANmutLayout):
    """GGANmut: the backbone and a Gaussian for each class."""

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
        """Each class has a mean."""
        return size(tensors, "G.mu.weight", 0)

    def heads(self, config: Any) -> list[int]:
        return [len(config.emotions) + 2]


def _swap(weight: Tensor, axis: int) -> Tensor:
    """A convolution's weight whose first three channels are in reverse order."""
    index = torch.arange(weight.shape[axis])
    index[:_COLOURS] = index[:_COLOURS].flip(0)
    return weight.index_select(axis, index)
