"""A loaded method from its name and its checkpoint."""

from __future__ import annotations

import os

import torch

from ganbench import config
from ganbench.devices import resolve
from ganbench.errors import BadInput, GanbenchError
from ganbench.methods.interface import Method
from ganbench.methods.locate import checkpoint_file, shipped
from ganbench.methods.weights import check_network, load_state, read_header, sha256
from ganbench.registry import METHODS
from ganbench.storage.state import tensor_hash


def load_method(
    name: str, checkpoint: str | os.PathLike[str] | None = None, device: str | torch.device = "auto"
) -> Method:
    """Load a method, ready to edit.

    Args:
        name: a name of ``list_methods()``, or an alias: ``"ganmut"``, ``"gganmut"``.
        checkpoint: a file of ``ganbench train`` or ``ganbench checkpoints import``, or the folder of a
            finished run of ``ganbench train``. None loads the shipped checkpoint, or builds a plug-in
            that needs none: one without weights, or one whose class says ``needs_checkpoint = False``.
        device: ``auto`` takes the GPU if there is one.

    Raises:
        BadInput: the name is unknown, or the file is missing, no checkpoint or of another method.
    """
    name = METHODS.canonical(name)
    cls: type[Method] = METHODS.load(name, Method)
    where = resolve(device)
    if checkpoint is None and (method := _without_checkpoint(name, cls)) is not None:
        return method.to(where).eval().requires_grad_(False)
    path = shipped(name) if checkpoint is None else checkpoint_file(checkpoint)
    header = read_header(path)
    if (header["kind"], header["name"]) != ("method", name):
        raise BadInput(
            f"checkpoint of another {header['kind']}: {path} holds {header['name']!r}, not {name!r}; "
            f"load it as {header['name']!r}"
        )
    network = config.build(cls.Config, header["config"], f"checkpoint {path.name}")
    check_network(path, cls, network)
    method = cls(network)
    load_state(path, method)
    method.licence = header["card"].get("licence", "unknown")
    method.fingerprint, method.loaded = sha256(path), tensor_hash(method)
    method.source = {"file": path.name, "sha256": method.fingerprint}
    method.card = header["card"]
    return method.to(where).eval().requires_grad_(False)


def _without_checkpoint(name: str, cls: type[Method]) -> Method | None:
    """A plug-in that is ready once it is built; None for a method whose weights come from a file.

    Raises:
        BadInput: the plug-in cannot be built from the defaults of its configuration.
    """
    if name in METHODS.first:
        return None
    try:
        method = cls(cls.Config())
    except GanbenchError:
        raise
    except Exception as error:  # a plug-in may raise errors of any type
        if cls.needs_checkpoint:
            return None
        raise BadInput(
            f"{name} cannot be built without a checkpoint: {type(error).__name__}: "
            f"{str(error)[:200]}; give one, {name}=FILE, or give its Config defaults"
        ) from error
    if cls.needs_checkpoint and method.state_dict():
        return None
    method.loaded = tensor_hash(method)
    return method
