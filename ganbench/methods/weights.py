"""Self-describing checkpoints: safetensors whose header carries a card."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from ganbench import config
from ganbench.devices import resolve
from ganbench.errors import BadInput
from ganbench.methods.interface import Method
from ganbench.registry import METHODS

FORMAT = 1


def sha256(path: Path) -> str:
    """Hash of a file's bytes, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def shipped(name: str) -> Path:
    """Path of a shipped checkpoint, e.g. of ``"smit"`` or ``"judge"``.

    Raises:
        BadInput: none is shipped under this name.
    """
    path = Path(str(resources.files("ganbench.checkpoints") / "faces" / f"{name}.safetensors"))
    if not path.is_file():
        raise BadInput(
            f"no shipped checkpoint: {name!r}; train one with 'ganbench train {name}' "
            "and give its path"
        )
    return path


def save_checkpoint(
    path: Path, model: nn.Module, kind: str, name: str, card: Mapping[str, Any]
) -> None:
    """Write a method or judge atomically.

    Args:
        path: the .safetensors file; an older one is replaced only when the new one is complete.
        model: has a dataclass ``config``; all of its state is stored.
        kind: ``"method"`` or ``"judge"``.
        name: the registered name.
        card: JSON-ready facts about the training: recipe, seed, data, command, licence ...
    """
    header = {
        "format": FORMAT,
        "kind": kind,
        "name": name,
        "config": config.plain(model.config),
        "card": dict(card),
    }
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    data = save(tensors, metadata={"ganbench": json.dumps(header, sort_keys=True)})
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_header(path: Path) -> dict[str, Any]:
    """The header of a checkpoint: format, kind, name, config, card.

    Raises:
        BadInput: missing, not safetensors, not ours, or of a newer format.
    """
    if not path.is_file():
        raise BadInput(f"checkpoint not found: {path}; check the path")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise BadInput(
            f"not a ganbench checkpoint: {path} ({error}); give a .safetensors file made by 'ganbench train'"
        ) from error
    try:
        header: dict[str, Any] = json.loads(metadata["ganbench"])
    except (KeyError, json.JSONDecodeError) as error:
        raise BadInput(
            f"not a ganbench checkpoint: {path} (no card in its header); "
            "give a .safetensors file made by 'ganbench train'"
        ) from error
    parts = {"format": int, "kind": str, "name": str, "config": dict, "card": dict}
    if not isinstance(header, dict) or any(
        not isinstance(header.get(key), kind) for key, kind in parts.items()
    ):
        raise BadInput(
            f"not a ganbench checkpoint: {path} (its card is incomplete); "
            "give a .safetensors file made by 'ganbench train'"
        )
    if header["format"] != FORMAT:
        raise BadInput(
            f"checkpoint of format {header['format']!r}: {path}; this ganbench reads format {FORMAT}: upgrade it"
        )
    return header


def load_state(path: Path, model: nn.Module) -> None:
    """Fill a model from a checkpoint, with every mismatch named.

    Raises:
        BadInput: missing, extra or mis-shaped tensors.
    """
    expected = model.state_dict()
    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    wrong = [f"missing {key}" for key in sorted(expected.keys() - tensors.keys())]
    wrong += [f"extra {key}" for key in sorted(tensors.keys() - expected.keys())]
    wrong += [
        f"{key} {tuple(tensors[key].shape)} instead of {tuple(expected[key].shape)}"
        for key in sorted(expected.keys() & tensors.keys())
        if tensors[key].shape != expected[key].shape
    ]
    if wrong:
        raise BadInput(
            f"checkpoint does not fit its own configuration: {path} ({'; '.join(wrong[:3])}"
            f"{f' and {len(wrong) - 3} more' if len(wrong) > 3 else ''}); the file is damaged: fetch it again"
        )
    model.load_state_dict(tensors)


def load_method(
    name: str, checkpoint: str | os.PathLike[str] | None = None, device: str | torch.device = "auto"
) -> Method:
    """Load a method, ready to edit.

    Args:
        name: a name of ``list_methods()``.
        checkpoint: a file made by ``ganbench train``; None loads the shipped one.
        device: ``auto`` takes the GPU if there is one.

    Raises:
        BadInput: unknown name, missing or foreign file, a checkpoint of another method.
    """
    cls: type[Method] = METHODS.load(name, Method)
    where = resolve(device)
    path = shipped(name) if checkpoint is None else Path(checkpoint)
    header = read_header(path)
    if (header["kind"], header["name"]) != ("method", name):
        raise BadInput(
            f"checkpoint of another {header['kind']}: {path} holds {header['name']!r}, not {name!r}; "
            f"load it as {header['name']!r}"
        )
    method = cls(config.build(cls.Config, header["config"], f"checkpoint {path.name}"))
    load_state(path, method)
    method.licence = header["card"].get("licence", "unknown")
    method.fingerprint = sha256(path)
    method.card = header["card"]
    return method.to(where).eval().requires_grad_(False)
