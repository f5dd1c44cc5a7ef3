"""Files of the authors on disk: read without running code that they name, and written."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import safe_open

from ganbench import parsing
from ganbench.errors import BadInput
from ganbench.official.layout import bare
from ganbench.storage.store import write_atomic

SAFE = ".safetensors"

# The networks of a StarGAN-v2 file.
NETWORKS = {"generator", "mapping_network", "style_encoder", "discriminator", "fan"}


def read(path: Path) -> Any:
    """What ``torch.save`` wrote, or the tensors of a ``.safetensors`` file; on the CPU.

    Raises:
        BadInput: the file is missing, of another format, damaged or a checkpoint of ganbench, or it
            holds more than plain tensors.
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
        with warnings.catch_warnings(action="ignore"):
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        if what := foreign(path):
            raise _not_a_checkpoint(path, what) from error
        named = re.search(r"GLOBAL (\S+)", str(error))
        wanted = f"{named[1]} is not a plain tensor" if named else "more than plain tensors"
        raise BadInput(
            f"reading {path} would run code that it names: {wanted}; where you trust it, save it "
            "again as plain tensors, as docs/checkpoints.md shows"
        ) from error
    except Exception as error:  # damaged bytes raise errors of any type
        if what := foreign(path):
            raise _not_a_checkpoint(path, what) from error
        raise BadInput(
            f"not a file of torch.save, or damaged: {path} ({type(error).__name__}); fetch it again"
        ) from error


# First bytes of files that people save under a checkpoint's name.
_BEGINNINGS = {
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself: fetch it with 'git lfs pull'",
    b"\x1f\x8b": "a gzip archive: unpack it",
    b"Rar!": "a RAR archive: unpack it",
    b"7z\xbc\xaf": "a 7z archive: unpack it",
    b"\x89HDF": "an HDF5 file, as Keras writes them: give what torch.save wrote",
    b"%PDF": "a PDF: fetch the checkpoint itself",
}


def foreign(path: Path) -> str:
    """The kind of a file that is no checkpoint at all, and what to do; empty if it may be a checkpoint.

    Web pages and texts come from downloads that failed. They name no code, so that they are not called
    dangerous.
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


# A pickle of protocol 0 is text: it names a function that it calls in two lines, and ends with a dot.
_PICKLED_TEXT = re.compile(r"(^|[(\n])c[\w.]+\n[\w.]+\n|\.\s*\Z")


def _not_a_checkpoint(path: Path, what: str, wanted: str = "file of torch.save") -> BadInput:
    return BadInput(f"not a {wanted}, or damaged: {path} is {what}")


def _read_safe(path: Path) -> dict[str, Any]:
    """The tensors of a .safetensors file by key; by network and key where it holds StarGAN-v2's networks."""
    try:
        with safe_open(path, framework="pt") as file:
            if "ganbench" in (file.metadata() or {}):
                raise BadInput(f"a ganbench checkpoint needs no import: {path}; load it as it is")
            flat = bare({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
    except BadInput:
        raise
    except Exception as error:  # types that torch lacks raise errors of any type
        if what := foreign(path):
            raise _not_a_checkpoint(path, what, "safetensors file") from error
        raise BadInput(f"not a safetensors file, or damaged: {path}; fetch it again") from error
    parts = {key.partition(".")[0] for key in flat}
    if not parts <= NETWORKS or parts <= {"generator"}:  # SMIT has a part of this name, too
        return flat
    nested: dict[str, Any] = {part: {} for part in parts}
    for key, tensor in flat.items():
        part, _, rest = key.partition(".")
        nested[part][rest] = tensor
    return nested


def write(path: Path, content: Any) -> None:
    """``torch.save``, atomically.

    Raises:
        BadInput: the file cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomic(path, buffer.getvalue())
