"""The definition of a named protocol: everything that its numbers depend on, under one name and one hash."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from ganbench import config, parsing
from ganbench.errors import BadInput, unknown
from ganbench.storage.store import digest

# The protocol of data that no name stands for: a user's own.
FOLDER = "folder"


@dataclass(frozen=True)
class Protocol:
    """A named protocol.

    Attributes:
        name: for example ``"faces128-v1"``; ``v1`` is its number, and other numbers are other protocols.
        about: what it is, in a line.
        data: kind of data set, ``"faces"`` or one that a user has on disk.
        options: of the data set, such as ``{"test": 700, "seed": 0}``.
        size: side of the images, pixels.
        seed: of all noise.
        judges: names of the judges, the main judge first.
        metrics: names of the registered metrics that are recorded.
        versions: version of each metric that they record.
        fixed: what ``ganbench.evaluation.protocol.describe`` tells of an evaluation under it: data, judges and
            codes, with hashes. What a user has on disk is not in it.
        left_out: what the data set says of images that are not used; None where that does not matter.
        tasks: sha256 (hex) of the list of tasks; empty where it depends on what a user has on disk.
    """

    name: str
    about: str
    data: str
    size: int
    judges: tuple[str, ...]
    metrics: tuple[str, ...]
    versions: dict[str, int]
    fixed: dict[str, Any]
    options: dict[str, int] = field(default_factory=dict)
    seed: int = 0
    left_out: str | None = None
    tasks: str = ""

    @property
    def hash(self) -> str:
        """sha256 (hex) of everything but ``name`` and ``about``."""
        facts = dataclasses.asdict(self)
        return digest({key: value for key, value in facts.items() if key not in ("name", "about")})

    @property
    def shipped(self) -> bool:
        """Whether its images come with ganbench, so that it needs no folder."""
        return self.data == "faces"

    def deviations(self, described: Mapping[str, Any]) -> list[str]:
        """How an evaluation, as ``describe`` tells of it, differs from ``fixed``; in words, a part each.

        Extra judges and face networks may be missing, and other judges may be added.
        """
        # It takes a second to import, and lists of names need none.
        from ganbench.records import EXTRA, FACES, UNHASHED

        hashed = {key: value for key, value in self.fixed.items() if key not in UNHASHED}
        found = _differences(hashed, described)
        extra, given = self.fixed.get(EXTRA, {}), described.get(EXTRA, {})
        for name in sorted(extra.keys() & given.keys()):
            found += _differences(extra[name], given[name], f"judge {name}")
        if FACES in described:
            found += _differences(self.fixed.get(FACES, {}), described[FACES], FACES)
        others = described.keys() - self.fixed.keys() - set(UNHASHED)
        return found + [f"{key} {described[key]}" for key in sorted(others)]


def _differences(fixed: Any, given: Any, where: str = "") -> list[str]:
    if isinstance(fixed, dict) and isinstance(given, Mapping):
        return [
            difference
            for key, value in fixed.items()
            for difference in _differences(value, given.get(key), f"{where} {key}".strip())
        ]
    return [] if fixed == given else [f"{where} {_short(fixed)} -> {_short(given)}"]


def _short(value: Any) -> str:
    text = str(value)
    return text[:8] if len(text) == 64 else text


def folder_of(name: str) -> Traversable:
    """The folder of the package that holds the frozen files of a protocol."""
    return resources.files("ganbench.protocols") / "frozen" / name


def list_protocols() -> list[str]:
    """Names of the frozen protocols, sorted; ``FOLDER`` is not among them."""
    frozen = resources.files("ganbench.protocols") / "frozen"
    if not frozen.is_dir():
        return []
    return sorted(
        (entry.name for entry in frozen.iterdir() if (entry / "protocol.json").is_file()),
        key=lambda name: (name.rstrip("0123456789v-"), len(name), name),
    )


@cache
def load_protocol(name: str) -> Protocol:
    """A frozen protocol.

    Raises:
        BadInput: there is none of this name, or its definition does not match its hash.
    """
    if name not in list_protocols():
        raise unknown("protocol", name, [*list_protocols(), FOLDER])
    table = parsing.parse_json((folder_of(name) / "protocol.json").read_text("utf-8"), kind=dict)
    known = table.pop("hash", None)
    protocol = config.build(Protocol, table, f"protocol {name}")
    if protocol.hash != known or protocol.name != name:
        raise BadInput(
            f"the definition of {name} was changed: its hash is {protocol.hash[:16]}, not {str(known)[:16]}; "
            "a protocol never changes: install ganbench again, or freeze another name"
        )
    return protocol
