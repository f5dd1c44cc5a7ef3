"""How much memory the machine has, and whether it has enough for a network before the network is built."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganbench.errors import BadInput, GanbenchError
from ganbench.parsing import size


def check_room(build: Callable[[], nn.Module], what: str, times: int = 1) -> None:
    """Refuse a network that the machine cannot hold.

    Args:
        build: makes the network; it is called on torch's device ``meta``, which takes no memory.
        what: name of the network, for the message.
        times: how many copies of the weights will be in memory; 4 in a training by Adam.

    Raises:
        BadInput: the copies take more than the machine's memory.
    """
    needed, available = times * state_bytes(build), memory()
    if needed > available:
        raise BadInput(
            f"no room for the {what}: its weights take {size(needed)} and the machine has "
            f"{size(available)}; make it smaller"
        )


def is_of_ganbench(cls: type) -> bool:
    """Whether ganbench defines a class; only then is the class built on the device ``meta`` first.

    A plug-in may keep tensors that it makes, for example in an ``lru_cache``, and would later compute
    with tensors that have no values.
    """
    return cls.__module__.split(".")[0] == "ganbench"


def state_bytes(build: Callable[[], nn.Module]) -> int:
    """Bytes of a network's weights; 0 if the network cannot be built on ``meta``."""
    # Random numbers that the constructor draws must not change those of the next network.
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        try:
            state: dict[str, Any] = build().state_dict()
        except GanbenchError:
            raise
        except Exception:  # a plug-in may need values
            return 0
    return sum(tensor.numel() * tensor.element_size() for tensor in state.values())


def memory() -> int:
    """Bytes of memory that the machine has; 2**60 where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 2**60


def free_memory() -> int:
    """Bytes of memory that new arrays can take without swapping; all of it where the system does not tell.

    The limit of the container (control group, version 2) counts as well.
    """
    free = memory()
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        kib = {name: value.split()[0] for name, _, value in (line.partition(":") for line in lines)}
        free = int(kib["MemAvailable"]) << 10
    except (OSError, ValueError, KeyError, IndexError):
        pass
    try:
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text("ascii"))  # "max" where there is none
        used = int((group / "memory.current").read_text("ascii"))
        facts = dict(
            line.split() for line in (group / "memory.stat").read_text("ascii").splitlines()
        )
        free = min(free, max(0, limit - used + int(facts.get("inactive_file", 0))))
    except (OSError, ValueError):
        pass
    return free
