"""The judges and how to get one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ganbench.errors import unknown
from ganbench.judges.interface import Judge, Judged, JudgeSpec

if TYPE_CHECKING:
    import torch


def list_judges() -> list[str]:
    """Names that ``load_judge`` takes."""
    return ["vgg"]


def load_judge(
    name: str = "vgg",
    checkpoint: str | os.PathLike[str] | None = None,
    device: str | torch.device = "auto",
) -> Judge:
    """Load a judge.

    Args:
        name: ``"vgg"``, or the path of a checkpoint made by ``ganbench train judge``.
        checkpoint: such a path; None loads the shipped one.
        device: ``auto`` takes the GPU if there is one.

    Raises:
        BadInput: unknown name, missing or foreign file.
    """
    from ganbench.judges.vgg import load_vgg

    if checkpoint is None and name.endswith(".safetensors"):
        return load_vgg(name, device)
    if name != "vgg":
        raise unknown("judge", name, [*list_judges(), "FILE.safetensors"])
    return load_vgg(checkpoint, device)


__all__ = ["Judge", "JudgeSpec", "Judged", "list_judges", "load_judge"]
