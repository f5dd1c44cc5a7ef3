"""Where to compute: the GPU when there is one, else the CPU."""

from __future__ import annotations

import torch

from ganbench.errors import BadInput


def resolve(name: str | torch.device = "auto") -> torch.device:
    """The device for ``name``: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps`` ...

    Raises:
        BadInput: no such device, or this machine does not have it.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BadInput(
            f"device is not available: {str(name)!r} ({str(error).splitlines()[0]}); "
            "use --device auto or cpu"
        ) from error
    return device
