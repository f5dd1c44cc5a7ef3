"""Checks of a file's tensors: they fit a network, have its types, and their values are finite.

torch fills a float32 weight from integers, booleans or complex numbers without a warning, and a NaN
passes through every layer. The tensors of all files of weights are checked here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from ganbench.errors import BadInput

# Types that weights are trained in, and int64, in which batch norms count batches.
USUAL = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64)


def fitted(
    expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor], where: object
) -> dict[str, Tensor]:
    """Tensors of a file in the types of a network.

    Floating-point tensors of another precision are converted where that changes no value: always
    from float16 and bfloat16 to float32, and from float64 if float32 holds the same digits.

    Args:
        expected: the network's tensors, which may be on the device "meta".
        tensors: the tensors of the file; names and shapes are those of ``expected``.
        where: the file, for messages.

    Raises:
        BadInput: a tensor has a type that cannot be converted without a change of its values, or
            values that are not finite. A constant of the network may be infinite, as in a mask.
    """
    return {
        name: _fit(name, expected[name], tensor, where) for name, tensor in sorted(tensors.items())
    }


def fill(
    expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor], where: object
) -> dict[str, Tensor]:
    """``fitted`` tensors of a checkpoint of ganbench, which must fill its network.

    Raises:
        BadInput: missing, extra or mis-shaped tensors, or tensors that ``fitted`` refuses.
    """
    if wrong := mismatch(expected, tensors):
        raise BadInput(
            f"checkpoint does not fit its own configuration: {where} ({wrong}); the file is damaged: "
            "fetch it again"
        )
    return fitted(expected, tensors, where)


def mismatch(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> str:
    """Differences between the tensors of a file and those of a network, in words; empty if they fit."""
    missing = expected.keys() - tensors.keys()
    extra = tensors.keys() - expected.keys()
    misshapen = [
        k for k in expected.keys() & tensors.keys() if tensors[k].shape != expected[k].shape
    ]
    parts = []
    if missing:
        parts.append(f"missing {grouped(missing)}")
    if extra:
        parts.append(f"extra {grouped(extra)}")
    if misshapen:
        first, *rest = sorted(misshapen)
        parts.append(
            f"{first} {tuple(tensors[first].shape)} instead of {tuple(expected[first].shape)}"
            + (f", as wrong {grouped(rest)}" if rest else "")
        )
    return "; ".join(parts)


def grouped(keys: Iterable[str], most: int = 3) -> str:
    """Keys in words. Keys that differ in numbers only are one entry with their count: "main.*.bias (6)"."""
    keys = sorted(keys)
    sizes = Counter(re.sub(r"\d+", "*", key) for key in keys)
    one = {re.sub(r"\d+", "*", key): key for key in keys}
    groups = [one[g] if n == 1 else f"{g} ({n})" for g, n in sizes.items()]
    rest = sum(list(sizes.values())[most:])
    return ", ".join(groups[:most]) + (f" and {rest} more" if rest else "")


def check_usual(tensors: Mapping[str, Tensor], where: object) -> None:
    """Check tensors of a file whose network is not known yet.

    Raises:
        BadInput: a tensor has a type that weights do not have, or values that are not finite.
    """
    for name, tensor in sorted(tensors.items()):
        _check_stored(name, tensor, where)
        if tensor.dtype not in USUAL:
            raise _of_another_type(name, tensor, torch.float32, where)
        if not is_finite(tensor):
            raise not_finite(name, tensor, where)


def check_parameters(module: nn.Module, where: object) -> None:
    """Check the weights that a network holds now.

    Raises:
        BadInput: a parameter has values that are not finite.
    """
    for name, parameter in module.named_parameters():
        if not is_finite(parameter):
            raise not_finite(name, parameter, where)


def is_finite(tensor: Tensor) -> bool:
    """Whether no value is NaN or infinite."""
    tensor = tensor.detach()
    if tensor.is_floating_point() and tensor.element_size() < 2:
        tensor = tensor.float()  # torch has no isfinite for floats of 8 bits
    return bool(tensor.isfinite().all())


def not_finite(name: str, tensor: Tensor, where: object) -> BadInput:
    """The error for a tensor that has NaN or infinite values."""
    wrong = int((~tensor.detach().isfinite()).sum())
    return BadInput(
        f"not finite: {name} in {where} ({wrong:,} of {tensor.numel():,} values are NaN or infinite); "
        "the training diverged or the file is damaged: take another checkpoint"
    )


def _fit(name: str, expected: Tensor, tensor: Tensor, where: object) -> Tensor:
    _check_stored(name, tensor, where)
    kind = expected.dtype
    if tensor.dtype != kind and not (
        kind.is_floating_point and tensor.dtype in USUAL and tensor.is_floating_point()
    ):
        raise _of_another_type(name, tensor, kind, where)
    if not is_finite(tensor):
        constant = expected.device.type != "meta" and torch.equal(expected.cpu(), tensor)
        if not constant:
            raise not_finite(name, tensor, where)
    if tensor.dtype == kind:
        return tensor
    converted = tensor.to(kind)
    if not torch.equal(converted.to(tensor.dtype), tensor):
        raise BadInput(
            f"{name} in {where} is {_short(tensor.dtype)} with digits that {_short(kind)} does not "
            f"hold; where rounding is meant, save it as {_short(kind)}"
        )
    return converted


def _check_stored(name: str, tensor: Tensor, where: object) -> None:
    """Refuse a tensor of which the file does not hold every value, such as an expanded one."""
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
    if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise BadInput(
            f"{name} in {where} is no plain tensor: its values do not all lie in the file; save "
            "tensor.to_dense().clone() of it"
        )


def _of_another_type(name: str, tensor: Tensor, kind: torch.dtype, where: object) -> BadInput:
    return BadInput(
        f"wrong type of tensor: {name} in {where} is {_short(tensor.dtype)}, not {_short(kind)}; "
        "save the weights as they were trained, not quantised or converted"
    )


def _short(kind: torch.dtype) -> str:
    """torch.float32 -> "float32"."""
    return str(kind).removeprefix("torch.")
