"""Is there room for a network? Asked before it is built: a machine without memory stops answering."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ganbench.errors import BadInput, GanbenchError
from ganbench.parsing import size


def check_room(build: Callable[[], nn.Module], what: str, times: int = 1) -> None:
    """Refuse a network that the machine cannot hold.

    Args:
        build: makes the network; it is made on torch's device ``meta``, which takes no memory.
        what: the network, in words.
        times: how many times its weights will be in memory; 4 in a training by Adam.

    Raises:
        BadInput: it takes more than the machine's memory.
    """
    needed, there = times * state_bytes(build), memory()
    if needed > there:
        raise BadInput(
            f"no room for the {what}: its weights take {size(needed)} and the machine has "
            f"{size(there)}; make it smaller"
        )


def ours(cls: type) -> bool:
    """Whether a class may be built on ``meta`` first: the code of ganbench keeps nothing of that.

    A plug-in may keep what it builds, as by ``lru_cache``, and would meet tensors without values later.
    """
    return cls.__module__.split(".")[0] == "ganbench"


def state_bytes(build: Callable[[], nn.Module]) -> int:
    """Bytes of a network's weights; 0 of one that cannot be built without memory."""
    # No number is drawn on meta, but nothing promises that: whoever builds next draws the same.
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        try:
            state: dict[str, Any] = build().state_dict()
        except GanbenchError:
            raise
        except Exception:  # of plug-ins, which may need values
            return 0
    return sum(tensor.numel() * tensor.element_size() for tensor in state.values())


def memory() -> int:
    """Bytes of memory that the machine has; plenty where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 2**60
