"""The kinds of the authors' files, which are recognised by their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ganbench.errors import BadInput
from ganbench.official.layout import Role, bare


@dataclass(frozen=True)
class Kind:
    """What a file is.

    Attributes:
        what: the kind in words.
        methods: the methods that it can be a file of; empty if ganbench knows no use of it.
        roles: the networks that it can be given as.
    """

    what: str
    methods: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()


# A key of a state dict -> what the file is; the first key that the file has decides.
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
    """The network of a file, without the dictionaries that training programs put around it.

    Lightning and many others save ``{"state_dict": ..., "epoch": 3}``, or the network under its name
    beside optimisers and counters. An entry is taken if it is a network that ganbench knows, and if it
    is either the only one, or the only one whose name is a name of the role.

    Args:
        content: what the file holds.
        role: the network that the file is given as.

    Returns:
        The network; ``content`` itself if it is a network, or if no entry or several could be taken.
    """
    if not isinstance(content, Mapping) or identify(content).methods:
        return content
    if {"trainer", "iteration"} <= _keys(content):
        return content  # the state of a training by ganbench; its checkpoint lies beside it
    networks = [
        (path, inner) for path, inner in _networks(content, ()) if role in identify(inner).roles
    ]
    named = [inner for path, inner in networks if path and path[-1] in _NAMES[role]]
    chosen = [inner for _, inner in networks] if len(networks) == 1 else named
    return chosen[0] if len(chosen) == 1 else content


# Names of entries that hold a network, by role.
_NAMES: Mapping[Role, tuple[str, ...]] = {
    "generator": ("generator", "G", "netG", "gen", "g_ema", "model_G", "state_dict", "model"),
    "discriminator": ("discriminator", "D", "netD", "dis", "model_D"),
}
_MOST_WRAPPINGS = 3  # dictionaries around a network


def _networks(
    content: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The entries of a dictionary that may be networks, each with the keys that lead to it."""
    if path:
        yield path, content
    if len(path) < _MOST_WRAPPINGS:
        if is_state(content):
            # Lightning flattens several networks into one dictionary, with their names before the keys.
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
    """What a file is; its keys tell."""
    if not isinstance(content, Mapping) or not content:
        return Kind(f"no dictionary of tensors but {type(content).__name__}")
    if "param_groups" in content or any("param_groups" in _keys(v) for v in content.values()):
        return Kind("the state of an optimiser")
    if {"trainer", "iteration"} <= _keys(content):
        return Kind("the state of a ganbench training run, whose .safetensors lie beside it")
    if all(is_state(value) for value in content.values()):
        return _identify_networks(content)
    if not is_state(content):
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
    """The error for a file that is not ``method``'s network of this role."""
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


def is_state(value: Any) -> bool:
    """Whether a value is a dictionary of tensors by name."""
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and isinstance(tensor, Tensor) for key, tensor in value.items()
    )


def _keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, Mapping) else set()


def _some(content: Mapping[str, Any]) -> str:
    keys = [str(key) for key in content]
    return ", ".join(keys[:4]) + (" ..." if len(keys) > 4 else "")
