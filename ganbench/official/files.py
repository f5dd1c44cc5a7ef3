"""The authors' files on disk: read without running anything, and recognised by their keys."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ganbench import borders
from ganbench.errors import BadInput
from ganbench.official.layout import Role, bare
from ganbench.store import write_atomic

SAFE = ".safetensors"

# The networks of a StarGAN-v2 file.
NETWORKS = {"generator", "mapping_network", "style_encoder", "discriminator", "fan"}


def read(path: Path) -> Any:
    """What ``torch.save`` wrote, or the tensors of a ``.safetensors`` file; on the CPU.

    Raises:
        BadInput: missing, of another format, damaged, holding more than plain tensors, or ganbench's.
    """
    try:
        borders.regular(path, borders.NETWORK)
        with path.open("rb") as file:
            borders.check_zip(file, borders.ARRAYS)
    except (borders.Refused, OSError) as error:
        raise BadInput(
            f"checkpoint not found: {path} ({borders.why(error)}); check the path"
        ) from error
    if path.suffix == SAFE:
        return _read_safe(path)
    try:
        with warnings.catch_warnings(
            action="ignore"
        ):  # refused or not, that is all there is to say
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        wanted = f"{found[1]} is not a plain tensor" if found else "more than plain tensors"
        raise BadInput(
            f"reading {path} would run code that it names: {wanted}; where you trust it, save it "
            "again as plain tensors, as docs/checkpoints.md shows"
        ) from error
    except Exception as error:  # damaged bytes raise whatever they resemble
        raise BadInput(
            f"not a file of torch.save, or damaged: {path} ({type(error).__name__}); fetch it again"
        ) from error


def _read_safe(path: Path) -> dict[str, Any]:
    """The authors' tensors out of a .safetensors file, whose keys are flat: networks are found again."""
    try:
        with safe_open(path, framework="pt") as file:
            if "ganbench" in (file.metadata() or {}):
                raise BadInput(f"a ganbench checkpoint needs no import: {path}; load it as it is")
            flat = bare({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
    except (SafetensorError, OSError) as error:
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
