"""How the authors of a method name, size and order the tensors of its files."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ganbench.errors import BadInput, Unsupported
from ganbench.methods.interface import Method
from ganbench.methods.weights import DISCRIMINATOR

Tensors = dict[str, Tensor]
Role = Literal["generator", "discriminator"]

UNKNOWN_LICENCE = "unknown; ask the authors"


class Layout(ABC):
    """The authors' files of one method.

    Each tensor of a file has an address, ``part.key``: the part that it belongs to and its key in the
    file. Parts are "G" and "D", or the names of the networks where one file holds several.

    Attributes:
        licence: licence of the weights that the authors released.
        critic: the part that is the discriminator.
        ignored: pattern of the addresses that no computation reads.
        names: file names that the authors' code gives, by role; ``{n}`` is the iteration.
        fixed: keys of the method's ``Config`` with the only value that the authors' code can build.
    """

    licence: ClassVar[str] = UNKNOWN_LICENCE
    critic: ClassVar[str] = "D"
    ignored: ClassVar[str]
    names: ClassVar[Mapping[Role, str]]
    fixed: ClassVar[Mapping[str, Any]]

    # -- reading ----------------------------------------------------------------------------------

    def address_all(self, content: Mapping[str, Any], role: Role) -> Tensors:
        """The tensors of one file by address."""
        part = "G" if role == "generator" else self.critic
        return {f"{part}.{key}": tensor for key, tensor in bare(content).items()}

    @abstractmethod
    def image_size(self, tensors: Tensors) -> int | None:
        """Side of the images, pixels; None where the shapes leave it open."""

    @abstractmethod
    def classes(self, tensors: Tensors, named: int | None) -> int:
        """Number of classes; 0 where the condition is no class.

        Args:
            tensors: the tensors of the file, by address.
            named: how many names the user gave, where the shapes leave it open.
        """

    @abstractmethod
    def network(self, tensors: Tensors, classes: int) -> dict[str, Any]:
        """The keys of the method's ``Config`` that the shapes tell, without image size and classes."""

    def ignores(self, address: str) -> bool:
        """Whether no computation reads the tensor of this address."""
        return re.fullmatch(self.ignored, address) is not None

    def caveats(self, config: Any) -> list[str]:
        """One line for each thing that cannot be done with an imported network."""
        return []

    # -- names and order --------------------------------------------------------------------------

    @abstractmethod
    def discriminator(self, config: Any) -> nn.Module:
        """The discriminator, untrained."""

    @abstractmethod
    def address(self, key: str, config: Any) -> str:
        """Address of our tensor ``key``; keys of the discriminator begin with "discriminator."."""

    def class_axis(self, address: str, config: Any) -> tuple[int, int] | None:
        """(axis, index of class 0 on it) of a tensor with one slice for each class; None for others.

        The index is -1 where class 0 is neutral and has no slice, and the axis holds only the slices
        of the other classes.
        """
        return None

    def file_order(self, emotions: Sequence[str]) -> tuple[str, ...]:
        """These classes in the order in which the authors' code numbers them by default."""
        return tuple(emotions)

    def reorder(
        self, tensors: Tensors, order: Sequence[int], config: Any, neutral: int = 0
    ) -> Tensors:
        """The tensors with another numbering of classes: the new class i is the old ``order[i]``.

        Slices are only moved: every value stays the same.

        Args:
            tensors: the tensors by address.
            order: the old number of each new class.
            config: the configuration of the network.
            neutral: the old number of the class that has no slice, in layouts with such a class; it
                must become class 0.

        Raises:
            BadInput: another class than ``neutral`` would become class 0.
        """
        return {
            address: tensor
            if (place := self.class_axis(address, config)) is None
            else _pick(tensor, *place, order, neutral)
            for address, tensor in tensors.items()
        }

    # -- writing ----------------------------------------------------------------------------------

    def check(self, config: Any) -> None:
        """Refuse a network that the authors' code cannot build.

        Raises:
            Unsupported: a key of ``fixed`` has another value in ``config``.
        """
        for key, value in self.fixed.items():
            if getattr(config, key) != value:
                raise Unsupported(
                    f"the authors' code cannot build this network: {key} is {getattr(config, key)!r}, "
                    f"their code has {value!r}; only networks of this structure can be exported"
                )

    def conventional(self, tensors: Tensors, config: Any) -> Tensors:
        """The tensors as the authors' code expects them, where ``config`` has another convention."""
        return tensors

    def standard(self, tensors: Tensors, config: Any) -> Tensors:
        """Fresh values of tensors that the authors' files hold, too, and that no computation reads."""
        return {}

    def contents(self, tensors: Tensors) -> dict[Role, dict[str, Any]]:
        """The dictionaries that the authors' code would save, by role."""
        files: dict[Role, dict[str, Any]] = {"generator": {}}
        for address, tensor in tensors.items():
            part, _, key = address.partition(".")
            role: Role = "discriminator" if part == self.critic else "generator"
            files.setdefault(role, {})[key] = tensor
        return files


# Prefixes that DataParallel, torch.compile and Lightning put before every key.
_WRAPPERS = ("module.", "_orig_mod.", "model.")


def bare(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict without ``_WRAPPERS`` before its keys, in any order and number."""
    tensors = dict(state)
    while tensors and (
        prefix := next((p for p in _WRAPPERS if all(key.startswith(p) for key in tensors)), "")
    ):
        tensors = {key.removeprefix(prefix): tensor for key, tensor in tensors.items()}
    return tensors


def expected_tensors(
    cls: type[Method], layout: Layout, config: Any, has_critic: bool
) -> tuple[Method, dict[str, Tensor]]:
    """A method without values, and the tensors that a checkpoint of it holds, by our names.

    The tensors are on torch's device ``meta``. They include those of the discriminator if ``has_critic``.
    """
    with torch.device("meta"):
        model = cls(config)
        expected = model.state_dict()
        if has_critic:
            critic = layout.discriminator(config).state_dict()
            expected |= {f"{DISCRIMINATOR}{key}": tensor for key, tensor in critic.items()}
    return model, expected


def size(tensors: Tensors, address: str, axis: int) -> int:
    """Length of an axis of a tensor, from which the architecture is read.

    Raises:
        BadInput: there is no tensor of this address, or it has no such axis.
    """
    if address not in tensors or tensors[address].ndim <= axis:
        raise BadInput(
            f"incomplete checkpoint: {address}, which tells the architecture, is missing or has another "
            "shape; fetch the file again"
        )
    return tensors[address].shape[axis]


def count(tensors: Tensors, pattern: str) -> int:
    """How many different texts the group of ``pattern`` matches at the beginning of addresses."""
    return len({match[1] for address in tensors if (match := re.match(pattern, address))})


def _pick(tensor: Tensor, axis: int, first: int, order: Sequence[int], neutral: int) -> Tensor:
    if first < 0:
        if order[0] != neutral:
            raise BadInput(
                "the first class of the file must be neutral, which has no direction: --emotions names "
                "another class first; name neutral first"
            )
        slices = [label - (label > neutral) for label in order[1:]]
        return tensor.index_select(axis, torch.tensor(slices, dtype=torch.int64))
    index = torch.arange(tensor.shape[axis])
    for new, old in enumerate(order):
        index[first + new] = first + old
    return tensor.index_select(axis, index)
