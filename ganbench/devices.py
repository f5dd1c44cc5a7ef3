"""The device for computations."""

from __future__ import annotations

import os
import re

import torch

from ganbench.errors import BadInput
from ganbench.text import shown

# Devices that networks can run on. Torch has twenty names, among them "meta", which computes nothing.
KNOWN = re.compile(r"(cpu|cuda|mps|xpu)(:[0-9]{1,3})?")


def cores() -> int:
    """The number of processor cores that this process may use, 1 or more."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # the system cannot tell
        return os.cpu_count() or 1


def resolve(name: str | torch.device = "auto") -> torch.device:
    """The device that a name stands for.

    TF32, which keeps only 10 bits of a float32's mantissa and is a default of cuDNN, is turned off.

    Args:
        name: ``cpu``, ``cuda``, ``cuda:1``, ``mps`` ...; ``auto`` is CUDA if there is a GPU, else the CPU.

    Raises:
        BadInput: no such device, or this machine does not have it.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not KNOWN.fullmatch(str(name)):
        hint = "; a GPU of NVIDIA or AMD is cuda" if str(name).lower().startswith("gpu") else ""
        raise BadInput(
            f"device is not available: {shown(str(name), 40)}; give auto, cpu, cuda, cuda:1 or mps{hint}"
        )
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BadInput(
            f"device is not available: {str(name)!r} ({str(error).splitlines()[0]}); "
            "use --device auto or cpu"
        ) from error
    return device
