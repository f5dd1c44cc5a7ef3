"""The authors' files on disk: read without running anything, and recognised by their keys."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ganbench import parsing
from ganbench.errors import BadInput
from ganbench.official.layout import Role, bare
from ganbench.storage.store import write_atomic

SAFE = ".safetensors"

# The networks of a StarGAN-v2 file.
NETWORKS = {"generator", "mapping_network", "style_encoder", "discriminator", "fan"}


def read(path: Path) -> Any:
    """What ``torch.save`` wrote, or the tensors of a ``.safetensors`` file; on the CPU.

    Raises:
        BadInput: missing, of another format, damaged, holding more than plain tensors, or ganbench's.
    """
    try:
        parsing.regular(path, parsing.NETWORK)
        with path.open("rb") as file:
            parsing.check_zip(file, parsing.ARRAYS)
    except (parsing.Refused, OSError) as error:
        raise BadInput(
            f"checkpoint not found: {path} ({parsing.why(error)}); check the path"
        ) from error
    if path.suffix == SAFE:
        return _read_safe(path)
    try:
        with warnings.catch_warnings(
            action="ignore"
        ):  # refused or not, that is all there is to say
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        if what := foreign(path):
            raise _not_a_checkpoint(path, what) from error
        found = re.search(r"GLOBAL (\S+)", str(error))
        wanted = f"{found[1]} is not a plain tensor" if found else "more than plain tensors"
        raise BadInput(
            f"reading {path} would run code that it names: {wanted}; where you trust it, save it "
            "again as plain tensors, as docs/checkpoints.md shows"
        ) from error
    except Exception as error:  # damaged bytes raise whatever they resemble
        if what := foreign(path):
            raise _not_a_checkpoint(path, what) from error
        raise BadInput(
            f"not a file of torch.save, or damaged: {path} ({type(error).__name__}); fetch it again"
        ) from error


# How files begin that people save under a checkpoint's name.
_BEGINNINGS = {
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself: fetch it with 'git lfs pull'",
    b"\x1f\x8b": "a gzip archive: unpack it",
    b"Rar!": "a RAR archive: unpack it",
    b"7z\xbc\xaf": "a 7z archive: unpack it",
    b"\x89HDF": "an HDF5 file, as Keras writes them: give what torch.save wrote",
    b"%PDF": "a PDF: fetch the checkpoint itself",
}


def foreign(path: Path) -> str:
    """What a file is that is no checkpoint at all, with the way out; empty if it may be one.

    Pages and texts come from downloads that failed: they name no code, and are not called dangerous.
    """
    with path.open("rb") as file:
        head = file.read(2048)
    if not head:
        return "an empty file: fetch it again"
    for beginning, what in _BEGINNINGS.items():
        if head.startswith(beginning):
            return what
    with suppress(UnicodeDecodeError):
        # The end of the head may cut a letter in two.
        text = head.decode("utf-8-sig", errors="strict" if len(head) < 2048 else "ignore").lstrip()
        if re.match(r"<(!doctype|html|head|body|\?xml|!--)", text, re.IGNORECASE):
            return "a web page, such as a download that failed leaves: fetch the file itself"
        if all(letter.isprintable() or letter in "\t\r\n\f" for letter in text) and not (
            _PICKLED_TEXT.search(text)
        ):
            return "a text: fetch the checkpoint itself"
    return ""


# A pickle of protocol 0 is text, too: it names what it calls in two lines, and ends with a dot.
_PICKLED_TEXT = re.compile(r"(^|[(\n])c[\w.]+\n[\w.]+\n|\.\s*\Z")


def _not_a_checkpoint(path: Path, what: str, wanted: str = "file of torch.save") -> BadInput:
    return BadInput(f"not a {wanted}, or damaged: {path} is {what}")


def _read_safe(path: Path) -> dict[str, Any]:
    """The authors' tensors out of a .safetensors file, whose keys are flat: networks are found again."""
    try:
        with safe_open(path, framework="pt") as file:
            if "ganbench" in (file.metadata() or {}):
                raise BadInput(f"a ganbench checkpoint needs no import: {path}; load it as it is")
            flat = bare({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        if what := foreign(path):
            raise _not_a_checkpoint(path, what, "safetensors file") from error
        raise BadInput(f"not a safetensors file, or damaged: {path}; fetch it again") from error
    parts = {key.partition(".")[0] for key in flat}
    if not parts <= NETWORKS or parts <= {"generator"}:  # SMIT, too, has a part of this name
        return flat
    nested: dict[str, Any] = {part: {} for part in parts}
    for key, tensor in flat.items():
        part, _, rest = key.partition(".")
        nested[part][rest] = tensor
    return nested


def write(path: Path, content: Any) -> None:
    """``torch.save``, atomically.

    Raises:
        BadInput: the place cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomic(path, buffer.getvalue())


@dataclass(frozen=True)
class Kind:
    """What a file is.

    Attributes:
        what: in words.
        methods: whose file it can be; empty if nobody's.
        roles: what it can be given as.
    """

    what: str
    methods: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()


# A key of a state dict -> what the file is; the first that is found decides.
SIGNATURES = {
    "axes.weight": Kind("a GANmut (linear) generator", ("linear",), ("generator",)),
    "mu.weight": Kind("a GGANmut (gaussian) generator", ("gaussian",), ("generator",)),
    "attetion_reg.0.weight": Kind("a GANimation generator", ("ganimation",), ("generator",)),
    "generator.fake.fake.weight": Kind("a SMIT generator", ("smit",), ("generator",)),
    "cnns_src.0.src.weight": Kind("a SMIT discriminator", ("smit",), ("discriminator",)),
    "conv3.weight": Kind("a GANmut (linear) discriminator", ("linear",), ("discriminator",)),
    "conv2.weight": Kind(
        "a discriminator of StarGAN, GANimation or GGANmut",
        ("stargan", "ganimation", "gaussian"),
        ("discriminator",),
    ),
    "main.1.conv1.weight": Kind("a StarGAN-v2 discriminator", ("stargan-v2",), ("discriminator",)),
    "from_rgb.weight": Kind("the generator alone of a StarGAN-v2 file"),
    "unshared.0.weight": Kind("the style encoder alone of a StarGAN-v2 file"),
    "unshared.0.0.weight": Kind("the mapping network alone of a StarGAN-v2 file"),
    "main.1.weight": Kind("a StarGAN generator", ("stargan",), ("generator",)),
}


def unwrapped(content: Any, role: Role) -> Any:
    """The networks of a file out of the dictionaries that training programs put around them.

    Lightning and many others save ``{"state_dict": ..., "epoch": 3}``, or the network under its name
    beside optimisers and counters. An entry is taken if it is a network that ganbench knows, and if it
    is the only such one, or is called as its role.

    Args:
        content: what the file holds.
        role: what the file is given as.
    """
    if not isinstance(content, Mapping) or identify(content).methods:
        return content
    if {"trainer", "iteration"} <= _keys(content):
        return content  # of a training by ganbench, whose checkpoint lies beside it
    found = [
        (path, inner) for path, inner in _networks(content, ()) if role in identify(inner).roles
    ]
    named = [inner for path, inner in found if path and path[-1] in _NAMES[role]]
    chosen = [inner for _, inner in found] if len(found) == 1 else named
    return chosen[0] if len(chosen) == 1 else content


# What entries are called that hold a network, by role.
_NAMES: Mapping[Role, tuple[str, ...]] = {
    "generator": ("generator", "G", "netG", "gen", "g_ema", "model_G", "state_dict", "model"),
    "discriminator": ("discriminator", "D", "netD", "dis", "model_D"),
}
_DEEP = 3  # dictionaries that may lie around a network


def _networks(
    content: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What in a dictionary may be a network, with the keys that lead there."""
    if path:
        yield path, content
    if len(path) < _DEEP:
        if _is_state(content):
            # Lightning flattens several networks into one, with their names before the keys.
            parts: dict[str, dict[str, Any]] = {}
            for key, tensor in bare(content).items():
                name, dot, rest = key.partition(".")
                if dot:
                    parts.setdefault(name, {})[rest] = tensor
            yield from (((*path, name), part) for name, part in parts.items())
            return
        for key, value in content.items():
            if isinstance(key, str) and isinstance(value, Mapping):
                yield from _networks(value, (*path, key))


def identify(content: Any) -> Kind:
    """What a file is, from the keys that only it has."""
    if not isinstance(content, Mapping) or not content:
        return Kind(f"no dictionary of tensors but {type(content).__name__}")
    if "param_groups" in content or any("param_groups" in _keys(v) for v in content.values()):
        return Kind("the state of an optimiser")
    if {"trainer", "iteration"} <= _keys(content):
        return Kind("the state of a ganbench training run, whose .safetensors lie beside it")
    if all(_is_state(value) for value in content.values()):
        return _identify_networks(content)
    if not _is_state(content):
        return Kind(f"a dictionary of other things than tensors: {_some(content)}")
    tensors = bare(content)
    for key in ("axes.weight", "mu.weight"):
        if key in tensors and tensors[key].shape[-1:] == (3,):
            return Kind("the 3-d variant of GANmut, which is not the paper's plane of codes")
    for key, kind in SIGNATURES.items():
        if key in tensors:
            return kind
    return Kind(f"no network that ganbench knows: {_some(tensors)}")


def _identify_networks(content: Mapping[str, Mapping[str, Any]]) -> Kind:
    roles: list[Role] = []
    if {"generator", "mapping_network", "style_encoder"} <= _keys(content):
        roles.append("generator")
    if "discriminator" in content:
        roles.append("discriminator")
    if not roles:
        return Kind(f"no StarGAN-v2 file but a dictionary of {_some(content)}")
    return Kind(f"a StarGAN-v2 file of {', '.join(content)}", ("stargan-v2",), tuple(roles))


def refusal(path: Path, kind: Kind, method: str, role: Role) -> BadInput:
    """The error for a file that is not what it was given as."""
    if not kind.methods:
        fix = f"give the file of the {role} itself"
    elif method not in kind.methods:
        others = " or ".join(kind.methods)
        fix = f"import it as {others}: ganbench checkpoints import {kind.methods[0]} {path}"
    elif role == "generator":
        fix = "give it with --discriminator, and the generator as FILE"
    else:
        fix = "give it as FILE, and the discriminator with --discriminator"
    return BadInput(f"not a {role} of {method}: {path} is {kind.what}; {fix}")


def _is_state(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and isinstance(tensor, Tensor) for key, tensor in value.items()
    )


def _keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, Mapping) else set()


def _some(content: Mapping[str, Any]) -> str:
    keys = [str(key) for key in content]
    return ", ".join(keys[:4]) + (" ..." if len(keys) > 4 else "")
