"""The arithmetic of edits. Judges and metrics always compute in float32 and float64."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch

from ganbench.devices import computes_bf16
from ganbench.errors import BadInput, unknown

Precision = Literal["float32", "tf32", "bf16"]
"""``float32``; ``tf32``, whose products keep 10 bits of a mantissa (CUDA only); or ``bf16``, torch's autocast."""

FLOAT32: Precision = "float32"


def check_precision(precision: str, devices: Iterable[torch.device]) -> Precision:
    """The arithmetic with this name, for methods on some devices.

    Raises:
        BadInput: no such arithmetic, or a device lacks it.
    """
    for known in get_args(Precision):
        if precision == known:
            lacking = [device.type for device in devices if device.type != "cuda"]
            if precision == "tf32" and lacking:
                raise BadInput(
                    f"precision tf32 needs a CUDA device: the methods are on {lacking[0]}; use float32 or bf16"
                )
            found: Precision = known
            return found
    raise unknown("precision", precision, get_args(Precision))


def imitated(precision: Precision, devices: Iterable[torch.device]) -> tuple[str, ...]:
    """A warning if one of the devices is a CPU that has no instructions for this arithmetic; else nothing."""
    if precision != "bf16" or computes_bf16() or all(device.type != "cpu" for device in devices):
        return ()
    return (
        "this processor has no instructions for bf16: PyTorch imitates them, and edits take several times as long",
    )


@contextmanager
def arithmetic(precision: Precision, device: torch.device) -> Iterator[None]:
    """Have networks on a device compute in this arithmetic in the block; the settings of before return."""
    if precision == "bf16":
        with torch.autocast(device.type, torch.bfloat16):
            yield
    elif precision == "tf32":
        matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
        before = matmul.allow_tf32, cudnn.allow_tf32
        matmul.allow_tf32 = cudnn.allow_tf32 = True
        try:
            yield
        finally:
            matmul.allow_tf32, cudnn.allow_tf32 = before
    else:
        yield
