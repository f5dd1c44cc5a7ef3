"""What a layout has to tell: how the authors of a method name, size and order its tensors."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ganbench.errors import BadInput, Unsupported

Tensors = dict[str, Tensor]
Role = Literal["generator", "discriminator"]

UNKNOWN_LICENCE = "unknown; ask the authors"


class Layout(ABC):
    """The authors' files of one method.

    A tensor of theirs has an address, ``part.key``: its key in the file, behind the part that it
    belongs to. Parts are "G" and "D", or the names of the networks where one file holds several.

    Attributes:
        licence: licence of the weights that the authors released.
        critic: the part that is the discriminator.
        ignored: pattern of the addresses that no computation reads.
        names: file names as the authors' code gives them, by role; ``{n}`` is the iteration.
        fixed: keys of the method's ``Config`` that the authors' code cannot vary.
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
            tensors: the file's, by address.
            named: how many names the user gave, where the shapes leave it open.
        """

    @abstractmethod
    def network(self, tensors: Tensors, classes: int) -> dict[str, Any]:
        """The keys of the method's ``Config`` that the shapes tell, but those above."""

    def ignores(self, address: str) -> bool:
        """Whether it is a tensor that no computation reads."""
        return re.fullmatch(self.ignored, address) is not None

    def caveats(self, config: Any) -> list[str]:
        """What cannot be done with an imported network, a line each."""
        return []

    # -- names and order --------------------------------------------------------------------------

    @abstractmethod
    def discriminator(self, config: Any) -> nn.Module:
        """The discriminator, untrained."""

    @abstractmethod
    def address(self, key: str, config: Any) -> str:
        """Address of the tensor that we call ``key``; the discriminator's begin "discriminator."."""

    def class_axis(self, address: str, config: Any) -> tuple[int, int] | None:
        """(axis, index of class 0 on it) of a tensor with one slice a class; None for others.

        The index is -1 where class 0 is neutral, has no slice of its own, and the axis holds the
        classes alone.
        """
        return None

    def file_order(self, emotions: Sequence[str]) -> tuple[str, ...]:
        """The order in which the authors' code numbers these classes if nobody says otherwise."""
        return tuple(emotions)

    def reorder(
        self, tensors: Tensors, order: Sequence[int], config: Any, neutral: int = 0
    ) -> Tensors:
        """The tensors with another numbering: class i is what ``order[i]`` was. Exact.

        Args:
            tensors: by address.
            order: of the classes.
            config: of the network.
            neutral: the class among those of ``tensors`` that has no slice of its own where a layout
                has such a class; it becomes class 0.

        Raises:
            BadInput: another class than ``neutral`` would become a class 0 without a slice.
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
            Unsupported: a key of ``fixed`` has another value.
        """
        for key, value in self.fixed.items():
            if getattr(config, key) != value:
                raise Unsupported(
                    f"the authors' code cannot build this network: {key} is {getattr(config, key)!r}, "
                    f"theirs {value!r}; only networks of their structure can be exported"
                )

    def conventional(self, tensors: Tensors, config: Any) -> Tensors:
        """The tensors as the authors' code expects them where ``config`` departs from it. Exact."""
        return tensors

    def standard(self, tensors: Tensors, config: Any) -> Tensors:
        """Fresh values of what the authors' files hold beside ``tensors`` and nothing reads."""
        return {}

    def contents(self, tensors: Tensors) -> dict[Role, dict[str, Any]]:
        """What the authors' code would save, by role."""
        files: dict[Role, dict[str, Any]] = {"generator": {}}
        for address, tensor in tensors.items():
            part, _, key = address.partition(".")
            role: Role = "discriminator" if part == self.critic else "generator"
            files.setdefault(role, {})[key] = tensor
        return files


# What wrappers of torch put before every key: DataParallel, torch.compile, Lightning's usual name.
_WRAPPERS = ("module.", "_orig_mod.", "model.")


def bare(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict without what wrappers of torch put before every key, in any order and number."""
    found = dict(state)
    while found and (
        prefix := next((p for p in _WRAPPERS if all(key.startswith(p) for key in found)), "")
    ):
        found = {key.removeprefix(prefix): tensor for key, tensor in found.items()}
    return found


def size(tensors: Tensors, address: str, axis: int) -> int:
    """Length of an axis that the architecture is read from.

    Raises:
        BadInput: there is no such tensor or axis.
    """
    if address not in tensors or tensors[address].ndim <= axis:
        raise BadInput(
            f"incomplete checkpoint: {address}, which tells the architecture, is missing or of "
            "another shape; fetch the file again"
        )
    return tensors[address].shape[axis]


def count(tensors: Tensors, pattern: str) -> int:
    """How many numbers the group of a regular expression takes at the beginning of addresses."""
    return len({found[1] for address in tensors if (found := re.match(pattern, address))})


def _pick(tensor: Tensor, axis: int, first: int, order: Sequence[int], neutral: int) -> Tensor:
    if first < 0:
        if order[0] != neutral:
            raise BadInput(
                "the first class of the file is neutral, which has no direction of its own: "
                "--emotions names it elsewhere; name neutral first"
            )
        slices = [label - (label > neutral) for label in order[1:]]
        return tensor.index_select(axis, torch.tensor(slices, dtype=torch.int64))
    index = torch.arange(tensor.shape[axis])
    for new, old in enumerate(order):
        index[first + new] = first + old
    return tensor.index_select(axis, index)
