"""From our checkpoint to the authors' files, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganbench import config as configuration
from ganbench.emotions import in_suite_order
from ganbench.errors import BadInput
from ganbench.methods.interface import Method
from ganbench.methods.locate import checkpoint_file
from ganbench.methods.tensors import check_usual, fill
from ganbench.methods.weights import DISCRIMINATOR, UNUSED, read_header, read_tensors
from ganbench.official.files import SAFE, write
from ganbench.official.layout import Layout, Role, expected_tensors
from ganbench.registry import METHODS
from ganbench.storage.store import is_file_name

MOST_ITERATIONS = 10**12  # more than any training has


def export_checkpoint(path: Path, folder: Path) -> list[Path]:
    """Write a method's checkpoint in its authors' layout, every tensor bit for bit.

    The authors' files also hold tensors that no computation reads. They get the values of the imported
    file, or the values that the authors' code starts with. The files have the names of the imported ones, or
    names as the authors' code gives them.

    Args:
        path: a checkpoint of a method, imported or trained by ganbench, or a finished run's folder.
        folder: where to write; made if missing.

    Returns:
        The file of the generator, then the file of the discriminator if ``path`` holds one.

    Raises:
        BadInput: a judge's checkpoint, a damaged one, or a file that exists or cannot be written.
        Unsupported: ganbench knows no layout of this method, or its authors' code cannot build the
            network.
    """
    path = checkpoint_file(path)
    header = read_header(path)
    if header["kind"] != "method":
        raise BadInput(f"not a method: {path} is a {header['kind']}; only methods have authors")
    cls: type[Method] = METHODS.load(header["name"], Method)
    layout = cls.official()
    config = configuration.build(cls.Config, header["config"], f"checkpoint {path.name}")
    layout.check(config)
    source = header["card"].get("official", {})
    source = source if isinstance(source, dict) else {}

    stored = read_tensors(path)
    unused = {
        key.removeprefix(UNUSED): stored.pop(key) for key in list(stored) if key.startswith(UNUSED)
    }
    check_usual(unused, path)
    has_critic = any(key.startswith(DISCRIMINATOR) for key in stored)
    _, expected = expected_tensors(cls, layout, config, has_critic)
    tensors = {
        layout.address(key, config): tensor for key, tensor in fill(expected, stored, path).items()
    }
    names = _classes(source, layout, config, path)
    tensors = layout.reorder(
        tensors,
        [config.emotions.index(name) for name in names],
        config,
        neutral=getattr(config, "neutral", 0),
    )
    tensors = layout.conventional(tensors, config)
    contents = layout.contents(layout.standard(tensors, config) | tensors | unused)
    iteration = _iteration(header["card"], path)
    names_by_role = {role: layout.names[role].format(n=iteration) for role in contents}
    imported = {
        role: _torch_name(name, names_by_role[role])
        for role in contents
        if (name := _imported_name(source, role))
    }
    if len(imported) == len(set(imported.values())):  # two imported files may have had one name
        names_by_role |= imported
    files = {role: folder / name for role, name in names_by_role.items()}
    for file in files.values():
        if file.exists():
            raise BadInput(f"already there: {file}; choose another --out, or remove it first")
    for role, file in files.items():
        write(file, contents[role])
    return list(files.values())


def _classes(source: dict[str, Any], layout: Layout, config: Any, path: Path) -> Sequence[str]:
    """The classes in the order of the imported file, which the card has, or else in the authors' order.

    The authors' order is the order of Table 1 and AffectNet (StarGAN-v2: alphabetical). It does not depend
    on the order in which the network lists its emotions.

    Raises:
        BadInput: the card names other classes than the network has.
    """
    names = source.get("classes") or layout.file_order(in_suite_order(config.emotions))
    if not isinstance(names, list | tuple) or sorted(map(str, names)) != sorted(config.emotions):
        raise BadInput(
            f"classes in the card of {path} are not those of its network, "
            f"{', '.join(config.emotions)}: {names!r}; the card was changed: import the file again"
        )
    return names


def _iteration(card: dict[str, Any], path: Path) -> int:
    iteration = card.get("iteration", 0)
    if not isinstance(iteration, int) or not 0 <= iteration < MOST_ITERATIONS:
        raise BadInput(
            f"iteration in the card of {path} is no number of iterations: {str(iteration)[:80]!r}; the "
            "card was changed: take the file that the training wrote"
        )
    return iteration


def _imported_name(source: dict[str, Any], role: Role) -> str:
    """Name of the imported file in the card; empty if the card has none that is a file's name."""
    facts = source.get(role)
    name = facts.get("file") if isinstance(facts, dict) else None
    return name if isinstance(name, str) and is_file_name(name) else ""


def _torch_name(imported: str, conventional: str) -> str:
    """Name of an exported file: that of the imported file, but .safetensors becomes the usual suffix."""
    stem = imported.removesuffix(SAFE)
    return imported if stem == imported else stem + Path(conventional).suffix
