"""The judges, and ``load_judge``, which loads one by its name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ganbench.errors import BadInput, unknown
from ganbench.judges.interface import Judge, Judged, JudgeSpec
from ganbench.parsing import is_folder
from ganbench.registry import JUDGES

if TYPE_CHECKING:
    import torch

    from ganbench.judges.onnx import OnnxInput

ONNX = "onnx:"


def list_judges() -> list[str]:
    """Names that ``load_judge`` takes."""
    return list(JUDGES)


def load_judge(
    name: str = "vgg",
    checkpoint: str | os.PathLike[str] | None = None,
    device: str | torch.device = "auto",
    expects: OnnxInput | None = None,
) -> Judge:
    """Load a judge.

    Args:
        name: ``"vgg"`` (also ``"judge"``, its name among the checkpoints), the path of a checkpoint or run folder made by ``ganbench train judge``,
            ``"face-api"``, or ``"onnx:FILE"``.
        checkpoint: for ``"vgg"``, the path of a checkpoint or run folder; None loads the shipped one.
        device: ``auto`` takes the GPU if there is one; ONNX networks run on the CPU.
        expects: labels and input of an ONNX network.

    Raises:
        BadInput: the name is unknown, a file is missing or no judge, or the judge does not take an option.
    """
    if expects is not None and not name.startswith(ONNX):
        raise BadInput(
            f"labels are for ONNX judges only: --judge {name}; leave them out, or give onnx:FILE"
        )
    if name.startswith(ONNX):
        from ganbench.judges.onnx import load_onnx

        if expects is None:
            raise BadInput(
                f"no labels for: --judge {name}; name the network's outputs: --labels neutral,happy,..."
            )
        return load_onnx(Path(name.removeprefix(ONNX)), expects)
    if name == "face-api":
        from ganbench.judges.face_api import load_face_api

        return load_face_api(device)

    from ganbench.judges.vgg import load_vgg

    if name not in ("vgg", "judge"):
        if checkpoint is None and (name.endswith(".safetensors") or is_folder(name)):
            return load_vgg(name, device)
        raise unknown("judge", name, [*list_judges(), "FILE.safetensors", "onnx:FILE"])
    return load_vgg(checkpoint, device)


__all__ = ["Judge", "JudgeSpec", "Judged", "list_judges", "load_judge"]
