"""Which file a checkpoint lies in: the file itself, the result of a run folder, or a shipped one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ganbench import parsing
from ganbench.errors import BadInput
from ganbench.methods.manifest import shipped_folder
from ganbench.methods.weights import read_header
from ganbench.registry import METHODS
from ganbench.storage.store import is_file_name
from ganbench.text import plural

# Parts of a run folder of ``ganbench train``: its card, and the folder of periodic checkpoints.
CARD, CHECKPOINTS = "recipe.json", "checkpoints"


def run_folder(place: str | os.PathLike[str]) -> Path:
    """The given folder, or the folder of the registered name: runs/gganmut means runs/gaussian.

    ``ganbench train`` names its folders by registered names, whichever name it is given.
    """
    folder = Path(place)
    if folder.name and not parsing.is_folder(folder) and not parsing.is_file(folder):
        registered = folder.with_name(METHODS.canonical(folder.name))
        if parsing.is_folder(registered):
            return registered
    return folder


def checkpoint_file(place: str | os.PathLike[str]) -> Path:
    """The checkpoint at a path: the file itself, or in a run folder the final checkpoint of its training.

    Raises:
        BadInput: the folder is no run folder of ``ganbench train``, or its training has not ended.
    """
    folder = run_folder(place)
    if not parsing.is_folder(folder):
        return folder
    card = _card(folder)
    name = card.get("name")
    if not isinstance(name, str) or not is_file_name(name):
        raise BadInput(
            f"recipe.json does not tell what was trained in: {folder}; give the .safetensors file itself"
        )
    final = folder / f"{name}.safetensors"
    if not parsing.is_file(final):
        raise BadInput(f"run is not finished: {folder} has no {final.name}; {_advice(folder)}")
    recipe = card.get("recipe")
    planned = recipe.get("iterations") if isinstance(recipe, dict) else None
    done = _iteration(final)
    if planned is not None and done is not None and done != planned:
        raise BadInput(
            f"run is not finished: {folder} is to have {plural(planned, 'iteration')} and {final.name} is of "
            f"iteration {done}; {_advice(folder)}, or {final}"
        )
    return final


def _card(folder: Path) -> dict[str, Any]:
    if not (folder / CARD).exists():
        raise BadInput(
            f"checkpoint not found: {folder} is not a run folder, it has no {CARD} of 'ganbench train'; "
            "give a .safetensors file"
        )
    try:
        card: dict[str, Any] = parsing.read_json(folder / CARD, kind=dict)
    except parsing.Refused as error:
        raise BadInput(
            f"cannot read {CARD} in: {folder} ({error}); give the .safetensors file itself"
        ) from error
    return card


def _iteration(file: Path) -> int | None:
    """The iteration at which a checkpoint was written; None if its card does not tell."""
    iteration = read_header(file)["card"].get("iteration")
    return iteration if isinstance(iteration, int) else None


def _advice(folder: Path) -> str:
    """The advice for a run that is not finished."""
    periodic = sorted((folder / CHECKPOINTS).glob("*.safetensors"))
    newest = f", or give its newest checkpoint, {periodic[-1]}" if periodic else ""
    return f"finish it with 'ganbench train ... --resume'{newest}"


def shipped(name: str) -> Path:
    """Path of a shipped checkpoint, e.g. of ``"smit"`` or ``"judge"``.

    Raises:
        BadInput: no checkpoint of this name is shipped.
    """
    path = shipped_folder() / f"{METHODS.canonical(name)}.safetensors"
    if not path.is_file():
        raise BadInput(
            f"no shipped checkpoint: {name!r}; train one with 'ganbench train {name}' "
            "and give its path"
        )
    return path
