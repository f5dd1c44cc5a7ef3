"""The contract of methods and judges: they are tried on a few images before anything else is computed.

A plug-in that breaks the contract is then named at once, and not after hours of work.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput, GanbenchError
from ganbench.evaluation import protocol
from ganbench.evaluation.precision import FLOAT32, Precision, arithmetic
from ganbench.judges.interface import Judge, ask
from ganbench.methods.conditions import Category
from ganbench.methods.interface import Edit, Method
from ganbench.methods.outputs import MEND, MUCH, check_range, checked, cut, cut_note
from ganbench.methods.tensors import check_parameters

Part = TypeVar("Part")

# Attributes of every module that list its buffers, parameters, children and hooks.
_LISTS = {key for key, value in vars(nn.Module()).items() if isinstance(value, dict | set)}

# Number of images that a trial edits, one towards each emotion.
IMAGES = 7


def edit(
    method: Method,
    images: Tensor,
    codes: Tensor,
    label: str = "",
    first: bool = False,
    precision: Precision = FLOAT32,
) -> Edit:
    """``method.edit`` with checks that also hold for a plug-in that overrides ``edit``.

    Args:
        method, images, codes: as for ``Method.edit``.
        label: the name of the method in messages; by default its registered name.
        first: whether this is the first edit of the method, whose range of values is then checked.
        precision: the arithmetic of the method; its edits are float32 in any case.

    Returns:
        The edit, in [0, 1], with its ``clamped``.

    Raises:
        BadInput: the edit is not as ``Edit`` says, or the code of the method raises an error.
    """
    name = label or method.name
    with blamed(name), arithmetic(precision, method.device):
        if type(method).edit is Method.edit:
            raw, mask = method.unclamped(images, codes)
            clamped = cut(raw)
        else:
            made = method.edit(images, codes)
            if not isinstance(made, Edit):
                raise BadInput(
                    f"{name} returns {type(made).__name__} where an Edit is wanted; {MEND}"
                )
            if precision == "bf16" and isinstance(made.images, Tensor):
                made = replace(made, images=made.images.float())
            checked(name, made.images, made.mask, images.shape)
            raw, mask, clamped = made.images, made.mask, cut(made.images)
            # The plug-in may have clamped its edits before.
            if isinstance(made.clamped, Tensor) and made.clamped.shape == clamped.shape:
                clamped = torch.maximum(clamped, made.clamped.to(clamped))
    if first:
        if method.bounded:
            check_range(name, raw)
        if mask is not None and not bool(((mask >= -1e-3) & (mask <= 1.001)).all()):
            raise BadInput(f"values outside [0, 1]: {name} returns a mask that leaves it; {MEND}")
    return Edit(raw.clamp(0, 1), mask, clamped)


@torch.no_grad()
def try_method(
    method: Method,
    images: Tensor,
    codes: Tensor | None = None,
    label: str = "",
    precision: Precision = FLOAT32,
) -> str:
    """Edit a few images as an evaluation does, and check the edits.

    Args:
        method: the method.
        images: float32 [n, 3, S, S]; the first ``IMAGES`` are used.
        codes: a code for each image; None takes the protocol's codes of emotions.
        label: the name of the method in messages; by default its registered name.
        precision: as for ``edit``.

    Returns:
        A note, if many values of the edits lie outside [0, 1]; else empty.

    Raises:
        BadInput: weights or edits that are not finite, edits of another shape or type, values far
            outside [0, 1], or any error of the method's code.
    """
    name = label or method.name
    check_parameters(method, name)
    method = _copied(method)
    images = images[:IMAGES]
    n = len(images)
    with torch.random.fork_rng(devices=[]), blamed(name):
        if codes is None and Category not in method.conditions:
            return ""  # the method cannot encode emotions, and the caller gives no codes
        if codes is None:
            codes = protocol.codes(method, protocol.code_sets(method)[0], 0, 0)[0]
            _check_codes(name, method, codes)
            codes = codes[[len(EMOTIONS) * i + i % len(EMOTIONS) for i in range(n)]]
        _check_codes(name, method, codes)
        clamped = edit(method, images, codes[:n], name, True, precision).clamped
    share = 0.0 if clamped is None else float(clamped.mean())
    return cut_note(method.title, share) if share > MUCH else ""


def try_judge(judge: Judge, images: Tensor) -> None:
    """Have a few images judged, and check the outputs.

    Raises:
        BadInput: outputs that are not finite or of another shape or type, or any error of the judge's code.
    """
    spec = judge.spec
    with torch.random.fork_rng(devices=[]), blamed(f"judge {spec.name}"):
        ask(_copied(judge), images[:IMAGES], spec)


def _copied(part: Part) -> Part:
    """A copy that shares the weights, so that a trial changes no counter or buffer of a plug-in.

    A module's lists of buffers, parameters and children are copied, and so are the children. Other lists
    and dicts are shared, since hooks of the plug-in may fill them.
    """
    try:
        copied = copy.copy(part)
        if isinstance(copied, nn.Module):
            held = vars(copied)
            for key in _LISTS & held.keys():
                held[key] = copy.copy(held[key])
            if not _holds_modules(held):
                children = held["_modules"]
                children |= {
                    key: child if child is None else _copied(child)
                    for key, child in children.items()
                }
    except (
        Exception
    ):  # an attribute of a plug-in cannot be copied; then the plug-in itself is tried
        return part
    return copied


def _holds_modules(held: dict[str, object]) -> bool:
    """Whether a module holds modules in lists or dicts of a plug-in, which would miss copies of children."""
    lists = [value for key, value in held.items() if key not in _LISTS]
    return any(
        isinstance(one, nn.Module)
        for value in lists
        if isinstance(value, list | tuple | dict)
        for one in (value.values() if isinstance(value, dict) else value)
    )


def _check_codes(name: str, method: Method, codes: object) -> None:
    if (
        not isinstance(codes, Tensor)
        or codes.ndim != 2
        or codes.shape[1] != method.code_dim
        or not codes.is_floating_point()
    ):
        kind = (
            f"{str(codes.dtype).removeprefix('torch.')} {list(codes.shape)}"
            if isinstance(codes, Tensor)
            else type(codes).__name__
        )
        raise BadInput(
            f"{name} encodes emotions as {kind}; codes must be floating point "
            f"[N, code_dim {method.code_dim}]: {MEND}"
        )
    if not bool(codes.isfinite().all()):
        raise BadInput(f"not finite: {name} encodes emotions as NaN or infinite codes; {MEND}")


def try_all(
    methods: Sequence[tuple[str, Method]], images: Tensor, precision: Precision = FLOAT32
) -> list[str]:
    """Try several methods, given with their labels, as ``try_method`` does.

    Returns:
        The notes.
    """
    notes = [
        try_method(method, images, label=label, precision=precision) for label, method in methods
    ]
    return [note for note in notes if note]


@contextmanager
def blamed(name: str) -> Iterator[None]:
    """Turn the errors of a plug-in's code into ``BadInput`` with its name."""
    try:
        yield
    except GanbenchError:
        raise
    except Exception as error:  # a plug-in may raise anything
        first = (str(error).splitlines() or [""])[0]
        raise BadInput(
            f"{name} fails: {type(error).__name__}: {first[:200]}; mend its code"
        ) from error
