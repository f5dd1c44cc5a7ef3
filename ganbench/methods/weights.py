"""The file format of checkpoints: safetensors whose header has a configuration and a card."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ganbench import config, parsing
from ganbench.errors import BadInput
from ganbench.methods.cards import check_card
from ganbench.methods.memory import is_of_ganbench, state_bytes
from ganbench.methods.tensors import check_parameters, fill
from ganbench.storage.store import replacing

FORMAT = 1

# Prefixes of the keys of tensors that do not belong to the model: tensors of its discriminator, from which
# a training can start, and tensors of an imported file that no computation reads. An export writes both.
DISCRIMINATOR, UNUSED = "discriminator.", "unused."

MADE_BY = (
    "give a .safetensors file made by 'ganbench train', or by 'ganbench checkpoints import' from the "
    "authors' file"
)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def weights_hash(path: Path) -> str:
    """SHA-256 (hex) of a checkpoint's tensors: names, types, shapes and bits.

    The hash of the file also depends on the card, which tells how many hours a training took.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(read_tensors(path).items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save_checkpoint(
    path: str | os.PathLike[str],
    model: nn.Module,
    kind: str = "method",
    name: str = "",
    card: Mapping[str, Any] | None = None,
    beside: Mapping[str, Tensor] | None = None,
) -> None:
    """Write a method or judge atomically, as a file that ``load_method`` and ``--methods`` take.

    Args:
        path: the .safetensors file; an older file is replaced only when the new one is complete.
        model: the method or judge, which has a dataclass ``config``; all of its state is stored.
        kind: ``"method"`` or ``"judge"``.
        name: the registered name; the attribute ``name`` of the model when empty.
        card: facts about the training that JSON can hold: recipe, seed, data, command, licence ...
        beside: further tensors, whose keys begin with ``discriminator.`` or ``unused.``.

    Raises:
        BadInput: a weight is NaN or infinite, JSON cannot hold the card or the configuration, or the
            model has no name or no configuration.
        OSError: the file cannot be written.
    """
    path, name = Path(path), name or getattr(model, "name", "")
    if not isinstance(name, str) or not name or not hasattr(model, "config"):
        raise BadInput(
            f"{type(model).__name__} has no name or no config: a method or judge is needed, with the name "
            "that it is registered under and its dataclass Config"
        )
    check_parameters(model, name)
    header = {
        "format": FORMAT,
        "kind": kind,
        "name": name,
        "config": config.plain(model.config),
        "card": dict(card or {}),
    }
    state = {**model.state_dict(), **(beside or {})}
    tensors = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    try:
        text = json.dumps(header, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"the card of {name} holds what JSON cannot: {error}; use numbers, texts, lists and tables"
        ) from error
    data = save(tensors, metadata={"ganbench": text})
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def is_checkpoint(path: Path) -> bool:
    """Whether a file is a .safetensors file whose header has a card of ganbench, readable or not."""
    try:
        with safe_open(path, framework="pt") as file:
            return "ganbench" in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def read_header(path: Path) -> dict[str, Any]:
    """The header of a checkpoint: format, kind, name, config, card.

    Raises:
        BadInput: the file is missing, no safetensors, no checkpoint of ganbench, or of a newer format.
    """
    try:
        parsing.regular(path)
    except parsing.Refused as error:
        raise BadInput(f"checkpoint not found: {path} ({error}); check the path") from error
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise BadInput(f"not a ganbench checkpoint: {path} ({error}); {MADE_BY}") from error
    try:
        header: dict[str, Any] = parsing.parse_json(metadata["ganbench"])
    except (KeyError, parsing.Refused) as error:
        reason = "no card in its header" if isinstance(error, KeyError) else f"its card: {error}"
        raise BadInput(f"not a ganbench checkpoint: {path} ({reason}); {MADE_BY}") from error
    parts = {"format": int, "kind": str, "name": str, "config": dict, "card": dict}
    if not isinstance(header, dict) or any(
        not isinstance(header.get(key), kind) for key, kind in parts.items()
    ):
        raise BadInput(f"not a ganbench checkpoint: {path} (its card is incomplete); {MADE_BY}")
    if header["format"] != FORMAT:
        raise BadInput(
            f"checkpoint of format {header['format']!r}: {path}; this ganbench reads format {FORMAT}: upgrade it"
        )
    try:
        check_card(header["card"])
    except parsing.Refused as error:
        raise BadInput(
            f"damaged card in the checkpoint: {path} ({error}); fetch it again"
        ) from error
    return header


def read_tensors(path: Path, prefix: str = "") -> dict[str, Tensor]:
    """The tensors of a checkpoint whose keys begin with ``prefix``, by the rest of the key.

    Raises:
        BadInput: torch cannot hold one of the tensors.
    """
    return {
        key.removeprefix(prefix): tensor
        for key, tensor in _read(path, lambda key: key.startswith(prefix)).items()
    }


def _read(path: Path, wanted: Callable[[str], bool]) -> dict[str, Tensor]:
    tensors, key = {}, ""
    try:
        with safe_open(path, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118
                if wanted(key):
                    tensors[key] = file.get_tensor(key)
    except Exception as error:  # types that torch lacks raise errors of any type
        raise BadInput(
            f"cannot read the tensor {key!r} of {path} ({type(error).__name__}); {MADE_BY}"
        ) from error
    return tensors


def holds_discriminator(path: Path) -> bool:
    """Whether a checkpoint holds a discriminator beside its method."""
    with safe_open(path, framework="pt") as file:
        return any(key.startswith(DISCRIMINATOR) for key in file.keys())  # noqa: SIM118


def load_state(path: Path, model: nn.Module) -> None:
    """Fill a model from a checkpoint; tensors of the discriminator and unused ones are left out.

    Raises:
        BadInput: missing, extra or mis-shaped tensors, or tensors that ``tensors.fitted`` refuses.
    """
    _fill(model, _read(path, lambda key: not key.startswith((DISCRIMINATOR, UNUSED))), path)


def load_discriminator(path: Path, module: nn.Module, new: Collection[str] = ()) -> None:
    """Fill a discriminator from the one that a checkpoint holds beside its method.

    Args:
        path: the checkpoint.
        module: the discriminator.
        new: tensors that keep their first values if the checkpoint lacks them.

    Raises:
        BadInput: the checkpoint holds none, or missing, extra or mis-shaped tensors, or tensors that
            ``tensors.fitted`` refuses.
    """
    tensors = read_tensors(path, DISCRIMINATOR)
    if not tensors:
        raise BadInput(
            f"no discriminator in the checkpoint: {path}; import the authors' files anew, with "
            "--discriminator FILE"
        )
    first = module.state_dict()
    kept = {name: first[name] for name in new if name not in tensors}
    _fill(module, {**tensors, **kept}, path, DISCRIMINATOR)


def _fill(module: nn.Module, tensors: Mapping[str, Tensor], path: Path, prefix: str = "") -> None:
    where = f"{prefix.rstrip('.')} of {path}" if prefix else path
    module.load_state_dict(fill(module.state_dict(), tensors, where))


def check_network(path: Path, cls: type[nn.Module], network: Any) -> None:
    """Refuse a configuration whose network is far larger than its file, before it is built.

    Args:
        path: the file.
        cls: class of the network; classes of plug-ins are not checked (``memory.is_of_ganbench``).
        network: its configuration.

    Raises:
        BadInput: the network is larger than 16 times its file and 1 MiB.
    """
    if not is_of_ganbench(cls):
        return
    needed = state_bytes(lambda: cls(network))
    if needed > 16 * path.stat().st_size + (1 << 20):
        raise BadInput(
            f"checkpoint does not fit its own configuration: {path} (its network would be "
            f"{parsing.size(needed)}); the file is damaged: fetch it again"
        )
