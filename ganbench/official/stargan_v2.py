"""StarGAN-v2: one file ``<iteration>_nets_ema.ckpt``, a dictionary of the networks' state dicts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import log2
from typing import Any, ClassVar

import torch
from torch import nn

from ganbench.official.layout import Layout, Role, Tensors, bare, count, size

_HALVING = r"style_encoder\.shared\.(\d+)\.conv"
_FILTER = "generator.hpf.filter"


class StarGANv2Layout(Layout):
    """The layout of StarGAN-v2: networks and tensors have the names that ganbench gives them.

    The network ``fan``, which finds landmarks, is kept and never used.

    Args:
        discriminator: builds the discriminator of a configuration.
    """

    licence = "CC BY-NC 4.0 (as released by StarGAN-v2's authors)"
    critic = "discriminator"
    ignored = rf"fan\..+|{re.escape(_FILTER)}"
    names: ClassVar[Mapping[Role, str]] = {"generator": "{n:06}_nets_ema.ckpt"}

    fixed: ClassVar[Mapping[str, Any]] = {"bottleneck": 2, "output": "image"}

    def __init__(self, discriminator: Callable[[Any], nn.Module]) -> None:
        self._discriminator = discriminator

    def address_all(self, content: Mapping[str, Any], role: Role) -> Tensors:
        """All networks of a file, or its discriminator, which may be the file's only network."""
        if role == "discriminator":
            content = {self.critic: content.get(self.critic, content)}
        return {
            f"{network}.{key}": tensor
            for network, state in content.items()
            for key, tensor in bare(state).items()
        }

    def image_size(self, tensors: Tensors) -> int | None:
        """The style encoder halves the image down to 4 px."""
        return 4 << count(tensors, _HALVING)

    def classes(self, tensors: Tensors, named: int | None) -> int:
        """Each class has a branch of the mapping network."""
        return count(tensors, r"mapping_network\.unshared\.(\d+)\.")

    def file_order(self, emotions: Sequence[str]) -> tuple[str, ...]:
        """Alphabetical: the authors read a folder of each class with ImageFolder, which sorts them."""
        return tuple(sorted(emotions))

    def network(self, tensors: Tensors, classes: int) -> dict[str, Any]:
        halvings = count(tensors, _HALVING)
        first = size(tensors, "generator.from_rgb.weight", 0)
        last = size(tensors, f"style_encoder.shared.{halvings + 2}.weight", 0)
        # Blocks of ``encode``: halvings down to 16 px and two more; networks with edges have one halving more.
        edges = count(tensors, r"generator\.encode\.(\d+)\.") > halvings
        return {
            "channel_base": first * (4 << halvings),
            "max_channels": last if last < first << halvings else max(last, 512),
            "style_dim": size(tensors, "mapping_network.unshared.0.6.weight", 0),
            "latent_dim": size(tensors, "mapping_network.shared.0.weight", 1),
            "hidden": size(tensors, "mapping_network.shared.0.weight", 0),
            "w_hpf": self.strength(tensors) if edges else 0.0,
        }

    def strength(self, tensors: Tensors) -> float:
        """w_hpf, from the stored filter; 1, the authors' default, where the file has no filter."""
        stored = tensors.get(_FILTER)
        return float(8 / stored[1, 1]) if stored is not None and stored.shape == (3, 3) else 1.0

    def caveats(self, config: Any) -> list[str]:
        """The variant with edges needs a landmark network, which ganbench does not have."""
        if config.w_hpf == 0:
            return []
        return [
            f"w_hpf is {config.w_hpf:g}: the network needs facial landmarks, which ganbench does "
            "not compute, so it can be shown and exported but not used"
        ]

    def discriminator(self, config: Any) -> nn.Module:
        return self._discriminator(config)

    def address(self, key: str, config: Any) -> str:
        return key

    def class_axis(self, address: str, config: Any) -> tuple[int, int] | None:
        head = int(log2(config.image_size)) + 2
        return (0, 0) if address.startswith(f"{self.critic}.main.{head}.") else None

    def reorder(
        self, tensors: Tensors, order: Sequence[int], config: Any, neutral: int = 0
    ) -> Tensors:
        """A class is also a branch, whose number is in its tensors' names."""

        def renumbered(branch: re.Match[str]) -> str:
            return f"{branch[1]}{order.index(int(branch[2]))}."

        branches = re.compile(r"^((?:mapping_network|style_encoder)\.unshared\.)(\d+)\.")
        tensors = super().reorder(tensors, order, config, neutral)
        return {branches.sub(renumbered, address): tensor for address, tensor in tensors.items()}

    def standard(self, tensors: Tensors, config: Any) -> Tensors:
        """The high-pass filter: a Laplacian over w_hpf. The published CelebA-HQ file does not hold it."""
        if config.w_hpf == 0:
            return {}
        laplacian = torch.full((3, 3), -1.0)
        laplacian[1, 1] = 8.0
        return {_FILTER: laplacian / config.w_hpf}

    def contents(self, tensors: Tensors) -> dict[Role, dict[str, Any]]:
        """One file; the discriminator is one of its networks."""
        networks: dict[str, dict[str, Any]] = {}
        for address, tensor in tensors.items():
            network, _, key = address.partition(".")
            networks.setdefault(network, {})[key] = tensor
        return {"generator": networks}
