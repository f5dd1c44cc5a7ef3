"""Adam (Kingma and Ba, ICLR 2015) as a recorded step can use it: all of its state is in tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def prepare_for(optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """Set the options of an Adam for a device, which a stored state of another device may have changed.

    On a GPU the learning rate is a tensor: a recorded step reads it, and the schedule changes it.
    """
    on_gpu = device.type == "cuda"
    for group in optimizer.param_groups:
        rate = float(group["lr"])
        group["lr"] = torch.tensor(rate, device=device) if on_gpu else rate
        group |= {"fused": True, "foreach": None, "capturable": on_gpu}


def set_rates(optimizer: torch.optim.Optimizer, scale: float) -> None:
    """Set the learning rates of an optimiser.

    Args:
        optimizer: its groups have a ``base_rate``, and tell by ``warm`` whether scales above 1 apply.
        scale: multiple of the base rate.
    """
    for group in optimizer.param_groups:
        rate = group["base_rate"] * (scale if group["warm"] else min(scale, 1.0))
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def clear_moments(optimizer: torch.optim.Optimizer) -> None:
    """Forget all steps that were taken; in place, since a recorded step holds these tensors."""
    for state in optimizer.state.values():
        for moment in state.values():
            moment.zero_()
