"""Registries of methods and metrics, which list names without importing any code.

All entries are entry points. Those of ganbench are in ``[options.entry_points]`` of ``setup.cfg``, those of
plug-ins in the metadata of the plug-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from ganbench.errors import BadInput, unknown

# The shipped judges; ``ganbench.judges`` loads them.
JUDGES = ("vgg", "face-api")


class Registry:
    """The objects of an entry-point group, by name.

    Args:
        group: the entry-point group, e.g. ``"ganbench.methods"``.
        kind: name of an entry in messages, e.g. ``"method"``.
        first: names of our entries, in the order of lists; plug-ins follow alphabetically.
        aliases: second names of some of our entries, in lower case: alias -> name.
    """

    def __init__(
        self,
        group: str,
        kind: str,
        first: tuple[str, ...] = (),
        aliases: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.group, self.kind, self.first, self.aliases = group, kind, first, aliases

    def canonical(self, name: str) -> str:
        """The registered name of one of our entries, from any of its names in upper or lower case.

        Other names are returned as they are.
        """
        key = self.aliases.get(name.lower(), name.lower())
        return key if key in self.first else name

    def both_names(self, name: str) -> str:
        """A registered name as lists show it, with its alias if it has one: ``"linear (ganmut)"``."""
        return next((f"{name} ({a})" for a, known in self.aliases.items() if known == name), name)

    def _entries(self) -> dict[str, EntryPoint]:
        entries: dict[str, EntryPoint] = {}
        for entry in entry_points(group=self.group):
            ours = entry.dist is not None and entry.dist.name == "ganbench"
            # A plug-in that took a name of ganbench would be printed as ganbench's method.
            if ours or self.canonical(entry.name) not in self.first:
                entries[entry.name] = entry
        return entries

    def names(self) -> list[str]:
        """All registered names, those of ganbench first."""
        entries = set(self._entries())
        ours = [name for name in self.first if name in entries]
        return ours + sorted(entries.difference(ours))

    def load(self, name: str, base: type | None = None) -> Any:
        """Import an object.

        Args:
            name: its name or alias.
            base: class that it must be derived from.

        Raises:
            BadInput: the name is unknown, or the object cannot be imported or is not derived from ``base``.
        """
        entries, name = self._entries(), self.canonical(name)
        if name not in entries:
            raise self.unknown(name)
        try:
            entry = entries[name].load()
        except Exception as error:  # the module of a plug-in may raise anything
            raise BadInput(
                f"{self.kind} {name!r} cannot be imported from {entries[name].value!r}: "
                f"{type(error).__name__}: {error}; "
                "reinstall or remove the package that registers it"
            ) from error
        if base is not None and not (isinstance(entry, type) and issubclass(entry, base)):
            raise BadInput(
                f"{self.kind} {name!r} is {entries[name].value!r}, not a subclass of "
                f"{base.__module__}.{base.__qualname__}; correct the package that registers it"
            )
        return entry

    def unknown(self, name: str, *others: str) -> BadInput:
        """The error for an unknown name; ``others`` are allowed beside the registered names."""
        return unknown(self.kind, name, [*self.names(), *others], self.aliases)


METHODS = Registry(
    "ganbench.methods",
    "method",
    first=("linear", "gaussian", "stargan", "ganimation", "smit", "stargan-v2"),
    # The paper calls its models GANmut and GGANmut; its code calls them linear and gaussian.
    aliases={"ganmut": "linear", "gganmut": "gaussian"},
)

# Title and paper of each method of ganbench. They repeat the attributes of the class, so that lists of
# methods import no networks.
TITLES = {
    "linear": ("GANmut", "d'Apolito et al., CVPR 2021"),
    "gaussian": ("GGANmut", "d'Apolito et al., CVPR 2021"),
    "stargan": ("StarGAN", "Choi et al., CVPR 2018, arXiv:1711.09020"),
    "ganimation": ("GANimation", "Pumarola et al., ECCV 2018, arXiv:1807.09251"),
    "smit": ("SMIT", "Romero et al., ICCV Workshops 2019, arXiv:1812.03704"),
    "stargan-v2": ("StarGAN-v2", "Choi et al., CVPR 2020, arXiv:1912.01865"),
}


def list_methods() -> list[str]:
    """Names of all registered methods: the six of the paper, then plug-ins."""
    return METHODS.names()


# The metrics that an evaluation records by default; ``ganbench.scoring.selection`` says why.
DEFAULT_METRICS = (
    "accuracy",
    "fed",
    "ere",
    "background",
    "gt_error",
    "gain",
    "neighbour_confusion",
    "input_similarity",
    "identity",
    "hes",
    "landmarks",
    "found",
    "calibration",
)

METRICS = Registry(
    "ganbench.metrics",
    "metric",
    first=(*DEFAULT_METRICS, "kid", "prdc", "diversity", "intensity", "cls", "smoothness", "units"),
    # Frozen protocols name it as ganbench does; FFE-Bench calls it mSCR.
    aliases={"mscr": "neighbour_confusion"},
)
